"""Answers to choose from: buttons that say what they say, once, by mouse, keyboard and after a reload."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Visitor, Visits
from .site import FakeServer
from .test_access import picture

TIMES = ["Tuesday, 15:00", "Wednesday, 9:30", "Another day, please"]


@pytest.fixture
def asked(visit: Visits, fake: FakeServer) -> Callable[..., Visitor]:
    """`asked(**visit)`: a visitor who wrote and is offered three times."""

    def go(**context: object) -> Visitor:
        visitor = visit(**context)
        visitor.open()
        visitor.say("A haircut, please")
        expect(visitor.message("You wrote: A haircut")).to_be_visible()
        fake.say("When would you like to come?", TIMES)
        expect(chip(visitor, TIMES[0])).to_be_visible()
        return visitor

    return go


def chip(visitor: Visitor, text: str) -> Locator:
    """The button with this answer."""
    return visitor.log.get_by_role("group", name="Suggested answers").get_by_role("button", name=text)


def test_a_click_says_it_and_the_buttons_are_spent(asked: Callable[..., Visitor], fake: FakeServer) -> None:
    visitor = asked()
    chip(visitor, TIMES[1]).click()
    expect(visitor.own.locator(".text")).to_have_text(["A haircut, please", TIMES[1]])
    expect(visitor.input).to_be_focused()
    for text in TIMES:
        expect(chip(visitor, text)).to_be_disabled()
    expect(visitor.message("You wrote: Wednesday")).to_be_visible()
    assert fake.received()[-1] == ["A haircut, please", TIMES[1]]


def test_buttons_survive_a_reload_and_work_by_keyboard(asked: Callable[..., Visitor], fake: FakeServer) -> None:
    visitor = asked(viewport={"width": 360, "height": 740})
    visitor.reload()
    visitor.open()
    expect(chip(visitor, TIMES[0])).to_be_enabled()
    visitor.log.focus()
    visitor.page.keyboard.press("Tab")
    expect(chip(visitor, TIMES[0])).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(chip(visitor, TIMES[0])).to_be_disabled()
    visitor.log.focus()
    visitor.page.keyboard.press("Tab")
    expect(visitor.input).to_be_focused()
    assert fake.received()[-1][-1] == TIMES[0]


def test_a_newer_message_of_the_business_spends_them(asked: Callable[..., Visitor], fake: FakeServer) -> None:
    visitor = asked()
    fake.say("We close at six today.")
    expect(chip(visitor, TIMES[0])).to_be_disabled()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_how_they_look(width: int, scheme: str, asked: Callable[..., Visitor]) -> None:
    visitor = asked(viewport={"width": width, "height": 740}, color_scheme=scheme)
    box = chip(visitor, TIMES[2]).bounding_box()
    assert box["height"] >= 40
    assert visitor.log.evaluate("log => log.scrollWidth <= log.clientWidth")
    picture(visitor, f"webchat-{scheme}-{width}-choices")
