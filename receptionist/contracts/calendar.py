"""A calendar: says when the business has time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from receptionist.contracts.host import Host


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, both ends aware; `end` is not part of it."""

    start: datetime
    end: datetime


class Calendar:
    """Base class of calendars; return instances from the hook `register_calendars`."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, host: Host) -> None:
        self.host = host

    def open_times(self, strategy: Mapping[str, Any], start: datetime, end: datetime) -> Sequence[Interval]:
        """When the business can be visited between two aware times, in order, without overlaps."""
        raise NotImplementedError(f"{type(self).__name__}.open_times")
