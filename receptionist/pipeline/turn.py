"""Steps 6 to 8: brief an agent, let it answer, record the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import structlog

from receptionist.agents.agent import Answer
from receptionist.agents.brief import Brief, prompt_context
from receptionist.agents.choices import chosen, numbered
from receptionist.agents.edited import edited
from receptionist.agents.factory import AgentFactory
from receptionist.agents.history import halved, trimmed
from receptionist.agents.memory import goal_values
from receptionist.agents.take_message import answered_again
from receptionist.agents.trace import Trace
from receptionist.contracts.channel import Line
from receptionist.contracts.edits import PromptContext
from receptionist.contracts.live import LiveEvent
from receptionist.contracts.model import Said, Usage
from receptionist.db import Scope
from receptionist.errors import AdminError, Interrupted, ModelError, NotFound, Unavailable
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease
from receptionist.pipeline.ledger import Ledger
from receptionist.pipeline.look import View
from receptionist.pipeline.memories import MemoryRow
from receptionist.pipeline.post import PostOffice
from receptionist.pipeline.record import Outcome, Recorded, Road, record
from receptionist.pipeline.refusals import Refusals
from receptionist.pipeline.split import split
from receptionist.pipeline.telling import events_of, show_replies
from receptionist.pipeline.usage import UsageBook
from receptionist.pipeline.usage_rows import Amount
from receptionist.services import prices
from receptionist.services.conversations import conversations
from receptionist.services.directory import Office, PublishedStrategy
from receptionist.text import bounded

log = structlog.get_logger()

MOST_PARTS = 10
"""Messages of one reply: each costs money on some channels, and anybody may ask a model for a novel."""
LONGEST_MODEL = 120
"""Characters of a model's name."""
LONGEST_REASON = 2000
"""The same of why a turn failed, and of what the agent may not say."""


@dataclass(slots=True)
class Attempt:
    """How a lease holder stands with the turn it is at: its deadline stays the same when it begins anew."""

    deadline: float
    restarts_left: int = 3
    spent: dict[str, Usage] = field(default_factory=dict)
    """What models used so far, by model."""
    rounds: list[dict[str, Any]] = field(default_factory=list)
    """The calls of models so far, as in `agents.trace`."""
    files: float = 0.0
    """Seconds in which files that came along were fetched."""


class Turns:
    """Runs turns; one per process."""

    def __init__(self, parts: Parts, factory: AgentFactory, usage: UsageBook) -> None:
        self._parts = parts
        self._factory = factory
        self._usage = usage

    def run(self, lease: Lease, view: View, attempt: Attempt, check: Callable[[], None]) -> Recorded:
        """Answer all that waits and record it. Raises `Interrupted` (begin anew, or hand back) or `FenceLost`."""
        lease.newer.clear()
        stage, refusals = self._prepare(lease, view, attempt, check)
        begun = refusals.refusal() or refusals.reserve(self._usage)
        if isinstance(begun, Outcome):
            return self._refuse(stage, refusals, begun)
        try:
            outcome = stage.answer(self._factory, refusals)
            if outcome.state == "silent":
                return self._refuse(stage, refusals, outcome)
            recorded = stage.close(outcome)
            begun.settle(outcome.usage.input + outcome.usage.output, outcome.cost or 0)
            return recorded
        finally:
            begun.cancel()

    def _refuse(self, stage: _Stage, refusals: Refusals, outcome: Outcome) -> Recorded:
        """Record a turn that counts for no limit on turns; what answers used that were begun before counts all the
        same."""
        outcome = stage.paid(outcome, refusals.office)
        recorded = stage.close(outcome)
        if tokens := outcome.usage.input + outcome.usage.output:
            self._usage.add([subject.key for subject in refusals.subjects()], Amount(0, tokens, outcome.cost or 0))
        return recorded

    def fail(self, lease: Lease, view: View, reason: str) -> Recorded:
        """Give up on what waits: a fixed apology for the customer, the failed list for the admin."""
        stage, refusals = self._prepare(lease, view, Attempt(0.0, restarts_left=0), lambda: None)
        return stage.close(refusals.apology(reason))

    def nobody_came(self, lease: Lease, view: View) -> Recorded:
        """Tell the customer that the person who was promised is not free, and take a message."""
        stage, refusals = self._prepare(lease, view, Attempt(0.0, restarts_left=0), lambda: None)
        return stage.close(refusals.no_person())

    def _prepare(
        self, lease: Lease, view: View, attempt: Attempt, check: Callable[[], None]
    ) -> tuple[_Stage, Refusals]:
        lease.begun += 1
        office = self._parts.directory.office(lease.account_id, lease.revision)
        line, strategy = _line(office, lease), office.strategy(lease.line_id, lease.lead_strategy_id)
        stage = _Stage(self._parts, lease, line, view, attempt, check)
        return stage, Refusals(lease, line, view, office, strategy, stage.parts_of, self._parts.database)


class _Stage:
    """One turn while it runs."""

    def __init__(
        self, parts: Parts, lease: Lease, line: Line | None, view: View, attempt: Attempt, check: Callable[[], None]
    ) -> None:
        self._parts, self._lease, self._line, self._view = parts, lease, line, view
        self._attempt, self._check = attempt, check
        self._begun = time.monotonic()
        self._ticket = _ticket(lease)
        self._topic = (lease.line_id, lease.address)
        self._ledger: Ledger | None = None
        self._trace = Trace(spent=attempt.spent, rounds=attempt.rounds)
        if view.waiting:
            self._trace.took("wait", (view.at - view.waiting[0].created_at).total_seconds())
        if attempt.files:
            self._trace.took("files", attempt.files)

    def answer(self, factory: AgentFactory, refusals: Refusals) -> Outcome:
        """Let an agent answer; the apology, and a message taken, if it cannot."""
        office, strategy = refusals.office, refusals.strategy
        assert self._line is not None
        assert strategy is not None
        context = self._context(office, strategy)
        veto = self._parts.plugins.silence(context)
        if veto is not None:
            return Outcome("silent", (), error=str(veto), strategy_version_id=strategy.version_id)
        self._publish(LiveEvent("typing", {"turn": self._ticket}))
        self._ledger = Ledger(self._parts, self._lease, strategy.version_id)
        try:
            answer = self._ask(factory, self._brief(office, strategy, context))
        except (ModelError, AdminError) as error:
            return self.paid(refusals.unanswered(str(error)), office)
        except BaseException:
            self._withdraw()
            raise
        return self.paid(self._done(answer, strategy, context, office), office)

    def close(self, outcome: Outcome) -> Recorded:
        """Record the outcome and tell who watches. Raises `Newer` or `FenceLost`."""
        outcome = replace(  # both may be a model server's words
            outcome, model=bounded(outcome.model, LONGEST_MODEL), error=bounded(outcome.error, LONGEST_REASON)
        )
        try:
            (self._ledger or Ledger(self._parts, self._lease, outcome.strategy_version_id)).give_up()
            recorded = record(
                self._parts,
                self._lease,
                replace(
                    outcome,
                    ticket=self._ticket,
                    seconds=time.monotonic() - self._begun,
                    trace=self._trace.plain(),
                ),
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

    def parts_of(self, text: str) -> list[str]:
        """A text as messages of the channel; what is more than a reply may be is left out."""
        if self._line is None:
            return [text]
        limit = self._channel.capabilities.text_limit
        parts = split(text[: (MOST_PARTS + 1) * limit], limit, self._channel.length)
        if len(parts) > MOST_PARTS:
            log.warning("reply_cut", conversation=self._lease.conversation_id, characters=len(text))
        return parts[:MOST_PARTS]

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
        with self._trace.step("brief"):
            agent = factory.create_agent(brief, self._ledger)
        try:
            return agent.answer()
        finally:
            agent.dispose()

    def _done(self, answer: Answer, strategy: PublishedStrategy, context: PromptContext, office: Office) -> Outcome:
        text = edited(self._parts.plugins, answer.text, context)
        as_list = len(answer.choices) > self._channel.capabilities.choices
        parts = self.parts_of(numbered(text, answer.choices) if as_list else text)
        whole = text == answer.text.strip() and len(parts) < MOST_PARTS
        return Outcome(
            "done",
            parts,
            choices=answer.choices,
            model=answer.model,
            strategy_version_id=strategy.version_id,
            charged=office.metered,
            person=answer.why,
            withheld=bounded(answer.withheld, LONGEST_REASON),
            memory=answer.memory if whole else None,  # else the vendor's copy is not what was said
            step=answered_again(self._view.session, strategy.fields.tools),
        )

    def paid(self, outcome: Outcome, office: Office) -> Outcome:
        """With what all rounds of the turn used: those of attempts that were begun anew and of models that failed, too,
        each at the price of its model."""
        if not (spent := self._trace.spent):
            return outcome
        usage, cost = reduce(Usage.plus, spent.values()), prices.cost_of_all(office.prices, spent)
        return replace(outcome, model=outcome.model or list(spent)[-1], usage=usage, cost=cost)

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
        return prompt_context(
            office, strategy, line, self._view.lead, conversation, message, goal_values(self._view.session)
        )

    def _brief(self, office: Office, strategy: PublishedStrategy, context: PromptContext) -> Brief:
        history = self._history()
        return Brief(
            office=office,
            strategy=strategy,
            context=context,
            lead=self._view.lead,
            conversation_id=self._lease.conversation_id,
            history=history,
            messages=(*self._view.past, *self._view.waiting),
            post=PostOffice(self._parts, self._lease, context),
            deadline=self._attempt.deadline,
            check=self._wanted,
            show=self._show if self._channel.capabilities.streaming else None,
            withdraw=self._withdraw,
            session=self._view.session,
            trace=self._trace,
            memory=MemoryRow(self._parts, self._lease, self._view) if strategy.fields.memory == "provider" else None,
            shorter=lambda: self._shorter(history),
        )

    def _history(self) -> list[Said]:
        view = self._view
        history = trimmed(view.past, view.waiting, view.session, self._parts.settings.history_tokens)
        return [*history, *chosen(view.past, view.waiting)]

    def _shorter(self, history: Sequence[Said]) -> list[Said]:
        view, budget = self._view, self._parts.settings.history_tokens
        less = halved(history, view.past, view.waiting, view.session, budget)
        return [*less, *chosen(view.past, view.waiting)]

    def _wanted(self) -> None:
        """Raises `Interrupted` if the answer is not wanted any more."""
        self._check()
        if not self._lease.newer.is_set():
            return
        if self._attempt.restarts_left > 0 and not self._acted:
            raise Interrupted("a newer message came")
        self._lease.newer.clear()  # it is answered next, unless it was a person who came
        if self._silenced():
            raise Interrupted("a person took over, or the customer opted out")

    def _silenced(self) -> bool:
        """Whether the agent has nothing to say any more, as far as the database can tell now."""
        with suppress(Unavailable), self._parts.database.read(once=True) as connection:
            row = conversations.find(Scope(connection, self._lease.account_id), self._lease.conversation_id)
            return bool(row.with_person) or row.opted_out_at is not None
        return False

    def _show(self, text: str) -> None:
        self._parts.bus.delta(self._topic, self._ticket, text)

    def _withdraw(self) -> None:
        self._publish(LiveEvent("reset", {"turn": self._ticket}))

    def _tell(self, outcome: Outcome, recorded: Recorded) -> None:
        show_replies(self._parts, self._lease, recorded.replies, self._ticket)
        if not any(row.state == "sent" for row in recorded.replies):
            self._withdraw()
        seconds = time.monotonic() - self._begun
        for event in events_of(self._lease, self._view.waiting, outcome, recorded, seconds):
            self._parts.emit(event)


def _ticket(lease: Lease) -> int:
    """The turn's name in live events: another one for each of the customer's turns, and below 2 to the power of 53,
    which is as far as browsers count."""
    return (lease.conversation_id * 10_000 + lease.fence % 10_000) * 1000 + lease.begun % 1000


def _line(office: Office, lease: Lease) -> Line | None:
    try:
        return office.line(lease.line_id)
    except (NotFound, Unavailable):
        return None
