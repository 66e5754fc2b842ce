"""Writes leads to a CSV file that a spreadsheet opens without running anything, and an import reads again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TextIO

from receptionist.db import AnyRow, Scope
from receptionist.models import LeadTag
from receptionist.services.leads import lead_fields, lead_search
from receptionist.services.leads.csv_file import written
from receptionist.services.leads.lead_cells import cell, columns, safe
from receptionist.services.leads.lead_values import CUSTOM

Progress = Callable[[int], None]
"""Called with how many leads were written."""


def export(scope: Scope, file: TextIO, progress: Progress, **filters: Any) -> int:
    """Write all leads that `lead_search.listed` finds with these filters; returns how many.

    In one reading transaction, page by page: who writes meanwhile is neither missed nor written twice. `file` is
    opened with newline="". Raises `LeadError` for a filter that does not exist, and `OSError`."""
    header = columns(lead_fields.listed(scope))
    file.write(written(header))
    count, before = 0, None
    while True:
        page = lead_search.listed(scope, **filters, before=before, limit=lead_search.MOST)
        tags = _tags(scope, [row.id for row in page.rows])
        for row in page.rows:
            file.write(written([safe(_cell(row, name, tags[row.id])) for name in header]))
        count, before = count + len(page.rows), page.before
        progress(count)
        if before is None:
            return count


def _cell(row: AnyRow, name: str, tags: list[str]) -> str:
    if name == "tags":
        return ", ".join(tags)
    if name.startswith(CUSTOM):
        return cell(row.custom.get(name.removeprefix(CUSTOM)))
    return cell(getattr(row, name))


def _tags(scope: Scope, lead_ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    statement = scope.select(LeadTag, LeadTag.lead_id, LeadTag.tag).where(LeadTag.lead_id.in_(lead_ids))
    for row in scope.all(statement.order_by(LeadTag.lead_id, LeadTag.tag)):
        found[row.lead_id].append(row.tag)
    return found
