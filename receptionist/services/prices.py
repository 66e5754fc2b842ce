"""What an account pays for its models, and what a turn cost by that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa

from receptionist.contracts.limits import MILLION
from receptionist.contracts.model import Usage
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import ModelPrice, Turn
from receptionist.services import accounts

DEAREST = 100_000
"""US dollars for a million tokens; more is a slip of the finger."""
MOST_PRICES = 200
LOOKED_AT = 5000
"""Newest turns among which models without a price are looked for."""

_MODEL = re.compile(r"[\w.:/@+-]{1,119}\*?|\*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Price:
    """Millionths of a US dollar for a million tokens."""

    input: int
    cached: int
    output: int


def cost_of(prices: Mapping[str, Price], model: str, usage: Usage) -> int | None:
    """What a turn cost, in millionths of a US dollar; None where no price is known.

    Cached tokens are a part of the input and reasoning is a part of the output, as vendors bill them."""
    price = price_of(prices, model)
    if price is None:
        return None
    cached = min(usage.cached, usage.input)
    total = (usage.input - cached) * price.input + cached * price.cached + usage.output * price.output
    return (total + MILLION // 2) // MILLION


def cost_of_all(prices: Mapping[str, Price], spent: Mapping[str, Usage]) -> int | None:
    """The same for what several models used, by model; what has no price counts nothing, None if nothing has one."""
    costs = [cost_of(prices, model, usage) for model, usage in spent.items()]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def price_of(prices: Mapping[str, Price], model: str) -> Price | None:
    """The price of a model: that of its very name, else of the longest pattern such as "gpt-6*" that fits."""
    if model in prices:
        return prices[model]
    fitting = [name for name in prices if name.endswith("*") and model.startswith(name[:-1])]
    return prices[max(fitting, key=len)] if fitting else None


def known(scope: Scope) -> dict[str, Price]:
    """All prices of the account, by model or pattern."""
    return {row.model: Price(row.input, row.cached, row.output) for row in listed(scope)}


def listed(scope: Scope) -> list[AnyRow]:
    """All prices of the account, by model or pattern, in alphabetical order."""
    return scope.all(scope.select(ModelPrice).order_by(ModelPrice.model))


def put(scope: Scope, model: str, *, input: str, cached: str | None, output: str) -> None:
    """Set what a million tokens of a model cost, in US dollars written with a point, such as "0.25".

    `model` may end in "*"; without `cached` those tokens cost what others cost. Turns that are over keep their cost.
    Raises `LineError`."""
    if not _MODEL.fullmatch(model):
        raise LineError(
            "A model's name has letters, digits and . : / @ + - _ only, 120 characters at most; only its end may be *, "
            "as in gpt-6*."
        )
    values = {"input": _millionths(input), "output": _millionths(output)}
    values["cached"] = values["input"] if cached is None else _millionths(cached)
    if not scope.run(scope.update(ModelPrice).where(ModelPrice.model == model).values(**values)):
        if len(listed(scope)) >= MOST_PRICES:
            raise LineError(f"There are {MOST_PRICES} prices already; remove some, or use patterns such as gpt-6*.")
        scope.insert(ModelPrice, model=model, **values)
    accounts.touch(scope)


def remove(scope: Scope, model: str) -> None:
    """Forget the price of a model or pattern. Raises `LineError` if there is none."""
    mine = (ModelPrice.account_id == scope.account_id, ModelPrice.model == model)
    if not scope.run(sa.delete(ModelPrice).where(*mine)):
        names = ", ".join(row.model for row in listed(scope)) or "none yet"
        raise LineError(f"There is no price for {model}. There are: {names}.")
    accounts.touch(scope)


def unpriced(scope: Scope, days: int = 7) -> list[str]:
    """Models that took tokens in the last days and have no price now, so that no limit on cost counts them."""
    columns = (Turn.model, Turn.started_at, (Turn.input_tokens + Turn.output_tokens).label("tokens"))
    newest = scope.select(Turn, *columns).order_by(Turn.id.desc()).limit(LOOKED_AT).subquery()
    recent = sa.select(newest.c.model).where(newest.c.model.is_not(None), newest.c.started_at > db_now(-days * 86400.0))
    recent = recent.where(newest.c.tokens > 0)  # else a price changes nothing: the demo model takes none
    found = {row.model for row in scope.all(recent.distinct())}
    prices = known(scope)
    return sorted(model for model in found if price_of(prices, model) is None)


def _millionths(dollars: str) -> int:
    try:
        amount = Decimal(dollars)
        wrong = not amount.is_finite() or not 0 <= amount <= DEAREST or amount != round(amount, 6)
    except InvalidOperation:
        wrong = True
    if wrong:
        raise LineError(
            f"{dollars} is no price: write US dollars for a million tokens with a point, such as 0.25, "
            f"at most {DEAREST} and with at most six decimals."
        )
    return int(amount * MILLION)
