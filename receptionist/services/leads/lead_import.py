"""Takes leads in from a CSV file: known ones are filled in, others are made; the same file twice changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import BinaryIO

from receptionist.contracts.events import LeadChanged
from receptionist.db import Scope
from receptionist.errors import LeadError, Unavailable
from receptionist.parts import Parts
from receptionist.phones import e164
from receptionist.services.leads import lead_fields, lead_tags, lead_values, leads
from receptionist.services.leads.csv_file import CsvFile, Row
from receptionist.services.leads.lead_cells import READ_ONLY, mapped, plain
from receptionist.services.leads.lead_match import Nameless, contradicted, known
from receptionist.services.leads.lead_plan import Plan, RowValues
from receptionist.services.leads.lead_values import CUSTOM, LeadValues
from receptionist.text import counted

BATCH = 100
"""Rows committed together: a tenth of a second, in which messages wait."""
BREATH = 0.15
"""The share of the time in which others may write, between two batches."""
MAX_CONFLICTS = 5
LONGEST_ID = 18
"""Digits of a lead's number in an export; more are none of a database."""
MOST_NUMBERS = 3
"""Phone numbers without a country code that are told with how they were read."""
MOST_DIFFERING = 20
"""Rows that say otherwise than their lead, which are told one by one."""
SHOWN = 60
"""Characters of a wrong cell that are shown."""


@dataclass(frozen=True, slots=True)
class How:
    """How a file is to be read. `names`: fields by the name of their column, "-" to pass over. `tags` go to every
    lead. `overwrite`: what the file says wins over what is known. `dry_run`: nothing is changed."""

    names: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    overwrite: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of the rows of a file; `nameless` ones were passed over, for they tell of nobody.

    `differing` rows, which are counted as changed or as before, say otherwise than the lead they are about. `unread`:
    lines, of rows that are wrong, which a quotation mark ran through."""

    made: int = 0
    changed: int = 0
    as_before: int = 0
    wrong: int = 0
    nameless: int = 0
    differing: int = 0
    unread: int = 0

    def __str__(self) -> str:
        unread = f" ({counted(self.unread, 'line')} not read)" if self.unread else ""
        return f"{self.made} new, {self.changed} changed, {self.as_before} as before, {self.wrong} wrong{unread}"

    def add(self, other: Outcome) -> None:
        """Count more rows."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(frozen=True, slots=True)
class Differing:
    """A row whose name, e-mail or phone is other than that of the lead it is about, which kept its own.

    `lead_id` is None for a lead that is made by the same file in a dry run: it has no number yet."""

    line: int
    lead_id: int | None
    name: str | None
    not_taken: Mapping[str, str]


class DryRun(Exception):
    """Undoes a transaction."""


class Import:
    """One file on its way into an account. Raises `LeadError` if it cannot be read or names nobody.

    `local_numbers`: the first phone numbers without a country code, and how they were read. `differing`: the first
    rows that say otherwise than their lead."""

    def __init__(self, parts: Parts, account_id: int, stream: BinaryIO, how: How, by: str) -> None:
        self._parts, self._account_id = parts, account_id
        self.how, self.by = how, by
        self.file = CsvFile(stream)
        self.tags = lead_tags.read_all(how.tags)
        with parts.database.read() as connection:
            scope = Scope(connection, account_id)
            self.fields = mapped(self.file.header, lead_fields.listed(scope), how.names)
            self.reader = lead_values.reader(scope)
        self.outcome = Outcome()
        self.plan = Plan()
        self.local_numbers: dict[str, str] = {}
        self.differing: list[Differing] = []

    @property
    def is_export(self) -> bool:
        """Whether the file has the columns that every export has."""
        return set(READ_ONLY) <= set(self.file.header)

    @property
    def passed_over(self) -> list[str]:
        """Names of columns that hold nothing for a lead, but for those that every export has."""
        expected = READ_ONLY if self.is_export else ()
        return [
            name for number, name in enumerate(self.file.header) if number not in self.fields and name not in expected
        ]

    def run(
        self, wrong: Callable[[Row, str], None], progress: Callable[[int], None], stop: Callable[[], bool]
    ) -> Outcome:
        """Take all rows in, committed batch by batch, or those until `stop` says so, asked between two batches.

        `wrong` is told of each row that cannot be, and why; `progress` how many bytes of the file are done. Raises
        `LeadError` where the file cannot be read any further."""
        rows, failure = self.file.rows(), None
        while failure is None:
            batch: list[Row] = []
            try:
                for row in islice(rows, BATCH):
                    batch.append(row)  # noqa: PERF402 - an error must not lose those before it
            except LeadError as error:  # what stands above that place is taken in first
                failure = error
            begun = time.monotonic()
            for row, reason in self._store(batch):
                wrong(row, reason)
            progress(self.file.position)
            if failure is None and (not batch or stop()):
                return self.outcome
            time.sleep(BREATH * (time.monotonic() - begun))
        raise failure

    def _store(self, batch: list[Row]) -> list[tuple[Row, str]]:
        """Rows that were wrong, with the reason."""
        for conflict in range(MAX_CONFLICTS):
            done = _Batch(self)
            try:
                with self._parts.database.begin() as connection:
                    done.take(Scope(connection, self._account_id), batch)
                    if self.how.dry_run:
                        raise DryRun
            except DryRun:
                done.changes.clear()
                self.plan.note(done.planned)
            except Unavailable:
                if conflict == MAX_CONFLICTS - 1:
                    raise
                continue
            break
        self.outcome.add(done.outcome)
        self.differing += done.differing[: MOST_DIFFERING - len(self.differing)]
        for lead_id, names in done.changes:
            self._parts.emit(LeadChanged(self._account_id, lead_id, names))
        return done.wrong


class _Batch:
    """Rows that are taken in together."""

    def __init__(self, whole: Import) -> None:
        self._header, self._fields, self._reader = whole.file.header, whole.fields, whole.reader
        self._how, self._tags, self._by, self._plan = whole.how, whole.tags, whole.by, whole.plan
        self._local_numbers = whole.local_numbers
        self._id_column = whole.file.header.index("id") if whole.is_export else None
        self._repeated: list[RowValues] = []
        self._made: set[int] = set()
        self.planned: list[RowValues] = []
        self.differing: list[Differing] = []
        self.outcome = Outcome()
        self.wrong: list[tuple[Row, str]] = []
        self.changes: list[tuple[int, tuple[str, ...]]] = []

    def take(self, scope: Scope, rows: list[Row]) -> None:
        """Make or change a lead for each row."""
        for row in rows:
            try:
                values = self._values(row)
                if self._how.dry_run:
                    self._repeat(scope, values)
                with scope.connection.begin_nested():
                    self._take_one(scope, values)
            except Nameless:
                self.outcome.nameless += 1
            except LeadError as error:
                self.outcome.wrong += 1
                self.outcome.unread += len(row.unread) if len(row.unread) > 1 else 0
                self.wrong.append((row, self._reason(row, error)))

    def _reason(self, row: Row, error: LeadError) -> str:
        """What is wrong, by the file's own names of columns, and with what is there."""
        told = [
            f'{self._header[number]} "{_short(row.cells[number])}": {error.fields[name]}'
            for number, name in self._fields.items()
            if name in error.fields and number < len(row.cells)
        ]
        return " ".join(told) or str(error)

    def _values(self, row: Row) -> RowValues:
        if row.error is not None:
            raise LeadError(row.error)
        width = len(self._header)
        if any(cell.strip() for cell in row.cells[width:]):
            raise LeadError(f"There are {len(row.cells)} cells, but the file has {width} columns.")
        given = {
            name: plain(row.cells[number]).strip() for number, name in self._fields.items() if number < len(row.cells)
        }
        values = self._reader.read({name: text for name, text in given.items() if text})
        self._note_number(given.get("phone", ""), values.columns.get("phone"))
        return RowValues(values.columns, values.tags, values.custom, row.line, self._written_of(row))

    def _written_of(self, row: Row) -> int | None:
        """The number of the lead that a row of an export is of."""
        if self._id_column is None or self._id_column >= len(row.cells):
            return None
        text = row.cells[self._id_column].strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID else None

    def _note_number(self, text: str, number: str | None) -> None:
        if number and len(self._local_numbers) < MOST_NUMBERS and e164(text, None) is None:
            self._local_numbers[text] = number

    def _take_one(self, scope: Scope, values: RowValues) -> None:
        lead_id, names, made = self._take(scope, values)
        self.outcome.made += made
        self.outcome.changed += not made and bool(names)
        self.outcome.as_before += not names
        if names:
            self.changes.append((lead_id, names))
            self.planned.append(values)
        if not made:
            self._compare(scope, lead_id, values)

    def _compare(self, scope: Scope, lead_id: int, values: RowValues) -> None:
        """What of the row its lead has not taken over, though it was filled in as far as may be."""
        lead = leads.get(scope, lead_id)
        if not_taken := contradicted(lead, values.columns):
            self.outcome.differing += 1
            number = None if self._how.dry_run and lead_id in self._made else lead_id
            self.differing.append(Differing(values.line, number, lead["name"], not_taken))

    def _repeat(self, scope: Scope, values: RowValues) -> None:
        """What batches before, which were undone, would have made of this person."""
        for earlier in self._plan.earlier(values):
            if not any(earlier is each for each in self._repeated):
                self._repeated.append(earlier)
                with suppress(LeadError), scope.connection.begin_nested():
                    self._take(scope, earlier)

    def _take(self, scope: Scope, values: RowValues) -> tuple[int, tuple[str, ...], bool]:
        """The lead, the names of what is new of it, and whether it was made."""
        lead_id = known(scope, values, values.lead_id)
        if lead_id is not None:
            names = lead_values.update(scope, lead_id, self._missing(scope, lead_id, values), self._by)
            return lead_id, names, False
        tags = lead_tags.read_all({*(values.tags or ()), *self._tags})
        lead_id = lead_values.create(scope, LeadValues(values.columns, tags, values.custom), self._by)
        self._made.add(lead_id)
        return lead_id, (*values.columns, *(CUSTOM + name for name in values.custom)), True

    def _missing(self, scope: Scope, lead_id: int, values: LeadValues) -> LeadValues:
        """What of the values is to be changed: all, or what is not known yet; tags only ever come on top."""
        before = leads.get(scope, lead_id)
        tags = lead_tags.read_all({*before["tags"], *(values.tags or ()), *self._tags})
        if self._how.overwrite:
            return LeadValues(values.columns, tags, values.custom)
        columns = {name: value for name, value in values.columns.items() if not before[name]}
        custom = {name: value for name, value in values.custom.items() if name not in before["custom"]}
        return LeadValues(columns, tags, custom)


def _short(cell: str) -> str:
    text = " ".join(plain(cell).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
