"""Who refused messages gets none, whatever was on its way; who allows them again is answered again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from receptionist import Inbound, Sender, consent_word
from receptionist.db import Scope
from receptionist.pipeline.opening import open_conversation
from tests.harness.house import Customer, House
from tests.harness.instance import KEYS
from tests.harness.waiting import eventually
from tests.servers.brain import Brain, Piece, Question
from tests.servers.vendor_server import VendorServer


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "stop"),
        ("stop.", "stop"),
        (" Stop! ", "stop"),
        ("ＳＴＯＰ", "stop"),
        ("s\u200btop", "stop"),
        ("\u202estop\u202c", "stop"),
        ("STOP\n", "stop"),
        ("“Stop”", "stop"),
        ("stopall", "stop"),
        ("Stop All", "stop"),
        ("UNSUBSCRIBE", "stop"),
        ("cancel", "stop"),
        ("End", "stop"),
        ("quit", "stop"),
        ("REVOKE", "stop"),
        ("opt out", "stop"),
        ("Opt-Out", "stop"),
        ("OPTOUT", "stop"),
        ("START", "start"),
        ("unstop", "start"),
        ("Yes.", "start"),
        ("help", "help"),
        ("INFO?", "help"),
        ("don't stop", ""),
        ("Please stop texting me", ""),
        ("cancel my appointment", ""),
        ("the end", ""),
        ("", ""),
        ("stop " * 50, ""),
        ("yes, please", ""),
        ("stoр", ""),  # the last letter is Cyrillic: no word of any list
    ],
)
def test_words_of_consent(text: str, word: str) -> None:
    assert consent_word(text) == word


def texts(house: House) -> list[tuple[str, str]]:
    """All messages: text and state."""
    return [tuple(row) for row in house.sql("SELECT text, state FROM messages ORDER BY seq")]


def test_stop_silences_and_start_opens_again(house: House) -> None:
    customer = house.texter("askable")
    for text in ("Stop", "Are you still there?", "Start", "And now?"):
        customer.send(text)
        house.drain()
    assert customer.replies() == ["Echo: Stop | Are you still there? | Start | And now?"], "one reply, to the last"
    assert [state for _, state in texts(house)] == ["silent", "silent", "silent", "answered", "sent"]


def test_yes_is_an_answer_to_who_did_not_opt_out(house: House) -> None:
    customer = house.texter("askable")
    customer.send("yes")
    house.drain()
    assert customer.replies() == ["Echo: yes"]


@pytest.mark.parametrize("kind", ["askable", "blind"])
def test_stop_in_the_middle_of_an_answer(kind: str, house: House, brain: Brain) -> None:
    customer = house.texter(kind)

    def reply(question: Question) -> Iterator[Piece]:
        customer.send("STOP")
        yield "Too late."

    brain.reply = reply
    customer.send("Tell me everything.")
    house.drain()
    assert customer.replies() == []
    assert texts(house) == [("Tell me everything.", "silent"), ("STOP", "silent")]


def test_what_waits_to_be_sent_is_suppressed(house: House, vendor: VendorServer) -> None:
    customer = house.texter("askable")
    vendor.fail(customer.address, "500")
    customer.send("Do you hear me?")
    house.drain()
    customer.send("stop")
    house.make_due()
    house.drain()
    assert customer.replies() == []
    assert texts(house)[1] == ("Echo: Do you hear me?", "suppressed")
    assert house.sql("SELECT due_at FROM conversations") == [(None,)]


def test_a_vendor_that_says_so_counts_as_the_customer(house: House, vendor: VendorServer) -> None:
    customer = house.texter("askable")
    vendor.fail(customer.address, "410")
    customer.send("Do you hear me?")
    house.drain()
    assert texts(house)[1] == ("Echo: Do you hear me?", "suppressed")
    customer.send("Hello?")
    house.drain()
    assert texts(house)[2] == ("Hello?", "silent")
    assert house.sql("SELECT code FROM messages WHERE direction = 'out'") == [("410",)]


def test_it_outlives_lead_and_conversation_without_naming_the_address(house: House) -> None:
    customer = house.texter("askable")
    customer.send("stop")
    house.drain()
    [row] = house.sql("SELECT address_hash FROM opt_outs")
    assert customer.address not in row.address_hash
    house.sql("DELETE FROM messages")
    for table in ("conversations", "identities", "consents", "leads"):
        house.sql(f"DELETE FROM {table}")
    customer.send("It is me again.")
    house.drain()
    assert customer.replies() == []


def test_two_copies_of_stop_at_once(open_house: Callable[..., House]) -> None:
    house = open_house()
    customer = house.texter("askable")
    customer.send("stop", "STOP")
    house.drain()
    assert len(house.sql("SELECT id FROM opt_outs")) == 1


def test_the_lines_of_other_channels_stay_open(house: House) -> None:
    customer = house.texter("askable")
    customer.send("stop")
    assert house.visitor().say("And here?") == "Echo: And here?"


WORDS = {
    "a START that was lost lifts no newer STOP": ("stop", "pulled start 60", False),
    "a STOP that was lost undoes no newer START": ("start", "pulled stop 60", True),
    "a webhook that comes late is as old as its message": ("stop", "start 60", False),
    "the vendor's clock is off, the webhook came at once": ("stop", "start 9", True),
    "nobody knows when the START was sent": ("stop", "pulled start", False),
    "nobody knows when the STOP was sent": ("start", "pulled stop", False),
    "too near to tell: the START was lost": ("stop", "pulled start 9", False),
    "too near to tell: the STOP was lost": ("start", "pulled stop 9", False),
    "a yes may be an answer": ("yes", "pulled stop 60", False),
    "a yes that was lost lifts no newer STOP": ("stop", "pulled yes 60", False),
    "both were lost, the newer comes first": ("pulled start 60", "pulled stop 120", True),
    "both were lost, the older comes first": ("pulled stop 120", "pulled start 60", True),
    "a STOP once more is as new as that": ("pulled stop 120", "stop", "pulled start 60", False),
    "a START once more is as new as that": ("pulled start 240", "start", "pulled stop 120", True),
    "an old START makes a newer one no older": ("start", "pulled start 240", "pulled stop 120", True),
    "an old STOP makes a newer one no older": ("stop", "pulled stop 240", "pulled start 120", False),
    "after a lost STOP a START counts as ever": ("start", "pulled stop 9", "start", True),
}
"""Words as they come, and when they were sent, in seconds before now; whether the customer may be written to then."""


def test_the_latest_word_counts_by_when_it_was_sent(house: House) -> None:
    customers = {case: house.texter("askable") for case in WORDS}
    for case, customer in customers.items():
        for number, word in enumerate(WORDS[case][:-1]):
            pulled, text, ago = re.findall(r"(pulled )?(\w+) ?(\d*)", str(word))[0]
            sent_at = datetime.now(UTC) - timedelta(seconds=int(ago)) if ago else None
            sender, known = Sender(customer.address), consent_word(text)
            message = Inbound(f"{number} {customer.address}", sender, text, sent_at=sent_at, consent=known)
            house.parts.host.take_in(customer.line, [message], pulled=bool(pulled))
    house.drain()
    for customer in customers.values():
        customer.send("And now?")
    house.drain()
    heard = {case: any("And now?" in reply for reply in customer.replies()) for case, customer in customers.items()}
    assert heard == {case: words[-1] for case, words in WORDS.items()}


@pytest.mark.parametrize("kind", ["idempotent", "askable"])
def test_what_a_dead_worker_left_is_not_sent_after_a_stop(kind: str, house: House) -> None:
    """It died before anything reached the vendor; the customer refused messages before the next one came."""
    customer = house.texter(kind)
    customer.send("Do you hear me?")
    house.drain()
    customer.send("Again?")
    house.drain()
    house.sql("UPDATE messages SET state = 'sending', attempts = 1 WHERE text LIKE 'Echo: Again%'")
    house.sql("UPDATE messages SET created_at = '2020-01-01 00:00:00.000000+00:00' WHERE text LIKE 'Echo: Again%'")
    before = len(customer.replies())
    customer.send("STOP")
    house.make_due()
    house.drain()
    assert len(customer.replies()) == before
    assert house.sql("SELECT state FROM messages WHERE text LIKE 'Echo: Again%'") == [("suppressed",)]


class Elsewhere:
    """A customer who is known from one line, and writes for the first time to another of the same channel."""

    def __init__(self, house: House) -> None:
        self.house, self.customer = house, house.texter("askable")
        self.line = house.parts.host.line("loopback", KEYS.blind)
        self.customer.send("Hello?")
        house.drain()

    def write(self) -> None:
        message = Inbound("elsewhere", Sender(self.customer.address), "And here?")
        self.house.parts.host.take_in(self.line, [message])

    def begin(self, scope: Scope) -> None:
        """As `write` does, in a transaction of the test's."""
        consents, address = self.house.parts.consents, self.customer.address
        open_conversation(
            scope, self.line.id, 1, address, lambda: consents.still_out(scope, "loopback", address, lead_id=1)
        )

    def while_not_committed(self, act: Callable[[Scope], object], other: Callable[[], None]) -> None:
        """Something is done and not committed yet when the other happens."""
        thread = threading.Thread(target=other)
        with self.house.parts.database.begin() as connection:
            act(Scope(connection, 1))
            thread.start()
            if not self.house.parts.database.is_sqlite:
                eventually(lambda: not thread.is_alive() or self.house.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
        thread.join(10)

    def heard(self) -> list[bool]:
        """Whether each of the customer's conversations is open to replies."""
        return [row.opted_out_at is None for row in self.house.sql("SELECT opted_out_at FROM conversations")]


def stop(customer: Customer) -> None:
    customer.send("STOP")


def start(customer: Customer) -> None:
    customer.send("START")


@pytest.mark.parametrize("word", [stop, start])
def test_a_word_that_comes_while_a_conversation_begins_elsewhere(
    house: House, word: Callable[[Customer], None]
) -> None:
    elsewhere = Elsewhere(house)
    if word is start:
        stop(elsewhere.customer)
    elsewhere.while_not_committed(elsewhere.begin, lambda: word(elsewhere.customer))
    assert elsewhere.heard() == [word is start] * 2


def test_a_conversation_that_begins_while_an_admin_notes_a_refusal(house: House) -> None:
    elsewhere = Elsewhere(house)
    consents = house.parts.consents
    elsewhere.while_not_committed(lambda scope: consents.refuse(scope, 1, "loopback", "Ann"), elsewhere.write)
    assert elsewhere.heard() == [False] * 2


def test_a_conversation_that_begins_while_the_customer_refuses_elsewhere(house: House) -> None:
    elsewhere = Elsewhere(house)
    address, consents = elsewhere.customer.address, house.parts.consents
    elsewhere.while_not_committed(lambda scope: consents.opt_out(scope, "loopback", address, 1), elsewhere.write)
    assert elsewhere.heard() == [False] * 2
