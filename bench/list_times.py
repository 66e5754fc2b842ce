"""How long lists and look-ups take in a filled installation: `python -m bench.list_times`; prints JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import sqlalchemy as sa

from bench.apps import LINE
from bench.looks import Look, all_looks, of_customer
from receptionist.config import find_instance_path
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.models import Identity, Line
from receptionist.parts import Parts

TIMES = 20


def measure(parts: Parts) -> dict[str, float]:
    """Milliseconds of each look, that nine of ten stay below."""
    with parts.database.read() as connection:
        line = connection.execute(sa.select(Line).where(Line.key == LINE)).one()
        scope = Scope(connection, line.account_id)
        found = all_looks(scope)
        writer = scope.first(scope.select(Identity, Identity.value).order_by(Identity.id).offset(500))
    assert writer is not None
    times = {name: _times(parts, line.account_id, look) for name, look in found.items()}
    customer = of_customer(parts.host, parts.host.line(line.channel, line.key), writer.value)
    return times | {name: _percentile(look) for name, look in customer.items()}


def _times(parts: Parts, account_id: int, look: Look) -> float:
    def once() -> None:
        with parts.database.read() as connection:
            look(Scope(connection, account_id))

    return _percentile(once)


def _percentile(once: Callable[[], object]) -> float:
    once()
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        once()
        took.append(1000 * (time.perf_counter() - begun))
    return sorted(took)[int(0.9 * TIMES)]


def main() -> None:
    """Print them."""
    parts, _ = assemble(find_instance_path())
    json.dump(measure(parts), sys.stdout)
    parts.database.dispose()


if __name__ == "__main__":
    main()
