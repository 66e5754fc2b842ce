"""How much an account lets its agents do in a day, and when two machines are talking to each other."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MILLION = 1_000_000


def _count(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError(f"write digits only, such as 1000, not {value[:20]!r}")  # 1.000 is a thousand in many places
    return value


Count = Annotated[int, BeforeValidator(_count), Field(ge=0, le=10**12)]
Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]


class DayLimits(BaseModel):
    """What one subject may use in a day of the account's time zone; None is no limit, 0 is nothing at all.

    `turns`: answers that an agent gave or tried to give. `tokens`: in and out. `cost`: US dollars.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: Count | None = None
    tokens: Count | None = None
    cost: Dollars | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return self.turns is not None or self.tokens is not None or self.cost is not None

    def reached(self, turns: int, tokens: int, cost: int) -> str | None:
        """The limit that this much (cost: millionths of a dollar) has reached, in words; None if none is."""
        if self.turns is not None and turns >= self.turns:
            return f"{self.turns} turns"
        if self.tokens is not None and tokens >= self.tokens:
            return f"{self.tokens} tokens"
        if self.cost is not None and cost >= self.cost * MILLION:
            return f"{self.cost:f} US dollars"
        return None


class Limits(BaseModel):
    """The limits of an account: for each of its leads, each of its lines, and all of it together.

    `loop_turns`: quick answers to quick messages within ten minutes from which on the agent takes a conversation for
    one with a machine; None never does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lead: DayLimits = DayLimits(turns=200, tokens=2_000_000)
    line: DayLimits = DayLimits()
    account: DayLimits = DayLimits()
    loop_turns: Annotated[int, BeforeValidator(_count), Field(ge=4, le=60)] | None = 20
