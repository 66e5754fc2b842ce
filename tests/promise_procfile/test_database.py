"""F24 on PostgreSQL: it dies, hangs or takes nothing more. Webhooks hear 503 in time; nothing is lost or told twice."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.harness.customers import Answer, Persistent, call
from tests.harness.waiting import eventually
from tests.procfile.processes import Part
from tests.promise.records import Customer, assert_answered, assert_paid_once, messages, settle
from tests.promise_procfile.house import Together
from tests.servers.brain import Brain

VENDORS_WAIT = 15.0
"""Twilio's limit for a webhook's answer; others wait longer."""


def ask(customers: dict[str, Customer], what: str) -> dict[str, str]:
    """A question of each customer, by its kind."""
    return {kind: f"{kind} {what}, {uuid.uuid4().hex}?" for kind in customers}


def refused(request: Persistent) -> Answer:
    """The answer to a request that cannot be taken in now, given while the vendor still waits."""
    begun = time.monotonic()
    answer = request.once()
    assert time.monotonic() - begun < VENDORS_WAIT
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) >= 1
    return answer


def health(part: Part) -> int:
    """The status of `/health`."""
    return call(part.port, "GET", "/health", None, {}).status


def check(together: Together, customers: dict[str, Customer], texts: dict[str, list[str]], brain: Brain) -> None:
    """Each question was answered once, in order, as the customers and the rows have it."""
    for kind, customer in customers.items():
        eventually(lambda customer=customer, kind=kind: len(customer.replies()) >= len(texts[kind]), 40, kind)  # type: ignore[misc]
        settle(together.web, customer, 40)
        assert customer.replies() == [f"Echo: {text}" for text in texts[kind]]
        assert_answered(together.web, customer, brain, texts[kind])


def test_postgresql_dies_under_load_and_in_the_middle_of_turns(together: Together, brain: Brain) -> None:
    """An immediate death: customers in every state; new ones hear 503, and are taken in when it is back."""
    running = together.customers()
    first = ask(running, "in a turn")
    together.gates.shut("before_record")
    together.second.terminate()
    assert together.second.wait(20) == 0
    for kind, customer in running.items():
        customer.send(first[kind])
    together.gates.wait("before_record", len(running))
    late = together.customers()
    writers = together.customers()
    with ThreadPoolExecutor(len(writers)) as pool:
        texts = {kind: [f"{kind} writes {number}, {uuid.uuid4().hex}." for number in range(8)] for kind in writers}
        sending = [pool.submit(send_all, writers[kind], texts[kind]) for kind in writers]
        eventually(lambda: any(request.done() or messages(together.web, writers["blind"], "in") for request in sending))
        together.postgres.kill()
        together.gates.open()
        second = ask(late, "meanwhile")
        requests = {kind: customer.message(second[kind]) for kind, customer in late.items()}
        for request in requests.values():
            refused(request)
        assert health(together.web) == 503
        together.postgres.start()
        together.second.start()
        for request in requests.values():
            request.until_accepted()
        for each in sending:
            each.result(40)
    check(together, running, {kind: [text] for kind, text in first.items()}, brain)
    check(together, late, {kind: [text] for kind, text in second.items()}, brain)
    for kind, customer in writers.items():
        settle(together.web, customer, 40)
        assert [row["text"] for row in messages(together.web, customer, "in")] == texts[kind]
        assert re.findall(rf"{kind} writes (\d)", "".join(customer.replies())) == list("01234567"), kind
        assert_paid_once(together.web, customer)
    assert health(together.web) == 200
    assert all(part.running for part in together.parts), "nobody had to be started again"


def send_all(customer: Customer, texts: list[str]) -> None:
    for text in texts:
        customer.message(text).until_accepted(40)


def test_postgresql_hangs(together: Together, brain: Brain) -> None:
    """It answers nothing and refuses nothing: webhooks are given up within the vendors' patience."""
    customers = together.customers()
    before, after = ask(customers, "before"), ask(customers, "while it hangs")
    for kind, customer in customers.items():
        customer.send(before[kind])
        customer.wait_for_replies(1)
    requests = {kind: customer.message(after[kind]) for kind, customer in customers.items()}
    together.postgres.pause()
    try:
        with ThreadPoolExecutor(len(requests)) as pool:
            list(pool.map(refused, requests.values()))
    finally:
        together.postgres.resume()
    for request in requests.values():
        request.until_accepted()
    check(together, customers, {kind: [before[kind], after[kind]] for kind in customers}, brain)


@contextmanager
def read_only(together: Together) -> Iterator[None]:
    """Nothing can be written, as on a standby after a failover, or where the disk is full."""
    together.postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    together.postgres.sql("SELECT pg_reload_conf()")
    eventually(lambda: together.postgres.sql("SHOW default_transaction_read_only") == [("on",)])
    try:
        yield
    finally:
        together.postgres.sql("SET transaction_read_only = off")
        together.postgres.sql("ALTER SYSTEM RESET default_transaction_read_only")
        together.postgres.sql("SELECT pg_reload_conf()")


def test_a_database_that_takes_nothing_more(together: Together, brain: Brain) -> None:
    """Messages that the vendor accepted while nothing could be noted go out no second time."""
    together.second.terminate()
    assert together.second.wait(20) == 0
    sent, waiting = together.customers(("idempotent", "askable", "blind")), together.customers()
    first, second = ask(sent, "sent"), ask(waiting, "waiting")
    together.gates.shut("after_accept")
    for kind, customer in sent.items():
        customer.send(first[kind])
    together.gates.wait("after_accept", len(sent))
    requests = {kind: customer.message(second[kind]) for kind, customer in waiting.items()}
    with read_only(together):
        eventually(lambda: health(together.web) == 503, what="the red health")
        for request in requests.values():
            refused(request)
        together.gates.open()
        time.sleep(4)  # longer than the lease: whoever is there looks at what was left, and can do nothing
    together.second.start()
    for request in requests.values():
        request.until_accepted()
    check(together, waiting, {kind: [text] for kind, text in second.items()}, brain)
    for kind, customer in sent.items():
        settle(together.web, customer, 40)
        assert customer.replies() == [f"Echo: {first[kind]}"]
        [row] = messages(together.web, customer, "out")
        assert row["state"] == ("unknown" if kind == "blind" else "sent")
        assert_paid_once(together.web, customer)
    eventually(lambda: health(together.web) == 200, what="the green health")
