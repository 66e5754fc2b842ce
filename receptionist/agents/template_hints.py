"""Which name was meant, where a template names something that is not there."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

from receptionist.agents.braces import BRACES
from receptionist.agents.variable_table import ITEM, SHAPES, Shape, values_called

CLOSE = 0.7
"""How alike two names are at least, for one to be suggested for the other (0 to 1)."""

_ONE_VALUE = re.compile(r"\{\{ (\w+)\.(\w+)([^{}]*) \}\}")


def for_variable(name: str, names: Shape) -> str:
    """What to write for an unknown variable: a value of that name behind one of the variables there are, what a name
    in single braces stands for, or what is nearest; and what there is."""
    there_are = f"There are: {', '.join(sorted(names))}"
    if found := values_called(name, names):
        return f"did you mean {' or '.join(found)}? {there_are}"
    if name in BRACES:
        value = _value(BRACES[name], names)
        return f"did you mean {value}? {there_are}" if value else f"write {{{name}}} outside of other braces"
    inside = {value.partition(".")[2]: value for value in _values(names)}
    near = get_close_matches(name, [*names, *inside], 1, CLOSE)
    return f"did you mean {inside.get(near[0], near[0])}? {there_are}" if near else f"t{there_are[1:]}"


def for_value(name: str, variable: str, owner: Shape) -> str:
    """What is wrong with a value of this name behind a variable (or a value of one, such as `custom`) that has the
    values of `owner` only, and what there is."""
    if ITEM in owner:
        return f"there is no value {name!r} here; use a {{% for %}} loop over the list"
    if variable == "custom":
        hint = known(name, owner) if owner else "there are none yet"
        return f"leads have no field {name!r}; {hint}. To make it: receptionist lead fields add"
    if variable == "tool_settings":
        return f"there is no tool {name!r}; {known(name, owner) if owner else 'there are none'}"
    elsewhere = SHAPES.get(variable, {})
    if name in elsewhere and owner.keys() < elsewhere.keys():
        *others, last = sorted(elsewhere.keys() - owner)
        return (
            f"{variable}.{name} may not be used in this text, for {', '.join(others)} and {last} may not name each "
            f"other. Of {variable} there are: {', '.join(sorted(owner))}"
        )
    return f"there is no value {name!r} here; {known(name, owner)}"


def known(name: str, names: Collection[str]) -> str:
    """The nearest of these names, if one is near, and all of them."""
    there_are = f"there are: {', '.join(sorted(names))}" if names else "this is a single value"
    near = get_close_matches(name, names, 1, CLOSE)
    return f"did you mean {near[0]!r}? {there_are[0].upper()}{there_are[1:]}" if near else there_are


def _value(written: str, names: Shape) -> str:
    """What stands in the double braces, if it is a single value that there is here."""
    found = _ONE_VALUE.fullmatch(written)
    if found is None or found[2] not in names.get(found[1], {}):
        return ""
    return f"{found[1]}.{found[2]}{found[3]}"


def _values(names: Shape) -> list[str]:
    return [f"{owner}.{name}" for owner, shape in names.items() for name in shape if name.isidentifier()]
