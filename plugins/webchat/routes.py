"""What the widget talks to: itself as a script, a session, messages, and the live socket."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask_sock import Sock  # type: ignore[import-untyped]

from receptionist import Host, Invalid, Line, Refused, Sender, WebhookRequest, network_of

from .channel import bearer, check_origin
from .identity import is_visitor, issue_token, new_visitor, read_identity, read_token
from .live import PAGE, Live, present, snapshot_of
from .settings import WebchatSettings
from .slots import SocketSlots
from .wire import check_handshake

SESSIONS_PER_MINUTE = 60
POLLS_PER_MINUTE = 240
_MAX_BODY = 128 * 1024
_SOCKET_OPTIONS = {"ping_interval": 25, "max_message_size": 64 * 1024}
_CURSOR = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Visit:
    """The line a request is about, the page it comes from (None: a page of our own), and its headers."""

    line: Line
    origin: str | None
    headers: dict[str, str]


def make_blueprint(host: Host) -> Blueprint:
    """The routes below `/webchat`."""
    api = _Api(host)
    blueprint = Blueprint("webchat", __name__, url_prefix="/webchat")
    blueprint.before_request(api.enter)
    blueprint.after_request(api.leave)
    blueprint.teardown_request(api.free_slot)
    blueprint.add_url_rule("/widget.js", view_func=_widget, methods=["GET"])
    add = functools.partial(blueprint.add_url_rule, provide_automatic_options=False)
    add("/<key>/session", view_func=api.session, methods=["POST"])
    add("/<key>/messages", view_func=api.send, methods=["POST"])
    add("/<key>/messages", view_func=api.messages, methods=["GET"])
    for rule in ("/<key>/session", "/<key>/messages"):
        add(rule, endpoint="preflight", view_func=api.preflight, methods=["OPTIONS"])
    Sock().route("/<key>/live", bp=blueprint, endpoint="live")(api.live)
    blueprint.record(lambda state: _set_socket_options(state.app.config))
    return blueprint


def _set_socket_options(config: dict[str, Any]) -> None:
    """Flask-Sock has one set of options per application; what is there already wins."""
    config["SOCK_SERVER_OPTIONS"] = _SOCKET_OPTIONS | config.get("SOCK_SERVER_OPTIONS", {})


class _Api:
    def __init__(self, host: Host) -> None:
        self.host = host
        self._live = Live(host)

    @functools.cached_property
    def _slots(self) -> SocketSlots:
        return SocketSlots(self.host.settings(WebchatSettings).webchat_max_sockets)

    def enter(self) -> None:
        """Before every view and every handshake: find the line, check the page, and take a socket's place."""
        key = (request.view_args or {}).get("key")
        if key is None:
            return
        request.max_content_length = _MAX_BODY
        line = self.host.line("webchat", key)
        headers = {name.lower(): value for name, value in request.headers.items()}
        g.webchat = Visit(line, check_origin(self.host, line, headers), headers)
        if request.endpoint == "webchat.live":
            check_handshake(headers)
            address = network_of(request.remote_addr or "")
            self._slots.take(address)
            g.webchat_slot = address

    def leave(self, response: Response) -> Response:
        """After every view, failed ones too: let the page's script read the answer, and nobody keep it.

        A page that is refused a session may read that: the widget tells it from a lost network.
        """
        if "key" in (request.view_args or {}):
            visit: Visit | None = g.get("webchat")
            refused = "*" if request.endpoint == "webchat.session" and response.status_code in (403, 404) else None
            if origin := visit.origin if visit else refused:
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers["Access-Control-Expose-Headers"] = "Retry-After"
            response.headers["Cache-Control"] = "no-store"
            response.vary.add("Origin")
        return response

    def free_slot(self, _error: BaseException | None) -> None:
        """When a socket's request ends, however it ends."""
        address = g.pop("webchat_slot", None)
        if address is not None:
            self._slots.give_back(address)

    def preflight(self, key: str) -> Response:
        """What a page of an allowed origin may send (Fetch standard, CORS preflight)."""
        response = current_app.response_class(status=204)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
        return response

    def session(self, key: str) -> Response:
        """A token to write and read with, and how the chat looks. Stores nothing."""
        line = _visit().line
        self.host.limit("webchat-session", f"{line.id}/{network_of(request.remote_addr or '')}", SESSIONS_PER_MINUTE)
        body = _webhook().json() if request.get_data() else {}
        sender = self._who(line, _string(body, "token"), _string(body, "identity"))
        if set(body) - {"token", "identity"}:
            raise Invalid("A session takes a token and an identity, and nothing else.")
        token, seconds = issue_token(self.host, line, sender)
        settings = line.settings
        return jsonify(
            token=token,
            expires_in=seconds,
            visitor=sender.address,
            line={
                "title": settings.title or line.account,
                "greeting": settings.greeting or line.greeting,
                "colour": settings.colour,
                "position": settings.position,
                "language": settings.language,
                "notice": line.notice,
            },
            limits={"text": settings.max_text, "messages_per_minute": settings.messages_per_minute},
        )

    def _who(self, line: Line, token: str | None, identity: str | None) -> Sender:
        """The customer the site vouches for, or the visitor of a good old token, or a new one.

        A customer's token is not renewed without the site's word: after a sign-out the chat is a stranger's.
        """
        if identity is not None:
            return read_identity(line, identity)
        try:
            sender = read_token(self.host, line, token) if token else None
        except Refused:
            sender = None
        return sender if sender and is_visitor(sender) else new_visitor()

    def send(self, key: str) -> tuple[Response, int]:
        """Take in one message; when this answers 202 it is stored."""
        [taken] = self.host.receive(_visit().line, _webhook())
        return jsonify(id=taken.message_id, duplicate=taken.duplicate, at=taken.at.isoformat()), 202

    def messages(self, key: str) -> Response:
        """The messages after a cursor and what is going on now: for clients without a socket."""
        line = _visit().line
        sender = bearer(self.host, line, _visit().headers)
        self.host.limit("webchat-poll", f"{line.id}/{sender.address}", POLLS_PER_MINUTE)
        cursor = request.args.get("after", "0")
        if not _CURSOR.fullmatch(cursor):
            raise Invalid("after must be the id of a message.")
        with self.host.watch(line, sender) as watch:
            now = watch.snapshot()
        found = self.host.transcript(line, sender, int(cursor), PAGE)
        state = snapshot_of(now, {message.turn for message in found})
        return jsonify(messages=[present(message, sender) for message in found], **state)

    def live(self, socket: Any, key: str) -> None:
        """The live socket; its handshake has passed `enter`."""
        self._live.serve(socket, _visit().line)


def _visit() -> Visit:
    visit: Visit = g.webchat
    return visit


def _webhook() -> WebhookRequest:
    return WebhookRequest(
        method=request.method,
        url=request.url,
        headers=_visit().headers,
        query=request.args.to_dict(),
        body=request.get_data(),
        remote_address=request.remote_addr or "",
    )


def _string(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{name} must be a string.")
    return value


def _widget() -> Response:
    content, etag = _script()
    response = current_app.response_class(content, mimetype="text/javascript")
    response.set_etag(etag)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # The script is made for other sites; a policy of the whole installation must not keep it from them.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response


@functools.cache
def _script() -> tuple[bytes, str]:
    """The widget as one script: its look and words, then its behaviour, in a scope of their own."""
    folder = Path(__file__).parent
    parts = [(folder / name).read_text(encoding="utf-8") for name in ("skin.js", "widget.js")]
    content = ("(() => {\n'use strict';\n" + "".join(parts) + "})();\n").encode()
    return content, hashlib.sha256(content).hexdigest()[:32]
