"""What a person does in a conversation, with all that belongs to it: files, the strategy's minutes, the event."""

from __future__ import annotations

import io
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from receptionist.contracts.channel import Channel
from receptionist.contracts.events import HandedOver
from receptionist.db import AnyRow, Scope
from receptionist.errors import LineError, RequestError
from receptionist.parts import Parts
from receptionist.pipeline.split import split
from receptionist.services import accounts
from receptionist.services.conversations import conversations, handover, reply_window
from receptionist.text import storable, visible

MAX_BYTES = 5_000_000
"""Of all files of one message together: what vendors of text messages take."""
MAX_FILES = 10


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a person sends along."""

    name: str
    content_type: str
    content: bytes


class Inbox:
    """The conversations of one account, for a person who steps in. Nothing here waits for a vendor."""

    def __init__(self, parts: Parts, account_id: int) -> None:
        self._parts = parts
        self._account_id = account_id

    def reply(self, conversation_id: int, person: str, text: str, files: Sequence[Upload] = ()) -> list[int]:
        """Write to the customer as this person, and take the conversation; returns the ids of the messages.

        A text that is too long for one message of the channel becomes several. They are committed when this returns;
        ring for the conversation then. Raises `LineError` if it cannot be sent: the customer opted out, the line is
        not active, the channel takes no files, or its reply window is over. Raises `RequestError` if the storage does
        not take a file.
        """
        person = _name(person)
        row, channel, minutes = self._look(conversation_id)
        if channel is None:
            raise LineError(f"The line {row.line} is not active, or its settings cannot be read; nothing can be sent.")
        if row.opted_out_at is not None:
            raise LineError(handover.OPTED_OUT)
        self._check_window(row, channel)
        _check_files(channel, files)
        texts = split(visible(storable(text)), channel.capabilities.text_limit, channel.length) or [""]
        if texts == [""] and not files:
            raise LineError("There is nothing to send: write a text.")
        stored = self._store(files)
        files_of = {0: stored} if stored else {}
        fetched = channel.capabilities.delivery == "pull"
        try:
            with self._parts.database.begin(durable=True) as connection:
                scope = Scope(connection, self._account_id)
                ids = [
                    handover.reply(scope, conversation_id, person, part, minutes, files_of.get(number), fetched=fetched)
                    for number, part in enumerate(texts)
                ]
        except LineError:  # after any other error the messages may be committed all the same
            self._forget(stored)
            raise
        self._parts.emit(HandedOver(self._account_id, conversation_id, person))
        return ids

    def is_fetched(self, conversation_id: int) -> bool:
        """Whether the customer's client fetches what is stored, so that nobody has to send it. Raises `LineError`."""
        _, channel, _ = self._look(conversation_id)
        return channel is not None and channel.capabilities.delivery == "pull"

    def take(self, conversation_id: int, person: str, minutes: int | None = None) -> int:
        """Silence the agent for these minutes, or the strategy's; returns the minutes. Raises `LineError`."""
        person = _name(person)
        _, _, usual = self._look(conversation_id)
        minutes = usual if minutes is None else minutes
        with self._parts.database.begin() as connection:
            handover.take(Scope(connection, self._account_id), conversation_id, person, minutes)
        self._parts.emit(HandedOver(self._account_id, conversation_id, person))
        return minutes

    def hand_back(self, conversation_id: int) -> bool:
        """Let the agent answer again, from the customer's next message on; False if it had the conversation already.
        Raises `LineError`."""
        with self._parts.database.begin() as connection:
            changed = handover.hand_back(Scope(connection, self._account_id), conversation_id)
        if changed:
            self._parts.emit(HandedOver(self._account_id, conversation_id, ""))
        return changed

    def _check_window(self, row: AnyRow, channel: Channel) -> None:
        if channel.capabilities.reply_window_seconds is None:
            return
        with self._parts.database.read(once=True) as connection:
            scope = Scope(connection, self._account_id)
            if reply_window.is_open(scope, channel, row.line_id, row.lead_id, row.address):
                return
        raise LineError(
            f"{reply_window.rule(channel)} Wait until the customer writes again, or reach them another way: "
            f"`receptionist lead show {row.lead_id}` says how."
        )

    def _look(self, conversation_id: int) -> tuple[AnyRow, Channel | None, int]:
        """The conversation, the channel of its line if that is active, and the strategy's `hand_back_minutes`.

        Raises `LineError` where the customer goes on in another one: there the agent would talk on."""
        with self._parts.database.read() as connection:
            scope = Scope(connection, self._account_id)
            row = conversations.find(scope, conversation_id)
            if (newer := conversations.newer(scope, row)) is not None:
                raise LineError(
                    f"Conversation {conversation_id} is archived; the customer goes on in conversation {newer}: "
                    "use that number."
                )
            revision = accounts.revision(scope)
        office = self._parts.directory.office(self._account_id, revision)
        line, strategy = office.lines.get(row.line_id), office.strategy(row.line_id, row.own_strategy_id)
        channel = self._parts.channels[line.channel] if line else None
        return row, channel, strategy.fields.hand_back_minutes if strategy else handover.MINUTES

    def _store(self, files: Sequence[Upload]) -> list[dict[str, Any]]:
        stored: list[dict[str, Any]] = []
        try:
            for file in files:
                key = f"attachments/{self._account_id}/{secrets.token_hex(16)}"
                self._parts.host.storage().save(key, io.BytesIO(file.content))
                about = {"content_type": file.content_type, "name": storable(file.name)[:200]}
                stored.append({**about, "key": key, "size": len(file.content)})
        except Exception:
            self._forget(stored)
            raise
        return stored

    def _forget(self, stored: Sequence[dict[str, Any]]) -> None:
        for each in stored:
            with suppress(RequestError):  # a file too many does no harm, and the reason why is on its way
                self._parts.host.storage().delete(each["key"])


def _name(person: str) -> str:
    return storable(person).strip() or "a person"


def _check_files(channel: Channel, files: Sequence[Upload]) -> None:
    if files and not channel.capabilities.media:
        raise LineError(f"{channel.title} does not take files; write a link to it instead.")
    if len(files) > MAX_FILES:
        raise LineError(f"These are {len(files)} files; one message takes {MAX_FILES}.")
    if (size := sum(len(file.content) for file in files)) > MAX_BYTES:
        raise LineError(f"The files have {size / 1e6:.1f} MB in all; one message takes {MAX_BYTES / 1e6:.0f} MB.")
    if empty := next((file.name for file in files if not file.content), None):
        raise LineError(f"The file {empty} is empty.")
