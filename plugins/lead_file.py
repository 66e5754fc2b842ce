"""Copies leads to a file of JSON lines, and shows how any CRM can be fed: by listening for `LeadChanged`.

Set LEAD_FILE to turn it on. Every change appends a line; of the lines with one lead id the newest counts, and
`receptionist lead-file` prints just those. `LeadErased` takes all lines of a lead out of the file again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import Field

from receptionist import Event, Host, LeadChanged, LeadErased, NotFound, Settings, hookimpl

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

    def add(self, account_id: int, lead_id: int) -> None:
        """Append a lead as it is now; one that was erased is left out, whenever its change is heard of.

        It is looked up under the lock, so the line is there before `remove` looks, or the lead is gone already.
        Raises `OSError` when the disk refuses."""
        if self.path is None:
            return
        with self._alone(self.path), contextlib.suppress(NotFound):
            self._append(self.path, account_id, self.host.lead(account_id, lead_id))

    def remove(self, account_id: int, lead_id: int) -> None:
        """Take all lines of a lead out, and broken ones, of which nobody can tell whose they are.

        The file is replaced in one step, and only if it holds such lines. Raises `OSError`: it is as it was."""
        if self.path is None or not self.path.exists():
            return
        with self._alone(self.path):
            lines = self.path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if _whose(line) not in (None, (account_id, lead_id))]
            if len(kept) == len(lines):
                return
            new = self.path.with_name(f"{self.path.name}.new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.path)

    @contextlib.contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """While nobody else writes, in this process or in another; the lock is a file beside, for `path` changes."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock:
            handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)  # which unlocks

    def _append(self, path: Path, account_id: int, lead: Mapping[str, Any]) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "account": account_id, "lead": dict(lead)}
        line = json.dumps(entry, ensure_ascii=False, default=str).encode() + b"\n"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(handle, line) != len(line):
                os.write(handle, b"\n")  # the disk is full: end the broken line, so that the next one is whole
                raise OSError(f"{path} took only a part of a lead")
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
                if (entry := _entry(line)) is not None:
                    yield entry


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line holds; None for a broken one."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and "account" in entry and isinstance(entry.get("lead"), dict)
    return entry if whole else None


def _whose(line: bytes) -> tuple[Any, Any] | None:
    entry = _entry(line)
    return (entry["account"], entry["lead"].get("id")) if entry is not None else None


@hookimpl
def register_settings() -> list[type[Settings]]:
    """LEAD_FILE."""
    return [LeadFileSettings]


@hookimpl
def on_event(event: Event, host: Host) -> None:
    """Append the lead as it is now, whenever something new is known of it; take an erased one's lines out."""
    file = LeadFile(host)
    if isinstance(event, LeadChanged):
        file.add(event.account_id, event.lead_id)
    elif isinstance(event, LeadErased):
        file.remove(event.account_id, event.lead_id)


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
