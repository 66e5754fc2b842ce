"""Takes leads in from a CSV file: known ones are filled in, others are made; the same file twice changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

import sqlalchemy as sa

from receptionist.contracts.events import LeadChanged
from receptionist.db import Scope
from receptionist.errors import LeadError, Unavailable
from receptionist.models import Lead, LeadWord
from receptionist.parts import Parts
from receptionist.phones import e164
from receptionist.services.leads import lead_addresses, lead_fields, lead_tags, lead_values, lead_words, leads
from receptionist.services.leads.csv_file import CsvFile, Row
from receptionist.services.leads.lead_cells import READ_ONLY, mapped, plain
from receptionist.services.leads.lead_plan import Plan
from receptionist.services.leads.lead_values import CUSTOM, LeadValues

BATCH = 100
"""Rows committed together: a tenth of a second, in which messages wait."""
BREATH = 0.15
"""The share of the time in which others may write, between two batches."""
MAX_CONFLICTS = 5
MOST_NUMBERS = 3
"""Phone numbers without a country code that are told with how they were read."""
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
    """What became of the rows of a file; `nameless` ones were passed over, for they tell of nobody."""

    made: int = 0
    changed: int = 0
    as_before: int = 0
    wrong: int = 0
    nameless: int = 0

    def __str__(self) -> str:
        return f"{self.made} new, {self.changed} changed, {self.as_before} as before, {self.wrong} wrong"


class DryRun(Exception):
    """Undoes a transaction."""


class Nameless(LeadError):
    """A row tells of nobody: no e-mail, no phone, no name or company with a letter. Exports have such rows, of visitors
    who never said who they are."""


class Import:
    """One file on its way into an account. Raises `LeadError` if it cannot be read or names nobody.

    `local_numbers`: the first phone numbers without a country code, and how they were read."""

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

    @property
    def passed_over(self) -> list[str]:
        """Names of columns that hold nothing for a lead, but for those that every export has."""
        header = self.file.header
        expected = READ_ONLY if set(READ_ONLY) <= set(header) else ()
        return [name for number, name in enumerate(header) if number not in self.fields and name not in expected]

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
        for name in ("made", "changed", "as_before", "wrong", "nameless"):
            setattr(self.outcome, name, getattr(self.outcome, name) + getattr(done.outcome, name))
        for lead_id, names in done.changes:
            self._parts.emit(LeadChanged(self._account_id, lead_id, names))
        return done.wrong


class _Batch:
    """Rows that are taken in together."""

    def __init__(self, whole: Import) -> None:
        self._header, self._fields, self._reader = whole.file.header, whole.fields, whole.reader
        self._how, self._tags, self._by, self._plan = whole.how, whole.tags, whole.by, whole.plan
        self._local_numbers = whole.local_numbers
        self._repeated: list[LeadValues] = []
        self.planned: list[LeadValues] = []
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
                self.wrong.append((row, self._reason(row, error)))

    def _reason(self, row: Row, error: LeadError) -> str:
        """What is wrong, by the file's own names of columns, and with what is there."""
        told = [
            f'{self._header[number]} "{_short(row.cells[number])}": {error.fields[name]}'
            for number, name in self._fields.items()
            if name in error.fields and number < len(row.cells)
        ]
        return " ".join(told) or str(error)

    def _values(self, row: Row) -> LeadValues:
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
        return values

    def _note_number(self, text: str, number: str | None) -> None:
        if number and len(self._local_numbers) < MOST_NUMBERS and e164(text, None) is None:
            self._local_numbers[text] = number

    def _take_one(self, scope: Scope, values: LeadValues) -> None:
        lead_id, names, made = self._take(scope, values)
        self.outcome.made += made
        self.outcome.changed += not made and bool(names)
        self.outcome.as_before += not names
        if names:
            self.changes.append((lead_id, names))
            self.planned.append(values)

    def _repeat(self, scope: Scope, values: LeadValues) -> None:
        """What batches before, which were undone, would have made of this person."""
        for earlier in self._plan.earlier(values):
            if not any(earlier is each for each in self._repeated):
                self._repeated.append(earlier)
                with suppress(LeadError), scope.connection.begin_nested():
                    self._take(scope, earlier)

    def _take(self, scope: Scope, values: LeadValues) -> tuple[int, tuple[str, ...], bool]:
        """The lead, the names of what is new of it, and whether it was made."""
        lead_id = known(scope, values)
        if lead_id is not None:
            names = lead_values.update(scope, lead_id, self._missing(scope, lead_id, values), self._by)
            return lead_id, names, False
        tags = lead_tags.read_all({*(values.tags or ()), *self._tags})
        lead_id = lead_values.create(scope, LeadValues(values.columns, tags, values.custom), self._by)
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


def known(scope: Scope, values: LeadValues) -> int | None:
    """The lead that a row is about: the one with its e-mail or phone, or, of a row with neither, one of the very same
    name and company that has neither. Raises `LeadError` if these are several, and `Nameless`."""
    columns = values.columns
    found = {kind: _with(scope, kind, columns[kind]) for kind in lead_addresses.KINDS if columns.get(kind)}
    ids = {lead_id for lead_id in found.values() if lead_id is not None}
    if len(ids) > 1:
        raise LeadError(f"The e-mail is lead {found['email']}'s and the phone lead {found['phone']}'s; merge the two.")
    return next(iter(ids), None) if found else _alike(scope, columns)


def _with(scope: Scope, kind: str, value: str) -> int | None:
    """Whose address it is: who proved it, or else who merely said so."""
    if (lead_id := lead_addresses.holder(scope, kind, value)) is not None:
        return lead_id
    ids = [lead_id for _, lead_id in lead_addresses.given(scope, kind, [lead_addresses.key(kind, value)])]
    if len(ids) > 1:
        raise LeadError(f"The {kind} is said to be lead {ids[0]}'s and lead {ids[1]}'s; merge the two.")
    return ids[0] if ids else None


def _alike(scope: Scope, columns: Mapping[str, Any]) -> int | None:
    name, company = columns.get("name"), columns.get("company")
    words = lead_words.of(name, None, None, company)
    if not words:
        raise Nameless("There is nothing to tell who it is: no name, company, e-mail or phone.")
    rarest = max(words, key=len)
    named = scope.select(LeadWord, LeadWord.lead_id).where(LeadWord.word == rarest)
    same = scope.select(Lead, Lead.id).where(
        Lead.id.in_(named),
        *(
            column == value if value else column.is_(None)
            for column, value in ((Lead.name, name), (Lead.company, company))
        ),
        sa.and_(Lead.email.is_(None), Lead.phone.is_(None), Lead.merged_into_id.is_(None)),
    )
    row = scope.first(same.order_by(Lead.id).limit(1))
    return int(row.id) if row is not None else None
