"""`sys.exit()` in a plugin ends the call it happened in: no thread that answers or asks, and no share of one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
