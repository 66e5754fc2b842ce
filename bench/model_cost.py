"""Prints the CPU that calls of the model plugin cost, as JSON; run within the environment of an installation.

The server is in another process: what is measured is this thread, from the request to the last event. `ours` is the
plugin, `library` the vendor's client library that makes the same call by itself, `bare` a socket: machines differ, and
the three are measured in one run."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import openai

from bench import briefs
from bench.agent_cost import office_with_full_strategy
from plugins.openai_model.responses import request_body
from receptionist.agents.factory import AgentFactory
from receptionist.agents.tools import prepared_tool
from receptionist.config import find_instance_path
from receptionist.contracts.model import Completed, Model, ModelRequest
from receptionist.core import assemble
from receptionist.localtime import local_now
from receptionist.parts import Parts

TOOLS = ("close_goal", "hand_over", "note_lead", "open_times", "schedule_callback", "set_goal")
WARM = 10


def _request(parts: Parts, factory: AgentFactory) -> dict[str, Any]:
    """A turn as it is asked: the whole prompt of a full strategy, 20 messages of history, 6 tools."""
    brief = briefs.full_brief(office_with_full_strategy(parts, factory))
    now = local_now(brief.office.timezone)
    return {
        "instructions": "".join(factory.prompt(brief.strategy, brief.context, now).pieces),
        "items": brief.history[-briefs.MESSAGES :],
        "tools": [prepared_tool(parts.tools[name]).spec for name in TOOLS],
        "check": lambda: None,
        "account_id": brief.office.id,
        "max_output_tokens": 800,
        "end_user": "0" * 64,
    }


def _milliseconds(call: Callable[[], float], times: int) -> float:
    """CPU of a call, on the average."""
    for _ in range(WARM):
        call()
    return 1000 * sum(call() for _ in range(times)) / times


def _ours(model: Model, asked: ModelRequest) -> float:
    begun = time.thread_time()
    events = list(model.stream(replace(asked, deadline=time.monotonic() + 30)))
    took = time.thread_time() - begun
    assert isinstance(events[-1], Completed)
    return took


def _library(client: openai.OpenAI, asked: ModelRequest) -> float:
    """The same call as the vendor's client library makes it by itself."""
    body = request_body(asked, str(asked.model), openai=True, reasons=True)
    begun = time.thread_time()
    events = list(client.responses.create(**body))
    took = time.thread_time() - begun
    assert events[-1].type == "response.completed"
    return took


def _bare(address: str, asked: ModelRequest) -> float:
    """The same bytes over a bare socket, and nothing made of them: what the machine takes for so many packets."""
    body = json.dumps(request_body(asked, str(asked.model), openai=True, reasons=True)).encode()
    place = urlsplit(address)
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=30) as connection:
        begun = time.thread_time()
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        end = b""
        while not end.endswith(b"\r\n0\r\n\r\n"):
            end = end[-8:] + connection.recv(65536)
        return time.thread_time() - begun


def main(times: int, names: Sequence[str]) -> None:
    """Measure each of these."""
    parts, factory = assemble(find_instance_path())
    request = _request(parts, factory)
    model: Any = parts.models["openai"]
    found = {}
    for name in names:
        asked = ModelRequest(**request, model=name, deadline=0.0)
        calls = {
            "ours": partial(_ours, model, asked),
            "library": partial(_library, model.connection.client(), asked),
            "bare": partial(_bare, model.settings.server, asked),
        }
        found[name] = {who: _milliseconds(call, times) for who, call in calls.items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
