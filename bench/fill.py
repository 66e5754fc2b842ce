"""Fills a prepared installation with people of the large demo: `python -m bench.fill <messages>`."""

from __future__ import annotations

import sys

from bench.apps import LINE
from receptionist.config import find_instance_path
from receptionist.core import assemble
from receptionist.models import Line
from receptionist.services.demo import large_demo
from receptionist.services.demo.demo_rows import Town
from receptionist.services.leads.leads import channel_kind

PER_LEAD = 10


def main(messages: int) -> None:
    """Store so many messages, of a tenth as many leads."""
    parts, _ = assemble(find_instance_path())
    with parts.database.read() as connection:
        line = connection.execute(Line.__table__.select().where(Line.key == LINE)).one()
    town = Town(line.account_id, line.id, channel_kind(line.channel), line.strategy_id)
    size = large_demo.Size(messages // PER_LEAD, messages)
    large_demo.fill(parts.database, town, size, lambda done, total: None)
    parts.database.analyze()
    parts.database.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]))
