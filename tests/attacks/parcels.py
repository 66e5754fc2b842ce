"""Drop-in plugin: a channel whose messages carry files, the storage that keeps them, a tool, and an ear for events.

Whatever core asks of it is written down for the test.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import BinaryIO

from receptionist import (
    Attachment,
    Capabilities,
    Channel,
    Event,
    File,
    Host,
    Inbound,
    Line,
    NotFound,
    Outbound,
    Sender,
    Sent,
    Storage,
    Tool,
    ToolContext,
    WebhookRequest,
    hookimpl,
    tool,
)

lock = threading.Lock()
told: list[Event] = []
fetched: list[tuple[int, Attachment]] = []
sent: list[tuple[int, Outbound]] = []
shelf: dict[str, bytes] = {}
opened: list[str] = []


class Parcels(Channel):
    """Everybody is believed. What a file holds has the number that its address ends with."""

    name = "parcels"
    title = "Parcels"
    capabilities = Capabilities(media=True, idempotent_send=True, burst_seconds=0)

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """The test calls from within the process."""

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound]:
        """`{"id", "from", "text", "files": [{"content_type", "url", "name"}]}`."""
        body = request.json()
        files = tuple(Attachment(**file) for file in body["files"])
        return [Inbound(body["id"], Sender(body["from"]), body["text"], attachments=files)]

    def fetch(self, line: Line, attachment: Attachment) -> File:
        """Its canary."""
        with lock:
            fetched.append((line.id, attachment))
        return File(f"canary-content-{attachment.url.rpartition('-')[2]}".encode(), attachment.content_type)

    def send(self, line: Line, message: Outbound) -> Sent:
        """Always well."""
        with lock:
            sent.append((line.id, message))
        return Sent()


class Shelf(Storage):
    """Files in memory."""

    name = "shelf"
    title = "Shelf"

    def save(self, key: str, content: BinaryIO) -> None:
        """Nothing is replaced here: every file has a key of its own."""
        with lock:
            assert key not in shelf
            shelf[key] = content.read()

    def open(self, key: str) -> BinaryIO:
        """Note who was asked for."""
        with lock:
            opened.append(key)
            if key not in shelf:
                raise NotFound("There is no such file.")
            return io.BytesIO(shelf[key])


@tool(effect="writes", idempotent=True)
def remember(context: ToolContext, what: str) -> str:
    """Remember something of the customer."""
    number = what.rpartition("-")[2]
    context.update_lead(note=f"canary-note-{number}")
    return f"canary-tool-{number}"


@hookimpl
def register_channels(host: Host) -> list[Channel]:
    """The channel."""
    return [Parcels(host)]


@hookimpl
def register_storages(host: Host) -> list[Storage]:
    """The storage."""
    return [Shelf(host)]


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool."""
    return [remember]


@hookimpl
def on_event(event: Event, host: Host) -> None:
    """Keep it."""
    with lock:
        told.append(event)
