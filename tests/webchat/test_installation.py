"""The widget in a browser, on another site's page, with a real installation behind it.

Here is what depends on core: what is stored, streamed, replayed, told apart and refused. All else the widget does is
tested on the fake server, which answers as oddly as a test wants.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from .conftest import MESSAGES, Visitor, Visits, sent_once, wait_for_warning
from .real_site import real_server
from .site import ChatServer, free_port, shop


@pytest.fixture(scope="module")
def _places() -> Iterator[tuple[ChatServer, str]]:
    port = free_port()
    with real_server(f"http://localhost:{port}") as server, shop(port, server.base_url) as site:
        yield server, site


def test_the_first_answer_follows_the_greeting(visit: Visits, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()
    expect(visitor.answers.locator(".text")).to_have_text([server.greeting])
    expect(visitor.page.get_by_role("dialog", name=server.title)).to_be_visible()
    visitor.say("Are you open today?")
    expect(visitor.answers.locator(".text")).to_have_text([server.greeting, "You wrote: Are you open today?"])
    expect(visitor.own).to_contain_text("Sent")


def test_a_reload_in_the_middle_of_an_answer_loses_nothing(visit: Visits, server: ChatServer) -> None:
    server.reply("Nine to five on weekdays", hold=3)
    visitor = visit(viewport={"width": 390, "height": 800})
    visitor.open()
    visitor.say("Hours?")
    expect(visitor.writing).to_have_text("Nine to five ")
    visitor.reload()
    visitor.open()
    expect(visitor.writing).to_have_text("Nine to five ")
    server.go()
    expect(visitor.message("Nine to five on weekdays")).to_have_count(1)
    expect(visitor.own.locator(".text")).to_have_text(["Hours?"])


def test_two_visitors_never_see_each_other(visit: Visits, server: ChatServer) -> None:
    server.reply("For you: {text} now", hold=2)
    ana, ben = visit(), visit()
    ana.open()
    ben.open()
    ana.say("Ana-secret")
    ben.say("Ben-secret")
    expect(ana.writing).to_have_text("For you: ")
    expect(ben.writing).to_have_text("For you: ")
    server.go()
    expect(ana.message("For you: Ana-secret now")).to_be_visible()
    expect(ben.message("For you: Ben-secret now")).to_be_visible()
    assert "Ben" not in ana.log.inner_text()
    assert "Ana" not in ben.log.inner_text()


def test_two_tabs_of_one_visitor_show_one_conversation(visit: Visits) -> None:
    first = visit()
    first.open()
    first.say("From the first tab")
    expect(first.message("You wrote: From the first tab")).to_be_visible()
    page = first.page.context.new_page()
    page.goto(first.page.url)
    second = Visitor(page)
    second.open()
    expect(second.message("You wrote: From the first tab")).to_be_visible()
    second.say("From the second tab")
    expect(first.message("You wrote: From the second tab")).to_be_visible()
    for tab in (first, second):
        expect(tab.own.locator(".text")).to_have_text(["From the first tab", "From the second tab"])


def test_a_network_lost_in_an_answer_loses_nothing(visit: Visits, server: ChatServer) -> None:
    server.reply("Yes we are open", hold=2)
    visitor = visit()
    visitor.open()
    visitor.say("Open?")
    expect(visitor.writing).to_have_text("Yes we ")
    visitor.offline(True)
    expect(visitor.status).to_have_text("You are offline")
    server.go()
    expect(visitor.message("Yes we are open")).to_have_count(0)
    visitor.offline(False)
    expect(visitor.message("Yes we are open")).to_have_count(1)
    expect(visitor.writing).to_be_hidden()
    expect(visitor.status).to_have_text("Automated assistant")


def test_what_is_written_offline_goes_out_in_order_and_once(visit: Visits, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()
    visitor.offline(True)
    visitor.say("one-offline")
    visitor.say("two-offline")
    expect(visitor.own.locator(".meta")).to_have_text(["Waiting for network"] * 2)
    assert not any("one-offline" in conversation for conversation in server.received())
    visitor.offline(False)
    expect(visitor.message("You wrote: two-offline")).to_be_visible()
    assert sent_once(server, "one-offline", "two-offline")


def test_a_lost_receipt_doubles_nothing(visit: Visits, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.request.post_data or "")
            route.fetch()  # the server takes it in, the visitor never hears of it
            route.abort()
        else:
            route.continue_()

    visitor.page.route(MESSAGES, lose)
    visitor.say("once-only")
    expect(visitor.message("You wrote: once-only")).to_have_count(1)
    expect(visitor.own).to_contain_text("Sent")
    expect(visitor.own).to_have_count(1)
    assert len(lost) == 1
    assert sent_once(server, "once-only")


def test_without_sockets_it_polls(visit: Visits, server: ChatServer) -> None:
    server.reply("Polled answer in parts", hold=2)
    visitor = visit(sockets="closed")
    visitor.open()
    visitor.say("Anybody?")
    expect(visitor.writing).to_have_text("Polled answer ", timeout=30_000)
    server.go()
    expect(visitor.message("Polled answer in parts")).to_have_count(1)


def test_a_forbidden_page_shows_no_chat_and_says_why(visit: Visits, server: ChatServer, foreign_site: str) -> None:
    visitor = visit(site=foreign_site, shown=False)
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    [warning] = visitor.warnings
    assert warning == (
        f"Receptionist: this page ({foreign_site}) may not use line {server.key}. Allow it: receptionist line set "
        f"NUMBER 'allowed_origins=[\"{foreign_site}\"]', or see whether the line is active and data-line is right."
    )
    visitor.page.evaluate("receptionist.open(); receptionist.identify('a.b.c')")
    expect(visitor.host).to_have_count(0)


@pytest.mark.parametrize("options", [{}, {"identity": ""}], ids=["visitor", "signs in later"])
def test_a_wrong_line_key_shows_no_chat(visit: Visits, options: dict[str, str]) -> None:
    visitor = visit(line="no-such-line", options=options, shown=False)
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    assert "may not use line no-such-line" in visitor.warnings[0]
