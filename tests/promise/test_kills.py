"""F1 to F8: every process is killed at the worst place, with a customer of each kind held exactly there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import pytest

from tests.harness.customers import Persistent
from tests.harness.installation import Installation
from tests.promise.records import (
    PUSH,
    assert_answered,
    assert_paid_once,
    customers,
    messages,
    settle,
    tool_calls,
    turns,
)
from tests.servers.brain import Brain, Piece, Question, echo
from tests.servers.points import Points
from tests.servers.vendor_server import VendorServer


def kill_at(
    point: str, installation: Installation, points: Points, requests: Sequence[Persistent], held: int | None = None
) -> None:
    """Send all, kill when `held` threads (all requests) are at the point, start again, send all once more."""
    points.arm(point)
    threads = [request.in_background() for request in requests]
    points.wait(len(requests) if held is None else held)
    installation.kill()
    points.disarm()
    for thread in threads:
        thread.join(10)
    installation.start()
    for request in requests:
        request.until_accepted()


def mark(kind: str) -> str:
    """A whole sentence that occurs once in all tests."""
    return f"{kind} asks {uuid.uuid4().hex}?"


@pytest.mark.parametrize(
    ("point", "held"),
    [
        pytest.param("before_commit", 1, id="F1-before-commit"),
        pytest.param("after_commit", 4, id="F2-after-commit"),
        pytest.param("after_ring", 4, id="F3-after-ring"),
        pytest.param("after_lease", 4, id="F4-after-lease"),
        pytest.param("mid_stream", 4, id="F4-mid-stream"),
        pytest.param("before_record", 4, id="F4-before-record"),
        pytest.param("after_record", 4, id="F5-after-record"),
    ],
)
def test_every_message_is_answered_once(
    point: str, held: int, installation: Installation, brain: Brain, points: Points, vendor: VendorServer
) -> None:
    def when_killed(question: Question) -> Iterator[Piece]:
        points.wait_until_disarmed()
        yield from echo(question)

    if point in ("after_commit", "after_ring"):  # who answers goes on meanwhile, and may not be killed while it sends
        brain.reply = when_killed
    everybody = customers(installation, vendor)
    first = {kind: mark(kind) for kind in everybody}
    kill_at(point, installation, points, [each.message(first[kind]) for kind, each in everybody.items()], held)
    for kind, customer in everybody.items():
        assert customer.wait_for_replies(1) == [f"Echo: {first[kind]}"]
    for kind, customer in everybody.items():
        second = mark(kind)
        assert customer.say(second) == f"Echo: {second}"
        settle(installation, customer)
        assert customer.replies() == [f"Echo: {first[kind]}", f"Echo: {second}"]
        assert_answered(installation, customer, brain, [first[kind], second])


def test_before_the_commit_nothing_is_stored(installation: Installation, points: Points, vendor: VendorServer) -> None:
    everybody = customers(installation, vendor)
    requests = [customer.message(mark(kind)) for kind, customer in everybody.items()]
    points.arm("before_commit")
    threads = [request.in_background() for request in requests]
    points.wait(1)
    installation.kill()
    for thread in threads:
        thread.join(10)
    assert [request.accepted for request in requests] == [[], [], [], []]
    for customer in everybody.values():
        assert messages(installation, customer, "in") == []


@pytest.mark.parametrize("point", [pytest.param("after_sending", id="F6"), pytest.param("after_accept", id="F7")])
def test_a_kill_while_sending(
    point: str, installation: Installation, brain: Brain, points: Points, vendor: VendorServer
) -> None:
    everybody = {kind: customer for kind, customer in customers(installation, vendor).items() if kind in PUSH}
    texts = {kind: mark(kind) for kind in everybody}
    kill_at(point, installation, points, [each.message(texts[kind]) for kind, each in everybody.items()])
    for kind, customer in everybody.items():
        settle(installation, customer)
        [reply] = messages(installation, customer, "out")
        assert reply["text"] == f"Echo: {texts[kind]}"
        reached = [] if kind == "blind" and point == "after_sending" else [f"Echo: {texts[kind]}"]
        assert customer.replies() == reached, f"{kind} at {point}"
        assert reply["state"] == ("unknown" if kind == "blind" else "sent")
        assert len(brain.about(texts[kind])) == 1
        assert_paid_once(installation, customer)
    for kind, customer in everybody.items():
        assert customer.say(again := mark(kind)) == f"Echo: {again}"
    attempts = [attempt["text"] for attempt in vendor.attempts]
    assert attempts.count(f"Echo: {texts['blind']}") == (0 if point == "after_sending" else 1)


@pytest.mark.parametrize(
    "point", [pytest.param("before_effect", id="F8-before-effect"), pytest.param("after_effect", id="F8-after-effect")]
)
def test_a_kill_in_a_tool(
    point: str, installation: Installation, brain: Brain, points: Points, vendor: VendorServer
) -> None:
    everybody = customers(installation, vendor) | {"payer": customers(installation, vendor)["webchat"]}
    orders = {kind: uuid.uuid4().hex for kind in everybody}
    texts = {
        kind: f'call {"pay" if kind == "payer" else "book"} {{"what": "{order}"}}.' for kind, order in orders.items()
    }
    kill_at(point, installation, points, [each.message(texts[kind]) for kind, each in everybody.items()])
    for kind, customer in everybody.items():
        [reply] = customer.wait_for_replies(1)
        settle(installation, customer)
        effects = [effect for effect in vendor.effects if effect["what"] == orders[kind]]
        [call] = tool_calls(installation, customer)
        if kind == "payer":
            assert len(effects) == (0 if point == "before_effect" else 1)
            assert call["state"] == "unknown"
            assert "not known whether this was done" in reply
        else:
            assert len(effects) == 1
            assert call["state"] == "done"
            assert f"booked {orders[kind]}" in reply
        assert [row["state"] for row in turns(installation, customer)] == ["done"]
        assert_paid_once(installation, customer)
        assert len(brain.about(orders[kind])) <= 2


def test_credits_add_up_after_all_kills(installation: Installation) -> None:
    [account] = installation.sql("SELECT credits FROM accounts")
    [booked] = installation.sql("SELECT sum(amount) AS credits FROM credit_entries")
    assert account["credits"] == booked["credits"] >= 0
