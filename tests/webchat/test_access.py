"""The widget in a browser: keyboards, phones, colours, languages, and how it keeps to itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Visitor, Visits
from .site import ChatServer, FakeServer

OUTPUT = Path(__file__).parents[1] / "output"
IN_SHADOW = "document.querySelector('receptionist-chat').shadowRoot"


def test_everything_works_by_keyboard(visit: Visits) -> None:
    visitor = visit()
    keyboard = visitor.page.keyboard
    visitor.page.locator("#before").focus()
    keyboard.press("Tab")
    expect(visitor.bubble).to_be_focused()
    expect(visitor.bubble).to_have_attribute("aria-expanded", "false")
    keyboard.press("Enter")
    expect(visitor.input).to_be_focused()
    expect(visitor.bubble).to_have_attribute("aria-expanded", "true")
    keyboard.type("Two")
    keyboard.press("Shift+Enter")
    keyboard.type("lines")
    keyboard.press("Enter")
    expect(visitor.own.locator(".text")).to_have_text(["Two\nlines"])
    expect(visitor.input).to_be_focused()
    keyboard.press("Escape")
    expect(visitor.panel).to_be_hidden()
    expect(visitor.bubble).to_be_focused()


def test_the_panel_is_a_labelled_dialog_with_a_log(opened: Visitor, server: ChatServer) -> None:
    page = opened.page
    expect(page.get_by_role("dialog", name=server.title)).to_be_visible()
    expect(page.get_by_role("log", name="Messages")).to_be_visible()
    expect(page.get_by_role("textbox", name="Your message")).to_be_editable()
    expect(page.get_by_role("button", name="Send message")).to_be_visible()


def test_typing_does_not_reach_the_shortcuts_of_the_page(visit: Visits) -> None:
    visitor = visit()
    visitor.page.evaluate("window.keys = []; addEventListener('keydown', event => keys.push(event.key))")
    visitor.open()
    visitor.page.keyboard.type("j/k")
    visitor.page.keyboard.press("Escape")
    assert visitor.page.evaluate("keys") == []


def test_a_phone_shows_the_chat_alone(visit: Visits) -> None:
    visitor = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    visitor.bubble.tap()
    expect(visitor.input).to_be_focused()
    expect(visitor.panel).to_have_css("border-radius", "0px")
    settle(visitor)
    assert visitor.panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
    expect(visitor.input).to_have_css("font-size", "16px")
    expect(visitor.bubble).to_be_hidden()
    visitor.say("word" * 60)
    expect(visitor.message("You wrote")).to_be_visible()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visitor.log.evaluate("log => log.scrollWidth <= log.clientWidth")
    visitor.panel.get_by_role("button", name="Close chat").tap()
    expect(visitor.bubble).to_be_focused()


def test_a_phone_keeps_the_keyboard_in_the_chat(visit: Visits) -> None:
    visitor = visit(viewport={"width": 360, "height": 740})
    keyboard = visitor.page.keyboard
    visitor.open()
    expect(visitor.panel).to_have_attribute("aria-modal", "true")
    close = visitor.panel.get_by_role("button", name="Close chat")
    send = visitor.panel.get_by_role("button", name="Send message")
    for stop in (send, close, visitor.log, visitor.input, send, close):
        keyboard.press("Tab")
        expect(stop).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(send).to_be_focused()
    behind = visitor.page.locator("#before")
    behind.focus()  # as when the window is made small, or from the browser's own bars
    keyboard.press("Tab")
    expect(close).to_be_focused()
    behind.focus()
    keyboard.press("Escape")
    expect(visitor.panel).to_be_hidden()
    visitor.open()
    visitor.panel.locator(".title").click()
    keyboard.press("Escape")
    expect(visitor.panel).to_be_hidden()
    expect(visitor.bubble).to_be_focused()


def test_a_panel_beside_the_page_holds_nobody(visit: Visits) -> None:
    visitor = visit()
    visitor.open()
    assert visitor.panel.get_attribute("aria-modal") is None
    visitor.page.locator("#before").focus()
    visitor.page.keyboard.press("Escape")
    expect(visitor.panel).to_be_visible()
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    expect(visitor.panel).to_have_attribute("aria-modal", "true")


def test_a_draft_survives_a_reload_until_it_is_sent(visit: Visits) -> None:
    visitor = visit()
    visitor.open()
    visitor.input.fill("Half a tho")
    visitor.reload()
    expect(visitor.input).to_have_value("Half a tho")
    visitor.say("Half a thought")
    expect(visitor.message("You wrote: Half a thought")).to_be_visible()
    visitor.reload()
    expect(visitor.input).to_have_value("")


def test_a_draft_is_not_shown_to_another_person(visit: Visits, fake: FakeServer) -> None:
    visitor = visit(options={"identity": ""})
    ana, ben = fake.identity("ana"), fake.identity("ben")
    visitor.page.evaluate("jwt => receptionist.identify(jwt)", ana)
    visitor.open()
    visitor.input.fill("Ana's secret")
    visitor.reload()
    expect(visitor.input).to_have_value("")
    visitor.page.evaluate("jwt => receptionist.identify(jwt)", ana)
    expect(visitor.input).to_have_value("Ana's secret")
    visitor.page.evaluate("jwt => receptionist.identify(jwt)", ben)
    expect(visitor.input).to_have_value("")
    assert "secret" not in visitor.page.evaluate("JSON.stringify(sessionStorage)")


def test_the_site_cannot_reach_inside_and_sees_one_name(visit: Visits) -> None:
    visitor = visit(script="window.before = new Set(Object.getOwnPropertyNames(window))")
    page = visitor.page
    assert page.evaluate(f"{IN_SHADOW}") is None
    leaked = page.evaluate("Object.getOwnPropertyNames(window).filter(name => !before.has(name) && name != 'before')")
    assert leaked == ["receptionist"]
    assert page.evaluate("Object.keys(receptionist).sort()") == ["close", "identify", "open"]


def test_the_style_of_the_site_stays_outside(opened: Visitor) -> None:
    expect(opened.input).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    assert "Georgia" not in opened.input.evaluate("node => getComputedStyle(node).fontFamily")


@pytest.mark.parametrize(
    ("options", "locale", "greeting"),
    [
        ({}, "de-AT", "Hallo! Wie können wir Ihnen helfen?"),
        ({"language": "es"}, "de-AT", "¡Hola! ¿En qué podemos ayudarle?"),
        ({}, "ja-JP", "Hello! How can we help you?"),
    ],
)
def test_it_speaks_the_language_of_the_visitor(
    visit: Visits, fake: FakeServer, options: dict[str, str], locale: str, greeting: str
) -> None:
    visitor = visit(options=options, locale=locale)
    expect(visitor.answers.locator(".text")).to_have_text([greeting])


def test_the_line_decides_how_it_looks(visit: Visits, fake: FakeServer) -> None:
    fake.add_line(
        key="yellow-line",
        allowed_origins=[visit.site],
        title="Taxi",
        colour="#ffd400",
        position="left",
        greeting="Where to?",
    )
    visitor = visit(line="yellow-line")
    visitor.open()
    expect(visitor.bubble).to_have_css("background-color", "rgb(255, 212, 0)")
    expect(visitor.bubble).to_have_css("color", "rgb(0, 0, 0)")
    expect(visitor.bubble).to_have_css("left", "20px")
    expect(visitor.answers.locator(".text")).to_have_text(["Where to?"])
    expect(visitor.page.get_by_role("dialog", name="Taxi")).to_be_visible()


def test_a_demo_says_that_it_is_one(opened: Visitor) -> None:
    expect(opened.panel.locator(".notice")).to_have_text("Demo answers")


def test_rest_for_those_who_want_no_motion(opened: Visitor) -> None:
    assert opened.page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert opened.page.evaluate(f"{IN_SHADOW}.getAnimations().length") == 0


@pytest.mark.parametrize(("scheme", "size"), [("light", (1440, 900)), ("dark", (360, 740))], ids=["desk", "phone"])
def test_how_it_looks(visit: Visits, server: ChatServer, scheme: str, size: tuple[int, int]) -> None:
    server.reply("Yes, until 19:00. Shall I book you a cut with Maria at 16:30? Prices: https://example.com/prices")
    viewport = {"width": size[0], "height": size[1]}
    visitor = visit(viewport=viewport, color_scheme=scheme, reduced_motion="no-preference")
    name = f"webchat-{scheme}-{size[0]}"
    picture(visitor, f"{name}-closed")
    visitor.open()
    visitor.say("Hi! Are you open this afternoon?")
    expect(visitor.message("Shall I book you")).to_be_visible()
    server.reply("Done: today at 16:30 with Maria. See you soon!", hold=5)
    visitor.say("Yes please, 16:30 is perfect")
    expect(visitor.writing).to_be_visible()
    background = visitor.panel.evaluate("node => getComputedStyle(node).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 23, 28)")
    picture(visitor, f"{name}-talk")
    server.go()
    expect(visitor.message("See you soon!")).to_be_visible()
    visitor.offline(True)
    visitor.say("Can I bring my dog?")
    expect(visitor.own.last).to_contain_text("Waiting for network")
    picture(visitor, f"{name}-offline")


def settle(visitor: Visitor) -> None:
    """Wait for the motion that ends by itself."""
    visitor.page.evaluate(
        f"""Promise.all({IN_SHADOW}.getAnimations()
            .filter(motion => motion.effect.getComputedTiming().iterations === 1)
            .map(motion => motion.finished.catch(() => null)))"""
    )


def picture(visitor: Visitor, name: str) -> None:
    """Keep a picture for people to look at."""
    settle(visitor)
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / f"{name}.png").write_bytes(visitor.page.screenshot())
