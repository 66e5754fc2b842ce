"""Works one conversation off: takes the lease, answers and sends until nothing waits, gives the lease back."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog

from receptionist.contracts.live import LiveEvent
from receptionist.db import AnyRow, Scope
from receptionist.errors import MISTAKES, Interrupted, Unavailable
from receptionist.models import Turn
from receptionist.parts import Parts
from receptionist.pipeline import attachments, queueing
from receptionist.pipeline.burst import wait_seconds
from receptionist.pipeline.giving_up import give_up
from receptionist.pipeline.lease import FenceLost, Lease, LeaseKeeper, release, release_until, take
from receptionist.pipeline.look import Known, View, load, look
from receptionist.pipeline.outbox import Outbox
from receptionist.pipeline.record import Recorded
from receptionist.pipeline.rush import Pace
from receptionist.pipeline.share import Share, Work
from receptionist.pipeline.summariser import Summariser
from receptionist.pipeline.suspects import Suspects
from receptionist.pipeline.turn import Attempt, Turns
from receptionist.services.conversations.known_sessions import KnownSessions
from receptionist.services.leads.known_leads import KnownLeads

OVERTIME = 5.0
"""Seconds after a turn's deadline in which its lease is still renewed; a model plugin that hangs then loses it."""

MAX_ATTEMPTS = 3
"""Workers that may die, or fail with a bug, over the same messages before these are failed."""

SUSPECT_ATTEMPTS = MAX_ATTEMPTS - 1
"""From then on a conversation is worked on alone among its like, one message in a turn: what kills workers takes
neither other conversations nor the other messages of its own along."""

log = structlog.get_logger()


class HandBack(Interrupted):
    """The process is about to end: another worker goes on."""


class Drain:
    """Made once per process; called with a conversation's id, from any thread. Never raises."""

    def __init__(self, parts: Parts, keeper: LeaseKeeper, turns: Turns, summariser: Summariser, owner: str) -> None:
        self._parts = parts
        self._keeper = keeper
        self._turns = turns
        self._summariser = summariser
        self._outbox = Outbox(parts)
        settings = parts.settings
        self._known = Known(
            KnownLeads(settings.max_cache_size), KnownSessions(settings.max_cache_size, settings.session_ttl_hours)
        )
        self._share = Share(parts.database, parts.settings.worker_threads)
        self._owner = owner
        self._suspects = Suspects(parts)
        self.pace = Pace()
        self.stopping = threading.Event()
        """Set: nothing new is begun."""
        self.cut_off = threading.Event()
        """Set: running answers are handed back."""

    def __call__(self, conversation_id: int) -> None:
        """Work the conversation off, or return at once if somebody else does: the holder will see all rows.

        An account that has its share of this process's threads is worked on later, by a thread of its own."""
        if self.stopping.is_set():
            return
        try:
            account_id = self._share.account_of(conversation_id)
        except Exception:  # whatever the database does: the sweeper will ring again
            log.exception("account_not_found", conversation=conversation_id)
            return
        work = self._share.enter(account_id, conversation_id)
        while work is not None:
            try:
                self._begin(work)
            finally:
                work = self._share.leave(work, go_on=not self.stopping.is_set())

    def _begin(self, work: Work) -> None:
        """Work it off when its turn has come; leave it to others if the process is about to end by then."""
        self.pace.begin(work.account_id)
        if self.stopping.is_set():
            self._parts.ring(work.conversation_id)
        elif not self._work_off(work.conversation_id):
            self.pace.unused(work.account_id)

    def _work_off(self, conversation_id: int) -> bool:
        """False if there was nothing to do, or somebody else does it."""
        try:
            taken = self._take(conversation_id)
        except Exception:  # whatever the database does: the sweeper will ring again
            log.exception("lease_not_taken", conversation=conversation_id)
            return False
        if taken is None:
            return False
        try:
            self._hold(*taken)
        finally:
            self._suspects.leave(taken[0])
        if taken[0].strict:
            self._ring_next(taken[0])
        return True

    def _take(self, conversation_id: int) -> tuple[Lease, View] | None:
        if self._keeper.at_work(conversation_id):  # a process that was frozen has not died
            return None
        lease = None
        try:
            with self._parts.database.begin() as connection:
                lease = take(connection, conversation_id, self._owner, self._parts.settings.lease_seconds)
                if lease is None:
                    return None
                scope = Scope(connection, lease.account_id)
                if lease.strict:
                    queueing.must_be_first(scope, lease)
                view = load(scope, lease, self._known)
                if lease.attempts == SUSPECT_ATTEMPTS:
                    self._suspects.enter(lease)
            return lease, view
        except queueing.NotYet:
            return None
        except BaseException:  # not committed after all
            if lease is not None:
                self._suspects.leave(lease)
            raise

    def _ring_next(self, lease: Lease) -> None:
        """Customers of this line are answered one after the other: the next one may come now."""
        try:
            with self._parts.database.read(once=True) as connection:
                following = queueing.first(Scope(connection, lease.account_id), lease.line_id)
        except Unavailable:
            return  # the sweeper will ring
        if following is not None and following != lease.conversation_id:
            self._parts.ring(following)

    def _hold(self, lease: Lease, view: View) -> None:
        self._keeper.add(lease)
        lost = False
        try:
            self._work(lease, view)
        except FenceLost:
            log.warning("fence_lost", conversation=lease.conversation_id)
            lost = True
        except HandBack:
            self._give_back(lease, due_in=0.0)
        except Unavailable:
            log.warning("database_unavailable", conversation=lease.conversation_id)
            self._give_back(lease, due_in=2.0)
        except MISTAKES:  # a bug here or in a plugin: counted like a death, tried again later, then failed
            log.exception("drain_failed", conversation=lease.conversation_id)
            self._count_failure(lease)
        finally:
            self._keeper.remove(lease)
        if lost:  # who rang meanwhile was told that this thread is at work
            self._parts.ring(lease.conversation_id)

    def _work(self, lease: Lease, view: View) -> None:
        """Until nothing waits: unsent messages first, then the rest of the burst, then a turn."""
        attempt = None
        if not view.waiting and not view.unsent:  # woken for something recorded elsewhere, such as a person's words
            self._parts.bus.publish((lease.line_id, lease.address), LiveEvent("sync"))
        while True:
            self._may_begin(lease)
            if view.unsent and not self._deliver(lease, view.unsent, then_release=not view.waiting):
                return
            if view.waiting and not self._wait(lease, view):
                attempt = attempt or Attempt(time.monotonic() + self._parts.settings.turn_seconds)
                lease.work_until = attempt.deadline + OVERTIME
                view = self._narrowed(lease, view)
                recorded = self._turn(lease, view, attempt)
                if recorded is not None:
                    attempt = None
                    self._summariser.consider(lease, view)
                    if recorded.released or not self._deliver_reply(lease, recorded):
                        return
            elif not view.waiting and self._close(lease, view):
                return
            view = self._look(lease)

    def _turn(self, lease: Lease, view: View, attempt: Attempt) -> Recorded | None:
        """One turn; None if a newer message came and it must begin anew with all that waits now."""
        try:
            if lease.attempts >= MAX_ATTEMPTS:
                return self._turns.fail(lease, view, f"its worker died or failed {lease.attempts} times")
            whole = self._with_files(lease, view, attempt)
            if whole is not view and whole.unsent:  # came while files were fetched, and goes out first
                return None
            lease.seen_seq = max((row.seq for row in whole.waiting), default=0)
            return self._turns.run(lease, whole, attempt, lambda: self._may_go_on(lease))
        except (FenceLost, HandBack):
            raise
        except Interrupted as error:
            attempt.restarts_left -= 1
            if attempt.restarts_left < -1:
                raise RuntimeError("an answer was interrupted that nothing may interrupt any more") from error
            return None

    def _narrowed(self, lease: Lease, view: View) -> View:
        """What a suspect's turn may look at: only the oldest message; of one that acted before its worker died what it
        saw then, as none of that may be acted on again, and nothing that came later ends with it."""
        if lease.attempts < SUSPECT_ATTEMPTS:
            return view
        if lease.turn_id is None:
            return view.oldest_alone()
        with self._parts.database.read(once=True) as connection:
            statement = Scope(connection, lease.account_id).select(Turn, Turn.trace).where(Turn.id == lease.turn_id)
            trace = connection.execute(statement).scalar() or {}
        return view.up_to(trace["seen_seq"]) if trace.get("seen_seq") else view

    def _with_files(self, lease: Lease, view: View, attempt: Attempt) -> View:
        """The view with the files that came along stored, those that came meanwhile, too; the same one where there
        are none."""
        if not any(row.attachments for row in view.waiting):
            return view
        line = self._parts.directory.office(lease.account_id, lease.revision).lines.get(lease.line_id)
        begun, before = time.monotonic(), attempt.files
        until = begun + attachments.FETCH_SECONDS - before
        while line is not None and attachments.fetch_all(self._parts, lease, line, view.waiting, until):
            attempt.files = before + time.monotonic() - begun
            view = self._narrowed(lease, self._look(lease))
        return view

    def _close(self, lease: Lease, view: View) -> bool:
        """Nothing waits: say, where it is due, that nobody could come, else give the lease back; True if it went."""
        if not lease.person_is_late:
            return self._done(lease)
        recorded = self._turns.nobody_came(lease, view)
        return recorded.released or not self._deliver_reply(lease, recorded)

    def _deliver_reply(self, lease: Lease, recorded: Recorded) -> bool:
        begun = next((row.id for row in recorded.unsent if row.state == "sending"), None)
        return not recorded.unsent or self._deliver(lease, recorded.unsent, begun=begun, then_release=not recorded.more)

    def _deliver(self, lease: Lease, unsent: Sequence[AnyRow], *, then_release: bool, begun: int | None = None) -> bool:
        """Send what is unsent; False if the lease was given back: all is done, or the rest must wait."""
        office = self._parts.directory.office(lease.account_id, lease.revision)
        line = office.lines.get(lease.line_id)
        if line is None:
            give_up(self._parts, lease, office.no_line(lease.line_id))
            return True
        delivered = self._outbox.deliver(
            lease,
            line,
            unsent,
            lambda: self._may_go_on(lease),
            ask=lease.attempts < MAX_ATTEMPTS,
            begun=begun,
            then_release=then_release,
        )
        if delivered.retry_in is not None:
            self._give_back(lease, due_in=delivered.retry_in)
        return delivered.retry_in is None and not delivered.released

    def _wait(self, lease: Lease, view: View) -> bool:
        """Wait for the rest of a burst; True if there was something to wait for."""
        office = self._parts.directory.office(lease.account_id, lease.revision)
        line, strategy = office.lines.get(lease.line_id), office.strategy(lease.line_id, lease.lead_strategy_id)
        if line is None or strategy is None:
            return False
        burst = strategy.fields.burst_seconds
        if burst is None:
            burst = self._parts.channels[line.channel].capabilities.burst_seconds
        seconds = wait_seconds([(row.text, row.created_at) for row in view.waiting], burst, view.at)
        if seconds > 0:
            lease.newer.clear()
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and not lease.newer.wait(min(left, 0.2)):
                self._may_begin(lease)
        return seconds > 0

    def _count_failure(self, lease: Lease) -> None:
        lease.attempts += 1
        if lease.attempts > MAX_ATTEMPTS + 1:  # not even the apology could be recorded
            try:
                give_up(self._parts, lease, "its worker failed again and again")
                lease.attempts = 0  # what comes from now on was never tried
            except Exception:  # what fails again and again may fail here, too; it is tried again later
                log.warning("not_given_up", conversation=lease.conversation_id, exc_info=True)
        self._give_back(lease, due_in=2.0 ** min(lease.attempts, 5))

    def _look(self, lease: Lease) -> View:
        with self._parts.database.begin() as connection:
            return look(Scope(connection, lease.account_id), lease, self._known)

    def _done(self, lease: Lease) -> bool:
        with self._parts.database.begin() as connection:
            return release(Scope(connection, lease.account_id), lease)

    def _give_back(self, lease: Lease, due_in: float) -> None:
        try:
            with self._parts.database.begin() as connection:
                release_until(Scope(connection, lease.account_id), lease, due_in)
        except Unavailable:  # not a death: given back as soon as the database is there, before it runs out
            log.warning("lease_not_given_back", conversation=lease.conversation_id)
            self._keeper.give_back_later(lease, due_in)

    def _may_begin(self, lease: Lease) -> None:
        if self.stopping.is_set():
            raise HandBack("the process is about to end")
        self._may_go_on(lease)

    def _may_go_on(self, lease: Lease) -> None:
        if lease.lost.is_set():
            raise FenceLost("another worker took the conversation over")
        if self.cut_off.is_set():
            raise HandBack("the process is about to end")
