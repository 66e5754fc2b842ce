"""Finds and loads plugins, and calls their hooks so that one failing plugin hides no other.

Three sources, in this order: files and folders in `instance/plugins/`, the bundled `plugins/`, and installed
packages with an entry point in the group `receptionist`. A plugin that cannot load stops the start.
"""

from __future__ import annotations

import copy
import functools
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy
import structlog

from receptionist import hookspecs
from receptionist.cards import hook_problem
from receptionist.contracts.edits import Draft, EditableMessage, PromptContext
from receptionist.errors import MISTAKES, PluginError

GROUP = "receptionist"
PACKAGE = "receptionist.plugins"
log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin, as `receptionist plugins` shows it."""

    name: str
    source: str
    version: str
    hooks: tuple[str, ...]


class _Manager(pluggy.PluginManager):
    """Looks for hooks among a module's functions and methods only: to ask all that plugins import takes 2 ms each."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """What `hookimpl` left at the thing of this name; None if it is no hook."""
        if isinstance(plugin, ModuleType) and not inspect.isroutine(vars(plugin).get(name)):
            return None
        return super().parse_hookimpl_opts(plugin, name)


class Plugins:
    """The loaded plugins and the objects they registered."""

    def __init__(self, instance_path: Path, disabled: Iterable[str] = ()) -> None:
        self._manager = _Manager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._disabled = {name.strip() for name in disabled if name.strip()}
        self._sources: dict[str, tuple[str, str]] = {}
        self._hooks: dict[str, tuple[pluggy.HookImpl, ...]] = {}
        self._entries = entry_points()
        self._load_folders(instance_path / "plugins")
        self._load_packages()
        self._refuse_unknown_disabled()

    def list(self) -> list[Plugin]:
        """All loaded plugins, by name."""
        return [self._describe(name) for name in sorted(self._sources)]

    def collect(self, hook: str, **arguments: Any) -> dict[str, Any]:
        """Ask a `register_*` hook of every plugin for its named objects. A name used twice is refused.

        Raises `PluginError` naming the plugin, and for a name used twice both of them.
        """
        found: dict[str, tuple[str, Any]] = {}
        for plugin, implementation in self._implementations(hook):
            with _blame(plugin, hook, self._sources[plugin][0]):
                objects = [(_name_of(plugin, hook, each), each) for each in _call(implementation, arguments) or ()]
            for name, thing in objects:
                if name in found:
                    raise PluginError(
                        f"{hook}: the name {name} is used by {found[name][0]} and by {plugin}. "
                        f"Rename one, or set DISABLED_PLUGINS={plugin}."
                    )
                found[name] = (plugin, thing)
        return {name: thing for name, (_, thing) in found.items()}

    def checks(self, **arguments: Any) -> dict[str, Callable[[], str | None]]:
        """The health checks of all plugins, named `plugin: check`."""
        found: dict[str, Callable[[], str | None]] = {}
        for plugin, result in self.each("register_health_checks", **arguments):
            if isinstance(result, Mapping) and all(map(callable, result.values())):
                found |= {f"{plugin}: {name}": check for name, check in result.items()}
            elif result is not None:
                self.blame(plugin, "register_health_checks", "it must return a mapping of names to functions")
        return found

    def blame(self, plugin: str, hook: str, reason: str) -> None:
        """Log that what a plugin's hook returned cannot be used; nobody suffers from it but the plugin."""
        log.error("plugin_failed", plugin=plugin, hook=hook, reason=reason)

    def each(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call a hook of one plugin after the other; yields (plugin, result). A failure is logged and skipped."""
        for plugin, implementation in self._implementations(hook):
            try:
                yield plugin, _call(implementation, arguments)
            except MISTAKES:  # a plugin's failure must not hide the other plugins or fail the turn
                log.exception("plugin_failed", plugin=plugin, hook=hook)

    def edit(self, hook: str, words: Draft | EditableMessage, **arguments: Any) -> None:
        """Call an `edit_*` hook of every plugin. One that leaves no text there, or empties it and fails, changed
        nothing."""
        for plugin, implementation in self._implementations(hook):
            before = words.text
            try:
                _call(implementation, arguments)
                if not isinstance(words.text, str):
                    raise TypeError(f"text must stay a text, but is a {type(words.text).__name__}")
            except MISTAKES:
                log.exception("plugin_failed", plugin=plugin, hook=hook)
                if not isinstance(words.text, str) or not words.text.strip():
                    words.text = before

    def every(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every plugin. Raises `PluginError` when all were called, if any of them failed."""
        expected = len(tuple(self._implementations(hook)))
        if sum(1 for _ in self.each(hook, **arguments)) < expected:
            raise PluginError(f"A plugin failed in {hook}; the log says which one and why.")

    def each_or_stop(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every plugin. Raises `PluginError` at the first that fails: for the start only."""
        for plugin, implementation in self._implementations(hook):
            with _blame(plugin, hook, self._sources[plugin][0]):
                _call(implementation, arguments)

    def first(self, hook: str, kind: type[T], **arguments: Any) -> T | None:
        """The first result that says something; None if no plugin has one. What is of another kind is a mistake."""
        for plugin, result in self.each(hook, **arguments):
            if isinstance(result, kind) and not isinstance(result, bool):
                if result:
                    return result
            elif result is not None:
                self.blame(plugin, hook, f"it must return {kind.__name__} or None, not {type(result).__name__}")
        return None

    def silence(self, context: PromptContext) -> str | None:
        """Why a plugin wants no agent to answer; None if none does. True is no reason, but meant as one."""
        for plugin, reason in self.each("veto_answer", context=context):
            if reason is not None and not isinstance(reason, str):
                self.blame(plugin, "veto_answer", f"it must return str or None, not {type(reason).__name__}")
            if reason is True or (reason and isinstance(reason, str)):
                return f"the plugin {plugin} wants it" if reason is True else str(reason)
        return None

    def veto(self, hook: str, **arguments: Any) -> str | None:
        """The first reason a plugin gives not to do it. One that fails vetoes too: its rule may be about safety. Each
        gets `arguments` of its own, so that none can change what the next one looks at."""
        failed = None
        for plugin, implementation in self._implementations(hook):
            try:
                reason = _call(implementation, arguments | {"arguments": copy.deepcopy(arguments["arguments"])})
                if not isinstance(reason, str | None):
                    raise TypeError(f"a reason must be a text or None, not {type(reason).__name__}")
            except MISTAKES:  # closed, not open
                log.exception("plugin_failed", plugin=plugin, hook=hook)
                failed = "a check failed for a technical reason."
                continue
            if reason:
                return reason
        return failed

    def _implementations(self, hook: str) -> Iterator[tuple[str, pluggy.HookImpl]]:
        """The hook in every plugin that has it; looked up once, for no plugin comes or goes after the start."""
        found = self._hooks.get(hook)
        if found is None:
            found = self._hooks[hook] = tuple(reversed(getattr(self._manager.hook, hook).get_hookimpls()))
        for implementation in found:
            yield implementation.plugin_name, implementation

    def _describe(self, name: str) -> Plugin:
        source, version = self._sources[name]
        plugin = self._manager.get_plugin(name)
        hooks = sorted(caller.name for caller in self._manager.get_hookcallers(plugin) or ())
        return Plugin(name, source, version, tuple(hooks))

    def _load_folders(self, drop_in: Path) -> None:
        self._folders = (drop_in, _bundled_path())
        package = sys.modules.setdefault(PACKAGE, ModuleType(PACKAGE))
        package.__path__ = [str(folder) for folder in self._folders]
        for folder, version in zip(self._folders, ("drop-in", "bundled"), strict=True):
            for path in _plugin_files(folder):
                name = path.stem
                if name not in self._disabled:
                    self._add(name, str(path), version, functools.partial(_import, name, path))

    def _load_packages(self) -> None:
        for entry in self._entries:
            if entry.name in self._disabled:
                continue
            package = entry.dist.name if entry.dist else "?"
            version = entry.dist.version if entry.dist else "?"
            self._add(entry.name, f"{package} ({entry.value})", version, entry.load)

    def _add(self, name: str, source: str, version: str, load: Callable[[], ModuleType]) -> None:
        if name in self._sources:
            raise PluginError(
                f"Two plugins are named {name}: {self._sources[name][0]} and {source}. "
                f"Rename one, or set DISABLED_PLUGINS={name} to load neither."
            )
        try:
            module = load()
            self._check_hooks(name, module)
            self._manager.register(module, name)
            if not self._manager.get_hookcallers(module):
                raise PluginError(f"Plugin {name} ({source}) has no hooks: mark its functions with @hookimpl.")
        except PluginError:
            raise
        except pluggy.PluginValidationError as error:
            raise PluginError(f"Plugin {name} ({source}): {_one_line(error)}") from error
        except MISTAKES as error:  # whatever a plugin does at import, the start names it
            raise PluginError(f"Plugin {name} cannot be loaded: {_where(error, source)}: {_one_line(error)}") from error
        self._sources[name] = (source, version)

    def _check_hooks(self, name: str, module: ModuleType) -> None:
        for attribute, function in vars(module).items():
            if not inspect.isfunction(function):  # asked first: others, like Flask's `request`, may refuse to answer
                continue
            options = getattr(function, f"{GROUP}_impl", None)
            if options is not None and (problem := hook_problem(attribute, function, options)):
                line = inspect.getsourcelines(function)[1]
                raise PluginError(f"Plugin {name}: {inspect.getsourcefile(function)}:{line}: {problem}")

    def _refuse_unknown_disabled(self) -> None:
        known = {path.stem for folder in self._folders for path in _plugin_files(folder)}
        known |= {entry.name for entry in self._entries}
        if unknown := self._disabled - known:
            raise PluginError(
                f"DISABLED_PLUGINS names {', '.join(sorted(unknown))}, but there are only: {', '.join(sorted(known))}."
            )


def entry_points() -> tuple[metadata.EntryPoint, ...]:
    """Where installed packages have plugins, by name. Looks into all of them: 10 ms."""
    return tuple(sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name))


def _name_of(plugin: str, hook: str, thing: Any) -> str:
    name = getattr(thing, "name", None) or getattr(thing, "__name__", None)
    if not isinstance(name, str):
        raise PluginError(f"Plugin {plugin}: what {hook} returned has no name: {thing!r}.")
    return name


def _call(implementation: pluggy.HookImpl, arguments: dict[str, Any]) -> Any:
    return implementation.function(*(arguments[name] for name in implementation.argnames))


class _blame:
    """Turns any failure into a `PluginError` that names the plugin, the hook and the place."""

    def __init__(self, plugin: str, hook: str, source: str) -> None:
        self.plugin, self.hook, self.source = plugin, hook, source

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, MISTAKES) and not isinstance(error, PluginError):
            where = _where(error, self.source)
            raise PluginError(f"Plugin {self.plugin}, {self.hook}: {where}: {_one_line(error)}") from error


def _bundled_path() -> Path:
    """Where the bundled plugins are: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parent / "plugins"
    beside = Path(__file__).parent.parent / "plugins"
    return inside if inside.is_dir() else beside


def _plugin_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    there = (path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
    found = sorted(path for path in there if not path.name.startswith(("_", ".")) and not _is_test(path))
    if bad := [path for path in found if not path.name.removesuffix(".py").isidentifier()]:
        kind = "folder" if bad[0].is_dir() else "file"
        raise PluginError(f"{bad[0]}: a plugin's {kind} is named with letters, digits and underscores only. Rename it.")
    return found


def _is_test(path: Path) -> bool:
    return path.is_file() and path.name.startswith(("test_", "conftest"))


def _import(name: str, path: Path) -> ModuleType:
    """Import from this very path: a drop-in and a bundled plugin of one name are an error, not a shadow."""
    module_name = f"{PACKAGE}.{name}"
    loaded = sys.modules.get(module_name)
    file = path / "__init__.py" if path.is_dir() else path
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    spec = importlib.util.spec_from_file_location(
        module_name, file, submodule_search_locations=[str(path)] if path.is_dir() else None
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _where(error: BaseException, source: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(source.removesuffix(".py"))]
    if not frames or (not own and Path(source).exists()):  # what it returned was wrong, not what it did
        return source
    return f"{(own or frames)[-1].filename}:{(own or frames)[-1].lineno}"


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
