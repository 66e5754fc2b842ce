"""Bodies of requests: whole as they were sent, or refused."""

from __future__ import annotations

from typing import Any

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import RequestEntityTooLarge

from receptionist.errors import Invalid


class WholeRequest(Request):
    """A request of which never a part is taken for the whole: Werkzeug gives of a body in chunks as much as the limit
    allows, and of one that breaks off what came."""

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """The body. Raises `Invalid` for one that broke off or whose chunks cannot be read, and `RequestEntityTooLarge`
        (413)."""
        read_before = "form" in self.__dict__ or hasattr(self, "_cached_data")
        try:
            data = super().get_data(*args, **kwargs)
        except ParseException as error:
            raise Invalid("The body cannot be read: its chunks are not as HTTP wants them (RFC 9112, 7.1).") from error
        if read_before or "form" in self.__dict__:
            return data
        if self.content_length is None:
            if self.max_content_length is not None and len(data) >= self.max_content_length:
                raise RequestEntityTooLarge
        elif len(data) < self.content_length:
            raise Invalid("The body is shorter than its Content-Length says.")
        return data
