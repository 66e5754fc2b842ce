"""The plain values strategy templates are rendered from; `variable_table` says what each of them is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from receptionist.agents.hours import WEEKDAYS, Timetable
from receptionist.contracts.strategy import Service, StrategyFields

EXCEPTION_DAYS = 60
"""How far ahead `hours_exceptions` looks."""

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_WHOLE = frozenset({"CLP", "ISK", "JPY", "KRW", "VND"})
"""Currencies that are written without decimals."""

_FORMALITY = (
    (2, "casual, as among friends"),
    (4, "informal and relaxed"),
    (6, "neither stiff nor chummy"),
    (8, "formal and courteous"),
    (10, "very formal, as in a grand hotel"),
)
"""Each wording with the highest formality it is for."""


def strategy_variables(fields: StrategyFields, now: datetime) -> dict[str, Any]:
    """What a strategy says at `now`, an aware time in the business's zone; plain values only."""
    return {"strategy": strategy_values(fields), **moment_values(Timetable(fields), now)}


def strategy_values(fields: StrategyFields) -> dict[str, Any]:
    """The fields, the services with price and duration as text, and lists of one line each (`…_text`)."""
    strategy = fields.model_dump(mode="json")
    for plain, service in zip(strategy["services"], fields.services, strict=True):
        plain["price"] = _price(service, fields.currency)
        plain["duration"] = f"{service.minutes} minutes" if service.minutes else ""
    strategy["services_text"] = [_service_line(service) for service in strategy["services"]]
    strategy["facts_text"] = [f"{fact.topic}: {fact.text}" for fact in fields.facts]
    strategy["traits_text"] = [
        f"{trait.name}: {trait.description}" if trait.description else trait.name for trait in fields.personality_traits
    ]
    strategy["formality_text"] = next(
        (text for most, text in _FORMALITY if fields.formality is not None and fields.formality <= most), ""
    )
    strategy["hours_text"] = [
        f"{day.capitalize()}: {hours_text(sorted(fields.opening_hours.get(day, [])))}" for day in WEEKDAYS
    ]
    return strategy


def moment_values(timetable: Timetable, now: datetime) -> dict[str, Any]:
    """What changes with the clock, the same for all of a minute; `now` is aware and in the business's zone."""
    today = now.date()
    open_now = timetable.is_open(now)
    return {
        "now": {
            "date": today.isoformat(),
            "weekday": weekday_name(today),
            "time": now.strftime("%H:%M"),
            "timezone": str(now.tzinfo),
        },
        "open_now": open_now,
        "opens_next": None if open_now else _opening(timetable.next_opening(now)),
        "hours_today": _day(timetable, today)["hours"],
        "hours_week": [_day(timetable, today + timedelta(days=ahead)) for ahead in range(7)],
        "hours_exceptions": [_day(timetable, day) for day in _special_days(timetable, today)],
    }


def hours_text(hours: list[str], reason: str = "") -> str:
    """ "09:00–12:30 and 13:30–18:00", or "closed", and the reason in brackets."""
    text = " and ".join(stretch.replace("-", "–") for stretch in hours) or "closed"
    return f"{text} ({reason})" if reason else text


def weekday_name(day: date) -> str:
    """The English name of the weekday, whatever the process's locale."""
    return WEEKDAYS[day.weekday()].capitalize()


def _day(timetable: Timetable, day: date) -> dict[str, str]:
    hours, reason = timetable.on(day)
    return {"day": weekday_name(day), "date": day.isoformat(), "hours": hours_text(list(hours), reason)}


def _special_days(timetable: Timetable, today: date) -> Iterator[date]:
    days = (today + timedelta(days=ahead) for ahead in range(EXCEPTION_DAYS + 1))
    return (day for day in days if timetable.special(day) is not None)


def _opening(at: datetime | None) -> dict[str, str] | None:
    if at is None:
        return None
    return {"date": at.date().isoformat(), "day": weekday_name(at.date()), "time": f"{at:%H:%M}"}


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
