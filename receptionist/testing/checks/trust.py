"""Only the vendor is believed: signatures, methods, content types."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from receptionist.testing.case import Request
from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal

_CONTENT_TYPES = ("text/plain", "application/xml", "multipart/form-data", "application/json; charset=utf-16", "é", "")
_SPOILED = ("", "x", "é", "x" * 3000)


class Trust:
    """A request that is not surely the vendor's stores nothing."""

    def test_a_signed_message_is_taken_and_answered(self, rehearsal: Rehearsal) -> None:
        assert rehearsal.say("Hello there.") == ["Echo: Hello there."]

    def test_an_unsigned_message_is_refused(self, rehearsal: Rehearsal) -> None:
        request = _request(rehearsal)
        bare = replace(
            request,
            path=request.path.partition("?")[0],
            headers={name: value for name, value in request.headers.items() if name == "Content-Type"},
        )
        _is_refused(rehearsal, bare, "without its signature")

    def test_a_spoiled_signature_is_refused(self, rehearsal: Rehearsal) -> None:
        request = _request(rehearsal)
        for name, value in request.headers.items():
            if name != "Content-Type":
                for spoiled in (*_SPOILED, value[:-1], value + "x", value[::-1], *_with_another_character(value)):
                    headers = {**request.headers, name: spoiled}
                    _is_refused(rehearsal, replace(request, headers=headers), f"with {name}: {spoiled[:80]!r}")

    def test_the_signature_of_another_line_is_refused(self, rehearsal: Rehearsal) -> None:
        other = rehearsal.add_line()
        message = rehearsal.incoming("Let me in.", rehearsal.customer(0, other))
        request = replace(rehearsal.case.request(other, [message]), path=rehearsal.line.path)
        _is_refused(rehearsal, request, "signed for another line")

    @needs("signed bodies")
    def test_a_changed_body_is_refused(self, rehearsal: Rehearsal) -> None:
        message = rehearsal.incoming("Cancel it.")
        changed = rehearsal.case.request(rehearsal.line, [replace(message, text="Book it.")])
        request = rehearsal.case.request(rehearsal.line, [message])
        _is_refused(rehearsal, replace(request, body=changed.body), "with another body")

    def test_there_is_nothing_at_the_key_of_no_line(self, rehearsal: Rehearsal) -> None:
        request = _request(rehearsal)
        path = request.path.replace(rehearsal.line.key, "no-such-line")
        response = rehearsal.post(replace(request, path=path))
        assert response.status_code in (401, 403, 404)
        assert rehearsal.stored.messages() == []

    def test_other_methods_bring_no_message(self, rehearsal: Rehearsal) -> None:
        request = _request(rehearsal)
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            status = rehearsal.post(replace(request, method=method)).status_code
            assert status < 500, f"{method} made {status}"
            assert method in ("GET", "HEAD") or status >= 400, f"{method} made {status}"
            assert rehearsal.stored.messages() == [], f"{method} stored a message"

    def test_another_content_type_does_no_harm(self, rehearsal: Rehearsal) -> None:
        for kind in _CONTENT_TYPES:
            before = len(rehearsal.stored.messages())
            request = _request(rehearsal)
            response = rehearsal.post(replace(request, headers={**request.headers, "Content-Type": kind}))
            new = [message.text for message in rehearsal.stored.messages()[before:]]
            assert response.status_code < 500, f"{kind!r} made {response.status}"
            assert new == ([] if response.status_code >= 400 else new[:1]), f"{kind!r} was refused, and stored"
            assert new in ([], ["Let me in."]), f"{kind!r} changed the message"


def _request(rehearsal: Rehearsal) -> Request:
    return rehearsal.case.request(rehearsal.line, [rehearsal.incoming("Let me in.")])


def _with_another_character(value: str) -> list[str]:
    """The value with one character changed, in its middle and towards its end: of the right shape, and still wrong.
    Not the last ones, of which base64 leaves bits unused."""
    places = {len(value) // 2, len(value) - 6} if len(value) > 12 else ()
    return [value[:place] + ("1" if value[place] == "0" else "0") + value[place + 1 :] for place in places]


def _is_refused(rehearsal: Rehearsal, request: Request, how: str) -> None:
    response = rehearsal.post(request)
    assert response.status_code in (401, 403), f"a request {how} was answered {response.status}"
    assert rehearsal.stored.messages() == [], f"a request {how} was stored"
