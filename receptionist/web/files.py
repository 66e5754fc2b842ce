"""Stored files by signed link, so that a vendor can fetch what goes out with a message: `/files/<token>`."""

from __future__ import annotations

from flask import Blueprint, Response

from receptionist.errors import NotFound, Refused
from receptionist.parts import Parts
from receptionist.pipeline.attachments import PURPOSE

_SHOWN_AS_THEY_ARE = ("image/", "audio/", "video/", "text/vcard", "application/pdf")


def make_blueprint(parts: Parts) -> Blueprint:
    """The route of files. Whoever has the link may fetch the file for an hour; nothing else leads there."""
    blueprint = Blueprint("files", __name__, url_prefix="/files")

    @blueprint.get("/<token>")
    def file(token: str) -> Response:
        """One stored file."""
        try:
            claims = parts.signer.unsign(PURPOSE, token)
        except Refused as error:
            raise NotFound("This link is not valid any more.") from error
        with parts.host.storage().open(str(claims["key"])) as stream:
            content = stream.read()
        kind = str(claims["type"])
        safe = kind.startswith(_SHOWN_AS_THEY_ARE) and "svg" not in kind
        response = Response(content, content_type=kind if safe else "application/octet-stream")
        response.headers["Content-Disposition"] = "inline" if safe else "attachment"
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return blueprint
