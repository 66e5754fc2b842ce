"""The plain values strategy templates are rendered from."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from receptionist.agents.hours import WEEKDAYS, day_hours, is_open
from receptionist.contracts.strategy import Service, StrategyFields

VARIABLE_NAMES = frozenset(
    {
        "account",
        "conversation",
        "hours_exceptions",
        "hours_today",
        "hours_week",
        "lead",
        "line",
        "now",
        "open_now",
        "strategy",
    }
)
"""The variables of every template: those of `strategy_variables`, and the four that each turn adds."""

EXCEPTION_DAYS = 60
"""How far ahead `hours_exceptions` looks."""

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_WHOLE = frozenset({"CLP", "ISK", "JPY", "KRW", "VND"})
"""Currencies that are written without decimals."""


def strategy_variables(fields: StrategyFields, now: datetime) -> dict[str, Any]:
    """What a strategy says at `now`, an aware time in the account's zone; plain values only.

    `strategy`: see `strategy_values`; the others: see `moment_values`.
    """
    return {"strategy": strategy_values(fields), **moment_values(fields, now)}


def strategy_values(fields: StrategyFields) -> dict[str, Any]:
    """All fields, the services with `price` ("€25.00") and `duration` ("45 minutes") as text, and
    `services_text`, `facts_text`, `hours_text`: lists of one line each."""
    strategy = fields.model_dump(mode="json")
    for plain, service in zip(strategy["services"], fields.services, strict=True):
        plain["price"] = _price(service, fields.currency)
        plain["duration"] = f"{service.minutes} minutes" if service.minutes else ""
    strategy["services_text"] = [_service_line(service) for service in strategy["services"]]
    strategy["facts_text"] = [f"{fact.topic}: {fact.text}" for fact in fields.facts]
    strategy["hours_text"] = [
        f"{day.capitalize()}: {hours_text(sorted(fields.opening_hours.get(day, [])))}" for day in WEEKDAYS
    ]
    return strategy


def moment_values(fields: StrategyFields, now: datetime) -> dict[str, Any]:
    """What changes with the clock, the same for all of a minute.

    `now`: `date`, `weekday`, `time`, `timezone`. `open_now`: bool. `hours_today`: text. `hours_week`: today and the
    six days after it, and `hours_exceptions`: the exceptions of the next 60 days, both as `{day, date, hours}`.
    """
    today = now.date()
    return {
        "now": {
            "date": today.isoformat(),
            "weekday": weekday_name(today),
            "time": now.strftime("%H:%M"),
            "timezone": str(now.tzinfo),
        },
        "open_now": is_open(fields, now),
        "hours_today": _day(fields, today)["hours"],
        "hours_week": [_day(fields, today + timedelta(days=ahead)) for ahead in range(7)],
        "hours_exceptions": _exceptions(fields, today),
    }


def hours_text(hours: list[str], reason: str = "") -> str:
    """ "09:00–12:30 and 13:30–18:00", or "closed", and the reason in brackets."""
    text = " and ".join(stretch.replace("-", "–") for stretch in hours) or "closed"
    return f"{text} ({reason})" if reason else text


def weekday_name(day: date) -> str:
    """The English name of the weekday, whatever the process's locale."""
    return WEEKDAYS[day.weekday()].capitalize()


def _day(fields: StrategyFields, day: date) -> dict[str, str]:
    return {"day": weekday_name(day), "date": day.isoformat(), "hours": hours_text(*day_hours(fields, day))}


def _exceptions(fields: StrategyFields, today: date) -> list[dict[str, str]]:
    until = today + timedelta(days=EXCEPTION_DAYS)
    days = sorted({exception.date for exception in fields.exceptions if today <= exception.date <= until})
    return [_day(fields, day) for day in days]


def _price(service: Service, currency: str) -> str:
    if service.price_cents is None:
        return ""
    if service.price_cents == 0:
        return "free of charge"
    amount = f"{service.price_cents / 100:,.{0 if currency in _WHOLE else 2}f}"
    return f"{_SIGNS[currency]}{amount}" if currency in _SIGNS else f"{amount} {currency}"


def _service_line(service: dict[str, Any]) -> str:
    terms = ", ".join(text for text in (service["price"] or "price on request", service["duration"]) if text)
    return f"{service['name']}: {terms}" + (f". {service['description']}" if service["description"] else "")
