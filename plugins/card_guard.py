"""Keeps payment card numbers out of tools, and so out of leads, notes and other systems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from receptionist import ToolContext, hookimpl

_DIGITS = re.compile(r"(?<![+\w])\d(?:[ -]?\d){13,18}(?!\w)")
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){1,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
)


def has_card_number(text: str) -> bool:
    """Whether a number in the text has the prefix, the length and the check digit (ISO/IEC 7812) of a card."""
    return any(_CARD.fullmatch(digits) and _luhn(digits) for digits in _numbers(text))


def _numbers(text: str) -> Iterator[str]:
    return (re.sub(r"\D", "", match[0]) for match in _DIGITS.finditer(text))


def _luhn(digits: str) -> bool:
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(value // 10 + value % 10 for value in doubled)) % 10 == 0


def _texts(value: Any) -> Iterator[str]:
    """All text in a call's arguments, which are what the tool's types made of them, such as models."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, BaseModel):
        yield from _texts(dict(value))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)


@hookimpl
def veto_tool_call(tool: str, arguments: Mapping[str, Any], context: ToolContext) -> str | None:
    """Refuse a call that carries a card number, and tell the model what to tell the customer."""
    if any(has_card_number(text) for text in _texts(arguments)):
        return "Payment card numbers may not be stored. Tell the customer not to send any, and leave it out."
    return None
