"""Public holidays by country, from the library `holidays`; it takes 20 MB, so it is loaded when somebody needs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import structlog

from receptionist.contracts.opening_hours import Holidays
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import LineError

REMEMBERED_YEARS = 500
LANGUAGE = "en_US"
"""Of the names where the library has it, as of weekdays in prompts; the country's own otherwise."""
MAX_NAME = 120
SHOWN = 20
"""So many codes at most are listed in a message."""

log = structlog.get_logger()


def holiday_name(wanted: Holidays, day: date) -> str | None:
    """The name of the public holiday on a date; None if it is none.

    A country the library does not know has no holidays: `check_holidays` refuses it when a strategy is saved, and
    one that a newer library dropped must not silence the agent."""
    return _of_year(wanted.country, wanted.subdivision or None, day.year).get(day)


def check_holidays(fields: StrategyFields) -> None:
    """Raises `LineError` for a country or subdivision without known holidays; the message names near ones."""
    if fields.holidays is None:
        return
    country, subdivision = fields.holidays.country, fields.holidays.subdivision
    known = _codes()
    if country not in known:
        near = get_close_matches(country, known, 5, 0.5) or sorted(known)[:5]
        raise LineError(f"holidays: no holidays are known for the country {country}; near it: {', '.join(near)}.")
    if subdivision:
        _check_subdivision(country, subdivision)


def _check_subdivision(country: str, subdivision: str) -> None:
    try:
        _calendar(country, subdivision)
    except NotImplementedError:  # the library's word for a place it does not know
        titles = _subdivisions(country)
        near = sorted({titles[each] for each in get_close_matches(subdivision, titles, SHOWN, 0.5)})
        some = near or sorted(set(titles.values()))[:SHOWN]
        cure = f"; there are: {', '.join(some)}" if some else ""
        raise LineError(f"holidays: {country} has no subdivision {subdivision}{cure}.") from None


@lru_cache(REMEMBERED_YEARS)
def _of_year(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    try:
        found = _calendar(country, subdivision, years=year)
    except NotImplementedError as error:
        log.error("holidays_unknown", country=country, subdivision=subdivision, reason=str(error))
        return {}
    return {day: str(name)[:MAX_NAME] for day, name in found.items()}


def _calendar(country: str, subdivision: str | None, **options: Any) -> Mapping[date, str]:
    """The library's calendar; its language is fixed, for it would follow the locale of the process."""
    from holidays import country_holidays

    plain = country_holidays(country, subdiv=subdivision)
    language = LANGUAGE if LANGUAGE in plain.supported_languages else plain.default_language
    return country_holidays(country, subdiv=subdivision, language=language, expand=False, **options)


def _codes() -> list[str]:
    from holidays import list_supported_countries

    return sorted(list_supported_countries(include_aliases=False))


def _subdivisions(country: str) -> dict[str, str]:
    """How each subdivision is shown, such as "BY (Bayern)", by its code and by its name."""
    from holidays import country_holidays

    kind = type(country_holidays(country))
    titles = {code: code for code in kind.subdivisions}
    for name, code in getattr(kind, "subdivisions_aliases", {}).items():
        titles[code] = titles[name] = f"{code} ({name})"
    return titles
