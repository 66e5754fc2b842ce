"""What plugins may ask of core: the implementation of `contracts.host.Host`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
import structlog

from receptionist.contracts.calendar import Calendar
from receptionist.contracts.channel import Line, WebhookRequest
from receptionist.contracts.host import Agents, Watch
from receptionist.contracts.live import TranscriptMessage
from receptionist.contracts.messages import Echo, Inbound, Receipt, Sender, Taken
from receptionist.contracts.settings import Settings
from receptionist.contracts.storage import Storage
from receptionist.db import Scope, prepared
from receptionist.errors import PluginError, Unavailable
from receptionist.models import Identity, Message, Turn, table
from receptionist.parts import Parts
from receptionist.pipeline.intake import Intake, Stale
from receptionist.pipeline.reports import Reports
from receptionist.services.leads import leads

S = TypeVar("S", bound=Settings)

log = structlog.get_logger()


_messages, _identities, _turns = table(Message), table(Identity), table(Turn)

_seen = (
    sa.select(
        *(_messages.c[name] for name in ("id", "direction", "author", "text", "provider_message_id", "created_at")),
        _messages.c.choices,
        _turns.c.ticket,
    )
    .select_from(_identities)
    .join(_messages, _messages.c.lead_id == _identities.c.lead_id)
    .outerjoin(_turns, _turns.c.id == _messages.c.turn_id)
    .where(
        _identities.c.kind == sa.bindparam("b_kind"),
        _identities.c.value == sa.bindparam("b_address"),
        _messages.c.line_id == sa.bindparam("b_line"),
        _messages.c.id > sa.bindparam("b_after"),
        sa.or_(_messages.c.direction == "in", _messages.c.state == "sent"),
    )
    .limit(sa.bindparam("b_limit", type_=sa.Integer))
)
AFTER = prepared(_seen.order_by(_messages.c.id), _messages, _identities)
LAST = prepared(_seen.order_by(_messages.c.id.desc()), _messages, _identities)


MAX_STALE = 3
"""Times a request is checked anew because its line was changed at the same moment."""


class PluginHost:
    """One per process; see `contracts.host.Host` for what each method promises."""

    def __init__(self, parts: Parts, settings: Mapping[type[Settings], Settings]) -> None:
        self._parts = parts
        self._intake = Intake(parts)
        self._reports = Reports(parts)
        self._settings = settings

    @property
    def instance_path(self) -> Path:
        """The folder this installation owns."""
        return self._parts.instance_path

    @property
    def database_file(self) -> Path | None:
        """The embedded database, if it is one."""
        database = self._parts.database
        return Path(str(database.engine.url.database)) if database.is_sqlite else None

    @property
    def public_url(self) -> str:
        """The address customers and vendors use."""
        settings = self._parts.settings
        return settings.public_url or f"http://127.0.0.1:{settings.port}"

    def settings(self, kind: type[S]) -> S:
        """The plugin's settings. Raises `PluginError` for a class that was not registered."""
        if kind not in self._settings:
            raise PluginError(f"{kind.__name__} is not registered: return it from register_settings.")
        return cast(S, self._settings[kind])

    def line(self, channel: str, key: str) -> Line:
        """The line with this public key."""
        return self._parts.directory.by_key(channel, key)

    def receive(self, line: Line, request: WebhookRequest) -> list[Taken]:
        """Steps 1 to 4: verify, parse, take in, ring."""
        channel = self._parts.channels[line.channel]
        for _ in range(MAX_STALE):
            channel.verify(request, line)
            items = list(channel.parse(request, line) or ())  # a generator, too, is gone through more than once
            try:
                return self._take(line, items)
            except Stale:
                line = self._parts.directory.by_key(line.channel, line.key, fresh=True)
        raise Unavailable("This line is being changed right now; please try again.")

    def take_in(self, line: Line, messages: Sequence[Inbound], *, pulled: bool = False) -> list[Taken]:
        """Steps 3 and 4; `pulled` for messages that the vendor was asked for. Raises `Stale` if the line changed."""
        taken = self._intake.take_in(line, messages, pulled=pulled) if messages else []
        for conversation_id in {row.conversation_id for row in taken if not row.duplicate}:
            self._parts.ring(conversation_id)
        return taken

    def _take(self, line: Line, items: Sequence[Inbound | Receipt | Echo]) -> list[Taken]:
        taken = self.take_in(line, [item for item in items if isinstance(item, Inbound)])
        if echoes := [item for item in items if isinstance(item, Echo)]:
            self._reports.take_echoes(line, echoes)
        if receipts := [item for item in items if isinstance(item, Receipt)]:
            self._reports.take_receipts(line, receipts)
        if strange := {type(item).__name__ for item in items if not isinstance(item, Inbound | Receipt | Echo)}:
            log.error("items_not_known", channel=line.channel, line=line.id, types=sorted(strange))
        return taken

    def transcript(self, line: Line, sender: Sender, after: int = 0, limit: int = 100) -> list[TranscriptMessage]:
        """The customer's messages on the line."""
        with self._parts.database.read(once=True) as connection:
            rows = Scope(connection, line.account_id).execute(
                AFTER if after else LAST,
                b_kind=leads.channel_kind(line.channel),
                b_address=sender.address,
                b_line=line.id,
                b_after=after,
                b_limit=limit,
            )
            found = [_transcript_message(row) for row in rows]
        return found if after else found[::-1]

    def watch(self, line: Line, sender: Sender) -> AbstractContextManager[Watch]:
        """Follow the customer's conversation."""
        return self._parts.bus.watch((line.id, sender.address))

    def find_lead(self, account_id: int, *, email: str | None = None, phone: str | None = None) -> int | None:
        """The lead with this proved e-mail or phone."""
        with self._parts.database.read() as connection:
            return leads.owner_of(Scope(connection, account_id), email=email, phone=phone)

    def lead(self, account_id: int, lead_id: int) -> Mapping[str, Any]:
        """A lead as it is now."""
        with self._parts.database.read(once=True) as connection:
            return leads.get(Scope(connection, account_id), lead_id)

    def calendars(self) -> Sequence[Calendar]:
        """All calendars."""
        return list(self._parts.calendars.values())

    def storage(self) -> Storage:
        """Where files are kept."""
        if not self._parts.storages:
            raise PluginError("There is no storage; enable the plugin local_files.")
        return list(self._parts.storages.values())[-1]

    def sign(self, purpose: str, claims: Mapping[str, Any], seconds: int) -> str:
        """A token for one purpose."""
        return self._parts.signer.sign(purpose, claims, seconds)

    def unsign(self, purpose: str, token: str) -> dict[str, Any]:
        """The claims of a token."""
        return self._parts.signer.unsign(purpose, token)

    def agents(self) -> Agents:
        """The agents of this process."""
        return self._parts.agents.now()

    def limit(self, name: str, key: str, per_minute: int) -> None:
        """Count one use."""
        self._parts.limits.hit(name, key, per_minute)


def _transcript_message(row: Any) -> TranscriptMessage:
    return TranscriptMessage(
        id=row.id,
        direction=row.direction,
        text=row.text,
        at=row.created_at,
        provider_message_id=row.provider_message_id,
        turn=row.ticket if row.direction == "out" else None,
        author=row.author,
        choices=tuple(row.choices or ()),
    )
