"""Bodies of requests: whole as they were sent, or refused."""

from __future__ import annotations

from typing import Any

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import RequestEntityTooLarge

from receptionist.errors import Invalid


class WholeRequest(Request):
    """A request of which `get_data` never takes a part for the whole: Werkzeug gives of a body in chunks as much as the
    limit allows, and of one that breaks off what came. Who reads `form`, `data` or `stream` first has what came."""

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        """The body. Raises `Invalid` for one that broke off or whose chunks cannot be read, and `RequestEntityTooLarge`
        (413)."""
        first = not self.__dict__.keys() & {"form", "stream", "_cached_data"}
        try:
            data = super().get_data(cache=cache, parse_form_data=parse_form_data)
        except ParseException as error:
            raise Invalid("The body cannot be read: its chunks are not as HTTP wants them (RFC 9112, 7.1).") from error
        if first and "form" not in self.__dict__:
            self._check_whole(data)
        return data.decode(errors="replace") if as_text else data

    def _check_whole(self, data: bytes) -> None:
        if self.content_length is None:
            if self.max_content_length is not None and len(data) >= self.max_content_length:
                raise RequestEntityTooLarge
        elif len(data) < self.content_length:
            raise Invalid("The body is shorter than its Content-Length says.")
