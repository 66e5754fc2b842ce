"""Who answers whom: a line or a lead gets another strategy, and the customer a new conversation; nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.errors import LineError
from receptionist.models import Message
from receptionist.services import accounts
from receptionist.services.conversations import conversations, handover, messages
from receptionist.services.conversations.inbox import Inbox
from receptionist.services.strategies import assignment, strategies
from tests.harness.house import Customer, House, Visitor
from tests.servers.brain import Brain, Piece, Question
from tests.servers.vendor_server import VendorServer

HOUSE = 1
"""The strategy that all lines begin with; its agent is Robin."""

NAMES = ("Robin", "Nova", "Vega")


def signed(question: Question) -> Iterator[Piece]:
    """An answer that says who gave it."""
    yield f"{next(name for name in NAMES if name in question.instructions)}: {' | '.join(question.asked)}"


class Slow:
    """Answers as `signed` does, the first time once the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, question: Question) -> Iterator[Piece]:
        if not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(20)
        yield from signed(question)


@pytest.fixture(autouse=True)
def _signed(brain: Brain) -> None:
    brain.reply = signed


def within(house: House, act: Callable[[Scope], Any]) -> Any:
    """What `act` returns, in a transaction on the account."""
    with house.parts.database.begin() as connection:
        return act(Scope(connection, 1))


def strategy(house: House, agent: str) -> int:
    """A published strategy of this agent, named after it; returns its id."""

    def publish(scope: Scope) -> int:
        fields = StrategyFields(agent_name=agent, disclosure=False, hand_back_minutes=7)
        strategies.publish(scope, agent, fields, house.factory.check)
        return int(strategies.find(scope, agent).id)

    return int(within(house, publish))


def switch(house: House, strategy_id: int, line_id: int) -> int:
    """The line gets the strategy; how many conversations were archived."""
    return len(within(house, lambda scope: assignment.use_on_line(scope, strategy_id, line_id, "Ann")))


def give(house: House, lead_id: int, strategy_id: int | None) -> int:
    """The lead gets the strategy; how many conversations were archived."""
    return len(within(house, lambda scope: assignment.give_lead(scope, lead_id, strategy_id, "Ann")))


def somebody(house: House, kind: str) -> Customer | Visitor:
    """A customer whom Robin has answered."""
    customer = house.visitor() if kind == "webchat" else house.texter(kind)
    customer.send("Hello?")
    house.drain()
    assert customer.replies() == ["Robin: Hello?"]
    return customer


def states(house: House) -> list[tuple[Any, ...]]:
    """All conversations: state, and which strategies it was archived for."""
    columns = "state, archived_from_strategy_id, archived_to_strategy_id"
    return [tuple(row) for row in house.sql(f"SELECT {columns} FROM conversations ORDER BY id")]


def newest(house: House) -> int:
    """The id of the newest conversation."""
    return int(house.sql("SELECT max(id) FROM conversations")[0][0])


def said(house: House, conversation_id: int) -> list[str]:
    """What was said in a conversation, in its order."""
    query = "SELECT text FROM messages WHERE conversation_id = :id ORDER BY seq"
    return [row.text for row in house.sql(query, id=conversation_id)]


@pytest.mark.parametrize("kind", ["webchat", "blind"])
def test_the_next_message_begins_a_new_conversation(kind: str, house: House, brain: Brain) -> None:
    customer, other = somebody(house, kind), somebody(house, "askable")
    nova = strategy(house, "Nova")
    assert switch(house, nova, customer.line.id) == 1
    customer.send("And now?")
    other.send("And here?")
    house.drain()
    assert customer.replies() == ["Robin: Hello?", "Nova: And now?"]
    assert other.replies()[-1] == "Robin: And here?"
    assert brain.about("And now?")[0].past == []
    assert states(house) == [("archived", HOUSE, nova), ("open", None, None), ("open", None, None)]
    row = within(house, lambda scope: conversations.find(scope, 1))
    assert (row.archived_by, row.archived_from, row.archived_to) == ("Ann", "House", "Nova")
    assert row.archived_at is not None
    if isinstance(customer, Visitor):
        texts = [message.text for message in customer.transcript()]
        assert texts == ["Hello?", "Robin: Hello?", "And now?", "Nova: And now?"]
        first, second = (message.turn for message in customer.transcript() if message.direction == "out")
        assert first != second, "a client shows no more of an answer that it has whole"


@pytest.mark.parametrize("kind", ["webchat", "idempotent"])
def test_what_waits_is_answered_once_before_it_is_archived(kind: str, house: House) -> None:
    customer = somebody(house, kind)
    nova = strategy(house, "Nova")
    customer.send("Are you open?")
    assert switch(house, nova, customer.line.id) == 1
    assert states(house) == [("open", HOUSE, nova)]
    customer.send("And where are you?")
    house.drain()
    assert customer.replies() == ["Robin: Hello?", "Nova: Are you open? | And where are you?"]
    assert states(house) == [("archived", HOUSE, nova)]
    customer.send("Thanks!")
    house.drain()
    assert customer.replies()[2:] == ["Nova: Thanks!"]
    assert said(house, newest(house)) == ["Thanks!", "Nova: Thanks!"]


@pytest.mark.parametrize(("kind", "newer"), [("webchat", False), ("webchat", True), ("idempotent", True)])
def test_a_running_turn_ends_before_its_conversation_is_archived(
    kind: str, newer: bool, house: House, brain: Brain
) -> None:
    customer = house.visitor() if kind == "webchat" else house.texter(kind)
    nova = strategy(house, "Nova")
    brain.reply = slow = Slow()
    customer.send("One?")
    holder = threading.Thread(target=house.drain)
    holder.start()
    assert slow.reached.wait(10)
    assert switch(house, nova, customer.line.id) == 1
    if newer:
        customer.send("Two?")
    slow.go_on.set()
    holder.join(10)
    assert not holder.is_alive()
    house.drain()
    assert customer.replies() == (["Nova: One? | Two?"] if newer else ["Robin: One?"])
    assert states(house) == [("archived", HOUSE, nova)]
    customer.send("Three?")
    house.drain()
    assert customer.replies()[1:] == ["Nova: Three?"]
    assert {row.state for row in house.sql("SELECT state FROM messages")} == {"answered", "sent"}


def test_a_reply_that_is_not_out_yet_goes_out_first(house: House, vendor: VendorServer) -> None:
    customer = house.texter("idempotent")
    nova = strategy(house, "Nova")
    vendor.fail(customer.address, "500")
    customer.send("Hello?")
    house.drain()
    assert switch(house, nova, customer.line.id) == 1
    customer.send("Still there?")
    assert states(house) == [("open", HOUSE, nova)]
    house.make_due()
    house.drain()
    assert customer.replies() == ["Robin: Hello?", "Nova: Still there?"]
    assert states(house) == [("archived", HOUSE, nova)]


def test_a_failed_message_of_an_archived_conversation_is_replayed_there(house: House, vendor: VendorServer) -> None:
    customer = house.texter("blind")
    vendor.fail(customer.address, "400")
    customer.send("Hello?")
    house.drain()
    switch(house, strategy(house, "Nova"), customer.line.id)
    house.sql("UPDATE messages SET state = 'failed' WHERE direction = 'in'")
    within(house, lambda scope: messages.replay(scope, 1))
    house.make_due()
    house.drain()
    assert customer.replies() == ["Nova: Hello?"]
    assert [row[0] for row in states(house)] == ["archived"]


def test_a_leads_own_strategy_wins_and_stays(house: House) -> None:
    customer, other = somebody(house, "idempotent"), somebody(house, "idempotent")
    nova, vega = strategy(house, "Nova"), strategy(house, "Vega")
    assert give(house, 1, nova) == 1
    assert switch(house, vega, customer.line.id) == 1
    for each in (customer, other):
        each.send("And now?")
    house.drain()
    assert (customer.replies()[-1], other.replies()[-1]) == ("Nova: And now?", "Vega: And now?")
    assert states(house)[:2] == [("archived", HOUSE, nova), ("archived", HOUSE, vega)]
    assert give(house, 1, None) == 1
    customer.send("And at last?")
    house.drain()
    assert customer.replies()[-1] == "Vega: And at last?"
    assert states(house)[2:] == [("archived", nova, vega), ("open", None, None), ("open", None, None)]


def test_nothing_is_archived_where_the_same_strategy_goes_on(house: House) -> None:
    customer = somebody(house, "webchat")
    assert switch(house, HOUSE, customer.line.id) == 0
    assert give(house, 1, HOUSE) == 0
    assert give(house, 1, None) == 0
    assert states(house) == [("open", None, None)]
    customer.send("Still you?")
    house.drain()
    assert customer.replies()[-1] == "Robin: Still you?"


def test_the_persons_minutes_are_those_of_the_leads_own_strategy(house: House) -> None:
    somebody(house, "webchat")
    assert Inbox(house.parts, 1).take(1, "Ann") == 60
    give(house, 1, strategy(house, "Nova"))
    assert Inbox(house.parts, 1).take(1, "Ann") == 7


def test_a_person_who_has_the_conversation_keeps_it(house: House) -> None:
    customer = somebody(house, "idempotent")
    inbox = Inbox(house.parts, 1)
    inbox.take(1, "Ann")
    switch(house, strategy(house, "Nova"), customer.line.id)
    customer.send("Ann?")
    house.drain()
    assert len(customer.replies()) == 1
    conversation_id = newest(house)
    row = within(house, lambda scope: conversations.find(scope, conversation_id))
    assert (row.person, row.with_person) == ("Ann", True)
    inbox.hand_back(row.id)
    switch(house, strategy(house, "Vega"), customer.line.id)
    customer.send("Anybody?")
    house.drain()
    assert customer.replies()[1:] == ["Vega: Anybody?"], "Ann handed it back, whatever the first conversation says"


def test_only_strategies_of_ones_own_that_may_answer_are_taken(house: House) -> None:
    somebody(house, "webchat")
    house.sql("INSERT INTO strategies (account_id, name, created_at) VALUES (1, 'Blank', CURRENT_TIMESTAMP)")
    idle = strategy(house, "Nova")
    within(house, lambda scope: strategies.set_active(scope, idle, False))
    with house.parts.database.begin() as connection:
        scope = Scope(connection, accounts.create(connection, "Elsewhere", "Europe/Berlin"))
        strategies.publish(scope, "Foreign", StrategyFields(), house.factory.check)
        foreign = int(strategies.find(scope, "Foreign").id)
    [blank] = house.sql("SELECT id FROM strategies WHERE name = 'Blank'")
    reasons = {
        blank.id: "The strategy Blank has no published version; publish one first",
        idle: "The strategy Nova is not active; activate it first",
        foreign: f"There is no strategy {foreign}",
        999: "There is no strategy 999",
    }
    for strategy_id, reason in reasons.items():
        for assign in (switch, lambda house, each, _line: give(house, 1, each)):
            with pytest.raises(LineError, match=reason):
                assign(house, strategy_id, 1)
    for wrong in (lambda: switch(house, HOUSE, 99), lambda: give(house, 99, HOUSE)):
        with pytest.raises(LineError, match=r"There is no (line|lead) 99"):
            wrong()
    assert states(house) == [("open", None, None)]
    assert house.sql("SELECT DISTINCT strategy_id FROM lines") == [(HOUSE,)]
    assert house.sql("SELECT strategy_id FROM leads") == [(None,)]


@pytest.mark.parametrize("whose", ["line", "lead"])
def test_a_message_on_its_way_in_and_a_switch_wait_for_each_other(whose: str, house: House) -> None:
    """Both lock the conversation first, then what it belongs to; the other way round PostgreSQL ends one of them."""
    somebody(house, "webchat")
    nova = strategy(house, "Nova")
    archived: list[int] = []
    assign = (lambda: switch(house, nova, 1)) if whose == "line" else (lambda: give(house, 1, nova))
    other = threading.Thread(target=lambda: archived.append(assign()))
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        row = handover.lock(scope, 1)
        other.start()
        other.join(0.3)
        assert other.is_alive(), "it waits for the conversation"
        own = {"conversation_id": row.id, "lead_id": row.lead_id, "line_id": row.line_id, "seq": 99}
        scope.insert(Message, **own, direction="in", address="x", author="customer", text="x", state="silent")
    other.join(10)
    assert archived == [1]
