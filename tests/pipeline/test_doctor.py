"""What the doctor says of messages that nobody works on."""

from __future__ import annotations

from collections.abc import Callable

from receptionist.db import Scope, db_now
from receptionist.doctor import NOBODY_WORKS, examine
from receptionist.models import Conversation, Message
from tests.core.test_cli import call, result
from tests.harness.databases import SQLITE
from tests.harness.house import House
from tests.harness.instance import KEYS


def late(house: House, seconds: int, **lease: object) -> list[str]:
    """What the doctor says once what waits came, and is overdue, for so long."""
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        scope.run(scope.update(Message).values(created_at=db_now(-seconds)))
        scope.run(scope.update(Conversation).values(due_at=db_now(-seconds), **lease))
    return waiting(house)


def waiting(house: House) -> list[str]:
    """What the doctor says of messages that wait."""
    return [found.text for found in examine(house.parts, house.factory) if found.what == "waiting" and not found.good]


def test_messages_that_wait_for_longer_than_a_minute_are_counted_unless_somebody_has_them(house: House) -> None:
    visitor = house.visitor()
    visitor.send("Hello?")
    assert late(house, 50) == []
    one = [f"1 message waits for longer than a minute, in no worker's hands: {NOBODY_WORKS}"]
    two = [f"2 messages wait for longer than a minute, in no worker's hands: {NOBODY_WORKS}"]
    assert late(house, 70) == one
    visitor.send("Is anybody there?")
    assert waiting(house) == one, "the newer one waits for a second"
    assert late(house, 70) == two
    assert late(house, 70, lease_owner="a worker", lease_until=db_now(20)) == []
    assert late(house, 70, lease_until=db_now(-20)) == two
    house.drain()
    assert visitor.replies() == ["Echo: Hello? | Is anybody there?"]
    assert waiting(house) == []


@SQLITE
def test_a_line_whose_plugin_is_gone_is_named_and_its_vendor_sends_again(open_house: Callable[..., House]) -> None:
    """P1: another process may have the plugin, or a restart; a vendor that hears 404 gives up."""
    house = open_house(DISABLED_PLUGINS="loopback")
    answer = house.app().test_client().post(f"/webhooks/loopback/{KEYS.askable}", data=b"{}")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    said = [found.text for found in examine(house.parts, house.factory) if found.what == "line" and not found.good]
    assert len(said) == 3 and all("no plugin here brings its channel loopback" in each for each in said)


@SQLITE
def test_an_account_without_a_country_is_told_what_that_costs_it(house: House) -> None:
    def said() -> list[str]:
        lines = result(house.parts.instance_path, "doctor").stdout.splitlines()
        return [line.removeprefix("note country: ") for line in lines if line.startswith("note country: ")]

    [text] = said()
    assert text.startswith("Test House has none, so phone numbers that are written without a country code cannot be")
    call(house.parts, "account", "change", "--country", "IE")
    assert said() == []
