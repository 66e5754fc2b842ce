"""Steps 1 to 4 for channels whose vendor calls us: `/webhooks/<channel>/<line key>`."""

from __future__ import annotations

from flask import Blueprint, Response, request

from receptionist.contracts.channel import WebhookRequest
from receptionist.parts import Parts


def webhook_request(public_url: str) -> WebhookRequest:
    """The current request with its raw body, before anything parsed it; the URL is the one the vendor called."""
    query = request.query_string.decode()
    return WebhookRequest(
        method=request.method,
        url=public_url + request.path + (f"?{query}" if query else ""),
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
        """Take a vendor's webhook in; answered as its channel says once everything in it is committed."""
        line, call = parts.host.line(channel, key), webhook_request(parts.host.public_url)
        parts.host.receive(line, call)
        answer = parts.channels[channel].acknowledge(call, line)
        return Response(answer.body, status=answer.status, content_type=answer.content_type or None)

    return blueprint
