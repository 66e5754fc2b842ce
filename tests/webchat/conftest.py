"""Fixtures of the browser tests: a chat server, a shop on another origin, and visitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

from .real_site import real_server
from .site import ChatServer, FakeServer, fake_server, free_port, shop

OPEN_SHADOW = """const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) { return attach.call(this, { ...init, mode: 'open' }); };"""


class Visitor:
    """Somebody on a page with the chat. The test opens the shadow root to look inside; the widget closes it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.warnings: list[str] = []
        page.on("console", lambda said: self.warnings.append(said.text) if said.type == "warning" else None)
        self.host = page.locator("receptionist-chat")
        self.bubble = page.locator("receptionist-chat .bubble")
        self.panel = page.locator("receptionist-chat .panel")
        self.log = page.locator("receptionist-chat .log")
        self.input = page.locator("receptionist-chat textarea")
        self.status = page.locator("receptionist-chat .status")
        self.own = self.log.locator(".mine")
        self.answers = self.log.locator(".row:not(.mine):not(.tail .row)")
        self.writing = self.log.locator(".tail .row:not(.typing)")

    def open(self) -> None:
        self.bubble.click()
        self.input.wait_for()

    def say(self, text: str) -> None:
        self.input.fill(text)
        self.input.press("Enter")

    def message(self, text: str) -> Locator:
        """The recorded or queued message with this text."""
        return self.log.locator(":scope > .row:not(.tail .row) .text", has_text=text)

    def reload(self) -> None:
        self.page.reload()
        self.bubble.wait_for()

    def offline(self, value: bool) -> None:
        self.page.context.set_offline(value)


FETCHED = "**/webchat/**"


def is_fetch(route: Route) -> bool:
    """Whether the widget asks, not the page that loads it."""
    return route.request.resource_type == "fetch"


SERVERS = {"real": real_server, "fake": fake_server}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every browser test runs against a real installation; those that need odd answers, against the fake one too."""
    if "_places" in metafunc.fixturenames:
        kinds = ["fake"] if "fake" in metafunc.fixturenames else ["real", "fake"]
        metafunc.parametrize("_places", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def _places(request: pytest.FixtureRequest) -> Iterator[tuple[ChatServer, str]]:
    port = free_port()
    with SERVERS[request.param](f"http://localhost:{port}") as server, shop(port, server.base_url) as site:
        yield server, site


@pytest.fixture
def server(_places: tuple[ChatServer, str]) -> ChatServer:
    _places[0].reply("You wrote: {text}")
    return _places[0]


@pytest.fixture
def foreign_site(_places: tuple[ChatServer, str]) -> str:
    """The shop under a name that no line allows."""
    return _places[1].replace("localhost", "127.0.0.1")


@pytest.fixture
def fake(server: ChatServer) -> FakeServer:
    """The fake server, for tests that need lines of their own."""
    assert isinstance(server, FakeServer)
    return server


@pytest.fixture
def visit(browser: Browser, server: ChatServer, _places: tuple[ChatServer, str]) -> Iterator[Callable[..., Visitor]]:
    """Visit the shop: `visit(line=…, options={"language": "de"}, sockets="closed", viewport=…)`; `visit.site`.

    `shown=False`: a page where the chat may not stay. `reach=False`: the script loads, then the server is gone.
    """
    contexts: list[BrowserContext] = []

    def go(
        line: str | None = None,
        site: str | None = None,
        options: dict[str, str] | None = None,
        script: str = OPEN_SHADOW,
        sockets: str = "work",
        shown: bool = True,
        reach: bool = True,
        **context: Any,
    ) -> Visitor:
        contexts.append(browser.new_context(**{"locale": "en-GB", **context}))
        if sockets != "work":
            contexts[-1].route_web_socket("**/live", lambda route: route.close() if sockets == "closed" else None)
        contexts[-1].set_default_timeout(8000)
        contexts[-1].add_init_script(script)
        if not reach:
            contexts[-1].route(FETCHED, lambda route: route.abort() if is_fetch(route) else route.continue_())
        page = contexts[-1].new_page()
        visitor = Visitor(page)
        page.goto(f"{site or _places[1]}/?{urlencode({'line': line or server.key, **(options or {})})}")
        if shown:
            visitor.host.wait_for(state="attached")
        return visitor

    go.site = _places[1]  # type: ignore[attr-defined]
    yield go
    for context in contexts:
        context.close()
