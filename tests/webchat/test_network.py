"""The widget in a browser: bad networks, busy servers, forbidden pages."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from .conftest import FETCHED, MESSAGES, Visits, sent_once, wait_for_warning
from .site import ChatServer, FakeServer

LOG_AT_END = """(() => { const log = document.querySelector('receptionist-chat').shadowRoot.querySelector('.log');
    return log.scrollHeight - log.scrollTop - log.clientHeight < 2; })()"""


def test_what_waits_survives_a_reload(visit: Visits, server: ChatServer) -> None:
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


def test_what_waits_goes_out_in_order_though_the_clock_is_put_back(visit: Visits, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()
    visitor.page.route(MESSAGES, lambda route: route.abort())
    visitor.say("one-at-noon")
    visitor.page.evaluate("(now => { Date.now = () => now() - 60000; })(Date.now)")
    visitor.say("two-before-noon")
    expect(visitor.own.locator(".meta")).to_have_text(["Waiting for network"] * 2)
    visitor.page.unroute(MESSAGES)
    visitor.page.evaluate("dispatchEvent(new Event('online'))")
    expect(visitor.message("You wrote: two-before-noon")).to_be_visible()
    assert sent_once(server, "one-at-noon", "two-before-noon")


def test_it_polls_where_a_socket_says_nothing(visit: Visits, server: ChatServer) -> None:
    server.reply("Polled answer in parts", hold=2)
    visitor = visit(sockets="silent")
    visitor.open()
    visitor.say("Anybody?")
    expect(visitor.writing).to_have_text("Polled answer ", timeout=30_000)
    server.go()
    expect(visitor.message("Polled answer in parts")).to_have_count(1)


def test_a_busy_server_is_given_the_time_it_asks_for(visit: Visits, server: ChatServer) -> None:
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


def test_a_visitor_over_the_limit_waits_and_loses_nothing(visit: Visits, fake: FakeServer) -> None:
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


def test_a_refused_message_says_why_and_can_be_tried_again(visit: Visits, server: ChatServer) -> None:
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


def test_a_refused_message_can_be_deleted(visit: Visits, server: ChatServer) -> None:
    visitor = visit()
    visitor.open()

    def refuse(route: Route) -> None:
        if "refused-for-good" not in (route.request.post_data or ""):
            return route.continue_()
        headers = {"Access-Control-Allow-Origin": route.request.headers["origin"]}
        return route.fulfill(status=400, headers=headers, body='{"error": {"code": "bad_request", "message": "No."}}')

    visitor.page.route(MESSAGES, refuse)
    visitor.say("refused-for-good")
    visitor.own.get_by_role("button", name="Delete").click()
    expect(visitor.own).to_have_count(0)
    expect(visitor.input).to_be_focused()
    visitor.reload()
    visitor.input.wait_for()
    visitor.say("after-the-deleted")
    expect(visitor.message("You wrote: after-the-deleted")).to_be_visible()
    expect(visitor.own).to_have_count(1)
    assert sent_once(server, "after-the-deleted")


def test_an_open_chat_whose_line_is_switched_off_goes_and_keeps_what_was_written(
    visit: Visits, fake: FakeServer
) -> None:
    site = visit.site
    fake.add_line(key="fading-line", allowed_origins=[site])
    visitor = visit(line="fading-line")
    visitor.open()
    visitor.say("while-it-was-on")
    expect(visitor.message("You wrote: while-it-was-on")).to_be_visible()
    fake.add_line(key="fading-line", allowed_origins=[])
    visitor.say("while-it-was-off")
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    fake.add_line(key="fading-line", allowed_origins=[site])
    visitor.reload()
    expect(visitor.message("You wrote: while-it-was-off")).to_be_attached()
    assert sent_once(fake, "while-it-was-off")


def test_a_page_that_is_forbidden_later_keeps_what_was_written(visit: Visits, fake: FakeServer) -> None:
    site = visit.site
    fake.add_line(key="left-line", allowed_origins=[site])
    visitor = visit(line="left-line", reach=False)
    visitor.open()
    visitor.say("still-here")
    expect(visitor.own).to_contain_text("Waiting for network")
    fake.add_line(key="left-line", allowed_origins=[])
    visitor.page.unroute(FETCHED)
    visitor.page.reload()
    wait_for_warning(visitor)
    expect(visitor.host).to_have_count(0)
    fake.add_line(key="left-line", allowed_origins=[site])
    visitor.reload()
    expect(visitor.message("You wrote: still-here")).to_be_visible()


def test_an_unreachable_server_is_no_refusal(visit: Visits, server: ChatServer) -> None:
    visitor = visit(reach=False)
    visitor.open()
    visitor.say("are-you-there")
    expect(visitor.panel).to_contain_text("The chat cannot be reached right now.")
    expect(visitor.own).to_contain_text("Waiting for network")
    assert visitor.warnings == []
    visitor.page.unroute(FETCHED)
    visitor.page.evaluate("dispatchEvent(new Event('online'))")
    expect(visitor.message("You wrote: are-you-there")).to_be_visible()
    assert sent_once(server, "are-you-there")


def test_a_short_loss_at_the_start_is_no_refusal(visit: Visits, server: ChatServer) -> None:
    asked: list[str] = []

    def reach(route: Route) -> bool:
        """All but the first question for a session, and the one that asks whether the page is refused."""
        asked.append(route.request.method)
        return not route.request.url.endswith("/session") or asked.count("POST") > 2

    visitor = visit(reach=reach)
    visitor.open()
    visitor.say("back-again")
    expect(visitor.message("You wrote: back-again")).to_be_visible()
    assert sent_once(server, "back-again")
    assert visitor.warnings == []


def test_the_last_message_stays_in_sight_when_the_network_goes(visit: Visits) -> None:
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
