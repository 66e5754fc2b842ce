"""A person writes in a conversation: the customer gets it, and the agent is silent until it is handed back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from receptionist import Event, HandedOver
from receptionist.db import Scope
from receptionist.pipeline.reports import PERSON_IN_APP
from receptionist.services.conversations import conversations
from tests.harness.house import Customer, House, Visitor, drain_events
from tests.people.conftest import SQLITE, Command
from tests.pipeline.test_reports import report
from tests.servers.brain import Brain, Piece, Question
from tests.servers.vendor_server import VendorServer


def on(kinds: list[str]) -> pytest.MarkDecorator:
    """Each kind of line on SQLite, and the first two on PostgreSQL: the others differ in how they are sent to only."""
    pairs = [(kind, "sqlite") for kind in kinds] + [(kind, "postgresql") for kind in kinds[:2]]
    return pytest.mark.parametrize(("kind", "database"), pairs)


def rows(house: House) -> list[tuple[str, str, str]]:
    """All messages: author, text and state."""
    return [tuple(row) for row in house.sql("SELECT author, text, state FROM messages ORDER BY seq")]


def somebody(house: House, kind: str) -> Customer | Visitor:
    """A customer who was answered once: a visitor of the chat, or somebody on a loopback line."""
    customer = house.visitor() if kind == "webchat" else house.texter(kind)
    customer.send("Hello?")
    house.drain()
    assert customer.replies() == ["Echo: Hello?"]
    return customer


@on(["webchat", "idempotent", "askable", "blind"])
def test_a_reply_reaches_the_customer_and_silences_the_agent(
    kind: str, house: House, command: Command, told: list[Event]
) -> None:
    customer = somebody(house, kind)
    said = command("conversation", "reply", "1", "Ann here.\nI look after it.", "--as", "Ann")
    fate = (
        "in the customer's chat; where it is open it is shown" if kind == "webchat" else "stored; the server sends it"
    )
    assert said == f"Message 3 is {fate} within 0.3 seconds, if it runs.\n"
    assert told[-1] == HandedOver(1, 1, "Ann")
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Hello?", "Ann here.\nI look after it."]
    customer.send("Thank you!")
    house.drain()
    assert len(customer.replies()) == 2
    assert rows(house)[2:] == [("person", "Ann here.\nI look after it.", "sent"), ("customer", "Thank you!", "silent")]
    assert "with Ann" in command("conversation", "list")
    shown = command("conversation", "show", "1")
    assert "Ann has it until" in shown
    assert "person    Ann here.\n" in shown and "[sent]" in shown
    assert "[silent: a person has the conversation]" in shown
    assert "answers again" in command("conversation", "hand-back", "1")
    assert told[-1] == HandedOver(1, 1, "")
    before = len(told)
    assert "It was so already" in command("conversation", "hand-back", "1")
    assert len(told) == before
    customer.send("And now?")
    house.drain()
    assert customer.replies()[-1] == "Echo: Thank you! | And now?"
    assert "has it until" not in command("conversation", "show", "1")


@SQLITE
def test_the_agent_knows_what_the_person_said(house: House, command: Command, brain: Brain) -> None:
    customer = somebody(house, "askable")
    command("conversation", "reply", "1", "It costs 30 euros.")
    house.make_due()
    house.drain()
    command("conversation", "hand-back", "1")
    customer.send("And tomorrow?")
    house.drain()
    assert ("assistant", "It costs 30 euros.") in brain.questions[-1].past


@on(["webchat", "askable", "blind"])
def test_time_hands_it_back(kind: str, house: House, command: Command) -> None:
    customer = somebody(house, kind)
    house.publish(hand_back_minutes=90)
    assert "yours for 90 minutes" in command("conversation", "take", "1")
    customer.send("Hello, Ann?")
    house.drain()
    assert len(customer.replies()) == 1
    house.sql("UPDATE conversations SET person_until = created_at")
    assert "with " not in command("conversation", "list")
    customer.send("Nobody there?")
    house.drain()
    assert customer.replies()[1:] == ["Echo: Hello, Ann? | Nobody there?"]


def test_taking_counts_the_minutes_one_says(house: House, command: Command, told: list[Event]) -> None:
    somebody(house, "askable")
    house.sql("UPDATE conversations SET person_requested_at = created_at, person_reason = 'a complaint'")
    assert "wants a person" in command("conversation", "list", "--person")
    assert "yours for 5 minutes" in command("conversation", "take", "1", "--as", "Ann", "--minutes", "5")
    assert told[-1] == HandedOver(1, 1, "Ann")
    assert command("conversation", "list", "--person") == "None.\n"


def test_writing_does_not_give_it_back_sooner(house: House, command: Command) -> None:
    """Ann takes it for the whole day and writes a word; only another `take` makes it shorter."""
    customer = somebody(house, "idempotent")
    command("conversation", "take", "1", "--as", "Ann", "--minutes", "480")
    [taken] = house.sql("SELECT person_until FROM conversations")
    command("conversation", "reply", "1", "One moment.", "--as", "Ann")
    report(customer, echoes=[{"provider_message_id": "theirs", "to": customer.address, "text": "Still at it."}])
    assert house.sql("SELECT person_until FROM conversations") == [taken]
    command("conversation", "take", "1", "--as", "Ann", "--minutes", "5")
    [shortened] = house.sql("SELECT person_until FROM conversations")
    assert shortened.person_until < taken.person_until


def test_who_writes_in_an_archived_conversation_is_told_where_the_customer_is(house: House, command: Command) -> None:
    """Else the agent would talk on in the new one, beside the person."""
    customer = somebody(house, "askable")
    with house.parts.database.begin() as connection:
        conversations.end(Scope(connection, 1), 1, "all is said")
    customer.send("Bye!")
    house.drain()
    command("conversation", "take", "1", "--as", "Ann", "--minutes", "5")
    house.sql("UPDATE conversations SET person_until = created_at")
    customer.send("One more thing.")
    house.drain()
    told = "Conversation 1 is archived; the customer goes on in conversation 2: use that number."
    assert told in command("conversation", "reply", "1", "Ann here.", fails=True)
    assert told in command("conversation", "take", "1", fails=True)
    command("conversation", "reply", "2", "Ann here.")
    customer.send("Thank you, Ann.")
    house.drain()
    assert rows(house)[-1] == ("customer", "Thank you, Ann.", "silent")


@on(["webchat", "idempotent", "blind"])
def test_a_reply_in_the_middle_of_an_answer_stops_it(kind: str, house: House, command: Command, brain: Brain) -> None:
    customer = somebody(house, kind)

    def reply(question: Question) -> Iterator[Piece]:
        yield "Let me "
        command("conversation", "reply", "1", "I do this one.", "--as", "Ann")
        yield "think."

    brain.reply = reply
    customer.send("Can you deliver on Sunday?")
    house.drain()
    house.make_due()
    house.drain()
    assert customer.replies()[1:] == ["I do this one."]
    assert not any(text == "Let me think." and state == "sent" for _, text, state in rows(house))
    assert ("customer", "Can you deliver on Sunday?", "silent") in rows(house)
    assert len(brain.about("Sunday")) == 1


@on(["idempotent", "blind"])
def test_an_echo_in_the_middle_of_an_answer_stops_it(kind: str, house: House, brain: Brain, told: list[Event]) -> None:
    """Ann answers in the vendor's own app while the agent is at it."""
    customer = somebody(house, kind)
    assert isinstance(customer, Customer)

    def reply(question: Question) -> Iterator[Piece]:
        yield "Let me "
        report(customer, echoes=[{"provider_message_id": "theirs", "to": customer.address, "text": "I do this one."}])
        yield "think."

    brain.reply = reply
    customer.send("Can you deliver on Sunday?")
    house.drain()
    house.make_due()
    house.drain()
    assert HandedOver(1, 1, PERSON_IN_APP) in told
    assert customer.replies() == ["Echo: Hello?"], "the vendor's app sent the other one"
    assert rows(house)[2:] == [
        ("customer", "Can you deliver on Sunday?", "silent"),
        ("person", "I do this one.", "sent"),
    ]
    assert len(brain.about("Sunday")) == 1
    customer.send("Thank you, Ann!")
    house.drain()
    assert len(brain.about("Thank you, Ann!")) == 0
    brain.forget()
    house.sql("UPDATE conversations SET person_until = created_at")
    customer.send("And on Monday?")
    house.drain()
    assert customer.replies()[-1] == "Echo: Thank you, Ann! | And on Monday?"
    assert ("assistant", "I do this one.") in brain.questions[-1].past


def test_an_answer_that_acted_already_is_suppressed(house: House, command: Command, brain: Brain) -> None:
    from tests.servers.brain import Calls

    customer = somebody(house, "blind")

    def reply(question: Question) -> Iterator[Piece]:
        if not question.outputs:
            yield Calls("note", '{"text": "Sunday"}')
            return
        command("conversation", "take", "1")
        yield "It is booked."

    brain.reply = reply
    customer.send("Book me in on Sunday.")
    house.drain()
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Hello?"]
    assert ("agent", "It is booked.", "suppressed") in rows(house)
    assert "[suppressed: a person took over]" in command("conversation", "show", "1")


@pytest.mark.parametrize("calls", [0, 1])
@pytest.mark.parametrize("stop", ["a person takes it", "the customer opts out"])
def test_nothing_more_is_done_once_the_agent_is_silent(
    stop: str, calls: int, house: House, command: Command, brain: Brain, vendor: VendorServer
) -> None:
    """A hostile model goes on calling tools though nobody asks the agent any more."""
    from tests.servers.brain import Calls

    customer = somebody(house, "blind")
    tables = [uuid.uuid4().hex for _ in range(calls + 1)]

    def reply(question: Question) -> Iterator[Piece]:
        number = len(question.outputs)
        if number == calls:
            command("conversation", "take", "1") if "person" in stop else customer.send("STOP")
        yield Calls("book", json.dumps({"what": tables[number]})) if number <= calls else "Booked."

    brain.reply = reply
    customer.send("Book me in on Sunday.")
    house.drain()
    assert [effect["what"] for effect in vendor.effects if effect["what"] in tables] == tables[:calls]
    assert [row.state for row in house.sql("SELECT state FROM tool_calls")] == ["done"] * calls
    [turn] = house.sql("SELECT state, error FROM turns ORDER BY id")[1:]
    assert turn == ("silent", "a person has the conversation" if "person" in stop else "the customer opted out")
    assert customer.replies() == ["Echo: Hello?"]
    assert house.sql("SELECT due_at, turn_id FROM conversations") == [(None, None)]


@SQLITE
def test_who_watches_reads_no_more_once_a_person_took_over(house: House, command: Command, brain: Brain) -> None:
    """Also where the agent acted, so that its turn is not begun anew."""
    from tests.servers.brain import Calls

    visitor = somebody(house, "webchat")
    assert isinstance(visitor, Visitor)

    def reply(question: Question) -> Iterator[Piece]:
        if not question.outputs:
            yield Calls("note", '{"text": "Sunday"}')
            return
        yield "It is "
        command("conversation", "take", "1")
        house.runner.keeper.rang(1)
        yield "noted."
        yield "Anything else?"

    brain.reply = reply
    with visitor.watch() as watch:
        visitor.send("I come on Sunday.")
        house.drain()
        shown = [event.data["text"] for event in drain_events(watch) if event.type == "delta"]
    assert "".join(shown) in ("", "It is ")
    assert rows(house)[2:] == [("customer", "I come on Sunday.", "silent")]
    assert [tuple(row) for row in house.sql("SELECT name, state FROM tool_calls")] == [("note", "done")]


def test_a_customer_who_opted_out_is_not_written_to(house: House, command: Command) -> None:
    customer = somebody(house, "askable")
    customer.send("STOP")
    house.drain()
    assert "opted out" in command("conversation", "list")
    assert "The customer opted out at" in command("conversation", "show", "1")
    said = command("conversation", "reply", "1", "But we have an offer!", fails=True)
    assert "opted out" in said and "START" in said
    assert len(rows(house)) == 3
    customer.send("START")
    house.drain()
    command("conversation", "reply", "1", "Welcome back.")
    house.make_due()
    house.drain()
    assert customer.replies()[-1] == "Welcome back."


def test_opting_out_before_the_reply_went_out(house: House, command: Command) -> None:
    customer = somebody(house, "askable")
    command("conversation", "reply", "1", "One moment.")
    customer.send("stop")
    house.make_due()
    house.drain()
    assert len(customer.replies()) == 1
    assert ("person", "One moment.", "suppressed") in rows(house)


@SQLITE
def test_a_text_longer_than_one_message_is_sent_in_several(house: House, command: Command) -> None:
    customer = somebody(house, "blind")
    words = " ".join(f"word{number}" for number in range(100))
    assert "3, 4 are stored" in command("conversation", "reply", "1", words)
    house.make_due()
    house.drain()
    assert all(len(text) <= 400 for text in customer.replies())
    assert " ".join(customer.replies()[1:]) == words


def test_files_go_along(house: House, command: Command, vendor: VendorServer, tmp_path: Path) -> None:
    customer = somebody(house, "askable")
    menu, photo = tmp_path / "../menu.pdf", tmp_path / "photo.jpeg"
    menu.write_bytes(b"%PDF-1.7")
    photo.write_bytes(b"\xff\xd8")
    command("conversation", "reply", "1", "The menu:", "--file", str(menu), "--file", str(photo))
    house.make_due()
    house.drain()
    assert customer.replies()[-1] == "The menu:"
    client = house.app().test_client()
    answers = [client.get(urlsplit(url).path) for url in vendor.attempts[-1]["media"]]
    assert [(answer.data, answer.content_type) for answer in answers] == [
        (b"%PDF-1.7", "application/pdf"),
        (b"\xff\xd8", "image/jpeg"),
    ]
    shown = command("conversation", "show", "1")
    assert "file: menu.pdf (application/pdf; 8 bytes, stored as attachments/1/" in shown
    [row] = house.sql("SELECT attachments FROM messages WHERE author = 'person'")
    stored = json.loads(row.attachments) if isinstance(row.attachments, str) else row.attachments
    assert not any(word in each["key"] for each in stored for word in ("menu", "photo", ".."))


@SQLITE
def test_a_file_alone_is_enough(house: House, command: Command, vendor: VendorServer, tmp_path: Path) -> None:
    somebody(house, "blind")
    file = tmp_path / "plan"
    file.write_bytes(b"x")
    command("conversation", "reply", "1", "", "--file", str(file))
    house.make_due()
    house.drain()
    assert (vendor.attempts[-1]["text"], len(vendor.attempts[-1]["media"])) == ("", 1)


def files_stored(house: House) -> list[Any]:
    """What the storage holds."""
    return [path for path in (house.path / "files").rglob("*") if path.is_file()]


@SQLITE
@pytest.mark.parametrize(
    ("kind", "size", "says"),
    [
        ("webchat", 10, "does not take files"),
        ("askable", 5_000_001, "too big; one message takes 5 MB"),
        ("askable", 0, "is empty"),
        ("askable", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_go_is_refused_and_not_kept(
    kind: str, size: int | None, says: str, house: House, command: Command, tmp_path: Path
) -> None:
    somebody(house, kind)
    file = tmp_path / "plan.pdf"
    if size is not None:
        file.write_bytes(b"x" * size)
    assert says in command("conversation", "reply", "1", "The plan:", "--file", str(file), fails=True)
    assert len(rows(house)) == 2
    assert files_stored(house) == []


@SQLITE
def test_files_are_limited_together(house: House, command: Command, tmp_path: Path) -> None:
    somebody(house, "askable")
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"x" * 2_600_000)
    both = ("--file", str(file), "--file", str(file))
    assert "5.2 MB in all" in command("conversation", "reply", "1", "Plans:", *both, fails=True)
    assert "11 files" in command("conversation", "reply", "1", "Plans:", *both * 5, "--file", str(file), fails=True)


@SQLITE
def test_mistakes_cost_one_line(house: House, command: Command) -> None:
    somebody(house, "webchat")
    for arguments, says in (
        (("reply", "9", "Hello"), "no conversation 9"),
        (("reply", "1", " \n "), "nothing to send"),
        (("take", "9"), "no conversation 9"),
        (("hand-back", "9"), "no conversation 9"),
        (("show", "9"), "no conversation 9"),
        (("list", "--phone", "ring me"), "ring me is not a phone number"),
        (("list", "--account", "Nobody"), "There are: Test House"),
    ):
        assert says in command("conversation", *arguments, fails=True), arguments


@SQLITE
def test_a_line_that_is_not_active_is_named(house: House, command: Command) -> None:
    somebody(house, "askable")
    house.sql("UPDATE lines SET active = :no", no=False)
    house.sql("UPDATE accounts SET revision = revision + 1")
    assert "The line askable is not active" in command("conversation", "reply", "1", "Hello", fails=True)


@SQLITE
def test_what_a_terminal_would_obey_is_not_printed(house: House, command: Command) -> None:
    somebody(house, "webchat")
    command("conversation", "take", "1", "--as", "Ann\x1b[2J")
    for shown in (command("conversation", "list"), command("conversation", "show", "1")):
        assert "Ann" in shown and "\x1b" not in shown


@SQLITE
def test_looking_takes_no_writing_transaction(house: House, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody(house, "askable")

    def refuse(**durable: bool) -> None:
        raise AssertionError("a command that only looks would write")

    monkeypatch.setattr(house.parts.database, "begin", refuse)
    for arguments in (
        ("conversation", "list"),
        ("conversation", "show", "1"),
        ("message", "failed"),
        ("message", "show", "1"),
        ("line", "list"),
        ("line", "show", "1"),
        ("strategy", "list"),
        ("strategy", "show", "House"),
        ("account", "list"),
    ):
        assert command(*arguments)


def test_customers_are_found_by_their_number(house: House, command: Command) -> None:
    somebody(house, "webchat")
    house.sql("UPDATE leads SET phone = '+491701234567'")
    assert "+491701234567" in command("conversation", "list", "--phone", "+49 170 1234567")
    assert "not a phone number" in command("conversation", "list", "--phone", "0170 1234567", fails=True)
    command("account", "change", "--country", "DE")
    assert "Chat" in command("conversation", "list", "--phone", "0170 / 1234567")
    assert command("conversation", "list", "--phone", "0171 1234567") == "None.\n"
