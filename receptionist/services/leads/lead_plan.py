"""What a dry run of an import would have made so far, so that later rows about the same person are counted right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from receptionist.services.leads import lead_addresses
from receptionist.services.leads.lead_values import LeadValues

Key = tuple[str, str | None, str | None]
MOST = 50
"""Rows about one person that are remembered; the first ones, which tell who it is."""


@dataclass(frozen=True, slots=True)
class RowValues(LeadValues):
    """What a row says: the line it begins on, and in an export the number of the lead that it was written of."""

    line: int = 0
    lead_id: int | None = None


class Plan:
    """Rows that would make or change a lead, found again by what tells who it is."""

    def __init__(self) -> None:
        self._persons: dict[Key, list[RowValues]] = {}

    def earlier(self, values: RowValues) -> list[RowValues]:
        """The rows before this one that are about the same person, or persons, in their order."""
        persons = {id(rows): rows for rows in (self._persons.get(key) for key in _keys(values)) if rows}
        return [each for rows in persons.values() for each in rows]

    def note(self, batch: Iterable[RowValues]) -> None:
        """Remember the rows of a batch."""
        for values in batch:
            rows = self.earlier(values)
            if len(rows) < MOST:
                rows.append(values)
            for key in {key for each in rows for key in _keys(each)}:
                self._persons[key] = rows


def _keys(values: LeadValues) -> list[Key]:
    columns = values.columns
    found: list[Key] = [
        (kind, lead_addresses.key(kind, columns[kind]), None) for kind in lead_addresses.KINDS if columns.get(kind)
    ]
    return found or [("name", columns.get("name"), columns.get("company"))]
