"""The commands beside a server that runs: in a process of their own, told to the server by the sweep or over Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.servers.brain import Brain, Piece, Question
from tests.servers.redis_server import RedisServer
from tests.servers.vendor_server import VendorServer


def conversation_of(installation: Installation, address: str) -> str:
    """The id of a customer's conversation."""
    [row] = installation.sql("SELECT id FROM conversations WHERE address = ?", address)
    return str(row["id"])


def command(installation: Installation, *arguments: str) -> str:
    """What `receptionist` prints."""
    done = installation.cli(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_open_chat_shows_a_person_at_once_who_stops_an_answer(
    install: Callable[..., Installation], brain: Brain
) -> None:
    """The command tells no browser, and the agent's turn comes to nothing that would."""
    installation = install()
    installation.start()
    chat = ChatClient(installation.port)
    chat.say("Hello?")
    number = conversation_of(installation, chat.address)

    def reply(question: Question) -> Iterator[Piece]:
        yield "I am afraid "
        command(installation, "conversation", "reply", number, "Ann here.", "--as", "Ann")
        yield "that nobody is here."

    brain.reply = reply
    with chat.follow() as socket:
        chat.send("Is anybody there?")
        assert socket.next_reply(10) == "Ann here."


def test_a_person_steps_in_while_the_server_runs(
    install: Callable[..., Installation], vendor: VendorServer, brain: Brain
) -> None:
    installation = install()
    installation.start()
    chat, texter = ChatClient(installation.port), Texter(installation.port, "blind", vendor)
    for customer in (chat, texter):
        customer.say("Hello?")
        number = conversation_of(installation, customer.address)
        assert command(installation, "conversation", "reply", number, "Ann here.", "--as", "Ann").startswith("Message ")
        assert customer.wait_for_replies(2)[1] == "Ann here."
        command(installation, "conversation", "hand-back", number)
        assert customer.say("And now?") == "Echo: And now?"

    go_on = threading.Event()

    def reply(question: Question) -> Iterator[Piece]:
        yield "I am afraid "
        go_on.wait(20)
        yield "that nobody is here."

    brain.reply = reply
    try:
        for customer in (chat, texter):
            asked = f"Is anybody there, {customer.address}?"
            customer.send(asked)
            brain.wait_for(asked)
            number = conversation_of(installation, customer.address)
            command(installation, "conversation", "reply", number, "Yes, me.", "--as", "Ann")
    finally:
        go_on.set()
    for customer in (chat, texter):
        assert customer.wait_for_replies(4)[3] == "Yes, me."
        customer.send("Oh, hello!")
    brain.forget()
    statement = "SELECT count(*) FROM messages WHERE direction = 'in' AND state = 'silent'"
    until = time.monotonic() + 15
    while installation.sql(statement)[0][0] < 4 and time.monotonic() < until:
        time.sleep(0.05)
    for customer in (chat, texter):
        assert customer.replies() == ["Echo: Hello?", "Ann here.", "Echo: And now?", "Yes, me."]
    what_is_published_acts_on_the_next_message(installation, brain)


def what_is_published_acts_on_the_next_message(installation: Installation, brain: Brain) -> None:
    """Published by a process of its own, heard by the server that has answered by the version before."""
    customer = ChatClient(installation.port)
    for number in (1, 2):
        command(
            installation, "strategy", "set", "House", f"system_prompt_template=These are the words of day {number}."
        )
        assert "the next turn uses it" in command(installation, "strategy", "publish", "House")
        customer.say(f"Good morning {number}")
        [question] = brain.about(f"Good morning {number}")
        assert question.instructions == f"These are the words of day {number}."
    used = installation.sql(
        "SELECT v.number FROM turns t JOIN strategy_versions v ON v.id = t.strategy_version_id ORDER BY t.id"
    )
    assert [row["number"] for row in used][-2:] == [2, 3]


@pytest.mark.parametrize("database", ["sqlite"])
def test_the_server_is_rung_over_redis(
    install: Callable[..., Installation], redis_server: RedisServer, vendor: VendorServer
) -> None:
    redis_server.start()
    installation = install()
    installation.settings |= {"REDIS_URL": redis_server.url, "SWEEP_SECONDS": "60"}
    installation.start()
    texter = Texter(installation.port, "askable", vendor)
    texter.say("Hello?")
    number = conversation_of(installation, texter.address)
    said = command(installation, "conversation", "reply", number, "Ann here.")
    assert "the server sends it at once" in said
    assert texter.wait_for_replies(2, timeout=8)[1] == "Ann here."
    redis_server.kill()
    try:
        begun = time.monotonic()
        said = command(installation, "conversation", "reply", number, "Still here.")
        assert "within 60 seconds, if it runs (Redis was not told: " in said
        assert time.monotonic() - begun < 10
    finally:
        redis_server.start()
