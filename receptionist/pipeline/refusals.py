"""Who may not be answered by an agent, and the fixed words that are said instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from receptionist.agents import take_message
from receptionist.agents.hours import is_open, open_intervals
from receptionist.agents.take_message import Situation, Step
from receptionist.contracts.channel import Line
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow, Database, Scope, prepared
from receptionist.localtime import local_now
from receptionist.models import Message, Turn, table
from receptionist.pipeline import loops
from receptionist.pipeline.lease import Lease
from receptionist.pipeline.look import View
from receptionist.pipeline.record import Outcome
from receptionist.pipeline.usage import Reached, Reservation, Subject, UsageBook
from receptionist.pipeline.usage_rows import Key
from receptionist.services.directory import Office, PublishedStrategy

CLOSED_AT_MOST = timedelta(days=60)
"""How far back it is looked whether the business was open since the customer was told that it is closed."""

LIMIT = " has reached its limit of "
"""What the reason of a turn says that a limit refused, before the limit and the day."""

_turns = table(Turn)
REFUSED_BEFORE = prepared(
    sa.select(_turns.c.error)
    .where(_turns.c.conversation_id == sa.bindparam("b_conversation"), _turns.c.error.like(sa.bindparam("b_reason")))
    .order_by(_turns.c.id.desc())
    .limit(1),
    _turns,
)

_messages = table(Message)
SAID_BEFORE = prepared(
    sa.select(
        *(_messages.c[name] for name in ("direction", "author", "text", "state", "error", "replays", "created_at"))
    )
    .where(
        _messages.c.conversation_id == sa.bindparam("b_conversation"),
        _messages.c.seq < sa.bindparam("b_seq"),
        _messages.c.created_at > sa.bindparam("b_since"),
        sa.or_(_messages.c.direction == "in", _messages.c.state.not_in(("failed", "suppressed"))),
    )
    .order_by(_messages.c.seq.desc())
    .limit(loops.LOOKED_AT),
    _messages,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusals:
    """Judges one turn. `line` is None if it is not active, `strategy` if none may answer; `parts_of` cuts a text into
    messages of the channel; the `database` tells of earlier turns."""

    lease: Lease
    line: Line | None
    view: View
    office: Office
    strategy: PublishedStrategy | None
    parts_of: Callable[[str], list[str]]
    database: Database

    def refusal(self) -> Outcome | None:
        """The outcome of a turn that no agent may answer; None if one may, as far as its usage allows."""
        if (outcome := self._silence()) is not None:
            return outcome
        if self.line is None:  # an apology would be one more message that failed, and be sent when it is replayed
            return replace(self.apology(self.office.no_line(self.lease.line_id)), parts=())
        if self.strategy is None:
            reason = self.office.no_strategy(self.lease.line_id, self.lease.lead_strategy_id)
            return self._refused(self.line.fallback_text, reason)
        if self.lease.credits is not None and self.lease.credits < 1:
            return self._refused(self.strategy.fields.fallback_text, "no credits left")
        return self._closed(self.strategy.fields) or self._loop()

    def reserve(self, book: UsageBook) -> Reservation | Outcome:
        """Let the turn begin and count, or its outcome where a limit is reached. Raises `Unavailable`."""
        reached = book.reserve(self.subjects())
        return self._limited(reached) if isinstance(reached, Reached) else reached

    def subjects(self) -> list[Subject]:
        """Whose usage the turn is."""
        day, limits = local_now(self.office.timezone).date(), self.office.limits
        new = self.lease.interaction_count <= len(self.view.waiting)  # never wrote before
        account_id = self.office.id
        return [
            Subject(Key(account_id, day, "lead", self.lease.lead_id), limits.lead, new),
            Subject(Key(account_id, day, "line", self.lease.line_id), limits.line),
            Subject(Key(account_id, day, "account", account_id), limits.account),
        ]

    def apology(self, reason: str) -> Outcome:
        """The fixed text for the customer, the reason for the admin."""
        log.warning("turn_failed", conversation=self.lease.conversation_id, reason=reason)
        parts = self.parts_of(self._fields.apology_text)
        return Outcome("failed", parts, error=reason, strategy_version_id=self._version)

    def unanswered(self, reason: str) -> Outcome:
        """No model could answer: the apology, and what else is to be said until a message is taken.

        What could not be answered is on the failed list, to be replayed; what answers a question of ours is not."""
        apology = self.apology(reason)
        if (step := self._step()) is None:
            return apology
        person = step.person
        if step.taken:
            return replace(apology, state="done", parts=self.parts_of(step.text), step=step, person=person)
        said = "\n".join(filter(None, (self._fields.apology_text, step.text)))
        return replace(apology, parts=self.parts_of(said), step=step, person=person)

    def _step(self) -> Step | None:
        fields, view = self._fields, self.view
        if not fields.take_messages:
            return None
        return take_message.next_step(
            Situation(fields, self.office.country, view.lead, view.session, view.waiting, view.past)
        )

    def no_person(self) -> Outcome:
        """What is said where nobody came; nothing where the customer must not, or cannot, be written to."""
        reason = "nobody came in time"
        if self.line is None or self.strategy is None or self._silence() is not None:
            return Outcome("silent", (), error=reason, strategy_version_id=self._version, nobody_came=True)
        parts = self.parts_of(self.strategy.fields.no_person_text)
        return Outcome("done", parts, error=reason, strategy_version_id=self._version, nobody_came=True)

    @property
    def _fields(self) -> StrategyFields:
        return self.strategy.fields if self.strategy else StrategyFields()

    @property
    def _version(self) -> int | None:
        return self.strategy.version_id if self.strategy else None

    def _silence(self) -> Outcome | None:
        if self.lease.opted_out:
            return Outcome("silent", (), error="the customer opted out", strategy_version_id=self._version)
        if self.lease.with_person:
            return Outcome("silent", (), error="a person has the conversation", strategy_version_id=self._version)
        return None

    def _closed(self, fields: StrategyFields) -> Outcome | None:
        """Where the strategy says so, a fixed text answers outside opening hours, once until the business opens."""
        if fields.outside_hours == "answer":
            return None
        zone = ZoneInfo(fields.timezone or self.office.timezone)
        now = local_now(zone.key)
        if is_open(fields, now):
            return None
        reason, parts = "outside opening hours", self.parts_of(fields.outside_hours_text)
        said = [row for row in self.view.past if row.direction == "out"][-len(parts) :]
        since = max([now - CLOSED_AT_MOST, *(row.created_at for row in said[:1])])
        if [row.text for row in said] == parts and not open_intervals(fields, zone, since, now):
            return Outcome("silent", (), error=f"{reason}, which was said", strategy_version_id=self._version)
        return Outcome("done", parts, error=reason, strategy_version_id=self._version, person=reason)

    def _loop(self) -> Outcome | None:
        """The fixed text once, for a human who was taken for a machine; then silence. The failed list has the message
        that was one too many."""
        loop_turns = self.office.limits.loop_turns
        reason = loops.suspicion(self.view.waiting, self.view.past, loop_turns, self._said_before)
        if reason is None:
            return None
        assert self.strategy is not None
        log.warning("loop_broken", conversation=self.lease.conversation_id, reason=reason)
        return replace(self._refused(self.strategy.fields.fallback_text, reason), silent_for=loops.SILENT)

    def _said_before(self, since: datetime) -> Sequence[AnyRow]:
        """What was said since then, and before the messages that the turn looks at."""
        with self.database.read() as connection:
            scope = Scope(connection, self.lease.account_id)
            values = {"b_conversation": self.lease.conversation_id, "b_seq": self.view.past[0].seq, "b_since": since}
            return scope.execute(SAID_BEFORE, **values).all()[::-1]

    def _limited(self, reached: Reached) -> Outcome:
        """The fixed text once a day in a conversation; every message goes on the failed list, to be replayed. Persons
        are not asked, nor the tasks searched, for what an earlier message told them."""
        assert self.strategy is not None
        whose = f"{reached.key.kind} {reached.key.subject_id}"
        reason = f"{whose}{LIMIT}{reached.limit} on {reached.key.day}"
        log.warning("turn_refused", conversation=self.lease.conversation_id, reason=reason)
        before = self._limited_before(reached.key.day)
        parts = self.parts_of(self.strategy.fields.fallback_text) if before is None else []
        person = None if before == reason else reason
        return Outcome("failed", parts, error=reason, strategy_version_id=self._version, person=person, limit=True)

    def _limited_before(self, day: date) -> str | None:
        """Why a limit refused the newest turn of this conversation that one refused on that day; the same text may have
        had other reasons."""
        with self.database.read() as connection:
            scope = Scope(connection, self.lease.account_id)
            reason = f"%{LIMIT}% on {day}"
            before = scope.execute(REFUSED_BEFORE, b_conversation=self.lease.conversation_id, b_reason=reason)
            return before.scalar()

    def _refused(self, text: str, reason: str) -> Outcome:
        """No agent may answer: a fixed text for the customer, the failed list and a person for the rest."""
        log.warning("turn_refused", conversation=self.lease.conversation_id, reason=reason)
        parts = self.parts_of(text)
        return Outcome("failed", parts, error=reason, strategy_version_id=self._version, person=reason)
