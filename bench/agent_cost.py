"""Prints what making and dropping an agent costs, as JSON; run within the environment of an installation."""

from __future__ import annotations

import gc
import json
import sys
import time
import tracemalloc
from typing import Any

from bench import briefs
from receptionist.agents.agent import Agent
from receptionist.agents.brief import Brief
from receptionist.agents.factory import AgentFactory
from receptionist.config import find_instance_path
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.parts import Parts
from receptionist.services.directory import Office
from receptionist.services.strategies import strategies

ACCOUNT = 1
TIMES, KEPT = 2000, 500


def office_with_full_strategy(parts: Parts, factory: AgentFactory) -> Office:
    """The bench's account, after a strategy with every field set was published there."""
    with parts.database.begin() as connection:
        scope = Scope(connection, ACCOUNT)
        strategies.publish(scope, briefs.FULL, briefs.full_fields(parts), factory.check)
    return parts.directory.office(ACCOUNT)


def _make(factory: AgentFactory, brief: Brief) -> Agent:
    nobody: Any = None  # the ledger is only used when a tool is called
    return factory.create_agent(brief, nobody)


def _cost(factory: AgentFactory, brief: Brief) -> dict[str, float]:
    """`milliseconds` of CPU, for it waits for nothing, and `bytes` beyond what all agents, or a turn's brief, share."""
    for _ in range(50):
        _make(factory, brief).dispose()
    begun = time.thread_time()
    for _ in range(TIMES):
        _make(factory, brief).dispose()
    milliseconds = 1000 * (time.thread_time() - begun) / TIMES
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    agents = [_make(factory, brief) for _ in range(KEPT)]
    size = (tracemalloc.get_traced_memory()[0] - before) / len(agents)
    tracemalloc.stop()
    return {"milliseconds": milliseconds, "bytes": size}


def main() -> None:
    """Measure."""
    parts, factory = assemble(find_instance_path())
    office = office_with_full_strategy(parts, factory)
    full = briefs.full_brief(office)
    found: dict[str, Any] = {"plain": _cost(factory, briefs.plain_brief(office)), "full": _cost(factory, full)}
    json.dump({**found, "tools": len(full.strategy.fields.tools)}, sys.stdout)


if __name__ == "__main__":
    main()
