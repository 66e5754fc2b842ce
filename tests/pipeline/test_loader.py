"""What a plugin author gets to read when a plugin cannot be loaded: its name, the file and the line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receptionist.errors import PluginError
from tests.harness.house import House
from tests.harness.installation import Installation
from tests.harness.instance import left_out
from tests.harness.plugins import HEAD

Open = Callable[..., House]
TOOL = HEAD + "@tool\ndef stamp() -> str:\n    'Stamp.'\n\n@hookimpl\ndef register_tools(host):\n    return [stamp]\n"

BROKEN = {
    "syntax error": ("x = 1\ndef (:\n", r"Plugin broken cannot be loaded: \S+/plugins/broken\.py:2: SyntaxError"),
    "import error": (
        "import os\nimport no_such_module\n",
        r"Plugin broken cannot be loaded: \S+/plugins/broken\.py:2: ModuleNotFoundError: .*no_such_module",
    ),
    "error at import": ("\n\n1 / 0\n", r"Plugin broken cannot be loaded: \S+broken\.py:3: ZeroDivisionError"),
    "exit at import": ("import sys\nsys.exit(1)\n", r"Plugin broken cannot be loaded: \S+broken\.py:2: SystemExit"),
    "wrong hook name": (
        HEAD + "\n@hookimpl\ndef edit_mesage(message):\n    pass\n",
        r"Plugin broken: \S+/plugins/broken\.py:\d: there is no hook edit_mesage",
    ),
    "wrong parameter": (
        HEAD + "\n@hookimpl\ndef edit_message(mesage):\n    pass\n",
        r"Plugin broken \(\S+/plugins/broken\.py\): .*mesage",
    ),
    "failing register": (
        HEAD + "\n@hookimpl\ndef register_tools(host):\n    raise ValueError('no tools today')\n",
        r"Plugin broken, register_tools: \S+/plugins/broken\.py:6: ValueError: no tools today",
    ),
    "exit in register": (
        HEAD + "\n@hookimpl\ndef register_tools(host):\n    raise SystemExit(0)\n",
        r"Plugin broken, register_tools: \S+/plugins/broken\.py:6: SystemExit",
    ),
    "no tool": (
        HEAD + "\n@hookimpl\ndef register_tools(host):\n    return [len]\n",
        r"len \(builtins\) must be a function marked with @tool",
    ),
    "forgotten mark": (
        HEAD + "\ndef register_tools(host):\n    return []\n",
        r"Plugin broken \(\S+/plugins/broken\.py\) has no hooks: mark its functions with @hookimpl",
    ),
    "untyped parameter": (
        HEAD + "\n@tool\ndef price(days) -> str:\n    \"Price.\"\n    return ''\n\n"
        "@hookimpl\ndef register_tools(host):\n    return [price]\n",
        r"Tool price: the parameter days needs a type",
    ),
    "unknown type": (
        HEAD + "\nclass Bike: ...\n\n@tool\ndef price(bike: Bike) -> str:\n    \"Price.\"\n    return ''\n\n"
        "@hookimpl\ndef register_tools(host):\n    return [price]\n",
        r"Tool price \(\S+/plugins/broken\.py:\d+\): its parameters cannot be described",
    ),
    "nameless channel": (
        HEAD + "\n@hookimpl\ndef register_channels(host):\n    return [object()]\n",
        r"Plugin broken: what register_channels returned has no name",
    ),
    "tool without words": (
        HEAD + "\n@tool\ndef mute() -> str:\n    return ''\n",
        r"Plugin broken cannot be loaded: \S+broken\.py:4: TypeError: tool mute needs a docstring",
    ),
}


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_named(source: str, message: str, open_house: Open) -> None:
    with pytest.raises(PluginError) as error:
        open_house({"broken": source})
    assert re.search(message, str(error.value)), error.value
    assert "\n" not in str(error.value)


def test_a_plugin_may_import_what_answers_only_during_a_request(open_house: Open) -> None:
    """Flask's `request` raises for whatever is asked of it outside of a request."""
    house = open_house({"pages": TOOL + "from flask import current_app, g, request, session\n"})
    assert "stamp" in house.parts.tools


def test_two_plugins_of_one_name(open_house: Open) -> None:
    with pytest.raises(PluginError) as error:
        open_house({"webchat": TOOL})
    assert re.search(
        r"Two plugins are named webchat: \S+/plugins/webchat\.py and \S+/plugins/webchat\.", str(error.value)
    )
    assert "DISABLED_PLUGINS=webchat" in str(error.value)


def test_two_tools_of_one_name(open_house: Open) -> None:
    with pytest.raises(PluginError) as error:
        open_house({"one": TOOL, "two": TOOL})
    assert re.match(r"register_tools: the name stamp is used by (one and by two|two and by one)\.", str(error.value))


def test_disabled_plugins_are_not_loaded(open_house: Open) -> None:
    house = open_house({"broken": "1 / 0\n", "fine": TOOL}, DISABLED_PLUGINS=f"broken, {left_out()}")
    names = [plugin.name for plugin in house.parts.plugins.list()]
    assert "fine" in names
    assert "broken" not in names


def test_an_unknown_name_in_disabled_plugins(open_house: Open) -> None:
    with pytest.raises(PluginError, match=r"DISABLED_PLUGINS names webcat, but there are only: .*webchat"):
        open_house(DISABLED_PLUGINS=f"webcat,{left_out()}")


def test_a_folder_plugin_may_import_its_own_modules(open_house: Open, make_instance: Callable[..., Path]) -> None:
    house = open_house({"shelf/__init__": TOOL + "from .book import TITLE\n", "shelf/book": "TITLE = 'Emma'\n"})
    assert house.plugin("shelf").TITLE == "Emma"
    [shelf] = [plugin for plugin in house.parts.plugins.list() if plugin.name == "shelf"]
    assert (shelf.version, Path(shelf.source).name) == ("drop-in", "shelf")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with an entry point, as pip leaves it."""
    site = tmp_path / "site"
    info = site / "receptionist_stamp-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: receptionist-stamp\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[receptionist]\nstamp = receptionist_stamp\n")
    (site / "receptionist_stamp.py").write_text(TOOL)
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("receptionist_stamp", None)


def test_an_installed_package_is_a_plugin(package: Path, open_house: Open) -> None:
    house = open_house()
    assert "stamp" in house.parts.tools
    [plugin] = [plugin for plugin in house.parts.plugins.list() if plugin.name == "stamp"]
    assert (plugin.source, plugin.version, plugin.hooks) == (
        "receptionist-stamp (receptionist_stamp)",
        "1.5",
        ("register_tools",),
    )


def test_a_package_may_not_take_a_drop_ins_name(package: Path, open_house: Open) -> None:
    with pytest.raises(PluginError, match=r"Two plugins are named stamp: \S+stamp\.py and receptionist-stamp"):
        open_house({"stamp": TOOL})


def test_a_broken_package_is_named(package: Path, open_house: Open) -> None:
    (package / "receptionist_stamp.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(PluginError, match=r"Plugin stamp cannot be loaded: .*receptionist_stamp\.py:1: ModuleNotFound"):
        open_house()


def test_the_program_says_it_in_one_line(install: Callable[..., Installation]) -> None:
    installation = install()
    installation.drop_in("def (:\n", "broken")
    with pytest.raises(
        RuntimeError, match=r"receptionist cannot start: Plugin broken cannot be loaded: .*broken\.py:1"
    ):
        installation.start()
    assert "Traceback" not in installation.log()
    listing = installation.cli("plugins")
    assert listing.returncode == 1
    assert re.match(r"Error: Plugin broken cannot be loaded: \S+broken\.py:1: SyntaxError", listing.stderr)
    installation.settings["DISABLED_PLUGINS"] = f"broken,{left_out()}"
    listing = installation.cli("plugins")
    assert listing.returncode == 0, listing.stderr
    assert re.search(r"^webchat +bundled", listing.stdout, re.MULTILINE)


def test_a_file_name_that_cannot_be_imported_is_refused(make_instance: Callable[..., Path], open_house: Open) -> None:
    with pytest.raises(PluginError, match=r"my-rental\.py: a plugin's file is named with letters"):
        open_house({"my-rental": TOOL})
