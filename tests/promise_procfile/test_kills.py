"""F1 to F8, F29, F30: processes die, stop or freeze at the worst places, and others go on with their work."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from dataclasses import dataclass

from tests.harness.customers import Persistent
from tests.harness.waiting import eventually
from tests.promise.records import (
    PUSH,
    Customer,
    assert_answered,
    assert_paid_once,
    messages,
    settle,
    tool_calls,
    turns,
)
from tests.promise_procfile.house import Together, again
from tests.servers.brain import Brain

ALL = ("webchat", *PUSH)


@dataclass
class Case:
    """A customer with one question, and where the process dies over it."""

    point: str
    kind: str
    customer: Customer
    text: str
    order: str = ""


def question(kind: str, point: str) -> str:
    return f"{kind} at {point}, {uuid.uuid4().hex}?"


def hold(together: Together, point: str, kinds: tuple[str, ...]) -> list[Case]:
    """New customers of these kinds whose answers are held at `point`."""
    together.gates.shut(point)
    cases = [Case(point, kind, customer, question(kind, point)) for kind, customer in together.customers(kinds).items()]
    for case in cases:
        case.customer.send(case.text)
    together.gates.wait(point, len(cases))
    return cases


def hold_in_tool(together: Together, point: str) -> list[Case]:
    """Two chat visitors, one with a tool that may be repeated and one with a tool that may not."""
    together.gates.shut(point)
    cases = []
    for tool in ("book", "pay"):
        order = uuid.uuid4().hex
        cases.append(Case(point, tool, together.customer("webchat"), f'call {tool} {{"what": "{order}"}}.', order))
        cases[-1].customer.send(cases[-1].text)
    together.gates.wait(point, len(cases))
    return cases


def check_reply(together: Together, case: Case, brain: Brain) -> None:
    """What a customer of a dead worker got, and what the rows say: once, in full, paid once."""
    web, customer = together.other_web, case.customer
    customer.turn_to(web.port)
    settle(web, customer, 40)
    reply, blind = f"Echo: {case.text}", case.kind == "blind"
    if case.point in ("after_sending", "after_accept"):
        [row] = messages(web, customer, "out")
        assert row["state"] == ("unknown" if blind else "sent"), case
        assert customer.replies() == ([] if blind and case.point == "after_sending" else [reply]), case
        assert len(brain.about(case.text)) == 1
    else:
        assert_answered(web, customer, brain, [case.text])
        assert customer.replies() == [reply], case
    if case.point == "after_record":
        assert len(brain.about(case.text)) == 1
    assert_paid_once(web, customer)


def check_tool(together: Together, case: Case, brain: Brain) -> None:
    """The effect happened once, or not at all and the customer is told that it is not known."""
    web, customer = together.other_web, case.customer
    customer.turn_to(web.port)
    settle(web, customer, 40)
    [reply] = customer.replies()
    [call] = tool_calls(web, customer)
    effects = [effect for effect in together.vendor.effects if effect["what"] == case.order]
    if case.kind == "book":
        assert (len(effects), call["state"]) == (1, "done"), case
        assert f"booked {case.order}" in reply
    else:
        assert (len(effects), call["state"]) == (int(case.point == "after_effect"), "unknown"), case
        assert "not known whether this was done" in reply
    assert [row["state"] for row in turns(web, customer)] == ["done"]
    assert_paid_once(web, customer)
    assert len(brain.about(case.order)) <= 2


def test_a_worker_dies_with_customers_at_every_point_of_their_answer(together: Together, brain: Brain) -> None:
    """F4 to F8 in one SIGKILL; the other worker, which was frozen meanwhile, goes on with all of it."""
    together.second.signal(signal.SIGSTOP)
    cases = [case for point in ("after_accept", "after_sending") for case in hold(together, point, PUSH)]
    cases += [case for point in ("after_record", "before_record") for case in hold(together, point, ALL)]
    tools = [case for point in ("after_effect", "before_effect") for case in hold_in_tool(together, point)]
    cases += [case for point in ("mid_stream", "after_lease") for case in hold(together, point, ALL)]
    together.first.kill()
    killed = time.monotonic()
    together.second.signal(signal.SIGCONT)
    together.gates.open()
    for case in cases:
        check_reply(together, case, brain)
    for case in tools:
        check_tool(together, case, brain)
    print(f"{len(cases) + len(tools)} customers of the dead worker settled after {time.monotonic() - killed:.1f} s")
    [account] = together.web.sql("SELECT credits FROM accounts")
    [booked] = together.web.sql("SELECT sum(amount) AS credits FROM credit_entries")
    assert account["credits"] == booked["credits"] >= 0


def test_a_web_dies_before_the_commit_after_it_and_after_the_ring(together: Together, brain: Brain) -> None:
    """F1 to F3 in one SIGKILL; vendors and widgets come again, at the other web."""
    requests: dict[str, dict[Customer, tuple[str, Persistent]]] = {}
    threads: list[threading.Thread] = []
    for point in ("after_ring", "after_commit", "before_commit"):
        together.gates.shut(point)
        everybody = together.customers()
        asked = {customer: question(kind, point) for kind, customer in everybody.items()}
        requests[point] = {customer: (text, customer.message(text)) for customer, text in asked.items()}
        threads += [request.in_background() for _, request in requests[point].values()]
        together.gates.wait(point, len(everybody))
    together.web.kill()
    together.gates.open()
    for thread in threads:
        thread.join(10)
    for point, customers in requests.items():
        for customer, (text, request) in customers.items():
            customer.turn_to(together.other_web.port)
            assert request.accepted == []
            stored = [row["text"] for row in messages(together.other_web, customer, "in")]
            assert stored == ([] if point == "before_commit" else [text]), point
            again(request, together.other_web).until_accepted()
            again(request, together.other_web).until_accepted()
    for customers in requests.values():
        for customer, (text, _) in customers.items():
            settle(together.other_web, customer)
            assert_answered(together.other_web, customer, brain, [text])
            assert customer.replies() == [f"Echo: {text}"]


def test_sigterm_in_the_middle_of_turns(together: Together, brain: Brain) -> None:
    """F29: what is being answered is answered to its end, by the one that was told to go; the rest by the other."""
    together.second.signal(signal.SIGSTOP)
    cases = hold(together, "mid_stream", ALL)
    begun = time.monotonic()
    together.first.terminate()
    late = Case("", "blind", together.customer("blind"), question("blind", "stopping"))
    late.customer.send(late.text)
    together.second.signal(signal.SIGCONT)
    assert late.customer.wait_for_replies(1) == [f"Echo: {late.text}"]
    together.gates.open()
    assert together.first.wait(20) == 0
    assert time.monotonic() - begun < 20
    for case in [*cases, late]:
        settle(together.web, case.customer)
        assert case.customer.replies() == [f"Echo: {case.text}"]
        assert len(brain.about(case.text)) == 1
        assert_answered(together.web, case.customer, brain, [case.text])


def test_a_worker_that_was_frozen_writes_and_sends_nothing_late(together: Together, brain: Brain) -> None:
    """F30: beyond its lease; another worker answered meanwhile, and nobody hears it twice."""
    together.second.signal(signal.SIGSTOP)
    cases = hold(together, "after_record", PUSH) + hold(together, "before_record", ALL)
    together.first.signal(signal.SIGSTOP)
    refused = events(together, "fence_lost")
    together.second.signal(signal.SIGCONT)
    for case in cases:
        case.customer.turn_to(together.other_web.port)
        settle(together.web, case.customer, 40)
    together.gates.open()
    together.first.signal(signal.SIGCONT)
    eventually(lambda: events(together, "fence_lost") >= refused + len(cases), what="the late worker's refusals")
    for case in cases:
        blind = case.kind == "blind" and case.point == "after_record"
        assert len(case.customer.replies()) <= 1, case
        assert case.customer.replies() == [f"Echo: {case.text}"], case
        assert len(turns(together.web, case.customer)) == 1
        assert_paid_once(together.web, case.customer)
        assert messages(together.web, case.customer, "out")[0]["state"] in ({"sent", "unknown"} if blind else {"sent"})


def events(together: Together, name: str) -> int:
    """How often the first worker logged this."""
    return sum(json.loads(line)["event"] == name for line in together.first.log().splitlines() if line.startswith("{"))
