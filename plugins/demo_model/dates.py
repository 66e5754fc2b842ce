"""The days a customer means: weekdays, dates, feasts and words like "tomorrow", as far as they can be computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from .words import MONTHS, STOP, WEEKDAYS, singles

_FEASTS: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    (r"(christmas|xmas) eve", ((12, 24),)),
    (r"(christmas|xmas) day", ((12, 25),)),
    (r"(on|for) (christmas|xmas)\b(?! \w+day| week| holiday)", ((12, 25),)),
    (r"(christmas|xmas)\b(?! week| holiday)", ((12, 24), (12, 25), (12, 26))),
    (r"boxing day|(st\.?|saint) stephen'?s?( day)?", ((12, 26),)),
    (r"new year'?s? eve", ((12, 31),)),
    (r"new year'?s?( day)?", ((1, 1),)),
    (r"(st\.?|saint) patrick'?s?( day)?", ((3, 17),)),
)
_EASTER = (("good friday", (-2,)), ("easter monday", (1,)), ("easter sunday", (0,)), ("easter", (0, 1)))
_MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS) + "|sept"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = "|".join([*WEEKDAYS, "mon", "tues?", "wed", "thu(?:rs?)?", "fri"])
_LED = rf"(?:\b(?:{_WEEKDAY}|sat|sun),? (?:the )?)?"
"""A weekday that belongs to the date after it."""

_ISO = re.compile(rf"{_LED}\b(\d{{4}})-(\d\d)-(\d\d)\b")
_DOTTED = re.compile(rf"{_LED}(?<![\d./])(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}})?(?!\d)")
_SLASHED = re.compile(rf"{_LED}(?<![\d./])(?!24/7)(\d{{1,2}})/(\d{{1,2}})(?:/(\d{{4}}))?(?![\d/])")
_DAY_MONTH = re.compile(rf"{_LED}\b{_DAY}(?: of)? ({_MONTH})\b\.?(?:,? (\d{{4}})\b)?")
_MONTH_DAY = re.compile(rf"{_LED}\b({_MONTH})\.? {_DAY}\b(?:,? (\d{{4}})\b)?")
_ORDINAL = re.compile(rf"{_LED}\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)\b")
_NAMED = re.compile(rf"\b(next )?({_WEEKDAY}|(?:(?<=on )|(?<=this )|(?<=next ))(?:sat|sun))\b")
_AHEAD = re.compile(r"\bin (\d{1,2}|a|one|two|three) (day|week)s?\b")
_UNKNOWN = re.compile(
    r"\b(holidays?|next (week|month|year)|thanksgiving)\b"
    r"|\b(?!(?:every|all|what|which|the|per|same|working|a|one|good|each|your|normal|regular|this)\b)[a-z']+ day\b"
    rf"|\b(?:in|during) (?:{'|'.join(MONTHS)})\b"
)
_ON_WORD = re.compile(
    r"\b(?:open|opened|close|closed|closing|shut|hours)\b(?: \w+)? (?:on|for|over|during) ([^\W\d_]+)"
)
_NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3}


@dataclass
class Days:
    """What was understood: single dates in order, weekdays in general (0 is Monday), and whether a day was not."""

    dates: list[date] = field(default_factory=list)
    weekdays: list[int] = field(default_factory=list)
    unclear: bool = False


def easter(year: int) -> date:
    """Easter Sunday, by the Gregorian rule (Meeus)."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * shift + 114, 31)
    return date(year, month, day + 1)


class _Reader:
    """Takes one kind of expression after the other out of a text, so that none is read twice."""

    def __init__(self, text: str, today: date) -> None:
        self.text = re.sub(r"[\s\u2019]", lambda found: "'" if found[0] == "’" else " ", text.lower())
        self.today = today
        self.found = Days()

    def take(self, pattern: str | re.Pattern[str], read: Callable[[re.Match[str]], list[date]]) -> None:
        """Read and remove every match; one that is no date, as 31 February, is a day not understood."""

        def note(match: re.Match[str]) -> str:
            try:
                days = read(match)
            except ValueError:
                self.found.unclear = True
            else:
                self.found.dates += [day for day in days if day not in self.found.dates]
            return " | "

        self.text = re.sub(pattern, note, self.text)

    def next(self, month: int, day: int, year: str | None = None) -> date:
        """The date in its year, or the next one there is."""
        if year:
            return date(int(year), month, day)
        if (month, day) == (2, 29):
            return next(date(y, 2, 29) for y in range(self.today.year, self.today.year + 9) if _has_leap(y, self.today))
        this_year = date(self.today.year, month, day)
        return this_year if this_year >= self.today else this_year.replace(year=self.today.year + 1)

    def feast(self, days: tuple[tuple[int, int], ...], _: re.Match[str]) -> list[date]:
        """The next days with these months and numbers."""
        return [self.next(*day) for day in days]

    def next_easter(self, shifts: tuple[int, ...], _: re.Match[str]) -> list[date]:
        """Days around the next Easter, counted from its Sunday."""
        years = (self.today.year, self.today.year + 1)
        days = [[easter(year) + timedelta(days=shift) for shift in shifts] for year in years]
        return days[0] if days[0][-1] >= self.today else days[1]

    def day_first(self, match: re.Match[str]) -> list[date]:
        """ "25/12", and "12/25" where that is the only way to read it."""
        day, month = int(match[1]), int(match[2])
        return [self.next(day, month, match[3]) if month > 12 >= day else self.next(month, day, match[3])]

    def ordinal(self, match: re.Match[str]) -> list[date]:
        """The next month's day of this number, as in "the 25th"."""
        number = int(match[1])
        days = (self.today + timedelta(days=ahead) for ahead in range(62))
        found = [day for day in days if day.day == number]
        if not found:
            raise ValueError("no such day")
        return found[:1]

    def ahead(self, match: re.Match[str]) -> list[date]:
        """As in "in two weeks"."""
        number = _NUMBERS.get(match[1]) or int(match[1])
        return [self.today + timedelta(days=number * (7 if match[2] == "week" else 1))]

    def weekday(self, match: re.Match[str]) -> list[date]:
        """The coming one; "next" is the one of next week, and the coming one too where that is another day."""
        index = [day[:3] for day in WEEKDAYS].index(match[2][:3])
        coming = self.today + timedelta(days=(index - self.today.weekday()) % 7)
        if not match[1]:
            return [coming]
        following = self.today + timedelta(days=7 - self.today.weekday() + index)
        return [coming, following] if self.today < coming < following else [following]

    def weekend(self, match: re.Match[str]) -> list[date]:
        """The Saturday and Sunday that are not over."""
        saturday = self.today + timedelta(days=5 - self.today.weekday() + (7 if match[1] else 0))
        return [day for day in (saturday, saturday + timedelta(days=1)) if day >= self.today]


def _has_leap(year: int, today: date) -> bool:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return leap and date(year, 2, 29) >= today


def read_days(text: str, today: date, own: Set[str] = frozenset()) -> Days:
    """The days a text asks about. `own` are words, as `singles` gives them, that name no day."""
    reader = _Reader(text, today)
    _take_dates(reader)
    for pattern, days in _FEASTS:
        reader.take(rf"\b(?:{pattern})(?!\w)", partial(reader.feast, days))
    for pattern, shifts in _EASTER:
        reader.take(rf"\b{pattern}\b", partial(reader.next_easter, shifts))
    reader.take(r"\b(?:day after tomorrow|overmorrow)\b", lambda _: [today + timedelta(days=2)])
    reader.take(r"\b(?:tomm?orr?ow|tmrw)\b", lambda _: [today + timedelta(days=1)])
    reader.take(r"\b(?:today|tonight|this (?:morning|afternoon|evening))\b", lambda _: [today])
    reader.take(r"\byesterday\b", lambda _: [today - timedelta(days=1)])
    reader.take(_AHEAD, reader.ahead)
    plural = [index for index, day in enumerate(WEEKDAYS) if re.search(rf"\b{day}s\b|\bevery {day}\b", reader.text)]
    reader.text = re.sub(rf"\b(?:{'|'.join(WEEKDAYS)})s\b|\bevery (?:{'|'.join(WEEKDAYS)})\b", " | ", reader.text)
    reader.take(r"\b(next )?weekends?\b", reader.weekend)
    reader.take(_NAMED, reader.weekday)
    reader.found.weekdays = plural
    reader.found.dates.sort()
    reader.found.unclear |= _unclear(reader.text, own)
    return reader.found


def _take_dates(reader: _Reader) -> None:
    months = [month[:3] for month in MONTHS]
    reader.take(_ISO, lambda found: [date(int(found[1]), int(found[2]), int(found[3]))])
    reader.take(_DOTTED, lambda found: [reader.next(int(found[2]), int(found[1]), found[3])])
    reader.take(_SLASHED, reader.day_first)
    reader.take(_DAY_MONTH, lambda found: [reader.next(months.index(found[2][:3]) + 1, int(found[1]), found[3])])
    reader.take(_MONTH_DAY, lambda found: [reader.next(months.index(found[1][:3]) + 1, int(found[2]), found[3])])
    reader.take(_ORDINAL, reader.ordinal)


def _unclear(text: str, own: Set[str]) -> bool:
    if _UNKNOWN.search(text):
        return True
    return any(not {*singles(found[1])} & (STOP | own | {"busines", "day"}) for found in _ON_WORD.finditer(text))
