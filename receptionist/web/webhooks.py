"""Steps 1 to 4 for channels whose vendor calls us: `/webhooks/<channel>/<line key>`."""

from __future__ import annotations

from flask import Blueprint, Response, request

from receptionist.contracts.channel import WebhookRequest
from receptionist.parts import Parts


def webhook_request() -> WebhookRequest:
    """The current request with its raw body, before anything parsed it."""
    return WebhookRequest(
        method=request.method,
        url=request.url,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=request.args.to_dict(),
        body=request.get_data(),
        remote_address=request.remote_addr or "",
    )


def make_blueprint(parts: Parts) -> Blueprint:
    """The webhook route of all push channels."""
    blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

    @blueprint.post("/<channel>/<key>")
    def receive(channel: str, key: str) -> Response:
        """Take a vendor's webhook in; 204 once every message in it is committed."""
        parts.host.receive(parts.host.line(channel, key), webhook_request())
        return Response(status=204)

    return blueprint
