"""What tests of limits do again and again."""

from __future__ import annotations

from typing import Any, TypeVar

from receptionist import Event
from receptionist.db import Scope
from receptionist.services import limits
from receptionist.services.conversations import messages
from tests.harness.house import House

E = TypeVar("E", bound=Event)

FALLBACK = "Thank you for your message. Somebody will get back to you."


def limit(house: House, **values: Any) -> None:
    """`limit(house, lead_turns=2)`"""
    changes = {name if name == "loop_turns" else name.replace("_", "."): value for name, value in values.items()}
    with house.parts.database.begin() as connection:
        limits.change(Scope(connection, 1), changes)


def events(house: House, kind: type[E]) -> list[E]:
    """The events of this kind so far."""
    return [event for event in house.plugin("events").seen if isinstance(event, kind)]


def failed(house: House) -> list[Any]:
    """The failed list, the oldest first."""
    with house.parts.database.read() as connection:
        return messages.in_trouble(Scope(connection, 1))[::-1]


def replay(house: House) -> None:
    """Have all failed messages answered again."""
    rows = failed(house)
    with house.parts.database.begin() as connection:
        for row in rows:
            messages.replay(Scope(connection, 1), row.id)
    house.rung += sorted({row.conversation_id for row in rows})
    house.drain()


def tasks(house: House) -> list[str]:
    """What persons have to do."""
    return [row.text for row in house.sql("SELECT text FROM tasks WHERE kind = 'limit' ORDER BY id")]
