"""When a business is open, as an admin writes it down."""

from __future__ import annotations

import re
from datetime import date as Date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")


def _hours(value: str) -> str:
    if not (written := _HOURS.fullmatch(value)) or value[:5] >= value[6:]:
        cure = f"write opening hours like 09:00-12:30, the end after the beginning, not {value[:20]!r}"
        if written:
            cure += f"; past midnight: {value[:5]}-24:00, and on the next day 00:00-{value[6:]}"
        raise ValueError(cure)
    return value


Hours = Annotated[str, AfterValidator(_hours)]
"""A stretch of a day in the business's zone, such as "09:00-12:30"."""


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class DayException(_Fields):
    """A date with other hours; no hours means closed."""

    date: Date
    hours: list[Hours] = Field(default=[], max_length=6)
    reason: str = Field(default="", max_length=120)


class Holidays(_Fields):
    """The public holidays of a country; on them the business has these hours, and none means closed.

    An exception for the same date wins. `subdivision` is a state or region as ISO 3166-2 writes it after the
    country, such as "BY" for Bavaria.
    """

    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    subdivision: str | None = Field(default=None, max_length=10)
    hours: list[Hours] = Field(default=[], max_length=6)
