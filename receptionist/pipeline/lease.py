"""Step 5: the right to work on a conversation, held by one worker at a time, in the database.

A lease is taken by one UPDATE that also raises the fence; everything its holder writes later is conditional on
that fence, so a worker that was paused past its lease cannot write. Only the database's clock counts.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog

from receptionist.db import AnyRow, Database, Scope, db_now, prepared
from receptionist.errors import Interrupted
from receptionist.models import Account, Conversation, table

WATCH_SECONDS = 1.0
"""How often holders learn that a newer message came in through another process."""

log = structlog.get_logger()


class FenceLost(Interrupted):
    """Another worker has the conversation now; nothing of this one's work was written."""


@dataclass(eq=False)
class Lease:
    """The right to work on one conversation, as long as `lost` is not set."""

    conversation_id: int
    account_id: int
    lead_id: int
    line_id: int
    address: str
    owner: str
    fence: int
    attempts: int
    turn_id: int | None
    revision: int
    credits: int | None
    next_seq: int
    """The conversation's next `seq` when it was last looked at; a higher one means newer messages."""
    seconds: float
    """How long the lease lasts when it is taken or renewed."""
    work_until: float
    """A reading of `time.monotonic()`: what hangs longer than this loses its lease, for nobody renews it."""
    lost: threading.Event = field(default_factory=threading.Event)
    newer: threading.Event = field(default_factory=threading.Event)


conversations, accounts = table(Conversation), table(Account)

_own = accounts.c.id == conversations.c.account_id

TAKE = (
    sa.update(conversations)
    .where(
        conversations.c.id == sa.bindparam("b_conversation"),
        conversations.c.due_at <= db_now(),
        sa.or_(conversations.c.lease_owner.is_(None), conversations.c.lease_until < db_now()),
    )
    .values(
        lease_owner=sa.bindparam("b_owner"),
        lease_until=db_now(sa.bindparam("b_seconds", type_=sa.Float)),
        fence=conversations.c.fence + 1,
        attempts=conversations.c.attempts + sa.case((conversations.c.lease_owner.is_(None), 0), else_=1),
    )
    .returning(
        *(conversations.c[name] for name in ("account_id", "lead_id", "line_id", "address")),
        *(conversations.c[name] for name in ("fence", "attempts", "turn_id", "next_seq")),
        sa.select(accounts.c.revision).where(_own).scalar_subquery().label("revision"),
        sa.select(accounts.c.credits).where(_own).scalar_subquery().label("credits"),
    )
)

HOLD = prepared(
    sa.update(conversations)
    .where(
        conversations.c.id == sa.bindparam("b_conversation"),
        conversations.c.fence == sa.bindparam("b_fence"),
        conversations.c.lease_owner == sa.bindparam("b_owner"),
    )
    .values(lease_until=db_now(sa.bindparam("b_seconds", type_=sa.Float)))
    .returning(conversations.c.next_seq, conversations.c.address),
    conversations,
)


def take(connection: sa.Connection, conversation_id: int, owner: str, seconds: float) -> Lease | None:
    """Take the lease if there is work and nobody has it; one that its owner let expire counts as an attempt."""
    values = {"b_conversation": conversation_id, "b_owner": owner, "b_seconds": seconds}
    row = connection.execute(TAKE, values).first()
    if row is None:
        return None
    return Lease(conversation_id, owner=owner, **row._mapping, seconds=seconds, work_until=time.monotonic() + seconds)


def guarded(scope: Scope, lease: Lease) -> sa.Update:
    """An UPDATE of the leased conversation that touches nothing once the fence is lost."""
    return scope.update(Conversation).where(
        Conversation.id == lease.conversation_id,
        Conversation.fence == lease.fence,
        Conversation.lease_owner == lease.owner,
    )


def hold(scope: Scope, lease: Lease) -> AnyRow:
    """Make the rest of this transaction conditional on the lease, and renew it. Raises `FenceLost`.

    Returns the conversation's next `seq` and address as they are now."""
    held: AnyRow | None = scope.execute(
        HOLD,
        b_conversation=lease.conversation_id,
        b_fence=lease.fence,
        b_owner=lease.owner,
        b_seconds=lease.seconds,
    ).first()
    if held is None:
        lease.lost.set()
        raise FenceLost("another worker took the conversation over")
    lease.work_until = max(lease.work_until, time.monotonic() + lease.seconds)
    return held


def release(scope: Scope, lease: Lease, *, due_in: float | None = None) -> bool:
    """Give the lease back; False if newer messages came and the holder must go on.

    Looks once more for newer messages in the same statement. `due_in` seconds from now somebody must look
    again; None means the work is done.
    """
    statement = guarded(scope, lease).values(
        lease_owner=None,
        lease_until=None,
        attempts=0 if due_in is None else lease.attempts,
        due_at=None if due_in is None else db_now(due_in),
    )
    if due_in is None:
        statement = statement.where(Conversation.next_seq == lease.next_seq)
    return bool(scope.run(statement))


class LeaseKeeper:
    """One thread per process that renews all leases held here and watches for newer messages."""

    def __init__(self, database: Database, owner: str, seconds: float) -> None:
        self._database = database
        self._owner = owner
        self._seconds = seconds
        self._held: dict[int, Lease] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing; leases still held run out by themselves."""
        self._stopped.set()
        self._thread.join()

    def add(self, lease: Lease) -> None:
        """Renew this lease from now on."""
        with self._lock:
            self._held[lease.conversation_id] = lease

    def remove(self, lease: Lease) -> None:
        """Stop renewing this lease."""
        with self._lock:
            if self._held.get(lease.conversation_id) is lease:
                del self._held[lease.conversation_id]

    def held(self) -> list[Lease]:
        """The leases held by this process."""
        with self._lock:
            return list(self._held.values())

    def rang(self, conversation_id: int) -> None:
        """A message came in through this very process: its holder here is told, unless it saw the message already."""
        with self._lock:
            lease = self._held.get(conversation_id)
        if lease is not None:
            try:
                self._look([lease])
            except Exception:  # not sure: begin anew, which finds out; the ring must never fail
                lease.newer.set()

    def _run(self) -> None:
        renewed = time.monotonic()
        while not self._stopped.wait(WATCH_SECONDS):
            held = self.held()
            try:
                self._look(held)
                if time.monotonic() - renewed >= self._seconds / 3:
                    self._renew(held)
                    renewed = time.monotonic()
            except Exception:  # whatever the database does: this thread must go on, all leases hang on it
                log.exception("leases_not_renewed", held=len(held))

    def _renew(self, held: list[Lease]) -> None:
        now = time.monotonic()
        held = [lease for lease in held if lease.work_until > now]
        if not held:
            return
        statement = (
            sa.update(Conversation)
            .where(
                Conversation.id.in_([lease.conversation_id for lease in held]),
                Conversation.lease_owner == self._owner,
            )
            .values(lease_until=db_now(self._seconds))
            .returning(Conversation.id, Conversation.fence)
        )
        with self._database.begin() as connection:
            kept = {(row.id, row.fence) for row in connection.execute(statement)}
        for lease in held:
            if (lease.conversation_id, lease.fence) not in kept and lease in self.held():
                lease.lost.set()

    def _look(self, held: list[Lease]) -> None:
        if not held:
            return
        statement = sa.select(Conversation.id, Conversation.next_seq).where(
            Conversation.id.in_([lease.conversation_id for lease in held])
        )
        with self._database.read() as connection:
            seen = {row.id: row.next_seq for row in connection.execute(statement)}
        for lease in held:
            if seen.get(lease.conversation_id, 0) > lease.next_seq:
                lease.newer.set()
