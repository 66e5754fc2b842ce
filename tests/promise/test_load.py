"""A hundred customers at once, with a model that takes a second: quick answers, each with the customer's own words."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.customers import ChatClient, Follower
from tests.harness.installation import ROOT, Installation

CUSTOMERS = 100
MODEL_SECONDS = 1.0
LONGEST = 10.0
"""One after the other they would take 100 seconds. Machines differ; `make bench` measures it."""


@contextlib.contextmanager
def model_server() -> Iterator[str]:
    """The strict model server as a process of its own; its URL."""
    command = [sys.executable, "-m", "tests.servers.model_server", "--seconds", str(MODEL_SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def talk(client: ChatClient, follower: Follower, canary: str) -> tuple[float, str]:
    """Send one message; how many seconds its reply took, and the reply."""
    begun = time.monotonic()
    client.send(f"My code is {canary}.")
    reply = follower.next_reply()
    return time.monotonic() - begun, reply


def one_round(installation: Installation) -> float:
    """A hundred new customers write at once; the seconds the slowest reply took. Every reply must be its own."""
    clients = [ChatClient(installation.port) for _ in range(CUSTOMERS)]
    canaries = [uuid.uuid4().hex for _ in clients]
    with contextlib.ExitStack() as sockets, ThreadPoolExecutor(CUSTOMERS) as pool:
        followers = [sockets.enter_context(client.follow()) for client in clients]
        results = list(pool.map(talk, clients, followers, canaries))
    for client, canary, (_, reply) in zip(clients, canaries, results, strict=True):
        assert reply == f"Echo: My code is {canary}."
        assert client.transcript() == [("in", f"My code is {canary}."), ("out", reply)]
    seconds = sorted(seconds for seconds, _ in results)
    print(f"median {seconds[CUSTOMERS // 2]:.2f} s, slowest {seconds[-1]:.2f} s")
    assert seconds[0] >= MODEL_SECONDS
    return seconds[-1]


@pytest.mark.alone
def test_a_hundred_conversations_at_once(install: Callable[..., Installation]) -> None:
    """Server, model and all customers share this machine with whatever else runs on it."""
    with model_server() as url:
        installation = install(
            REMOTE_BRAIN="",
            OPENAI_BASE_URL=url,
            OPENAI_API_KEY="sk-test-load",
            WEBCHAT_MAX_SOCKETS=120,
            LEASE_SECONDS=30,
            SWEEP_SECONDS=10,
        )
        installation.start()
        assert ChatClient(installation.port).say("Are you warm?") == "Echo: Are you warm?"
        assert one_round(installation) < LONGEST
