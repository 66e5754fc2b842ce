"""Fixtures of the browser tests: a chat server, a shop on another origin, and visitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

from .site import ChatServer, FakeServer, fake_server, free_port, shop

OPEN_SHADOW = """const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) { return attach.call(this, { ...init, mode: 'open' }); };"""
STILL = {"reduced_motion": "reduce", "viewport": {"width": 800, "height": 600}}
"""Nothing that a click would have to wait for, and little to draw."""
OF_A_PAGE = {"viewport", "color_scheme", "reduced_motion"}
"""What a page may have for itself; anything else belongs to a context."""
Places = tuple[ChatServer, str]
"""A chat server, and the address of a shop that shows its chat."""


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
MESSAGES = "**/webchat/*/messages"


def is_fetch(route: Route) -> bool:
    """Whether the widget asks, not the page that loads it."""
    return route.request.resource_type == "fetch"


def wait_for_warning(visitor: Visitor) -> None:
    """Until the widget has told the page's console something."""
    if not visitor.warnings:
        visitor.page.wait_for_event("console", lambda said: said.type == "warning")


def sent_once(server: ChatServer, *texts: str) -> bool:
    """Whether exactly these messages came, in this order, in one conversation."""
    return list(texts) in server.received()


@pytest.fixture(scope="session")
def _places() -> Iterator[Places]:
    """The chat server and the shop's address. Tests that need core have a real installation in this place."""
    port = free_port()
    with fake_server(f"http://localhost:{port}") as server, shop(port, server.base_url) as site:
        yield server, site


@pytest.fixture
def server(_places: Places) -> ChatServer:
    _places[0].reply("You wrote: {text}")
    return _places[0]


@pytest.fixture
def foreign_site(_places: Places) -> str:
    """The shop under a name that no line allows."""
    return _places[1].replace("localhost", "127.0.0.1")


@pytest.fixture
def fake(server: ChatServer) -> FakeServer:
    """The fake server, for tests that need lines of their own."""
    assert isinstance(server, FakeServer)
    return server


class Visits:
    """`visit(line=…, options={"language": "de"}, sockets="closed", viewport=…)` opens the shop as a new visitor.

    `shown=False`: a page where the chat may not stay. `reach=False`: the script loads, then the server is gone;
    `reach=decide`: then this is asked about each route. Nothing moves, unless `reduced_motion="no-preference"`.
    """

    def __init__(self, browser: Browser, shared: BrowserContext, places: Places) -> None:
        self.site = places[1]
        self._key = places[0].key
        self._browser = browser
        self._shared = shared
        self._contexts: list[BrowserContext] = []

    def __call__(
        self,
        line: str | None = None,
        site: str | None = None,
        options: dict[str, str] | None = None,
        script: str = OPEN_SHADOW,
        sockets: str = "work",
        shown: bool = True,
        reach: bool | Callable[[Route], bool] = True,
        **more: Any,
    ) -> Visitor:
        page = self._page(script, more)
        if sockets != "work":
            page.route_web_socket("**/live", lambda route: route.close() if sockets == "closed" else None)
        if reach is not True:
            page.route(FETCHED, lambda route: _decide(route, reach))
        visitor = Visitor(page)
        page.goto(f"{site or self.site}/?{urlencode({'line': line or self._key, **(options or {})})}")
        if shown:
            visitor.host.wait_for(state="attached")
        return visitor

    def _page(self, script: str, options: dict[str, Any]) -> Page:
        """A page that remembers nothing: of the shared context for the test's first visitor, if nothing forbids it.

        In a context of its own a page takes a process of its own, which costs more than most tests."""
        if self._contexts or script != OPEN_SHADOW or not options.keys() <= OF_A_PAGE:
            self._contexts.append(new_context(self._browser, script, **options))
            return self._contexts[-1].new_page()
        self._contexts.append(self._shared)
        page = self._shared.new_page()
        page.set_viewport_size(options.get("viewport", STILL["viewport"]))
        page.emulate_media(**{name: value for name, value in options.items() if name != "viewport"})
        clear = self._shared.new_cdp_session(page).send
        clear("Storage.clearDataForOrigin", {"origin": self.site, "storageTypes": "all"})
        return page

    def close(self) -> None:
        """Send all visitors away."""
        self._shared.set_offline(False)
        for page in self._shared.pages[1:]:
            page.close()
        for context in self._contexts:
            if context is not self._shared:
                context.close()


def new_context(browser: Browser, script: str = OPEN_SHADOW, **options: Any) -> BrowserContext:
    """A browser without a past, whose pages run the script before their own."""
    context = browser.new_context(**{"locale": "en-GB", **STILL, **options})
    context.set_default_timeout(8000)
    context.add_init_script(script)
    return context


def _decide(route: Route, reach: bool | Callable[[Route], bool]) -> None:
    if not is_fetch(route) or (callable(reach) and reach(route)):
        route.continue_()
    else:
        route.abort()


@pytest.fixture(scope="session")
def _context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_context(browser)
    context.new_page()  # stays: without any page a context goes to sleep, and waking up is what costs
    yield context
    context.close()


@pytest.fixture
def visit(browser: Browser, _context: BrowserContext, server: ChatServer, _places: Places) -> Iterator[Visits]:
    """Visitors of this test."""
    visits = Visits(browser, _context, _places)
    yield visits
    visits.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, _places: Places) -> Iterator[Visitor]:
    """A visitor with an open chat, for tests that only look."""
    with new_context(browser) as context:
        visitor = Visits(browser, context, _places)()
        visitor.open()
        yield visitor
