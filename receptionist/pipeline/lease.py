"""Step 5: the right to work on a conversation, held by one worker at a time, in the database.

A lease is taken by one UPDATE that also raises the fence; everything its holder writes later is conditional on
that fence, so a worker that was paused past its lease cannot write. Only the database's clock counts.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from receptionist.db import AnyRow, Database, Scope, db_now, prepared
from receptionist.errors import Interrupted
from receptionist.models import Account, Conversation, Lead, Line, Session, table
from receptionist.pipeline.loops import GUARD

WATCH_SECONDS = 1.0
"""How often holders learn that a newer message came in through another process."""

EPOCH = datetime.fromtimestamp(0, UTC)

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
    strict: bool
    """Whether the line answers its customers one after the other."""
    revision: int
    """The account's; a higher one than remembered means that lines or strategies changed."""
    credits: int | None
    lead_version: int
    lead_strategy_id: int | None
    """The strategy that this customer alone has, which wins over the line's."""
    interaction_count: int
    """Messages the customer has written so far, what waits included."""
    session_version: int | None
    """Of the conversation's session; None if it has none yet."""
    next_seq: int
    """The conversation's next `seq` when it was last looked at; a higher one means newer messages."""
    seconds: float
    """How long the lease lasts when it is taken or renewed."""
    work_until: float
    """A reading of `time.monotonic()`: what hangs longer than this loses its lease, for nobody renews it."""
    held_until: float = 0.0
    """A reading of `time.monotonic()`: until then nobody else can have it, whatever this process slept through."""
    opted_out: bool = False
    """Whether the customer refused messages, so that nothing may be sent."""
    with_person: bool = False
    """Whether a person has the conversation, so that the agent is silent."""
    with_guard: bool = False
    """Whether that person is the loop guard, before whom nothing was being written: what was said goes out."""
    person_is_late: bool = False
    """Whether a person was asked for who has not come in the account's time."""
    begun: int = 0
    """How many turns were begun under it; one that was begun anew counts again."""
    seen_seq: int = 0
    """The newest message that the turn at work looks at."""
    acted_seq: int = 0
    """The one that is kept with the turn that was begun, as far as this holder knows."""
    noted_at: datetime = EPOCH
    """The database's time when it was last noted how the conversation is."""
    lost: threading.Event = field(default_factory=threading.Event)
    newer: threading.Event = field(default_factory=threading.Event)

    def note(self, row: AnyRow) -> None:
        """Take over the address and what `FATE` says from a row of the conversation as it is now."""
        self.address, self.noted_at = row.address, row.now
        self.opted_out = row.opted_out_at is not None
        self.with_person = row.person_until is not None and row.person_until > row.now
        self.with_guard = self.with_person and row.person == GUARD
        self.person_is_late = row.person_due_at is not None and row.person_due_at <= row.now


conversations, accounts, lines, leads = table(Conversation), table(Account), table(Line), table(Lead)

FATE = (
    *(conversations.c[name] for name in ("opted_out_at", "person", "person_until", "person_due_at")),
    db_now().label("now"),
)
"""What says whether a reply may go out, or a word about a person is due; judged in `Lease.note`, for SQLite 3.40
answers IS NOT NULL wrongly in a RETURNING clause where the column was added later."""

FATE_NAMES = {column.name for column in FATE}

sessions = table(Session)

_own = accounts.c.id == conversations.c.account_id
_state = (
    conversations.c.address,
    conversations.c.next_seq,
    *FATE,
    sa.select(accounts.c.revision).where(_own).scalar_subquery().label("revision"),
    sa.select(accounts.c.credits).where(_own).scalar_subquery().label("credits"),
    *(
        sa.select(leads.c[name]).where(leads.c.id == conversations.c.lead_id).scalar_subquery().label(label)
        for name, label in (
            ("version", "lead_version"),
            ("strategy_id", "lead_strategy_id"),
            ("interaction_count", "interaction_count"),
        )
    ),
    sa.select(sessions.c.version)
    .where(
        sessions.c.account_id == sa.literal_column("conversations.account_id"),
        sessions.c.conversation_id == sa.literal_column("conversations.id"),
    )
    .scalar_subquery()
    .label("session_version"),
)
"""What may change while a lease is held; `hold` renews it.

In a RETURNING clause for SQLite, SQLAlchemy leaves the table's name out, so that a column that the inner table has too
would be the inner one; hence the literal names."""

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
        *(conversations.c[name] for name in ("account_id", "lead_id", "line_id", "fence", "attempts", "turn_id")),
        sa.select(lines.c.strict_order).where(lines.c.id == conversations.c.line_id).scalar_subquery().label("strict"),
        *_state,
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
    .returning(*_state),
    conversations,
)

SEEN = sa.select(conversations.c.id, conversations.c.next_seq).where(
    conversations.c.id.in_(sa.bindparam("b_conversations", expanding=True))
)
"""How far conversations are, whichever account they belong to: for the holders of their leases."""

_released = {"lease_owner": None, "lease_until": None}

ARCHIVED = sa.case((conversations.c.archived_at.is_not(None), "archived"), else_=conversations.c.state)
"""The state of a conversation of which the last work is done: one that was to be archived is archived then."""

_mine = (
    conversations.c.id == sa.bindparam("b_conversation"),
    conversations.c.fence == sa.bindparam("b_fence"),
    conversations.c.lease_owner == sa.bindparam("b_owner"),
)

RELEASE = prepared(
    sa.update(conversations)
    .where(*_mine, conversations.c.next_seq == sa.bindparam("b_next_seq"))
    .values(**_released, attempts=0, due_at=None, state=ARCHIVED),
    conversations,
)

RELEASE_UNTIL = prepared(
    sa.update(conversations)
    .where(*_mine)
    .values(
        **_released,
        attempts=sa.bindparam("b_attempts"),
        due_at=db_now(sa.bindparam("b_seconds", type_=sa.Float)),
    ),
    conversations,
)


def take(connection: sa.Connection, conversation_id: int, owner: str, seconds: float) -> Lease | None:
    """Take the lease if there is work and nobody has it; one that its owner let expire counts as an attempt."""
    values = {"b_conversation": conversation_id, "b_owner": owner, "b_seconds": seconds}
    until = time.monotonic() + seconds
    row = connection.execute(TAKE, values).first()
    if row is None:
        return None
    known = {name: value for name, value in row._mapping.items() if name not in FATE_NAMES}
    lease = Lease(conversation_id, owner=owner, **known, seconds=seconds, work_until=until, held_until=until)
    lease.note(row)
    return lease


def guarded(scope: Scope, lease: Lease) -> sa.Update:
    """An UPDATE of the leased conversation that touches nothing once the fence is lost."""
    return scope.update(Conversation).where(
        Conversation.id == lease.conversation_id,
        Conversation.fence == lease.fence,
        Conversation.lease_owner == lease.owner,
    )


def hold(scope: Scope, lease: Lease) -> int:
    """Make the rest of this transaction conditional on the lease, renew it, and note what changed meanwhile.

    Returns the conversation's next `seq` as it is now. Raises `FenceLost`."""
    until = time.monotonic() + lease.seconds
    held: AnyRow | None = scope.execute(HOLD, **_bind(lease), b_seconds=lease.seconds).first()
    if held is None:
        lease.lost.set()
        raise FenceLost("another worker took the conversation over")
    lease.note(held)
    lease.revision, lease.credits = held.revision, held.credits
    lease.lead_version, lease.lead_strategy_id = held.lead_version, held.lead_strategy_id
    lease.interaction_count, lease.session_version = held.interaction_count, held.session_version
    lease.work_until = max(lease.work_until, until)
    lease.held_until = until
    return int(held.next_seq)


def release(scope: Scope, lease: Lease) -> bool:
    """Give the lease back, the work being done; False if newer messages came and the holder must go on.

    Looks once more for newer messages in the same statement."""
    return scope.execute(RELEASE, **_bind(lease), b_next_seq=lease.next_seq).rowcount > 0


def release_until(scope: Scope, lease: Lease, due_in: float) -> None:
    """Give the lease back; `due_in` seconds from now somebody must look again."""
    scope.execute(RELEASE_UNTIL, **_bind(lease), b_attempts=lease.attempts, b_seconds=due_in)


def _bind(lease: Lease) -> dict[str, object]:
    return {"b_conversation": lease.conversation_id, "b_fence": lease.fence, "b_owner": lease.owner}


class LeaseKeeper:
    """One thread per process that renews all leases held here and watches for newer messages."""

    def __init__(self, database: Database, owner: str, seconds: float) -> None:
        self._database = database
        self._owner = owner
        self._seconds = seconds
        self._held: dict[int, Lease] = {}
        self._owed: list[tuple[Lease, float]] = []
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

    def give_back_later(self, lease: Lease, due_in: float) -> None:
        """Give a lease back once the database can be written to again; until then it only runs out."""
        with self._lock:
            self._owed.append((lease, due_in))

    def at_work(self, conversation_id: int) -> bool:
        """Whether a thread of this process is at work on it, and not overdue, though its lease ran out: the process was
        frozen. What the thread does next proves, or renews, the lease."""
        with self._lock:
            lease = self._held.get(conversation_id)
        if lease is None or lease.lost.is_set():
            return False
        return lease.held_until < time.monotonic() < lease.work_until

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
                self._give_back()
                self._look(held)
                if time.monotonic() - renewed >= self._seconds / 3:
                    self._renew(held)
                    renewed = time.monotonic()
            except Exception:  # whatever the database does: this thread must go on, all leases hang on it
                log.exception("leases_not_renewed", held=len(held))

    def _give_back(self) -> None:
        """What nobody took over meanwhile; a lease of which another has the fence stays as it is."""
        while self._owed:
            lease, due_in = self._owed[0]
            with self._database.begin() as connection:
                release_until(Scope(connection, lease.account_id), lease, due_in)
            with self._lock:
                self._owed.pop(0)

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
            if (lease.conversation_id, lease.fence) in kept:
                lease.held_until = max(lease.held_until, now + self._seconds)
            elif lease in self.held():
                lease.lost.set()

    def _look(self, held: list[Lease]) -> None:
        if not held:
            return
        values = {"b_conversations": [lease.conversation_id for lease in held]}
        with self._database.read(once=True) as connection:
            seen = {row.id: row.next_seq for row in connection.execute(SEEN, values)}
        for lease in held:
            if lease.conversation_id not in seen:  # its lead was erased
                lease.lost.set()
            elif seen[lease.conversation_id] > lease.next_seq:
                lease.newer.set()
