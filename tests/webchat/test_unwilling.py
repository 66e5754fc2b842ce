"""The widget in a browser: browsers and pages that refuse it something, swap the page below it, or are left at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import MESSAGES, OPEN_SHADOW, Visits, sent_once
from .site import ChatServer, FakeServer

DENIED = "throw new DOMException('denied', 'SecurityError')"
NO_STORAGE = f"""for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, {{ get() {{ {DENIED}; }} }});
LockManager.prototype.request = async () => {{ {DENIED}; }};"""
"""What Chromium and Firefox do where the visitor blocks cookies."""
NO_SOCKETS = f"window.WebSocket = function () {{ {DENIED}; }};"
"""What Safari does where the site's Content-Security-Policy names no `wss:` address."""
SWAP_BODY = "document.documentElement.replaceChild(document.createElement('body'), document.body)"
SENT_BY_ANOTHER_TAB = """dispatchEvent(new StorageEvent('storage', { newValue: '{}',
    key: 'receptionist:demo-line:visitor:q:000001700000000:8c7a3a52-6a3b-4f0e-9d43-0a4a3b1f2c11' }))"""


@pytest.mark.parametrize("refusing", [NO_STORAGE, NO_SOCKETS], ids=["storage", "sockets"])
def test_a_browser_that_refuses_something_chats_all_the_same(visit: Visits, server: ChatServer, refusing: str) -> None:
    visitor = visit(script=OPEN_SHADOW + refusing)
    visitor.open()
    visitor.say("first-unwilling")
    visitor.say("second-unwilling")
    expect(visitor.message("You wrote: second-unwilling")).to_have_count(1)
    expect(visitor.own.locator(".text")).to_have_text(["first-unwilling", "second-unwilling"])
    assert sent_once(server, "first-unwilling", "second-unwilling")


def test_a_new_body_takes_the_chat_along(visit: Visits, server: ChatServer) -> None:
    server.reply("Over to the next page", hold=2)
    visitor = visit()
    visitor.open()
    visitor.say("Wait for me")
    expect(visitor.writing).to_have_text("Over to ")
    visitor.page.evaluate(SWAP_BODY)
    expect(visitor.writing).to_be_visible()
    server.go()
    expect(visitor.message("Over to the next page")).to_be_visible()
    visitor.page.evaluate("document.querySelector('receptionist-chat').remove()")
    expect(visitor.host).to_have_count(0)  # a site that takes the chat away means it


def test_who_writes_and_leaves_at_once_is_heard(visit: Visits, fake: FakeServer) -> None:
    visitor = visit(locale="en-IE")  # a context of its own: the browser has to ask first whether it may send
    visitor.open()
    expect(visitor.status).to_have_text("Automated assistant")
    fake.be_far_away(0.4)
    with visitor.page.expect_request(MESSAGES, timeout=8000):
        visitor.say("said-in-leaving")
    visitor.page.goto("about:blank")
    for _ in range(80):
        if sent_once(fake, "said-in-leaving"):
            break
        visitor.page.wait_for_timeout(50)
    assert sent_once(fake, "said-in-leaving")


def test_a_text_that_is_too_long_is_kept_whole_and_not_sent(visit: Visits, server: ChatServer) -> None:
    visitor = visit(viewport={"width": 360, "height": 740})
    visitor.open()
    visitor.input.focus()
    visitor.page.keyboard.insert_text("😀" * 4001 + " end")  # as pasting does
    visitor.input.press("Enter")
    expect(visitor.panel).to_contain_text("Too long: 4005 of 4000 characters.")
    expect(visitor.panel.get_by_role("button", name="Send message")).to_have_attribute("aria-disabled", "true")
    assert visitor.input.input_value().endswith("😀 end")
    expect(visitor.own).to_have_count(0)
    visitor.input.fill("😀" * 4000)
    expect(visitor.panel).not_to_contain_text("Too long")
    visitor.input.press("Enter")
    expect(visitor.own).to_contain_text("Sent")
    assert sent_once(server, "😀" * 4000)


def test_a_message_that_another_tab_sent_already_is_no_error(visit: Visits, server: ChatServer) -> None:
    visitor = visit()
    errors: list[str] = []
    visitor.page.on("pageerror", lambda error: errors.append(str(error)))
    visitor.page.evaluate(SENT_BY_ANOTHER_TAB)
    visitor.open()
    visitor.say("fine here")
    expect(visitor.message("You wrote: fine here")).to_be_visible()
    assert errors == []
