"""Whether this process can do its work."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify

from receptionist.errors import Unavailable
from receptionist.parts import Parts


def make_blueprint(parts: Parts) -> Blueprint:
    """`/health`: 200 while messages can be taken in, else 503; names no secrets and no details."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/health")
    def health() -> tuple[Response, int]:
        """Ask the database, as a writer: one that can only be read takes nothing in. Redis is only a remark: without
        it messages are taken in all the same."""
        try:
            with parts.database.begin() as connection:
                connection.execute(sa.text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0"))
        except (Unavailable, sa.exc.DBAPIError):
            return jsonify({"status": "unavailable"}), 503
        remark = {} if parts.redis is None else {"redis": "ok" if parts.redis.reachable else "away"}
        return jsonify({"status": "ok", **remark}), 200

    return blueprint
