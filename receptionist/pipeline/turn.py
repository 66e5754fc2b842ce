"""Steps 6 to 8: brief an agent, let it answer, record the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from receptionist.agents.agent import Answer
from receptionist.agents.brief import Brief, prompt_context
from receptionist.agents.factory import AgentFactory
from receptionist.agents.history import trimmed
from receptionist.agents.hours import is_open
from receptionist.contracts.channel import Line
from receptionist.contracts.edits import Draft, PromptContext
from receptionist.contracts.events import MessageFailed, PersonRequested, TurnRecorded
from receptionist.contracts.live import LiveEvent
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import AdminError, Interrupted, ModelError, NotFound, Unavailable
from receptionist.live.recorded import recorded as recorded_event
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease
from receptionist.pipeline.ledger import Ledger
from receptionist.pipeline.look import View
from receptionist.pipeline.record import Outcome, Recorded, Road, record
from receptionist.pipeline.split import split
from receptionist.services.directory import Office, PublishedStrategy
from receptionist.text import storable

log = structlog.get_logger()


@dataclass(slots=True)
class Attempt:
    """How a lease holder stands with the turn it is at: its deadline stays the same when it begins anew."""

    deadline: float
    number: int = 0
    restarts_left: int = 3


class Turns:
    """Runs turns; one per process."""

    def __init__(self, parts: Parts, factory: AgentFactory) -> None:
        self._parts = parts
        self._factory = factory

    def run(self, lease: Lease, view: View, attempt: Attempt, check: Callable[[], None]) -> Recorded:
        """Answer all that waits and record it. Raises `Interrupted` (begin anew, or hand back) or `FenceLost`."""
        attempt.number += 1
        lease.newer.clear()
        office = self._parts.directory.office(lease.account_id, lease.revision)
        line, strategy = _line(office, lease), office.strategy(lease.line_id, lease.lead_strategy_id)
        stage = _Stage(self._parts, lease, line, view, attempt, check)
        outcome = stage.refusal(office, strategy)
        if outcome is None and strategy is not None:
            outcome = stage.answer(self._factory, office, strategy)
        assert outcome is not None
        return stage.close(outcome)

    def fail(self, lease: Lease, view: View, reason: str) -> Recorded:
        """Give up on what waits: a fixed apology for the customer, the failed list for the admin."""
        office = self._parts.directory.office(lease.account_id, lease.revision)
        stage = _Stage(self._parts, lease, _line(office, lease), view, Attempt(0.0, restarts_left=0), lambda: None)
        return stage.close(stage.apology(office.strategy(lease.line_id, lease.lead_strategy_id), reason))


class _Stage:
    """One turn while it runs."""

    def __init__(
        self, parts: Parts, lease: Lease, line: Line | None, view: View, attempt: Attempt, check: Callable[[], None]
    ) -> None:
        self._parts, self._lease, self._line, self._view = parts, lease, line, view
        self._attempt, self._check = attempt, check
        self._begun = time.monotonic()
        self._ticket = lease.fence * 1000 + attempt.number
        self._topic = (lease.line_id, lease.address)
        self._ledger: Ledger | None = None

    def refusal(self, office: Office, strategy: PublishedStrategy | None) -> Outcome | None:
        """The outcome of a turn that no agent may answer; None if one may."""
        if self._line is None:
            return self._silence(strategy) or self.apology(strategy, "the line is not active")
        if strategy is None:
            reason = office.no_strategy(self._lease.line_id, self._lease.lead_strategy_id)
            return self._silence(strategy) or self._refused(self._line.fallback_text, reason)
        if (outcome := self._silence(strategy)) is not None:
            return outcome
        if self._lease.credits is not None and self._lease.credits < 1:
            return self._refused(strategy.fields.fallback_text, "no credits left", strategy)
        return self._closed(office, strategy)

    def _silence(self, strategy: PublishedStrategy | None) -> Outcome | None:
        version = strategy.version_id if strategy else None
        if self._lease.opted_out:
            return Outcome("silent", (), error="the customer opted out", strategy_version_id=version)
        if self._lease.with_person:
            return Outcome("silent", (), error="a person has the conversation", strategy_version_id=version)
        return None

    def _closed(self, office: Office, strategy: PublishedStrategy) -> Outcome | None:
        """Outside opening hours a fixed text answers, once, where the strategy says so."""
        fields = strategy.fields
        if fields.outside_hours == "answer":
            return None
        zone = ZoneInfo(fields.timezone or office.timezone)
        if is_open(fields, datetime.now(zone)):
            return None
        reason, text = "outside opening hours", fields.outside_hours_text
        said = [row.text for row in self._view.past if row.direction == "out"][-1:]
        if said == [text]:
            return Outcome("silent", (), error=f"{reason}, which was said", strategy_version_id=strategy.version_id)
        parts = self._parts_of(text)
        return Outcome("done", parts, error=reason, strategy_version_id=strategy.version_id, person=reason)

    def _refused(self, text: str, reason: str, strategy: PublishedStrategy | None = None) -> Outcome:
        """No agent may answer: a fixed text for the customer, the failed list and a person for the rest."""
        log.warning("turn_refused", conversation=self._lease.conversation_id, reason=reason)
        version = strategy.version_id if strategy else None
        return Outcome("failed", self._parts_of(text), error=reason, strategy_version_id=version, person=reason)

    def answer(self, factory: AgentFactory, office: Office, strategy: PublishedStrategy) -> Outcome:
        """Let an agent answer; the apology if it cannot."""
        assert self._line is not None
        context = self._context(office, strategy)
        veto = self._parts.plugins.first("veto_answer", context=context)
        if veto is not None:
            return Outcome("silent", (), error=str(veto), strategy_version_id=strategy.version_id)
        self._publish(LiveEvent("typing", {"turn": self._ticket}))
        self._ledger = Ledger(self._parts, self._lease, strategy.version_id)
        try:
            answer = self._ask(factory, self._brief(office, strategy, context))
        except (ModelError, AdminError) as error:
            return self.apology(strategy, str(error))
        except BaseException:
            self._withdraw()
            raise
        return self._done(answer, strategy, context, office.metered)

    def apology(self, strategy: PublishedStrategy | None, reason: str) -> Outcome:
        """The fixed text for the customer, the reason for the admin."""
        log.warning("turn_failed", conversation=self._lease.conversation_id, reason=reason)
        fields = strategy.fields if strategy else StrategyFields()
        version = strategy.version_id if strategy else None
        parts = self._parts_of(fields.apology_text) if self._line else [fields.apology_text]
        return Outcome("failed", parts, error=reason, strategy_version_id=version)

    def close(self, outcome: Outcome) -> Recorded:
        """Record the outcome and tell who watches. Raises `Newer` or `FenceLost`."""
        try:
            recorded = record(
                self._parts,
                self._lease,
                replace(outcome, ticket=self._ticket, seconds=time.monotonic() - self._begun),
                self._view.waiting,
                self._road(),
                restartable=self._attempt.restarts_left > 0 and not self._acted and outcome.state != "failed",
                more=bool(self._view.held_back),
            )
        except BaseException:
            self._withdraw()
            raise
        self._tell(outcome, recorded)
        return recorded

    @property
    def _acted(self) -> bool:
        return self._ledger is not None and self._ledger.acted

    @property
    def _channel(self) -> Any:
        assert self._line is not None
        return self._parts.channels[self._line.channel]

    def _parts_of(self, text: str) -> list[str]:
        return split(text, self._channel.capabilities.text_limit, self._channel.length)

    def _road(self) -> Road:
        if self._line is not None and self._channel.capabilities.delivery == "pull":
            return Road.FETCHED
        if self._line is not None and self._channel.can_tell(self._line) and not self._view.unsent:
            return Road.SENT_NOW
        return Road.SENT_CAREFULLY

    def _publish(self, event: LiveEvent) -> None:
        """Show it to who watches; nobody watches where messages are sent."""
        if self._road() is Road.FETCHED:
            self._parts.bus.publish(self._topic, event)

    def _ask(self, factory: AgentFactory, brief: Brief) -> Answer:
        assert self._ledger is not None
        agent = factory.create_agent(brief, self._ledger)
        try:
            return agent.answer()
        finally:
            agent.dispose()

    def _done(self, answer: Answer, strategy: PublishedStrategy, context: PromptContext, metered: bool) -> Outcome:
        draft = Draft(answer.text)
        for _ in self._parts.plugins.each("edit_reply", draft=draft, context=context):
            pass
        text = storable(draft.text).strip() or storable(answer.text)
        return Outcome(
            "done",
            self._parts_of(text),
            model=answer.model,
            usage=answer.usage,
            strategy_version_id=strategy.version_id,
            charged=metered,
        )

    def _context(self, office: Office, strategy: PublishedStrategy) -> PromptContext:
        assert self._line is not None
        first = not any(row.direction == "out" for row in self._view.past)
        conversation = {
            "id": self._lease.conversation_id,
            "first_reply": first,
            "interaction_count": self._lease.interaction_count,
        }
        line = {"title": self._line.title, "channel": self._line.channel}
        message = "\n".join(row.text for row in self._view.waiting)
        return prompt_context(office, strategy, line, self._view.lead, conversation, message)

    def _brief(self, office: Office, strategy: PublishedStrategy, context: PromptContext) -> Brief:
        return Brief(
            office=office,
            strategy=strategy,
            context=context,
            lead=self._view.lead,
            conversation_id=self._lease.conversation_id,
            history=trimmed(self._view.past, self._view.waiting, self._parts.settings.history_tokens),
            deadline=self._attempt.deadline,
            check=self._wanted,
            show=self._show,
            withdraw=self._withdraw,
        )

    def _wanted(self) -> None:
        """Raises `Interrupted` if the answer is not wanted any more."""
        self._check()
        if self._lease.newer.is_set() and self._attempt.restarts_left > 0 and not self._acted:
            raise Interrupted("a newer message came")

    def _show(self, text: str) -> None:
        if self._channel.capabilities.streaming:
            self._parts.bus.delta(self._topic, self._ticket, text)

    def _withdraw(self) -> None:
        self._publish(LiveEvent("reset", {"turn": self._ticket}))

    def _tell(self, outcome: Outcome, recorded: Recorded) -> None:
        lease = self._lease
        for row in recorded.replies:
            if row.state == "sent":  # the customer may have changed address since the turn began
                event = recorded_event(row.id, "out", row.text, row.created_at, author="agent", turn=self._ticket)
                self._parts.bus.publish((lease.line_id, row.address), event)
        if not any(row.state == "sent" for row in recorded.replies):
            self._withdraw()
        seconds = time.monotonic() - self._begun
        failed = outcome.state == "failed"
        self._parts.emit(TurnRecorded(lease.account_id, lease.conversation_id, recorded.turn_id, seconds, failed))
        if failed:
            for row in self._view.waiting:
                self._parts.emit(
                    MessageFailed(lease.account_id, lease.conversation_id, row.id, outcome.error or "failed")
                )
        if outcome.person is not None:
            self._parts.emit(PersonRequested(lease.account_id, lease.conversation_id, outcome.person, ""))


def _line(office: Office, lease: Lease) -> Line | None:
    try:
        return office.line(lease.line_id)
    except (NotFound, Unavailable):
        return None
