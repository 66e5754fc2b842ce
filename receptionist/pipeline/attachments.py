"""Files that come and go with messages: fetched from the vendor into the storage, handed out by signed links."""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from receptionist.contracts.channel import Channel, Line
from receptionist.contracts.messages import Attachment, File, Media
from receptionist.db import AnyRow, Scope
from receptionist.errors import MISTAKES, FetchFailed, Unavailable
from receptionist.models import Message
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease, hold

PURPOSE = "file"
"""What links to files are signed for."""
LINK_SECONDS = 3600
FETCH_SECONDS = 20.0
"""How long a turn waits for files in all; what is not there by then is noted as missing."""

log = structlog.get_logger()


def media_of(parts: Parts, attachments: Sequence[Mapping[str, Any]] | None) -> tuple[Media, ...]:
    """Stored files as a vendor may fetch them."""
    return tuple(
        Media(each["content_type"], _link(parts, each), each.get("name", ""))
        for each in attachments or ()
        if each.get("key")
    )


def _link(parts: Parts, attachment: Mapping[str, Any]) -> str:
    claims = {"key": attachment["key"], "type": attachment["content_type"]}
    return f"{parts.host.public_url}/files/{parts.signer.sign(PURPOSE, claims, LINK_SECONDS)}"


def fetch_all(parts: Parts, lease: Lease, line: Line, rows: Sequence[AnyRow], until: float) -> bool:
    """Store the files of waiting messages; one that cannot be had, at the second try if a channel asks for that, or
    not by `until`, a reading of `time.monotonic()`, is noted with the reason.

    Returns whether there was anything to do. Raises `FenceLost`.
    """
    unfetched = [
        row for row in rows if any("key" not in each and "error" not in each for each in row.attachments or ())
    ]
    for row in unfetched:
        _fetch_of(parts, lease, line, row, until)
    return bool(unfetched)


def _fetch_of(parts: Parts, lease: Lease, line: Line, row: AnyRow, until: float) -> None:
    found = [
        each if "key" in each or "error" in each else _fetch(parts, lease, line, row, number, until)
        for number, each in enumerate(row.attachments)
    ]
    committing = False
    try:
        with parts.database.begin() as connection:
            scope = Scope(connection, lease.account_id)
            hold(scope, lease)
            scope.run(scope.update(Message).where(Message.id == row.id).values(attachments=found))
            committing = True
    except Exception:  # nothing knows of these files; of an erased lead they must not stay
        if not (committing and _may_be_noted(parts, lease, row.id, found)):
            _drop(parts, row, found)
        raise


def _may_be_noted(parts: Parts, lease: Lease, message_id: int, found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a commit that failed did its work all the same; True where nobody can tell."""
    try:
        with parts.database.read(once=True) as connection:
            scope = Scope(connection, lease.account_id)
            row = scope.first(scope.select(Message, Message.attachments).where(Message.id == message_id))
    except Unavailable:
        return True
    return row is not None and row.attachments == list(found)


def _drop(parts: Parts, row: AnyRow, found: Sequence[Mapping[str, Any]]) -> None:
    for before, after in zip(row.attachments, found, strict=True):
        if "key" not in before and "key" in after:
            try:
                parts.host.storage().delete(after["key"])
            except MISTAKES:  # a storage's trouble must not hide why the files are not wanted
                log.exception("attachment_not_deleted", message=row.id)


def _fetch(parts: Parts, lease: Lease, line: Line, row: AnyRow, number: int, until: float) -> dict[str, Any]:
    known: dict[str, Any] = row.attachments[number]
    channel: Channel = parts.channels[line.channel]
    key = f"attachments/{lease.account_id}/{row.id}-{number}-{secrets.token_hex(8)}"
    try:
        if time.monotonic() > until:
            raise FetchFailed("the files of this message took too long")
        file = _twice(lambda: channel.fetch(line, Attachment(known["content_type"], known["url"], known["name"])))
        parts.host.storage().save(key, io.BytesIO(file.content))
    except FetchFailed as error:
        log.warning("attachment_not_fetched", message=row.id, reason=str(error))
        return known | {"error": str(error)[:500]}
    except MISTAKES as error:  # a channel's or storage's bug must not cost the customer an answer
        log.exception("attachment_not_fetched", message=row.id)
        return known | {"error": f"{type(error).__name__}: the file could not be stored"}
    return known | {"content_type": file.content_type[:100], "key": key, "size": len(file.content)}


def _twice(fetch: Callable[[], File]) -> File:
    try:
        return fetch()
    except FetchFailed as error:
        if not error.retryable:
            raise
    return fetch()
