"""A conversation kept at the vendor is a copy of ours: whatever happens, what the model knows is what was said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from receptionist.agents import provider_memory
from receptionist.db import Scope
from receptionist.errors import LineError
from receptionist.pipeline import turn
from receptionist.pipeline.eraser import Eraser
from receptionist.services import accounts
from receptionist.services.conversations import handover
from receptionist.services.leads import lead_merge, lead_unmerge
from tests.harness.house import House
from tests.servers.conversations_server import Conversations
from tests.servers.model_refusal import Refusal
from tests.servers.model_server import Answer, Error, ModelServer
from tests.servers.wire import Request

KEY = "sk-test-0123456789abcdef"


class Crash(BaseException):
    """The process dies."""


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """OpenAI, as far as the house can see."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def vendor_copy(server: ModelServer) -> Conversations:
    """The conversations kept there."""
    return server.memory.conversations


@pytest.fixture
def open_with_openai(open_house: Callable[..., House], server: ModelServer) -> Iterator[Callable[..., House]]:
    """`open_with_openai({"my_plugin": source}, OPENAI_FLAVOR=…)`: a house that asks the server."""
    opened: list[House] = []

    def open_(drop_ins: dict[str, str] | None = None, flavor: str = "openai") -> House:
        settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, "OPENAI_FLAVOR": flavor}
        opened.append(open_house(drop_ins, **settings))
        return opened[-1]

    yield open_
    for house in opened:
        house.parts.models["openai"].close()  # type: ignore[attr-defined]


@pytest.fixture
def house(open_with_openai: Callable[..., House]) -> House:
    """A house whose strategy lets the vendor remember."""
    made = open_with_openai()
    made.publish(model="openai", memory="provider", burst_seconds=0)
    return made


def stored(house: House) -> dict[str, Any]:
    """What is kept of the vendor's conversation."""
    [row] = house.sql("SELECT provider_memory FROM conversations")
    value = row.provider_memory
    return json.loads(value) if isinstance(value, str) else value or {}


def sent(server: ModelServer) -> list[list[str]]:
    """The texts and outputs in the input of each answer asked for, oldest first."""
    bodies = [request.body for request in server.requests if request.path == "/v1/responses"]
    return [
        [str(item.get("content", item.get("output", item.get("type")))) for item in body["input"]] for body in bodies
    ]


def only_copy(copy: Conversations) -> list[str]:
    """What is in the one conversation there is."""
    [name] = copy.held
    return copy.said(name)


def test_only_what_is_new_is_sent(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    visitor = house.visitor()
    assert [visitor.say("one"), visitor.say("two"), visitor.say("three")] == ["Echo: one", "Echo: two", "Echo: three"]
    assert sent(server) == [["one"], ["two"], ["three"]]
    assert only_copy(vendor_copy) == [
        *("user: one", "assistant: Echo: one", "user: two", "assistant: Echo: two"),
        *("user: three", "assistant: Echo: three"),
    ]
    assert vendor_copy.calls == ["create"], "one conversation, and nothing to mend"
    assert not stored(house)["unsure"]


def test_each_customer_has_one(house: House, vendor_copy: Conversations) -> None:
    first, second = house.visitor(), house.visitor()
    first.say("mine")
    second.say("yours")
    assert sorted(vendor_copy.said(name)[0] for name in vendor_copy.held) == ["user: mine", "user: yours"]


def test_tool_calls_come_in_pairs(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    visitor = house.visitor()
    assert visitor.say('call note {"text": "likes tea"}').endswith("-> noted likes tea")
    assert sent(server)[1] == ["noted likes tea"], "the call itself is there already"
    assert visitor.say("thanks") == "Echo: thanks"
    assert [line for line in only_copy(vendor_copy) if not line.startswith(("user", "assistant", "reasoning"))] == [
        "call note",
        "output noted likes tea",
    ]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_crash_after_the_vendor_completed(
    house: House, server: ModelServer, vendor_copy: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = house.visitor()
    visitor.say("one")

    def die(*_: Any, **__: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(turn, "record", die)
        visitor.send("two")
        with pytest.raises(Crash):
            house.drain()
    assert "assistant: Echo: two" in only_copy(vendor_copy)
    assert stored(house)["unsure"]
    house.sql("UPDATE conversations SET lease_owner = NULL, lease_until = NULL")
    house.make_due()
    house.drain()
    assert visitor.say("three") == "Echo: three"
    assert only_copy(vendor_copy) == [
        *("user: one", "assistant: Echo: one", "user: two", "assistant: Echo: two"),
        *("user: three", "assistant: Echo: three"),
    ]


def test_a_crash_between_a_call_and_its_output(
    house: House, server: ModelServer, vendor_copy: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    from receptionist.agents import toolbox

    def die(*_: Any) -> None:
        raise Crash

    visitor = house.visitor()
    visitor.say("hello")
    with monkeypatch.context() as patch:
        patch.setattr(toolbox, "_in_time", die)
        visitor.send('call note {"text": "likes tea"}')
        with pytest.raises(Crash):
            house.drain()
    assert only_copy(vendor_copy)[-1] == "call note", "an orphan"
    house.sql("UPDATE conversations SET lease_owner = NULL, lease_until = NULL")
    house.make_due()
    server.script(["It is noted."])
    house.drain()
    assert visitor.replies()[-1] == "It is noted."
    copy = only_copy(vendor_copy)
    assert "call note" not in copy
    assert len([line for line in copy if "likes tea" in line and line.startswith("user")]) == 1
    assert any(line.startswith("developer: In this turn these tools were called already") for line in copy)


def test_an_orphan_that_came_late(house: House, vendor_copy: Conversations) -> None:
    """It lands in the conversation although nothing was unsure: the error itself has it mended."""
    visitor = house.visitor()
    visitor.say("one")
    [items] = vendor_copy.held.values()
    items.append({"id": "fc_late", "type": "function_call", "call_id": "call_late", "name": "note", "arguments": "{}"})
    assert visitor.say("two") == "Echo: two"
    assert "call note" not in only_copy(vendor_copy)
    assert vendor_copy.calls == ["create", "list", "delete item"]


def test_a_failed_turn_leaves_nothing(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    house.publish(take_messages=False)
    visitor = house.visitor()
    visitor.say("one")
    server.script([Answer("half", end="cut"), Error(400, "no")])
    assert visitor.say("two").startswith("Sorry")
    assert visitor.say("three") == "Echo: three"
    apology = visitor.replies()[1]
    assert sent(server)[-1] == ["two", apology, "three"], "what was recorded, in our order"
    assert only_copy(vendor_copy) == [
        *("user: one", "assistant: Echo: one", "user: two", f"assistant: {apology}"),
        *("user: three", "assistant: Echo: three"),
    ]


def test_a_stream_that_broke_off_is_not_asked_twice(
    house: House, server: ModelServer, vendor_copy: Conversations
) -> None:
    """The vendor completed what we did not see; the second try must not find the question there already."""
    visitor = house.visitor()
    visitor.say("one")
    server.script([Answer("two, perhaps", end="cut"), "two"])
    assert visitor.say("two?") == "two"
    assert only_copy(vendor_copy) == ["user: one", "assistant: Echo: one", "user: two?", "assistant: two"]


def test_an_interrupted_turn(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    visitor = house.visitor()
    visitor.say("one")

    def late(body: Any) -> Any:
        if "second half" not in json.dumps(body["input"]):
            visitor.send("second half")
        return Answer("both")

    server.reply = late
    assert visitor.say("first half") == "both"
    assert only_copy(vendor_copy) == [
        *("user: one", "assistant: Echo: one"),
        *("user: first half", "user: second half", "assistant: both"),
    ]


def test_a_lost_lease(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    """Another worker took over while the vendor answered the first one: it has the turn to itself."""
    visitor = house.visitor()
    visitor.say("one")

    def taken_over(_: Any) -> Answer:
        house.sql("UPDATE conversations SET fence = fence + 1, lease_owner = 'another', lease_until = created_at")
        return Answer("too late")

    server.reply = taken_over
    visitor.send("two")
    house.runner.drain(house.rung.pop())
    assert (visitor.replies(), only_copy(vendor_copy)[-1]) == (["Echo: one"], "assistant: too late")
    server.reply = lambda _: Answer("in time")
    house.make_due()
    house.drain()
    assert visitor.replies()[1:] == ["in time"]
    assert only_copy(vendor_copy)[2:] == ["user: two", "assistant: in time"]


def test_a_lost_conversation_is_made_anew(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    visitor = house.visitor()
    visitor.say("one")
    [name] = vendor_copy.held
    del vendor_copy.held[name]
    assert visitor.say("two") == "Echo: two"
    assert sent(server)[-1] == ["one", "Echo: one", "two"]
    assert only_copy(vendor_copy) == ["user: one", "assistant: Echo: one", "user: two", "assistant: Echo: two"]
    assert stored(house)["ref"].split()[1:] == [name], "the lost one is still to be forgotten"


def test_a_locked_conversation_is_waited_for(
    house: House, vendor_copy: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever held the lock may have been a dead worker of ours: what it added goes before we ask again."""
    monkeypatch.setattr(provider_memory, "BUSY_WAITS", (0.01, 0.02, 0.03))
    visitor = house.visitor()
    visitor.say("one")
    [items] = vendor_copy.held.values()

    def other() -> None:
        items[2:] = [{"id": "msg_dead", "type": "message", "role": "user", "content": [{"text": "two"}]}]

    vendor_copy.refuse_as_locked, vendor_copy.on_locked = 2, other
    assert visitor.say("two") == "Echo: two"
    assert only_copy(vendor_copy) == ["user: one", "assistant: Echo: one", "user: two", "assistant: Echo: two"]


def test_a_conversation_that_stays_locked_keeps_no_answer_back(
    house: House, server: ModelServer, vendor_copy: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_memory, "BUSY_WAITS", (0.01, 0.02, 0.03))
    visitor = house.visitor()
    visitor.say("one")
    vendor_copy.refuse_as_locked = 4
    assert visitor.say("two") == "Echo: two"
    assert sent(server)[-1] == ["one", "Echo: one", "two"], "answered from our history"
    assert visitor.say("three") == "Echo: three"
    assert only_copy(vendor_copy)[2:] == [
        *("user: two", "assistant: Echo: two", "user: three", "assistant: Echo: three"),
    ]


def test_no_conversation_can_be_made(house: House, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Request) -> dict[str, Any]:
        raise Refusal(503, "Come back later.", "server_error")

    visitor = house.visitor()
    with monkeypatch.context() as patch:
        patch.setattr(server.memory.conversations, "answer", refuse)
        assert visitor.say("one") == "Echo: one"
        assert stored(house) == {}
    visitor.say("two")
    assert only_copy(server.memory.conversations)[0] == "user: one"


def test_a_persons_words_in_between(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    visitor = house.visitor()
    visitor.say("one")
    [row] = house.sql("SELECT id FROM conversations")
    with house.parts.database.begin() as connection:
        scope = Scope(connection, accounts.require(connection, None))
        handover.reply(scope, row.id, "Anna", "I take care of it.", 60, fetched=True)
    house.drain()
    visitor.send("thank you, Anna")
    house.drain()
    house.sql("UPDATE conversations SET person_until = NULL")
    assert visitor.say("and now?") == "Echo: and now?"
    said = only_copy(vendor_copy)
    assert said[2:] == [
        "developer: A person of the business took over here.",
        "assistant: I take care of it.",
        "user: thank you, Anna",
        "developer: The person gave the conversation back here; you answer again.",
        "user: and now?",
        "assistant: Echo: and now?",
    ]


def test_what_a_plugin_edits_is_what_the_vendor_knows_next(
    open_with_openai: Callable[..., House], vendor_copy: Conversations
) -> None:
    source = (
        "from receptionist import hookimpl\n\n\n@hookimpl\ndef edit_reply(draft, context):\n"
        "    draft.text = draft.text.replace('secret', '***')\n"
    )
    house = open_with_openai({"hush": source})
    house.publish(model="openai", memory="provider", burst_seconds=0)
    visitor = house.visitor()
    assert visitor.say("secret") == "Echo: ***"
    visitor.say("two")
    assert only_copy(vendor_copy)[:2] == ["user: secret", "assistant: Echo: ***"]


def test_ours_and_back_loses_nothing(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    visitor = house.visitor()
    visitor.say("one")
    house.publish(memory="ours")
    visitor.say("two")
    assert sent(server)[-1] == ["one", "Echo: one", "two"]
    house.publish(memory="provider")
    visitor.say("three")
    assert sent(server)[-1] == ["two", "Echo: two", "three"]
    assert len(only_copy(vendor_copy)) == 6


def test_forgetting_takes_the_items_first(house: House, server: ModelServer, vendor_copy: Conversations) -> None:
    house.visitor().say("Hello")
    kept = stored(house)
    [items] = vendor_copy.held.values()
    items += [{**items[0], "id": f"msg_{number}"} for number in range(150)]
    house.parts.models[kept["model"]].forget(kept["ref"])
    assert (vendor_copy.held, vendor_copy.left) == ({}, [])
    house.parts.models[kept["model"]].forget(kept["ref"])  # again does no harm


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_an_erased_lead_is_erased_at_the_vendor_too(
    house: House, vendor_copy: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its items and its conversation, and nobody else's; where the vendor refuses, once it does not any more."""
    gone, stays = house.visitor(), house.visitor()
    gone.say('call note {"text": "canary-4711 likes tea"}')
    gone.say("I am canary-4711")
    stays.say("I stay")
    assert "canary-4711" in str(vendor_copy.held)
    eraser = Eraser(house.parts)

    def refuse(request: Request) -> dict[str, Any]:
        raise Refusal(401, "Incorrect API key provided.", code="invalid_api_key")

    with monkeypatch.context() as patch:
        patch.setattr(vendor_copy, "answer", refuse)
        receipt = eraser.erase(1, 1, "Ann")
    assert (receipt.done_at, len(receipt.left["memories"])) == (None, 1)
    assert house.sql("SELECT id FROM leads") == [(2,)], "ours is gone at once"
    house.sql("UPDATE erasures SET due_at = created_at")
    eraser.finish_due()
    assert "canary-4711" not in f"{vendor_copy.held}{vendor_copy.left}"
    assert (only_copy(vendor_copy)[0], vendor_copy.left) == ("user: I stay", [])
    [row] = house.sql("SELECT done_at, error FROM erasures")
    assert row.done_at is not None and row.error is None
    assert "canary-4711" not in str(house.sql("SELECT * FROM erasures"))
    assert stays.say("Do you remember me?") == "Echo: Do you remember me?"


def test_no_other_server_gets_a_conversation(open_with_openai: Callable[..., House], server: ModelServer) -> None:
    house = open_with_openai(flavor="auto")
    with pytest.raises(LineError, match='keeps no conversations here; set memory to "ours"'):
        house.publish(model="openai", memory="provider", burst_seconds=0)
    house.publish(model="openai")
    house.factory.check = lambda fields: None  # type: ignore[method-assign]  # as if the address had changed since
    house.publish(memory="provider")
    assert house.visitor().say("one") == "Echo: one"
    assert all("conversation" not in request.body for request in server.requests)
    assert stored(house) == {}


def test_ours_asks_the_database_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish(memory="ours")
    monkeypatch.setattr(turn, "MemoryRow", None)
    monkeypatch.setattr("receptionist.agents.factory.TurnMemory", None)
    assert house.visitor().say("one") == "Echo: one"


def test_after_unmerging_no_model_is_asked_with_the_words_of_the_other(
    house: House, server: ModelServer, vendor_copy: Conversations
) -> None:
    second, first = house.visitor(), house.visitor()
    second.say("hello")
    first.say("hello")
    with house.parts.database.begin() as connection:
        number = lead_merge.merge(Scope(connection, 1), house.parts.consents, 2, 1, "Ann")
    second.say("my parrot")
    first.say("my cat")
    with house.parts.database.begin() as connection:
        lead_unmerge.unmerge(Scope(connection, 1), house.parts.consents, number, "Ann")
    first.say("me again")
    assert sent(server)[-1] == ["hello", "Echo: hello", "my cat", "Echo: my cat", "me again"]
    assert "user: my parrot" not in vendor_copy.said(list(vendor_copy.held)[-1])
    assert "my parrot" not in f"{vendor_copy.held}{vendor_copy.left}", "the old copy is gone with the next turn"


def test_who_was_one_with_another_leaves_nothing_in_their_copy_when_erased(
    house: House, vendor_copy: Conversations
) -> None:
    """The other one never writes again; whoever of the two is erased, what both have in it goes."""
    second, first = house.visitor(), house.visitor()
    second.say("hello")
    first.say("hello")
    with house.parts.database.begin() as connection:
        number = lead_merge.merge(Scope(connection, 1), house.parts.consents, 2, 1, "Ann")
    second.say("my parrot")
    with house.parts.database.begin() as connection:
        lead_unmerge.unmerge(Scope(connection, 1), house.parts.consents, number, "Ann")
    assert "my parrot" in str(vendor_copy.held)
    assert Eraser(house.parts).erase(1, 1, "Ann").done_at is not None
    assert "my parrot" not in f"{vendor_copy.held}{vendor_copy.left}"
    assert first.say("me again") == "Echo: me again"
    assert only_copy(vendor_copy) == [
        *("user: hello", "assistant: Echo: hello", "user: me again", "assistant: Echo: me again")
    ]
