"""Copies leads to a file of JSON lines, and shows how any CRM can be fed: by listening for `LeadChanged`.

Set LEAD_FILE to turn it on. Every change appends a line; of the lines with one lead id the newest counts, and
`receptionist lead-file` prints just those.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import Field

from receptionist import Event, Host, LeadChanged, NotFound, Settings, hookimpl

_lock = threading.Lock()


class LeadFileSettings(Settings):
    """Where leads are written to."""

    lead_file: Path | None = Field(
        None, description="File of JSON lines that gets every changed lead; a relative path begins in the instance."
    )


class LeadFile:
    """Appends each changed lead as `{"at", "account", "lead"}`; the file is readable by the program's user only."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def ready(self) -> bool:
        """Whether LEAD_FILE is set."""
        return self.path is not None

    @property
    def path(self) -> Path | None:
        """The file, or None when LEAD_FILE is not set."""
        chosen = self.host.settings(LeadFileSettings).lead_file
        return self.host.instance_path / chosen if chosen else None

    def append(self, account_id: int, lead: Mapping[str, Any]) -> None:
        """Append one line; other processes may append to the same file. Raises `OSError` when the disk refuses."""
        if self.path is None:
            return
        entry = {"at": datetime.now(UTC).isoformat(), "account": account_id, "lead": dict(lead)}
        line = json.dumps(entry, ensure_ascii=False, default=str).encode() + b"\n"
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if os.write(handle, line) != len(line):
                    os.write(handle, b"\n")  # the disk is full: end the broken line, so that the next one is whole
                    raise OSError(f"{self.path} took only a part of a lead")
            finally:
                os.close(handle)

    def newest(self) -> Iterator[dict[str, Any]]:
        """The newest entry of each lead, oldest change first; broken lines are left out."""
        found: dict[tuple[Any, Any], dict[str, Any]] = {}
        for entry in self._entries():
            key = (entry["account"], entry["lead"].get("id"))
            found.pop(key, None)
            found[key] = entry
        yield from found.values()

    def _entries(self) -> Iterator[dict[str, Any]]:
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict) and "account" in entry and isinstance(entry.get("lead"), dict):
                    yield entry


@hookimpl
def register_settings() -> list[type[Settings]]:
    """LEAD_FILE."""
    return [LeadFileSettings]


@hookimpl
def on_event(event: Event, host: Host) -> None:
    """Append the lead as it is now, whenever something new is known of it; one erased meanwhile is left out."""
    file = LeadFile(host)
    if not isinstance(event, LeadChanged) or not file.ready():
        return
    with contextlib.suppress(NotFound):
        file.append(event.account_id, host.lead(event.account_id, event.lead_id))


@hookimpl
def register_commands(host: Host) -> list[click.Command]:
    """`receptionist lead-file`."""

    @click.command("lead-file")
    def lead_file() -> None:
        """Print the newest line of every lead in LEAD_FILE."""
        file = LeadFile(host)
        if not file.ready():
            raise click.ClickException("LEAD_FILE is not set, so leads are not written to a file.")
        for entry in file.newest():
            click.echo(json.dumps(entry, ensure_ascii=False))

    return [lead_file]
