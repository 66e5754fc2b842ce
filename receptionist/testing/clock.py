"""The clock of a rehearsal: set to any moment, and let jump, for core and for its database alike."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType, TracebackType
from typing import Any

import sqlalchemy as sa

from receptionist.db import Database

READERS = (
    "receptionist.localtime",
    "receptionist.services.conversations.confirmations",
    "receptionist.services.conversations.sessions",
    "receptionist.services.conversations.stretches",
    "receptionist.plugins.daypart",
)
"""The modules in which `datetime.now` says what time it is for a business."""


class Clock:
    """A context manager: within it the embedded database and `READERS` have this time. It goes on by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shift = timedelta()
        self._patched: list[tuple[ModuleType, Any]] = []

    def __enter__(self) -> Clock:
        for name in READERS:
            module = importlib.import_module(name)
            self._patched.append((module, module.datetime))
            module.datetime = self  # type: ignore[attr-defined]
        sa.event.listen(self._database.engine, "connect", self._connected)
        self._database.dispose()  # what is connected goes by the real clock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sa.event.remove(self._database.engine, "connect", self._connected)
        self._database.dispose()
        while self._patched:
            module, kind_of_moment = self._patched.pop()
            module.datetime = kind_of_moment  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        """Everything of `datetime` but its clock."""
        return getattr(datetime, name)

    def now(self, zone: tzinfo | None = None) -> datetime:
        """The time it is."""
        return (datetime.now(UTC) + self._shift).astimezone(zone or UTC)

    def set(self, moment: datetime) -> None:
        """Go on from this aware moment."""
        self._shift = moment - datetime.now(UTC)

    def jump(self, time: timedelta) -> None:
        """Let so much time pass at once."""
        self._shift += time

    def _connected(self, connection: Any, record: Any) -> None:
        connection.create_function("strftime", -1, self._strftime)

    def _strftime(self, form: str, moment: str, *modifiers: str) -> str:
        """SQLite's function, as `receptionist.db.db_now` calls it."""
        if form != "%Y-%m-%d %H:%M:%f" or moment != "now":
            raise ValueError(f"the clock of a rehearsal knows no strftime({form!r}, {moment!r})")
        at = self.now(UTC) + timedelta(seconds=sum(float(each.removesuffix(" seconds")) for each in modifiers))
        return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
