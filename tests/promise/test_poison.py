"""F21: a message that kills its worker, time after time, is given up; everybody else is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.promise.records import messages, settle, turns
from tests.servers.brain import Brain, Piece, Question, echo
from tests.servers.vendor_server import VendorServer

POISON = """
import os
import signal

from receptionist import hookimpl


@hookimpl
def prompt_variables(context):
    if "poison" in context.message:
        with open(os.environ["INSTANCE_PATH"] + "/deaths", "a") as deaths:
            deaths.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_poison(install: Callable[..., Installation], vendor: VendorServer) -> None:
    installation = install(LEASE_SECONDS=1.5)
    installation.drop_in(POISON, "poison")
    installation.start()
    victim = Texter(installation.port, "blind", vendor)
    other = ChatClient(installation.port)
    other.open()
    victim.send("This is poison.")
    other.send("Am I answered?")
    assert other.wait_for_replies(1, timeout=30) == ["Echo: Am I answered?"]
    [apology] = victim.wait_for_replies(1, timeout=45)
    assert apology.startswith("Sorry")
    settle(installation, victim)
    [message] = messages(installation, victim, "in")
    assert message["state"] == "failed"
    assert "died" in message["error"]
    assert (installation.path / "deaths").read_text() == "xxx"
    assert [turn["state"] for turn in turns(installation, victim)] == ["failed"]
    assert victim.say("Are you well again?") == "Echo: Are you well again?"
    assert other.replies() == ["Echo: Am I answered?"]


def test_who_is_answered_beside_poison_is_not_given_up_with_it(
    install: Callable[..., Installation], brain: Brain, vendor: VendorServer
) -> None:
    """Each death takes the answers along that were on their way just then; that is not these customers' fault."""

    def slow(question: Question) -> Iterator[Piece]:
        time.sleep(0.7)
        yield from echo(question)

    brain.reply = slow
    installation = install(LEASE_SECONDS=1.5)
    installation.drop_in(POISON, "poison")
    installation.start()
    victim = Texter(installation.port, "blind", vendor)
    others = [Texter(installation.port, "blind", vendor) for _ in range(6)]
    for other in others:
        other.send("Am I answered?")
    brain.wait_for("Am I answered?", len(others))
    victim.send("This is poison.")
    [apology] = victim.wait_for_replies(1, timeout=60)
    assert apology.startswith("Sorry")
    for other in others:
        assert other.wait_for_replies(1, timeout=30) == ["Echo: Am I answered?"]
        settle(installation, other)
        assert [row["state"] for row in messages(installation, other, "in")] == ["answered"]
