"""`sys.exit()` in a plugin ends the call it happened in: no thread that answers or asks, and no share of one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receptionist.app import create_app
from receptionist.pipeline.asker import Asker
from tests.harness.house import House
from tests.harness.plugins import HEAD

Open = Callable[..., House]


def test_the_account_keeps_its_threads_and_the_customer_the_place(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not caught nearer by fails like a bug: tried again later, and nothing stays taken meanwhile."""

    def exits(*_: object) -> bool:
        raise SystemExit(1)

    customer = house.texter()
    with monkeypatch.context() as patch:
        patch.setattr(type(house.parts.channels["loopback"]), "can_tell", exits)
        customer.send("Hello?")
        house.drain()
    assert house.runner.drain._share._used.total() == 0
    assert house.sql("SELECT lease_owner FROM conversations") == [(None,)]
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Hello?"]


def test_vendors_are_asked_again(open_house: Open) -> None:
    source = """
asked = []

class Odd(Channel):
    name, title = "odd", "Odd"

    def missed(self, line, since):
        asked.append(line.id)
        raise SystemExit(1)

@hookimpl
def register_channels(host):
    return [Odd(host)]
"""
    house = open_house({"odd": HEAD + source})
    house.sql("UPDATE lines SET channel = 'odd', settings = '{}', secrets = '{}' WHERE channel = 'loopback'")
    house.sql("UPDATE accounts SET revision = revision + 1")
    Asker(house.parts).ask()
    assert len(house.plugin("odd").asked) == 3


def test_a_request_is_answered_whatever_ends_it(open_house: Open) -> None:
    source = """
import sys
from flask import Blueprint

blueprint = Blueprint("odd", __name__, url_prefix="/odd")

@blueprint.before_request
def stop():
    sys.exit(3)

@blueprint.get("/")
def page():
    return "never"

@hookimpl
def register_blueprints(host):
    return [blueprint]
"""
    house = open_house({"odd": HEAD + source})
    assert create_app(house.parts).test_client().get("/odd/").status_code == 500


def test_true_keeps_the_agent_silent(open_house: Open) -> None:
    """It says no reason, but what it means is plain."""
    house = open_house({"odd": HEAD + "\n@hookimpl\ndef veto_answer(context):\n    return True\n"})
    customer = house.texter()
    customer.send("Hello?")
    house.drain()
    assert customer.replies() == []
    assert house.sql("SELECT state FROM messages") == [("silent",)]
