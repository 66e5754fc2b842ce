"""Customers: each writes, waits for the answer, and writes again."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field

from bench.http import Client
from bench.load import Vendor
from bench.wire import MESSAGES_PER_CUSTOMER, webhook

PATIENCE = 60.0
_runs = itertools.count(1)
_messages = itertools.count(1)


@dataclass
class Answers:
    """What customers saw: (when the answer came, seconds it took) of each answered message."""

    seen: list[tuple[float, float]] = field(default_factory=list)
    unanswered: int = 0
    refused: int = 0

    def between(self, begin: float, end: float) -> list[float]:
        """Seconds taken by the answers that came in this window, shortest first."""
        return sorted(took for at, took in self.seen if begin <= at < end)


@dataclass
class Accepted:
    """Seconds from the moment each webhook was due until its answer, in the end shortest first."""

    took: list[float] = field(default_factory=list)
    refused: int = 0


class Crowd:
    """Customers of one app that write to `path` on `port` and get their answers by the vendor."""

    def __init__(self, port: int, path: str, vendor: Vendor) -> None:
        self._client = Client(port)
        self._path = path
        self._vendor = vendor
        self._run = next(_runs)
        self._leaving = False

    async def talk(self, users: int, seconds: float, pause: float = 0.0, answers: Answers | None = None) -> Answers:
        """`users` conversations at once for so long; `pause` is the mean time a customer thinks before writing."""
        answers = answers if answers is not None else Answers()
        self._run = next(_runs)
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._customer(number, end, pause, answers) for number in range(users)))
        return answers

    async def write_once(self, users: int) -> Answers:
        """So many customers write one message at the same moment."""
        answers = Answers()
        self._run = next(_runs)
        await asyncio.gather(*(self._one(f"{self._run}-{number}", 0, answers) for number in range(users)))
        return answers

    async def rounds(self, users: int, count: int) -> Answers:
        """The same `users` customers each write `count` messages, one after the other answer; no new ones come."""
        answers = Answers()

        async def customer(number: int) -> None:
            for _ in range(count):
                await self._one(f"known-{number}", next(_messages), answers)

        await asyncio.gather(*(customer(number) for number in range(users)))
        return answers

    async def only_write(self, customers: int, connections: int, path: str | None = None) -> float:
        """So many customers write a message each, over so many connections, and wait for no answer.

        Returns accepted messages per second. Raises `RuntimeError` if one is refused."""
        numbers, run = iter(range(customers)), next(_runs)

        async def connection() -> None:
            for number in numbers:
                body, headers = webhook(f"{run}-{number}", f"writer-{number}", "Are you open on Monday?")
                status, answer = await self._client.post(path or self._path, body, headers)
                if status >= 300:
                    raise RuntimeError(f"refused with {status}: {answer[:200]!r}")

        begun = time.monotonic()
        await asyncio.gather(*(connection() for _ in range(connections)))
        return customers / (time.monotonic() - begun)

    async def flood(self, count: int, seconds: float, customers: int) -> Accepted:
        """So many messages at even times, of so many customers by turns, however long the app takes over them."""
        accepted, run, begun = Accepted(), next(_runs), time.monotonic()

        async def write(number: int) -> None:
            due = begun + seconds * number / count
            await asyncio.sleep(due - time.monotonic())
            text = f"Are you open on Monday? This is question {number}."
            body, headers = webhook(f"flood-{run}-{number}", f"flood-{run}-{number % customers}", text)
            status, _ = await self._client.post(self._path, body, headers)
            accepted.took.append(time.monotonic() - due)
            accepted.refused += status >= 300

        await asyncio.gather(*(write(number) for number in range(count)))
        accepted.took.sort()
        return accepted

    def leave(self) -> None:
        """Let everybody who talks write no more."""
        self._leaving = True

    def close(self) -> None:
        """Close the connections, when nobody talks any more."""
        self._client.close()

    async def _customer(self, number: int, end: float, pause: float, answers: Answers) -> None:
        sent = 0
        if pause:
            await asyncio.sleep(random.uniform(0, min(pause, end - time.monotonic())))  # noqa: S311
        while time.monotonic() < end and not self._leaving:
            address = f"customer-{self._run}-{number}-{sent // MESSAGES_PER_CUSTOMER}"
            await self._one(address, sent, answers)
            sent += 1
            if pause:
                await asyncio.sleep(random.uniform(0.5, 1.5) * pause)  # noqa: S311

    async def _one(self, address: str, number: int, answers: Answers) -> None:
        body, headers = webhook(f"{address}/{number}", address, f"Are you open on Monday? This is question {number}.")
        answer = self._vendor.expect(address)
        begun = time.monotonic()
        status, _ = await self._client.post(self._path, body, headers)
        if status >= 300:
            answers.refused += 1
            await asyncio.sleep(0.05)
            return
        try:
            at = await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError:
            answers.unanswered += 1
            return
        answers.seen.append((at, at - begun))
