"""What `receptionist doctor` looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from receptionist import doctor_lines, doctor_turns, migrations
from receptionist.agents.factory import AgentFactory
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Room, db_now
from receptionist.errors import MISTAKES, ModelError, Unavailable
from receptionist.models import Account, Conversation, Line, Message
from receptionist.models.conversations import OPEN_STATES
from receptionist.parts import Parts
from receptionist.services.conversations import messages
from receptionist.text import counted

GIVE_COUNTRY = "receptionist account change --country IE, if that is Ireland"
UNREAD = "phone numbers that are written without a country code cannot be called"
LIMIT_FAILS = ", or the limit on cost does not count them"
NOBODY_WORKS = "no worker runs, or they cannot keep up; start receptionist run, or receptionist worker beside web"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `good` is None for a remark."""

    what: str
    good: bool | None
    text: str


def examine(parts: Parts, factory: AgentFactory) -> Iterator[Finding]:
    """Look at everything, one finding after the other; settings and plugins were read before."""
    yield _settings(parts)
    yield Finding("plugins", True, f"{len(parts.plugins.list())} loaded")
    yield from _database(parts)
    yield from _redis(parts)
    yield _model(factory)
    yield _public_url(parts)
    yield from _sockets(parts)
    for name, check in parts.plugins.checks(host=parts.host).items():
        yield _ask(name, check)


def _settings(parts: Parts) -> Finding:
    file = parts.config.file
    told = f" and {file}" if file.exists() else f" alone; there is no {file}"
    return Finding("settings", True, f"read from the environment{told}")


def _database(parts: Parts) -> Iterator[Finding]:
    try:
        product, room = parts.database.describe()
        at, newest = migrations.current(parts.database), migrations.newest()
    except Unavailable as error:
        reason = f" ({orig})" if (orig := getattr(error.__cause__, "orig", None)) else ""
        cure = "check DATABASE_URL and that the server runs"
        yield Finding("database", False, f"cannot be used{reason}; {cure}")
        return
    if at != newest:
        state = "is not migrated" if at is None else f"is at revision {at}, not {newest}"
        yield Finding("database", False, f"{product} {state}; run: receptionist migrate")
        return
    yield Finding("database", True, f"{product}, revision {at}")
    if room is not None:
        yield _connections(room)
    with parts.database.read() as connection:
        accounts = connection.execute(sa.select(sa.func.count()).select_from(Account)).scalar_one()
        silent = connection.execute(sa.select(Line.id, Line.title).where(Line.strategy_id.is_(None), Line.active)).all()
        ids = connection.execute(sa.select(Account.id)).scalars().all()
    yield Finding("accounts", accounts > 0, f"{accounts} there" if accounts else "none; run: receptionist account add")
    for line in silent:
        cure = f"run: receptionist strategy use NAME {line.id}"
        yield Finding("line", False, f"{line.id} ({line.title}) has no strategy; {cure}")
    for trouble in doctor_lines.troubles(parts, ids):
        yield Finding("line", False, trouble)
    for office in map(parts.directory.office, ids):
        if office.lines and office.country is None:
            yield Finding("country", None, f"{office.name} has none, so {UNREAD}; run: {GIVE_COUNTRY}")
    yield from _work(parts)
    yield from _last_turns(parts)


def _redis(parts: Parts) -> Iterator[Finding]:
    if parts.redis is None:
        return
    if (trouble := parts.redis.trouble()) is None:
        yield Finding("redis", True, "answers")
    else:
        cure = "check REDIS_URL and that the server runs; until then answers begin up to a second later"
        yield Finding("redis", False, f"is away ({trouble}); {cure}")


def _connections(room: Room) -> Finding:
    text = f"{room.connections} are enough for {room.processes} processes, each taking up to {room.for_process}"
    if room.processes >= 2:  # a web process and a worker
        return Finding("database connections", True, text)
    return Finding("database connections", False, f"{text}; raise max_connections, or the limit of the role or plan")


def _work(parts: Parts) -> Iterator[Finding]:
    """What waits too long and what failed (P7)."""
    with parts.database.read() as connection:
        waiting = connection.execute(
            sa.select(sa.func.count())
            .select_from(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(
                sa.literal_column(f"messages.state IN {OPEN_STATES}"),  # literal, so that the partial index is used
                Conversation.due_at < db_now(-60),  # not what is tried again later, nor what was replayed just now
                Message.created_at < db_now(-60),
                sa.or_(Conversation.lease_owner.is_(None), Conversation.lease_until < db_now()),
            )
        ).scalar_one()
        failed = connection.execute(
            sa.select(sa.func.count()).select_from(Message).where(messages.TROUBLE)
        ).scalar_one()
    if waiting:
        yield Finding("waiting", False, f"{_waiting(waiting)}: {NOBODY_WORKS}")
    if failed:
        yield Finding("failed", None, f"{counted(failed, 'message')} failed; see: receptionist message failed")


def _last_turns(parts: Parts) -> Iterator[Finding]:
    """Why turns failed, a model that does not answer above all, and what limits on cost cannot see."""
    if reasons := doctor_turns.failures(parts):
        yield Finding("turns", None, reasons)
    for limited, text in doctor_turns.uncounted(parts):
        yield Finding("prices", False if limited else None, f"{text}{LIMIT_FAILS if limited else ''}")


def _waiting(count: int) -> str:
    waits = "1 message waits" if count == 1 else f"{count:,} messages wait"
    return f"{waits} for longer than a minute, in no worker's hands"


def _model(factory: AgentFactory) -> Finding:
    try:
        model = factory.choices(StrategyFields())[0].model
    except ModelError as error:
        return Finding("model", False, str(error))
    if model.notice:
        return Finding("model", None, f"{model.title} answers; set OPENAI_API_KEY for a real one")
    return Finding("model", True, f"{model.title} answers")


def _public_url(parts: Parts) -> Finding:
    url = parts.host.public_url
    host = urlsplit(url).hostname or ""
    if host in ("127.0.0.1", "localhost", "::1"):
        return Finding(
            "public address", None, f"{url} is this machine only; set PUBLIC_URL when customers are to reach it"
        )
    if not url.startswith("https://"):
        return Finding("public address", False, f"{url} is not https; browsers and vendors will refuse it")
    return Finding("public address", True, url)


def _sockets(parts: Parts) -> Iterator[Finding]:
    """Whether open chats leave threads to take messages in with."""
    kind = parts.plugins.collect("register_settings").get("WebchatSettings")
    sockets = parts.host.settings(kind).webchat_max_sockets if kind else 0
    if sockets >= (threads := parts.settings.web_threads):
        text = f"WEBCHAT_MAX_SOCKETS is {sockets}, and each open chat holds one of {threads} WEB_THREADS"
        yield Finding(
            "chat sockets", None, f"{text}: full of chats, a process would serve nobody; set WEB_THREADS higher"
        )


def _ask(name: str, check: object) -> Finding:
    assert callable(check)
    try:
        trouble = check()
    except MISTAKES as error:  # a plugin's check must not end the examination
        return Finding(name, False, f"the check itself failed: {type(error).__name__}: {error}")
    return Finding(name, trouble is None, "fine" if trouble is None else str(trouble))
