"""The floor's web half: check the signature, read the JSON, one Core insert, commit, one Dramatiq send."""

from __future__ import annotations

import hmac
import json
from typing import Any

from flask import Flask, Response, request

from bench.floor.actors import answer
from bench.floor.tables import INSERT, make_engine
from bench.wire import signature

app = Flask(__name__)
engine = make_engine()


def _insert() -> int:
    body = request.get_data()
    if not hmac.compare_digest(signature(body).encode(), request.headers.get("X-Signature", "").encode()):
        raise PermissionError("the signature is wrong")
    message: dict[str, Any] = json.loads(body)
    row = {
        "sender": message["from"],
        "provider_id": message["id"],
        "direction": "in",
        "text": message["text"],
    }
    with engine.begin() as connection:
        return int(connection.execute(INSERT, row).scalar_one())


@app.post("/hook")
def hook() -> Response:
    """Store the message, then let a worker answer it."""
    answer.send(_insert())
    return Response(status=204)


@app.post("/bare")
def bare() -> Response:
    """Only store the message: a bare Flask route with one insert."""
    _insert()
    return Response(status=204)
