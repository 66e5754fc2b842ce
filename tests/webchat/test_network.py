"""The widget in a browser: bad networks, busy servers, forbidden pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from .conftest import FETCHED, Visitor
from .site import ChatServer, FakeServer

Visit = Callable[..., Visitor]
MESSAGES = "**/webchat/*/messages"
LOG_AT_END = """(() => { const log = document.querySelector('receptionist-chat').shadowRoot.querySelector('.log');
    return log.scrollHeight - log.scrollTop - log.clientHeight < 2; })()"""


def sent_once(server: ChatServer, *texts: str) -> bool:
    """Whether exactly these messages came, in this order, in one conversation."""
    return list(texts) in server.received()


def test_a_network_lost_in_an_answer_loses_nothing(visit: Visit, server: ChatServer) -> None:
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


def test_what_is_written_offline_goes_out_in_order_and_once(visit: Visit, server: ChatServer) -> None:
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


def test_what_waits_survives_a_reload(visit: Visit, server: ChatServer) -> None:
    visitor = visit(viewport={"width": 390, "height": 800})
    visitor.open()
    visitor.page.route(MESSAGES, lambda route: route.abort())
    visitor.say("one-kept")
    visitor.say("two-kept")
    expect(visitor.own.locator(".meta")).to_have_text(["Waiting for network"] * 2)
    visitor.reload()
    visitor.open()
    expect(visitor.own.locator(".text")).to_have_text(["one-kept", "two-kept"])
    visitor.page.unroute(MESSAGES)
    visitor.page.evaluate("dispatchEvent(new Event('online'))")
    expect(visitor.message("You wrote: two-kept")).to_be_visible()
    assert sent_once(server, "one-kept", "two-kept")


def test_a_lost_receipt_doubles_nothing(visit: Visit, server: ChatServer) -> None:
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


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_without_sockets_it_polls(visit: Visit, server: ChatServer, how: str) -> None:
    server.reply("Polled answer in parts", hold=2)
    visitor = visit(sockets=how)
    visitor.open()
    visitor.say("Anybody?")
    expect(visitor.writing).to_have_text("Polled answer ", timeout=30_000)
    server.go()
    expect(visitor.message("Polled answer in parts")).to_have_count(1)


def test_a_busy_server_is_given_the_time_it_asks_for(visit: Visit, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()
    calls: list[float] = []

    def busy(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        calls.append(visitor.page.evaluate("performance.now()"))
        if len(calls) > 1:
            return route.continue_()
        origin = route.request.headers["origin"]
        headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}
        body = '{"error": {"code": "too_many", "message": "Wait."}}'
        return route.fulfill(status=429, headers={**headers, "Retry-After": "2"}, body=body)

    visitor.page.route(MESSAGES, busy)
    visitor.say("patience")
    expect(visitor.own).to_contain_text("Sending soon")
    expect(visitor.message("You wrote: patience")).to_be_visible()
    assert calls[1] - calls[0] >= 1900
    assert sent_once(server, "patience")


def test_a_visitor_over_the_limit_waits_and_loses_nothing(visit: Visit, fake: FakeServer) -> None:
    visitor = visit(line="slow-line")
    visitor.open()
    for text in ("first-slow", "second-slow", "third-slow"):
        visitor.say(text)
    expect(visitor.own.locator(".meta").last).to_have_text("Sending soon")
    assert sent_once(fake, "first-slow", "second-slow")
    fake.reply("ok {text}")  # forgets the limits
    visitor.page.evaluate("dispatchEvent(new Event('online'))")
    expect(visitor.message("ok third-slow")).to_be_visible()
    assert sent_once(fake, "first-slow", "second-slow", "third-slow")


def test_a_refused_message_says_why_and_can_be_tried_again(visit: Visit, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()
    refusing = [True]

    def refuse(route: Route) -> None:
        if route.request.method != "POST" or not refusing:
            return route.continue_()
        body = '{"error": {"code": "bad_request", "message": "Too long for us."}}'
        return route.fulfill(
            status=400, headers={"Access-Control-Allow-Origin": route.request.headers["origin"]}, body=body
        )

    visitor.page.route(MESSAGES, refuse)
    visitor.say("refused-first")
    expect(visitor.own).to_contain_text("Not sent. Too long for us.")
    refusing.clear()
    visitor.own.get_by_role("button", name="Try again").click()
    expect(visitor.message("You wrote: refused-first")).to_be_visible()
    assert sent_once(server, "refused-first")


def test_a_forbidden_page_shows_no_chat_and_says_why(visit: Visit, server: ChatServer, foreign_site: str) -> None:
    visitor = visit(site=foreign_site, shown=False)
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    [warning] = visitor.warnings
    assert warning == (
        f"Receptionist: this page ({foreign_site}) may not use line {server.key}. Allow it: receptionist line set "
        f"NUMBER 'allowed_origins=[\"{foreign_site}\"]', or correct data-line."
    )
    visitor.page.evaluate("receptionist.open(); receptionist.identify('a.b.c')")
    expect(visitor.host).to_have_count(0)


@pytest.mark.parametrize("options", [{}, {"identity": ""}], ids=["visitor", "signs in later"])
def test_a_wrong_line_key_shows_no_chat(visit: Visit, options: dict[str, str]) -> None:
    visitor = visit(line="no-such-line", options=options, shown=False)
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    assert "may not use line no-such-line" in visitor.warnings[0]


def test_a_page_that_is_forbidden_later_keeps_what_was_written(visit: Visit, fake: FakeServer) -> None:
    site: str = visit.site  # type: ignore[attr-defined]
    fake.add_line(key="left-line", allowed_origins=[site])
    visitor = visit(line="left-line", reach=False)
    visitor.open()
    visitor.say("still-here")
    expect(visitor.own).to_contain_text("Waiting for network")
    fake.add_line(key="left-line", allowed_origins=[])
    visitor.page.context.unroute(FETCHED)
    visitor.page.reload()
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    fake.add_line(key="left-line", allowed_origins=[site])
    visitor.reload()
    expect(visitor.message("You wrote: still-here")).to_be_visible()


def test_an_unreachable_server_is_no_refusal(visit: Visit, server: ChatServer) -> None:
    visitor = visit(reach=False)
    visitor.open()
    visitor.say("are-you-there")
    expect(visitor.panel).to_contain_text("The chat cannot be reached right now.")
    expect(visitor.own).to_contain_text("Waiting for network")
    assert visitor.warnings == []
    visitor.page.context.unroute(FETCHED)
    visitor.page.evaluate("dispatchEvent(new Event('online'))")
    expect(visitor.message("You wrote: are-you-there")).to_be_visible()
    assert sent_once(server, "are-you-there")


def test_a_short_loss_at_the_start_is_no_refusal(visit: Visit, server: ChatServer) -> None:
    visitor = visit(reach=False)
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        lost.append(route.request.url)
        route.abort() if len(lost) == 1 else route.continue_()

    visitor.page.route("**/session", lose_first)
    visitor.page.route("**/widget.js", lambda route: route.continue_())
    visitor.page.route(MESSAGES, lambda route: route.continue_())
    visitor.open()
    visitor.say("back-again")
    expect(visitor.message("You wrote: back-again")).to_be_visible()
    assert len(lost) > 1
    assert sent_once(server, "back-again")


def wait_for_warning(visitor: Visitor) -> None:
    """Until the widget has told the page's console something."""
    if not visitor.warnings:
        visitor.page.wait_for_event("console", lambda said: said.type == "warning")


def test_the_last_message_stays_in_sight_when_the_network_goes(visit: Visit) -> None:
    visitor = visit()
    visitor.open()
    visitor.say("line\n" * 30 + "the end")
    expect(visitor.answers.last).to_contain_text("You wrote")
    visitor.page.route(FETCHED, lambda route: route.abort())
    visitor.say("hidden?")
    expect(visitor.panel).to_contain_text("The chat cannot be reached right now.")
    expect(visitor.own.last.locator(".meta")).to_have_text("Waiting for network")
    visitor.page.wait_for_function(LOG_AT_END)
    visitor.log.evaluate("log => { log.scrollTop = 0; }")
    visitor.page.wait_for_function(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 1)"
    )
    visitor.page.unroute(FETCHED)
    visitor.page.evaluate("dispatchEvent(new Event('online'))")
    expect(visitor.panel).not_to_contain_text("The chat cannot be reached right now.")
    assert visitor.log.evaluate("log => log.scrollTop") == 0
