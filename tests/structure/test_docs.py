"""Documentation: complete (every hook, setting, command and plugin), and true (links, targets, examples)."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import flask
import pytest

import receptionist
from plugins.webchat import live
from plugins.webchat.routes import make_blueprint
from receptionist import Event, Host, hookspecs
from receptionist.config import setting_names
from receptionist.contracts import events
from receptionist.core import settings_kinds
from receptionist.loader import Plugins
from tests.small_plugins.host import MemoryHost
from tests.structure import tool_page
from tests.structure.sources import ROOT

FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>[\w-]*)[^\n]*\n(?P<body>.*?)^(?P=fence)\s*$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
MAKE = re.compile(r"^make ([a-z][a-z-]*)", re.MULTILINE)
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def everything() -> str:
    return "\n".join(text_of(page) for page in PAGES if page.exists())


def missing(names: set[str], text: str) -> list[str]:
    """The names that occur nowhere in `text` as whole words."""
    return sorted(name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))


def prose(text: str) -> str:
    return FENCE.sub("", text)


def code(text: str) -> str:
    """What is set as code, in blocks and in lines."""
    return "\n".join([*(match["body"] for match in FENCE.finditer(text)), *re.findall(r"`([^`\n]+)`", prose(text))])


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?)\s*#*$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", prose(text))):
        if re.match(r"[a-z][a-z+.-]*:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and anchor not in anchors(text if target == page else text_of(target))):
            yield link


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text_of(ROOT / "Makefile"), re.MULTILINE))


def commands(group: click.Command, path: str) -> Iterator[str]:
    """Every command as one types it: `receptionist run`, …"""
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path} {name}"
        yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page: Path) -> None:
    """Links resolve, `make` targets exist, Python examples compile."""
    text = text_of(page)
    assert list(dead_links(page, text)) == []
    assert set(MAKE.findall(code(text))) - make_targets() == set()
    for block in FENCE.finditer(text):
        if block["language"] == "python":
            compile(block["body"], f"{page.name}, line {text[: block.start()].count(chr(10)) + 1}", "exec")


def test_every_hook_is_documented() -> None:
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "receptionist_spec")}
    assert "register_channels" in hooks
    assert missing(hooks, everything()) == []


def test_every_event_is_public_and_documented_with_its_fields() -> None:
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)]
    assert {"TurnRecorded", "ToolCalled"} <= {kind.__name__ for kind in kinds}
    page = text_of(ROOT / "docs" / "plugins.md")
    for kind in set(kinds) - {Event}:
        assert getattr(receptionist, kind.__name__, None) is kind
        own = ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind)[1:])  # without account_id
        assert f"| `{kind.__name__}` | {own} |" in page


def test_every_setting_is_documented(tmp_path: Path) -> None:
    kinds = settings_kinds(Plugins(tmp_path))
    names = {name for kind in kinds for name in setting_names(kind)}
    assert {"PORT", "OPENAI_API_KEY"} <= names
    assert missing(names, everything()) == []


def test_every_command_is_documented() -> None:
    names = set(commands(importlib.import_module("receptionist.cli").main, "receptionist"))
    assert "receptionist run" in names
    assert missing(names, everything()) == []


def test_every_bundled_plugin_is_documented() -> None:
    folder = ROOT / "plugins"
    names = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert names
    assert missing(names, everything()) == []


def test_every_bundled_tool_is_documented_as_it_is(tmp_path: Path) -> None:
    """Whoever changes a tool finds the words for its page in the message of this failure."""
    tools = Plugins(tmp_path).collect("register_tools", host=MemoryHost())
    page = text_of(ROOT / "docs" / "tools.md")
    assert "note_lead" in tools and tool_page.headings(page) == sorted(tools)
    for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        name, _, said = part.partition("\n")
        assert said.rstrip("\n") == tool_page.section(tools[name.strip("`")]).rstrip("\n")


def test_every_route_of_the_web_chat_is_documented() -> None:
    app, page = flask.Flask(__name__), text_of(ROOT / "docs" / "webchat-api.md")
    app.register_blueprint(make_blueprint(cast(Host, None)))  # it asks its host nothing before a request comes
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("webchat.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert "POST /webchat/<key>/messages" in routes
    assert [route for route in sorted(routes) if f"| `{route}` |" not in page] == []
    codes = {live.RESTART, live.TRY_LATER, live.BAD_FRAME, live.WHO_ARE_YOU, live.SLOW_DOWN}
    assert [code for code in sorted(codes) if f"| {code} |" not in page] == []


def test_the_checks_see_what_they_should(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.touch()
    (tmp_path / "LICENSE").touch()
    text = (
        "# Ä title, here!\n[a](LICENSE) [b](#ä-title-here) [c](https://example.com) `[d](none)`\n```\n[e](none)\n```\n"
    )
    assert list(dead_links(page, text)) == []
    assert list(dead_links(page, text + "[x](none.md) ![y](none.png) [z](#none)")) == ["none.md", "none.png", "#none"]
    assert MAKE.findall(code("make sure of it: `make run`\n```sh\nmake test\n```\n")) == ["test", "run"]
    assert {"help", "run", "test", "lock"} <= make_targets()
    assert missing({"run", "veto"}, "we run `veto_answer`") == ["veto"]
    tree = click.Group("main", commands=[click.Group("db", commands=[click.Command("up")])])
    assert list(commands(tree, "receptionist")) == ["receptionist db", "receptionist db up"]
