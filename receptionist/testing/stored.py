"""What an installation stored, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import sqlalchemy as sa

from receptionist import models
from receptionist.parts import Parts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message; `state`, `delivery` and `author` as in docs/how-a-message-flows.md."""

    id: int
    conversation_id: int
    lead_id: int
    line_id: int
    direction: str
    author: str
    address: str
    text: str
    state: str
    provider_message_id: str | None
    attempts: int
    error: str | None
    code: str | None
    delivery: str | None
    attachments: list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A customer, with what is known."""

    id: int
    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    notes: str


@dataclass(frozen=True, slots=True)
class StoredToolCall:
    """A tool call; `arguments` is the JSON text that the model wrote."""

    id: int
    name: str
    arguments: str
    state: str
    result: str | None


class Stored:
    """Reads rows of the test's installation; every call looks anew."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def messages(self, direction: str = "", line_id: int = 0) -> list[StoredMessage]:
        """All messages in the order in which they were stored; only "in" or "out", or of one line, if asked for."""
        found = self._all(models.Message, StoredMessage)
        return [each for each in found if direction in ("", each.direction) and line_id in (0, each.line_id)]

    def leads(self) -> list[StoredLead]:
        """All leads."""
        return self._all(models.Lead, StoredLead)

    def tool_calls(self) -> list[StoredToolCall]:
        """All tool calls."""
        return self._all(models.ToolCall, StoredToolCall)

    def _all(self, model: Any, kind: type[T]) -> list[T]:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        statement = sa.select(*(model.__table__.c[name] for name in names)).order_by(model.__table__.c.id)
        with self._parts.database.read() as connection:
            return [kind(*row) for row in connection.execute(statement)]
