"""F25, F28, F33, F36: one message fifty times, an album, another account's dead model, and clocks that are wrong."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.pipeline import intake
from receptionist.services import accounts, lines
from receptionist.services.strategies import strategies
from tests.harness.customers import ChatClient, Persistent, Texter, call
from tests.harness.house import House
from tests.harness.instance import SECRET, STRATEGY, STRATEGY_NAME
from tests.promise.records import Customer, messages, settle, turns
from tests.promise.test_taking_in import at_once
from tests.promise_procfile.house import Together, again
from tests.servers.brain import Brain, Fails, Piece, Question, echo

BACKLOG = {"hangs": 300, "401": 100}
"""How much the other account's customers write: what hangs piles up, what is refused is soon told so."""
WRONG_CLOCK = """
import datetime
import sys
import time

from receptionist import hookimpl

HOURS = {hours}
_time = time.time
time.time = lambda: _time() + HOURS * 3600


class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(hours=HOURS)


@hookimpl
def startup(host):
    for name, module in list(sys.modules.items()):
        if name.startswith("receptionist") and getattr(module, "datetime", None) is datetime.datetime:
            module.datetime = Shifted
    from receptionist.agents import factory
    assert factory.datetime is Shifted
"""


def through_both(together: Together, requests: list[Persistent]) -> list[int]:
    """Send all at the same moment, every second one through the other web; the statuses."""
    webs = (together.web, together.other_web)
    return [answer.status for answer in at_once([again(each, webs[n % 2]) for n, each in enumerate(requests)])]


def test_fifty_duplicates_through_two_webs_and_again_after_eight_days(together: Together, brain: Brain) -> None:
    texter, chat = together.customers(("blind", "webchat")).values()
    assert isinstance(texter, Texter) and isinstance(chat, ChatClient)
    texts = {texter: f"Is it {uuid.uuid4().hex}?", chat: f"And is it {uuid.uuid4().hex}?"}
    requests = {texter: texter.message(texts[texter], ids=[uuid.uuid4().hex]), chat: chat.message(texts[chat])}
    assert set(through_both(together, [requests[texter]] * 50)) == {204}
    assert set(through_both(together, [requests[chat]] * 10)) == {202}
    for customer, text in texts.items():
        settle(together.web, customer)
        assert [row["text"] for row in messages(together.web, customer, "in")] == [text]
    age(together, 8)
    assert set(through_both(together, [requests[texter]] * 4)) == {204}
    assert set(through_both(together, [requests[chat]] * 4)) == {202}
    for customer, text in texts.items():
        settle(together.web, customer)
        assert [row["text"] for row in messages(together.web, customer, "in")] == [text]
        assert customer.replies() == [f"Echo: {text}"]
        assert len(brain.about(text)) == 1


def age(together: Together, days: int) -> None:
    """Let all that is stored be older."""
    with psycopg.connect(together.web.database_url, autocommit=True) as connection:
        for table in ("messages", "conversations", "leads"):
            connection.execute(f"UPDATE {table} SET created_at = created_at - make_interval(days => {days})")


def test_an_album_of_a_new_contact_through_two_webs(together: Together, brain: Brain) -> None:
    """Six webhooks at once from somebody new: one conversation, no overlap, each word told once."""
    for kind in ("blind", "askable"):
        texter = together.customer(kind)
        words = [f"photo {number} {uuid.uuid4().hex}" for number in range(6)]
        assert set(through_both(together, [texter.message(word) for word in words])) == {204}
        settle(together.web, texter)
        taken = messages(together.web, texter, "in")
        assert len({row["conversation"] for row in taken}) == 1
        assert sorted(row["text"] for row in taken) == sorted(words)
        assert len({row["seq"] for row in taken}) == 6
        assert " | ".join(each.removeprefix("Echo: ") for each in texter.replies()) == " | ".join(
            row["text"] for row in taken
        )
        assert brain.overlapping() == []
        assert len(turns(together.web, texter)) == 1


@pytest.mark.parametrize("database", ["postgresql"])
def test_two_processes_meet_a_new_contact_at_the_same_moment(
    open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one commits between this one's look and this one's new lead."""
    house = open_house()
    texter = house.texter("blind")
    make_lead = intake._make_lead

    def beaten(*arguments: Any) -> int:
        monkeypatch.setattr(intake, "_make_lead", make_lead)
        texter.send("I was quicker.")
        return make_lead(*arguments)

    monkeypatch.setattr(intake, "_make_lead", beaten)
    texter.send("I was first.")
    assert house.sql("SELECT count(*) FROM leads") == house.sql("SELECT count(*) FROM conversations") == [(1,)]
    assert house.sql("SELECT text FROM messages ORDER BY seq") == [("I was quicker.",), ("I was first.",)]


@pytest.fixture
def wrong_clocks(together: Together) -> Iterator[None]:
    """The workers are started anew with clocks four hours apart."""
    folder = together.web.path / "plugins"
    workers = {together.first: 2, together.second: -2}
    for worker, hours in workers.items():
        (folder / "wrong_clock.py").write_text(WRONG_CLOCK.format(hours=hours), encoding="utf-8")
        worker.terminate()
        assert worker.wait(20) == 0
        worker.start()
    yield
    (folder / "wrong_clock.py").unlink()
    for worker in workers:
        worker.kill()


def test_clocks_that_are_wrong_by_hours(together: Together, brain: Brain, wrong_clocks: None) -> None:
    """Leases go by the database's clock: the worker that is two hours fast takes nothing over from the living one that
    is two hours slow, and that one takes over in time from the fast one once it is dead."""
    release = threading.Event()

    def slow(question: Question) -> Iterator[Piece]:
        yield "Echo: "
        release.wait(30)
        yield " | ".join(question.asked)

    brain.reply = slow
    together.first.signal(signal.SIGSTOP)
    patient = begin(together, brain, "Is it late")
    together.first.signal(signal.SIGCONT)
    assert not release.wait(5), "longer than the lease"
    assert [len(brain.about(text)) for text in patient.values()] == [1] * len(patient)
    release.set()
    answered(together, patient)
    release.clear()
    together.second.signal(signal.SIGSTOP)
    orphans = begin(together, brain, "Is it early")
    together.first.kill()
    killed = time.monotonic()
    together.second.signal(signal.SIGCONT)
    release.set()
    answered(together, orphans)
    assert time.monotonic() - killed < 15


def begin(together: Together, brain: Brain, words: str) -> dict[Customer, str]:
    """Six customers of each kind of line whose answers have begun, with what they asked."""
    people = [each for _ in range(3) for each in together.customers(("webchat", "blind")).values()]
    texts = {person: f"{words}, {uuid.uuid4().hex}?" for person in people}
    for person, text in texts.items():
        person.send(text)
    for text in texts.values():
        brain.wait_for(text)
    return texts


def answered(together: Together, texts: dict[Customer, str]) -> None:
    """Each of them is answered, once."""
    for person, text in texts.items():
        settle(together.web, person, 20)
        assert person.replies() == [f"Echo: {text}"]


@pytest.fixture
def other_house(together: Together, how: str) -> str:
    """An account of this case alone, for a breaker that opens stays open; its name, which is its line's key, too."""
    parts, factory = assemble(together.web.path)
    with parts.database.begin() as connection:
        scope = Scope(connection, accounts.create(connection, f"other-{how}", "Europe/Berlin"))
        strategies.publish(scope, STRATEGY_NAME, STRATEGY, factory.check)
        strategy_id = strategies.find(scope, STRATEGY_NAME).id
        lines.add(
            scope,
            parts.vault,
            parts.channels["loopback"],
            title="Line",
            key=f"other-{how}",
            settings={"vendor": together.vendor.url, "secret": SECRET, "kind": "blind"},
            strategy_id=strategy_id,
        )
    parts.database.dispose()
    return f"other-{how}"


@pytest.mark.parametrize("how", ["hangs", "401"])
def test_another_accounts_model_fails(how: str, together: Together, brain: Brain, other_house: str) -> None:
    """P11: with hundreds of its messages waiting, everybody else is answered as quickly as before."""
    release = threading.Event()

    def reply(question: Question) -> Iterator[Piece]:
        if question.variables["account"]["name"] != other_house:
            yield from echo(question)
        elif how == "hangs":
            release.wait(60)
            yield "At last."
        else:
            yield Fails("Incorrect API key provided", admin=True)

    brain.reply = reply
    quiet = slowest(together)
    flood(together, other_house, BACKLOG[how])
    loud = slowest(together)
    waiting = together.web.sql("SELECT count(*) FROM messages WHERE state = 'waiting'")[0][0]
    assert how == "401" or waiting > BACKLOG[how] / 2
    print(f"slowest of ten answers: {quiet:.2f} s alone, {loud:.2f} s beside {waiting} that wait")
    assert loud < max(1.5, 3 * quiet)
    release.set()


def flood(together: Together, line: str, count: int) -> None:
    """Messages from as many customers of the other account."""

    def write(number: int) -> int:
        message = {"id": uuid.uuid4().hex, "from": f"other-{uuid.uuid4().hex}", "text": f"Hello, number {number}."}
        body = json.dumps({"messages": [message]}).encode()
        headers = {"X-Signature": Texter.sign(body), "Content-Type": "application/json"}
        return call(together.web.port, "POST", f"/webhooks/loopback/{line}", body, headers).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(count))) == {204}


def slowest(together: Together) -> float:
    """Seconds of the slowest of ten answers to a customer of the first account."""
    customer, seconds = together.customer("blind"), []
    for _ in range(10):
        begun = time.monotonic()
        customer.say(f"Quick, {uuid.uuid4().hex}?", timeout=30)
        seconds.append(time.monotonic() - begun)
    return max(seconds)
