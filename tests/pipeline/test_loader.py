"""What a plugin author gets to read when a plugin cannot be loaded: its name, the file and the line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from receptionist import cli
from receptionist.doctor import examine
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
    "async hook": (
        HEAD + "\n@hookimpl\nasync def veto_answer(context):\n    return None\n",
        r"Plugin broken: \S+/plugins/broken\.py:\d: veto_answer is async, but nobody awaits a hook",
    ),
    "hook that yields": (
        HEAD + "\n@hookimpl\ndef on_event(event):\n    yield event\n",
        r"Plugin broken: \S+/plugins/broken\.py:\d: on_event yields, so that nothing in it would run",
    ),
    "hook around hooks": (
        HEAD + "\n@hookimpl(wrapper=True)\ndef veto_answer(context):\n    return (yield)\n",
        r"Plugin broken: \S+/plugins/broken\.py:\d: veto_answer wraps the hooks of other plugins",
    ),
    "one tool for a list": (
        TOOL.replace("[stamp]", "stamp"),
        r"Plugin broken, register_tools: \S+/plugins/broken\.py: TypeError: 'Tool' object is not iterable",
    ),
    "name that fails": (
        HEAD + "\nclass C:\n    def __repr__(self):\n        raise KeyError(1)\n\n"
        "@hookimpl\ndef register_channels(host):\n    return [C()]\n",
        r"Plugin broken, register_channels: \S+/plugins/broken\.py:6: KeyError",
    ),
    "settings that are a function": (
        HEAD + "\ndef settings(): ...\n\n@hookimpl\ndef register_settings():\n    return [settings]\n",
        r"must be a subclass of receptionist\.Settings",
    ),
    "async tool": (
        TOOL.replace("def stamp", "async def stamp"),
        r"Plugin broken cannot be loaded: \S+broken\.py:3: TypeError: tool stamp must be a plain function",
    ),
    "tool without time": (
        TOOL.replace("@tool\n", "@tool(timeout=None)\n"),
        r"Plugin broken cannot be loaded: \S+broken\.py:3: TypeError: timeout=None",
    ),
    "tool of any parameters": (
        TOOL.replace("stamp()", "stamp(*numbers: int)"),
        r"Tool stamp: the parameter \*numbers: int cannot be given by its name",
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
    with pytest.raises(PluginError, match=r"my\.rental: a plugin's folder is named with letters"):
        open_house({"my.rental/__init__": TOOL})


def test_what_begins_with_an_underscore_is_left_out(open_house: Open) -> None:
    assert "stamp" not in open_house({"_old": TOOL, "_older/__init__": TOOL}).parts.tools


CARDS = {
    "name = 'a/b'": "its name must have 1 to 40 of the characters",
    "name = 'a' * 41": "its name must have 1 to 40 of the characters",
    "title = None": "it needs a title",
    "capabilities = {}": "capabilities must be receptionist.Capabilities",
    "capabilities = Capabilities(text_limit=0)": "text_limit must be a whole number above 0, not 0",
    "capabilities = Capabilities(burst_seconds=float('nan'))": "burst_seconds must be 0 or more, not nan",
    "capabilities = Capabilities(reply_window_seconds=-1)": "reply_window_seconds must be above 0, or None, not -1",
    "capabilities = Capabilities(choices='3')": "choices must be a whole number, not '3'",
    "capabilities = Capabilities(delivery='poll')": "delivery must be one of 'pull', 'push', not 'poll'",
    "Settings = Settings": "Settings must be a subclass of receptionist.LineSettings",
    "async def send(self, line, message): ...": "send is async, but nobody awaits it",
}


@pytest.mark.parametrize("card", CARDS)
def test_a_channel_whose_card_cannot_be_used(card: str, open_house: Open) -> None:
    source = f"class C(Channel):\n    name, title = 'post', 'Post'\n    {card}\n\n"
    with pytest.raises(PluginError) as error:
        open_house({"broken": HEAD + source + "@hookimpl\ndef register_channels(host):\n    return [C(host)]\n"})
    assert re.match(rf"\S+ \(broken\): {re.escape(CARDS[card])}", str(error.value)), error.value


@pytest.mark.parametrize(
    ("card", "says"), [("preference = None", "preference must be a number"), ("notice = 5", "notice must be a text")]
)
def test_a_model_whose_card_cannot_be_used(card: str, says: str, open_house: Open) -> None:
    source = f"class M(Model):\n    name, title = 'mind', 'Mind'\n    {card}\n\n"
    with pytest.raises(PluginError, match=rf"mind \(broken\): {says}"):
        open_house({"broken": HEAD + source + "@hookimpl\ndef register_models(host):\n    return [M(host)]\n"})


PAGES = HEAD + "import flask\n\n@hookimpl\ndef register_blueprints(host):\n    return [{}]\n"


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("flask.Blueprint('webhooks', __name__, url_prefix='/webhooks')", "has the name of one of ours"),
        ("flask.Blueprint('web', __name__, url_prefix='/webhooks')", "must have a url_prefix that begins with /web,"),
        ("flask.Blueprint('home', __name__, url_prefix='/home')", "has the name of one of ours"),
        ("flask.Blueprint", "must be an instance of a subclass of Blueprint"),
    ],
)
def test_pages_in_the_place_of_ours(page: str, says: str, open_house: Open) -> None:
    with pytest.raises(PluginError, match=says):
        open_house({"pages": PAGES.format(page)}).app()


def test_a_command_of_a_plugin_has_a_name_of_its_own(open_house: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "click.Command('lead')"
    for returned, says in ((command, "lead is a command of ours"), ("len", "must be an instance of a subclass of")):
        body = f"import click\n\n@hookimpl\ndef register_commands(host):\n    return [{returned}]\n"
        house = open_house({"speaks": HEAD + body})
        monkeypatch.setattr(cli, "assembled", lambda house=house: (house.parts, house.factory))
        answer = CliRunner().invoke(cli.main, ["nothing-like-this"])
        assert answer.exit_code == 1
        assert re.fullmatch(rf"Error: .*{says}.*\n", answer.output), answer.output
        assert CliRunner().invoke(cli.main, ["--help"]).exit_code == 0


def test_one_plugins_health_checks_hide_no_others(open_house: Open, capsys: pytest.CaptureFixture[str]) -> None:
    checks = "@hookimpl\ndef register_health_checks(host):\n    return {}\n"
    house = open_house(
        {
            "a_list": HEAD + checks.format("[len]"),
            "a_text": HEAD + checks.format("{'disk': 'full'}"),
            "exits": HEAD + "import sys\n" + checks.format("{'disk': sys.exit}"),
            "sound": HEAD + checks.format("{'disk': lambda: 'full'}"),
        }
    )
    found = {each.what: each.text for each in examine(house.parts, house.factory)}
    assert found["sound: disk"] == "full"
    assert "SystemExit" in found["exits: disk"]
    out = capsys.readouterr().out
    assert "plugin=a_list" in out
    assert "plugin=a_text" in out
