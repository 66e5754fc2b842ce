"""What differs between two states of a strategy's fields, as a person would say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from receptionist.contracts.strategy import StrategyFields

KEYS = ("name", "topic", "date")
"""What tells the entries of a list apart: services and traits, facts, exceptions."""


class Difference(NamedTuple):
    """One difference. `path` is like `services[Wheel truing].price_cents`; None where something is not there."""

    path: str
    before: Any
    after: Any


def difference(before: StrategyFields, after: StrategyFields) -> list[Difference]:
    """All differences, in the order of the fields; none if both say the same."""
    return list(_differences("", before.model_dump(mode="json"), after.model_dump(mode="json")))


def _differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before | after:
            yield from _differences(f"{path}.{name}" if path else str(name), before.get(name), after.get(name))
    elif (old := _keyed(before)) is not None and (new := _keyed(after)) is not None:
        for key in old | new:
            yield from _differences(f"{path}[{key}]", old.get(key), new.get(key))
        stayed = [key for key in old if key in new], [key for key in new if key in old]
        if stayed[0] != stayed[1]:
            yield Difference(f"{path} (order)", *stayed)
    else:
        yield Difference(path, before, after)


def _keyed(entries: Any) -> dict[str, Any] | None:
    """A list of objects by what tells them apart; None if nothing does."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None
    for key in KEYS:
        found = {str(entry[key]): entry for entry in entries if key in entry}
        if len(found) == len(entries):
            return found
    return None
