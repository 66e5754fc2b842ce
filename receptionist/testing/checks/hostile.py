"""Whatever customers and strangers write is text, and never an error of ours."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from receptionist.testing.case import FORM, Delivered, Request
from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal

TEXTS = {
    "NUL": "a\0b",
    "a lone surrogate": "a\ud83db",
    "control characters": "a\x1b[2Jb\x7fc\x9fd",
    "right to left": "a \u202etxt.exe\u202c \u0627\u0644\u0633\u0644\u0627\u0645",
    "zero width": "a\u200b\u200d\u2060\ufeffb",
    "many marks": "e" + "\u0301" * 500,
    "a template": "{{ 7 * 7 }} {% for x in range(9) %}x{% endfor %} {{ config }} ${7*7} <%= 7*7 %>",
    "HTML": "<script>alert(1)</script><b onclick='x'>&amp;</b>",
    "XML": "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><Response>&b;</Response>",
    "JSON": '{"id": "1", "text": {"$ne": null}} ]]}}',
    "SQL": "'; DROP TABLE messages; -- \\",
    "a form": "a&From=%2B1&Body=b+c%00",
    "line ends": "one\r\ntwo\rthree\u2028four",
    "100 kB": "long " * 20_000,
}
KEPT = ("a template", "HTML", "XML", "JSON", "SQL", "a form")
"""What must come out as it went in; in the others, plugins may take out what is no text."""

HUGE = f"huge-{uuid.uuid4()}"
_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5e300,
    "",
    " ",
    "\0",
    "\ud800",
    "x" * 5000,
    "-1",
    "../../etc/passwd",
    [],
    {},
    [[]],
    ["x"],
    {"x": {"y": []}},
    HUGE,
)
_BODIES = (
    b"",
    b"\0",
    b"{",
    b"[]",
    b"null",
    b"{}",
    b'"text"',
    b"NaN",
    b"\xff\xfe\x00",
    b'{"a": ' * 50_000,
    b"[" * 100_000,
    b'{"id": ' + b"9" * 5000 + b"}",
    b"%00=%ff&=&&&" * 100,
    b"=",
)


class Hostile:
    """Never a 5xx, for its sender would try it again for ever; and nothing but text is made of it."""

    def test_hostile_text_is_stored_as_text(self, rehearsal: Rehearsal) -> None:
        for name, text in TEXTS.items():
            before = len(rehearsal.stored.messages("in"))
            wrapped = f"Begin. {text} End."
            response = rehearsal.receive(rehearsal.incoming(wrapped))
            new = rehearsal.stored.messages("in")[before:]
            assert response.status_code < 500, f"{name} made {response.status}"
            if response.status_code >= 400:
                assert new == [], f"{name} was refused, and stored"
                continue
            [message] = new
            assert message.text.startswith("Begin."), name
            assert name == "100 kB" or message.text.endswith("End."), name
            assert name not in KEPT or text in message.text, f"{name} was changed"

    def test_hostile_text_comes_back_as_text(self, rehearsal: Rehearsal) -> None:
        for name in KEPT:
            replies = rehearsal.say(f"{TEXTS[name]} End.")
            assert TEXTS[name] in "".join(replies), f"{name} was changed on its way out"

    def test_no_value_in_any_field_of_a_message_makes_an_error(self, rehearsal: Rehearsal) -> None:
        _spoil(rehearsal, rehearsal.case.request(rehearsal.line, [rehearsal.incoming("A good one.")]))

    @needs("receipts", "sending")
    def test_no_value_in_any_field_of_a_receipt_makes_an_error(self, rehearsal: Rehearsal) -> None:
        rehearsal.say("Hello.")
        _spoil(rehearsal, rehearsal.case.receipt(rehearsal.line, rehearsal.delivered()[0], "delivered"))

    @needs("echoes")
    def test_no_value_in_any_field_of_an_echo_makes_an_error(self, rehearsal: Rehearsal) -> None:
        theirs = Delivered(uuid.uuid4().hex, rehearsal.customer(1), "From a person.")
        _spoil(rehearsal, rehearsal.case.echo(rehearsal.line, theirs))

    def test_no_body_makes_an_error(self, rehearsal: Rehearsal) -> None:
        rehearsal.case.request(rehearsal.line, [rehearsal.incoming("Tells the case who writes.")])
        for body in _BODIES:
            response = rehearsal.post(rehearsal.case.signed(rehearsal.line, body))
            assert response.status_code < 500, f"{body[:40]!r} made {response.status}"
        assert rehearsal.stored.messages() == []
        assert rehearsal.say("Still there?")[-1].endswith("Still there?")


_REMOVED = object()
Place = tuple[str | int, ...]


def _spoil(rehearsal: Rehearsal, good: Request) -> None:
    """Put every kind of value into every field of a request, and leave each out; a good message still comes through."""
    case, query = rehearsal.case, good.path.partition("?")[2]
    payload = case.decoded(good.body)
    values = [value for value in _VALUES if isinstance(value, str) or case.content_type != FORM]
    for place in _places(payload):
        for value in (*values, _REMOVED):
            body = case.encoded(_changed(payload, place, value)).replace(f'"{HUGE}"'.encode(), b"9" * 5000)
            response = rehearsal.post(case.signed(rehearsal.line, body, query))
            assert response.status_code < 500, f"{value!r:.80} at {place} made {response.status}"
    assert rehearsal.say("Still there?")[-1].endswith("Still there?")


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every value within a payload, by the keys that lead there."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*place, key)
        yield from _places(inner, (*place, key))


def _changed(payload: Any, place: Place, value: Any) -> Any:
    changed = copy.deepcopy(payload)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if value is _REMOVED:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return changed
