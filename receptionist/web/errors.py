"""Turns errors into answers: JSON for programs, a page for people; never a stack trace."""

from __future__ import annotations

import math
import secrets

import structlog
from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from receptionist.errors import Invalid, RequestError

log = structlog.get_logger()

_TEXTS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this kind of request."),
    413: ("too_large", "The request is larger than this address takes."),
}


def register(app: Flask) -> None:
    """Handle every error of every route."""
    app.before_request(_refuse_garbled)
    app.register_error_handler(RequestError, _request_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _refuse_garbled() -> None:
    """Raises `Invalid` for an address that is no text, over which whoever reads it would stumble."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        raise Invalid("The address holds bytes that are no text; encode them, such as %C3%A9 for é.") from None


def _request_error(error: Exception) -> Response:
    assert isinstance(error, RequestError)
    response = _answer(error.status, error.code, str(error))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def _http_error(error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.code or 500
    if status < 400:  # a redirect
        return Response(status=status, headers=dict(error.get_headers()))
    code, text = _TEXTS.get(status, ("bad_request" if status < 500 else "error", error.description or "Error."))
    response = _answer(status, code, text)
    if status == 405 and (allow := error.get_headers()):
        response.headers.extend([(name, value) for name, value in allow if name == "Allow"])
    return response


def _unexpected(error: Exception) -> Response:
    """Log it under a number that the answer names."""
    number = secrets.token_hex(4)
    log.exception("request_failed", number=number, method=request.method, endpoint=request.endpoint, exc_info=error)
    return _answer(500, "error", f"Something went wrong here. If you tell us, please name {number}.")


def _answer(status: int, code: str, text: str) -> Response:
    wants_page = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    if wants_page:
        response = Response(render_template("errors/error.html", status=status, text=text), status)
    else:
        response = jsonify({"error": {"code": code, "message": text}})
        response.status_code = status
    return response
