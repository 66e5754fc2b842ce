"""Prints what making and dropping an agent costs, as JSON; run within the environment of an installation."""

from __future__ import annotations

import gc
import json
import sys
import time
import tracemalloc
from typing import Any

from receptionist.agents.agent import Agent
from receptionist.agents.brief import Brief, prompt_context
from receptionist.agents.factory import AgentFactory
from receptionist.config import find_instance_path
from receptionist.contracts.model import Said
from receptionist.core import assemble
from receptionist.parts import Parts

TIMES, KEPT = 2000, 500


def _brief(parts: Parts) -> Brief:
    office = parts.directory.office(1)
    line_id = next(iter(office.strategy_of_line))
    strategy = office.strategy(line_id)
    assert strategy is not None
    unknown = dict.fromkeys(("name", "email", "phone", "company", "language", "timezone"))
    lead = {"id": 1, **unknown, "notes": "", "status": "new", "tags": [], "custom": {}}
    line = {"title": "Bench", "channel": "bench"}
    context = prompt_context(office, strategy, line, lead, {"id": 1, "first_reply": True}, "Are you open?")
    return Brief(
        office=office,
        strategy=strategy,
        context=context,
        lead=lead,
        conversation_id=1,
        history=(Said("user", "Are you open?"),),
        deadline=time.monotonic() + 50,
        check=lambda: None,
        show=lambda text: None,
        withdraw=lambda: None,
    )


def _make(factory: AgentFactory, brief: Brief) -> Agent:
    nobody: Any = None  # the ledger is only used when a tool is called
    return factory.create_agent(brief, nobody)


def main() -> None:
    """Measure."""
    parts, factory = assemble(find_instance_path())
    brief = _brief(parts)
    for _ in range(50):
        _make(factory, brief).dispose()
    begun = time.perf_counter()
    for _ in range(TIMES):
        _make(factory, brief).dispose()
    milliseconds = 1000 * (time.perf_counter() - begun) / TIMES
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    agents = [_make(factory, brief) for _ in range(KEPT)]
    size = (tracemalloc.get_traced_memory()[0] - before) / len(agents)
    json.dump({"milliseconds": milliseconds, "bytes": size}, sys.stdout)


if __name__ == "__main__":
    main()
