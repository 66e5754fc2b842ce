"""The webchat plugin in a bare Flask application on the fake host, with routes for a test to steer it.

Run by gunicorn as `tests.webchat.fake_app:create()`; `PORT` says where.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from types import FrameType
from typing import Any

import flask

from plugins.webchat.routes import make_blueprint
from receptionist import RequestError

from .fake_host import IDENTITY_SECRET, FakeHost, Script

KEY = "demo-line"


def make_app(host: FakeHost) -> flask.Flask:
    """An application with nothing but the plugin, and core's way to tell an error."""
    app = flask.Flask(__name__)
    app.register_blueprint(make_blueprint(host))  # type: ignore[arg-type]
    app.register_error_handler(RequestError, _tell)
    return app


def _tell(error: RequestError) -> tuple[flask.Response, int]:
    response = flask.jsonify(error={"code": error.code, "message": str(error)})
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response, error.status


def create() -> flask.Flask:
    """The application a browser test talks to."""
    port = os.environ["PORT"]
    host = FakeHost(f"http://127.0.0.1:{port}")
    sites = os.environ["SITES"].split()
    host.add_line(KEY, allowed_origins=sites, notice="Demo answers", identity_secret=IDENTITY_SECRET)
    host.add_line("slow-line", allowed_origins=sites, messages_per_minute=2)
    host.add_line("closed-line")
    app = make_app(host)
    _add_controls(app, host)
    _stop_on_term(host)
    return app


def _add_controls(app: flask.Flask, host: FakeHost) -> None:
    wait = {"preflight": 0.0}

    @app.before_request
    def be_far_away() -> None:
        if flask.request.method == "OPTIONS":
            time.sleep(wait["preflight"])

    @app.post("/control/far")
    def far() -> dict[str, Any]:
        wait["preflight"] = flask.request.get_json()["seconds"]
        return {}

    @app.post("/control/script")
    def script() -> dict[str, Any]:
        host.script.go.set()
        host.script = Script(**flask.request.get_json())
        host.max_sockets = 100
        host.forget_limits()
        wait["preflight"] = 0.0
        return {}

    @app.post("/control/go")
    def go() -> dict[str, Any]:
        host.script.go.set()
        return {}

    @app.post("/control/say")
    def say() -> dict[str, Any]:
        said = flask.request.get_json()
        for talk in host.talks:
            host.record(talk, "out", said["text"], choices=tuple(said["choices"]), author=said["author"])
        return {}

    @app.post("/control/reset")
    def reset() -> dict[str, Any]:
        for talk in host.talks:
            talk.take_back()
        return {}

    @app.post("/control/line")
    def line() -> dict[str, Any]:
        host.add_line(**flask.request.get_json())
        return {}

    @app.get("/control/received")
    def received() -> list[list[str]]:
        return [[m.text for m in talk.messages if m.direction == "in"] for talk in host.talks]


def _stop_on_term(host: FakeHost) -> None:
    """Close the sockets when the process is asked to stop, as core does."""
    if threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        host.stopping.set()
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, stop)
