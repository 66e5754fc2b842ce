"""Versions are kept and can be published again; a strategy is renamed, switched off, given away and removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from receptionist.db import Scope
from receptionist.services.strategies import strategies, strategy_versions
from tests.harness.house import House
from tests.strategies.conftest import Command


def test_rolling_back_publishes_the_old_fields_as_a_new_version(house: House, command: Command) -> None:
    house.publish(agent_name="Noor", tools=["note"])
    assert "Version 2 is the published one already" in command("rollback", "House", "2", fails=True)
    assert "There is no version 7; the newest is 2" in command("rollback", "House", "7", fails=True)
    command("set", "House", "role=porter")
    told = command("rollback", "House", "1")
    assert "Version 3 of House is published, which says what version 1 said." in told
    assert "There is a draft, too" in told
    assert "Version 3 is the published one, and says what version 1 says" in command(
        "rollback", "House", "1", fails=True
    )
    assert "version 1 again" in command("history", "House").splitlines()[1]
    assert command("show", "House") == command("show", "House", "--version", "1")
    assert json.loads(command("show", "House", "--version", "2"))["agent_name"] == "Noor"
    assert "agent_name" in command("diff", "House", "1", "2")
    assert command("diff", "House", "1", "3") == "Nothing differs between version 1 and version 3.\n"
    assert command("diff", "House", "1") == "Nothing differs between version 1 and version 3.\n"
    assert '+ "porter"' in command("diff", "House", "2", "draft")


def test_a_version_that_cannot_work_any_more_is_not_published_again(house: House, command: Command) -> None:
    house.publish(tools=[])
    house.sql("""UPDATE strategy_versions SET fields = '{"tools": ["fly"]}' WHERE number = 1""")
    assert "no tool fly" in command("rollback", "House", "1", fails=True)
    assert command("list") == "House  (version 2)\n"


def test_the_history_goes_on_below_a_version(house: House) -> None:
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        strategy_id = strategies.find(scope, "House").id
        for number in range(2, 6):
            fields = strategies.parse({"formality": number})
            strategies.publish(scope, "House", fields, house.factory.check, "Ann", f"formality {number}")
        pages = [
            [(row.number, row.published_by, row.note) for row in strategy_versions.history(scope, strategy_id, **page)]
            for page in ({"limit": 2}, {"limit": 2, "before": 4}, {"before": 2})
        ]
    assert pages == [
        [(5, "Ann", "formality 5"), (4, "Ann", "formality 4")],
        [(3, "Ann", "formality 3"), (2, "Ann", "formality 2")],
        [(1, None, "")],
    ]


def test_who_publishes_at_the_same_time_gets_a_number_of_its_own(house: House) -> None:
    def publish(formality: int) -> int:
        with house.parts.database.begin() as connection:
            fields = strategies.parse({"formality": formality})
            return strategies.publish(Scope(connection, 1), "House", fields, house.factory.check)

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(publish, range(1, 9)))
    assert sorted(numbers) == list(range(2, 10))
    [row] = house.sql("SELECT published_number, draft_revision FROM strategies")
    assert (row.published_number, row.draft_revision) == (9, 9)


def test_a_strategy_is_renamed_and_keeps_its_lines(house: House, command: Command) -> None:
    visitor = house.visitor()
    command("create", "Other")
    for taken in ("Other", "OTHER"):
        assert "There is already a strategy Other" in command("rename", "House", taken, fails=True)
    command("rename", "House", "HOUSE")
    command("rename", "HOUSE", "House")
    command("rename", "House", "Front desk")
    command("describe", "Front desk", "For everybody")
    assert (
        command("list")
        == "Front desk  (version 1)\n    For everybody\nOther  (never published, draft with the defaults)\n"
    )
    assert visitor.say("Hello") == "Echo: Hello"


def test_one_that_is_switched_off_answers_nobody_from_the_next_turn_on(house: House, command: Command) -> None:
    visitor = house.visitor()
    assert visitor.say("Hello") == "Echo: Hello"
    told = command("deactivate", "House")
    assert "1 (Chat), 2 (idempotent)" in told
    assert "House  (version 1, inactive)" in command("list")
    assert visitor.say("Hello?") == "Thank you for your message. Somebody will get back to you."
    assert "is not active" in command("use", "House", "1", fails=True)
    command("activate", "House")
    assert visitor.say("Now?").startswith("Echo: ")


def test_a_lead_gets_a_strategy_of_its_own_and_the_lines_again(house: House, command: Command) -> None:
    ada, bob = house.visitor(), house.visitor()
    ada.say("one")
    bob.say("one")
    lead_id = house.sql("SELECT min(id) AS id FROM leads")[0].id
    command("create", "VIP")
    command("publish", "VIP", "-", stdin='{"agent_name": "Vera"}')
    assert "Conversations archived: 1" in command("give-lead", str(lead_id), "VIP")
    ada.say("two")
    bob.say("two")
    assert "Conversations archived: 1" in command("give-lead", str(lead_id), "--none")
    ada.say("three")
    rows = house.sql(
        "SELECT s.name, c.lead_id FROM turns t JOIN strategy_versions v ON v.id = t.strategy_version_id "
        "JOIN strategies s ON s.id = v.strategy_id JOIN conversations c ON c.id = t.conversation_id ORDER BY t.id"
    )
    assert [row.name for row in rows if row.lead_id == lead_id] == ["House", "VIP", "House"]
    assert [row.name for row in rows if row.lead_id != lead_id] == ["House", "House"]
    assert "no lead 999" in command("give-lead", "999", "VIP", fails=True)
    assert "--none" in command("give-lead", str(lead_id), fails=True)


def test_only_what_nothing_uses_and_what_never_answered_is_removed(house: House, command: Command) -> None:
    command("create", "Spare")
    command("publish", "Spare", "-", stdin="{}")
    command("set", "Spare", "role=porter")
    assert "answers on line 1, 2, 3, 4; give the line another one first" in command("remove", "House", fails=True)
    visitor = house.visitor()
    visitor.say("Hello")
    lead_id = str(house.sql("SELECT id FROM leads")[0].id)
    command("give-lead", lead_id, "Spare")
    assert "it answers 1 lead on every line" in command("remove", "Spare", fails=True)
    command("give-lead", lead_id, "--none")
    assert "conversations were archived when it was given or taken away" in command("remove", "Spare", fails=True)
    command("create", "Unused")
    command("publish", "Unused", "-", stdin="{}")
    command("set", "Unused", "role=porter")
    assert command("remove", "Unused") == "Unused is removed.\n"
    assert house.sql("SELECT count(*) AS n FROM strategy_versions")[0].n == 2
    command("create", "Once")
    command("publish", "Once", "-", stdin="{}")
    command("use", "Once", "1")
    visitor.say("Hello again")
    command("use", "House", "1")
    assert "it has answered customers" in command("remove", "Once", fails=True)
    assert "deactivate it instead" in command("remove", "Once", fails=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda scope, id_, check: strategies.rename(scope, id_, "New"),
        lambda scope, id_, check: strategies.set_active(scope, id_, False),
        lambda scope, id_, check: strategies.publish(scope, "House", strategies.parse({}), check),
        lambda scope, id_, check: strategy_versions.roll_back(scope, id_, 1, check, "Ann"),
    ],
    ids=["rename", "deactivate", "publish", "roll back"],
)
def test_what_acts_on_turns_makes_every_process_look_again(house: House, change: Callable[..., object]) -> None:
    house.publish(role="porter")
    before = house.sql("SELECT revision FROM accounts")[0].revision
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        change(scope, strategies.find(scope, "House").id, house.factory.check)
    assert house.sql("SELECT revision FROM accounts")[0].revision == before + 1
