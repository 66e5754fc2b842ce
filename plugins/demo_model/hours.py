"""When the business is open: now, on a day, or in general; only from what the strategy and the tool say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from .turn import Turn
from .words import MONTHS, WEEKDAYS

MAX_DAYS = 4
"""Days answered in one reply."""


def hours(turn: Turn) -> str | None:
    """The answer to a question about opening hours; None if there was none."""
    days = turn.days
    named = bool(days.dates or days.weekdays)
    if not _asked(turn, named):
        return None
    if not (turn.strategy["opening_hours"] or turn.strategy["exceptions"]):
        return "I have no opening hours on record here."
    state = [_state(turn)] if _asks_now(turn, named) else []
    lines = [_day_line(turn, day) for day in days.dates[:MAX_DAYS]] + [_usual_line(turn, i) for i in days.weekdays]
    if days.unclear and not lines:
        lines = ["I did not understand which day you mean. " + _week(turn)]
    if not (state or lines):
        clock = turn.says(r"\b(are you|is it) open (at|until|till|before|after) ")
        lines = [_day_line(turn, turn.today) if clock else _week(turn)]
    return "\n".join(state + lines)


def days_to_look_up(turn: Turn) -> list[date]:
    """The dates asked about that the variables do not tell."""
    if not hours(turn):
        return []
    known = _known(turn)
    return [day for day in turn.days.dates[:MAX_DAYS] if day.isoformat() not in known and day > turn.today]


def _asked(turn: Turn, named: bool) -> bool:
    asks = r"\b(open|opened|opening|hours|close|closes|closed|closing|shut)\b|\bcome (by|in|over|round)\b"
    return turn.says(asks) or (named and turn.says(r"\b(when|what time|until|till|how late|are you there)\b"))


def _asks_now(turn: Turn, named: bool) -> bool:
    if turn.says(r"\bnow\b|\bcurrently\b|\bstill open\b|\bopen next\W*$|\bnext open\b"):
        return True
    clock = turn.says(r"\bopen (at|until|till|before|after) ")
    general = named or turn.days.unclear or clock
    return not general and turn.says(r"\b(are you|you are|is it) (open|closed)\b")


def _state(turn: Turn) -> str:
    if not turn.variables["open_now"]:
        return f"We are closed right now. {_next_opening(turn)}"
    now = turn.variables["now"]["time"]
    ends = [end for start, end in _stretches(turn.variables["hours_week"][0]) if start <= now < end != "24:00"]
    return f"We are open right now, until {ends[0]} today." if ends else "We are open right now."


def _next_opening(turn: Turn) -> str:
    opens = turn.variables["opens_next"]
    if opens is None:
        return "I do not know when we open next."
    when = date.fromisoformat(opens["date"])
    ahead = (when - turn.today).days
    name = ("today", f"tomorrow, {_name(turn, when)},")[ahead] if ahead < 2 else f"on {_name(turn, when)}"
    return f"We open next {name} at {opens['time']}."


def _stretches(day: Mapping[str, str]) -> list[tuple[str, str]]:
    return re.findall(r"(\d\d:\d\d)–(\d\d:\d\d)", day["hours"].split(" (")[0])


def _known(turn: Turn) -> dict[str, Mapping[str, Any]]:
    """By date, what the variables say of it and what the tool answered."""
    known = {day["date"]: day for day in turn.variables["hours_exceptions"] + turn.variables["hours_week"]}
    for output in turn.looked_up:
        try:
            told = json.loads(output)
        except ValueError:  # the plain words of an error
            continue
        if isinstance(told, dict) and isinstance(told.get("hours"), str):
            known[str(told.get("date"))] = told
    return known


def _day_line(turn: Turn, day: date) -> str:
    ahead = (day - turn.today).days
    if ahead < 0:
        return f"{_name(turn, day)} is past."
    label = {0: "Today, ", 1: "Tomorrow, "}.get(ahead, "On ") + _name(turn, day) + ("," if ahead < 2 else "")
    found = _known(turn).get(day.isoformat())
    if found is None:
        return _from_strategy(turn, day, label)
    stretches = _stretches(found)
    if not ahead and stretches and not turn.variables["open_now"] and stretches[-1][1] <= turn.variables["now"]["time"]:
        return f"{label} we were open {found['hours']}; we are closed right now. {_next_opening(turn)}"
    return f"{label} we are {_open(found['hours'])}."


def _from_strategy(turn: Turn, day: date, label: str) -> str:
    for exception in turn.strategy["exceptions"]:
        if exception["date"] == day.isoformat():
            text = " and ".join(sorted(exception["hours"])).replace("-", "–") or "closed"
            reason = f" ({exception['reason']})" if exception["reason"] else ""
            return f"{label} we are {_open(text + reason)}."
    regular = f"{label} we are {_open(_usual(turn, day.weekday()))} by our regular hours"
    if turn.strategy["holidays"]:
        return f"{regular}, unless it is a public holiday: I cannot tell that so far ahead."
    return f"{regular}; I know of no exception that day."


def _open(text: str) -> str:
    return text if text.startswith("closed") else f"open {text}"


def _usual(turn: Turn, weekday: int) -> str:
    return str(turn.strategy["hours_text"][weekday]).split(": ", 1)[1]


def _usual_line(turn: Turn, weekday: int) -> str:
    return f"On {WEEKDAYS[weekday].capitalize()}s we are {_open(_usual(turn, weekday))}."


def _name(turn: Turn, day: date) -> str:
    """ "Friday 25 December", with the year where it is not within twelve months."""
    year = f" {day.year}" if not 0 <= (day - turn.today).days < 365 else ""
    return f"{WEEKDAYS[day.weekday()].capitalize()} {day.day} {MONTHS[day.month - 1].capitalize()}{year}"


def _week(turn: Turn) -> str:
    exceptions = turn.variables["hours_exceptions"]
    special = [f"{_name(turn, date.fromisoformat(day['date']))}: {day['hours']}" for day in exceptions]
    return "\n".join(["Our opening hours:", *turn.strategy["hours_text"], *special])
