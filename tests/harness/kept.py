"""What comes out the same in every house of a test run is made once: each is kept under all that it is made from, so
that a test which changes any of that gets its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, MutableMapping
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist import db, loader
from receptionist.agents import factory
from receptionist.agents.prompt import Prompts
from receptionist.agents.sandbox import CompiledTemplate
from receptionist.agents.tools import PreparedTool
from receptionist.config import Config, S
from receptionist.contracts.tool import Tool

ROOT = Path(__file__).resolve().parents[2]


def install(patch: pytest.MonkeyPatch) -> None:
    """Keep settings, entry points, templates, schemas of tools, and statements, as long as `patch` lasts."""
    _keep_settings(patch)
    _keep_entry_points(patch)
    _keep_templates(patch)
    _keep_tools(patch)
    _keep_statements(patch)


def _stays(module: str) -> bool:
    """Whether this is a module of the project; drop-ins are made anew in each house, and should go with it."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and Path(file).is_relative_to(ROOT)


def _keep_settings(patch: pytest.MonkeyPatch) -> None:
    read = Config.read
    kept: dict[Any, Any] = {}

    def read_once(self: Config, kind: type[S]) -> S:
        if not _stays(kind.__module__):
            return read(self, kind)
        try:
            key = kind, self.file.read_bytes(), frozenset(os.environ._data.items())  # type: ignore[attr-defined] # not decoded
        except OSError:
            return read(self, kind)
        if key not in kept:
            kept[key] = read(self, kind)
        found: S = kept[key]
        return found.model_copy()

    patch.setattr(Config, "read", read_once)


def _keep_entry_points(patch: pytest.MonkeyPatch) -> None:
    look = loader.entry_points
    kept: dict[tuple[str, ...], Any] = {}

    def look_once() -> Any:
        path = tuple(sys.path)
        if path not in kept:
            kept[path] = look()
        return kept[path]

    patch.setattr(loader, "entry_points", look_once)


def _keep_templates(patch: pytest.MonkeyPatch) -> None:
    """Compiled templates do not change, and know only their environment, in which installations differ by filters."""
    compile_ = Prompts._compile
    kept: dict[Any, CompiledTemplate] = {}

    def compile_once(self: Prompts, source: str, names: frozenset[str], title: str) -> CompiledTemplate:
        filters = self._sandbox._environment.filters
        key = source, names, title, tuple((name, _likeness(filters[name])) for name in sorted(filters))
        if key not in kept:
            kept[key] = compile_(self, source, names, title)
        return kept[key]

    patch.setattr(Prompts, "_compile", compile_once)


def _keep_tools(patch: pytest.MonkeyPatch) -> None:
    """The schema of a tool depends on the tool alone; one that a plugin makes at each start goes with its house."""
    prepare, prepare_once = factory.prepared_tool, cache(factory.prepared_tool)

    def prepared(tool: Tool) -> PreparedTool:
        stays = tool.function.__closure__ is None and _stays(tool.function.__module__)
        return (prepare_once if stays else prepare)(tool)

    patch.setattr(factory, "prepared_tool", prepared)


def _likeness(thing: Any) -> Any:
    """Equal for functions that do the same: of the same code, in the same module, around alike functions."""
    if not isinstance(thing, FunctionType):
        return thing if callable(thing) else repr(thing)
    around = tuple(_likeness(cell.cell_contents) for cell in thing.__closure__ or ())
    return thing.__code__, id(thing.__globals__), around


class _Statements(MutableMapping[Any, Any]):
    """SQLAlchemy's `compiled_cache` for all engines of one database product: their dialects are alike, but not the
    same object, which its keys begin with."""

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        return self._kept[key[1:]]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._kept[key[1:]] = value

    def __delitem__(self, key: Any) -> None:
        del self._kept[key[1:]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def _keep_statements(patch: pytest.MonkeyPatch) -> None:
    for name in ("_sqlite_engine", "_postgresql_engine"):
        patch.setattr(db, name, _sharing(getattr(db, name), _Statements()))


def _sharing(make: Callable[[sa.URL], sa.Engine], statements: _Statements) -> Callable[[sa.URL], sa.Engine]:
    def made(address: sa.URL) -> sa.Engine:
        engine = make(address)
        engine.update_execution_options(compiled_cache=statements)
        return engine

    return made
