"""The start page: carries the widget and says what to do next."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, request

from receptionist._version import VERSION
from receptionist.models import Account, Line
from receptionist.parts import Parts


def make_blueprint(parts: Parts) -> Blueprint:
    """`/`: the first web chat line of the installation, live."""
    blueprint = Blueprint("home", __name__)

    @blueprint.get("/")
    def home() -> str:
        """The page a self-hoster sees first."""
        line = _first_chat_line(parts)
        public = parts.host.public_url
        here = f"{request.scheme}://{request.host}".replace("//localhost", "//127.0.0.1")
        return render_template(
            "web/home.html", line=line, public_url=public, here=here, foreign=here != public, version=VERSION
        )

    return blueprint


def _first_chat_line(parts: Parts) -> dict[str, Any] | None:
    with parts.database.read() as connection:
        statement = (
            sa.select(Line.account_id, Line.id, Line.key, Account.revision)
            .join(Account, Account.id == Line.account_id)
            .where(Line.channel == "webchat", Line.active)
        )
        row = connection.execute(statement.order_by(Line.id)).first()
    if row is None:
        return None
    office = parts.directory.office(row.account_id, row.revision)
    strategy = office.strategy(row.id)
    return {
        "id": row.id,
        "key": row.key,
        "account": office.name,
        "notice": office.line(row.id).notice,
        "strategy": strategy.name if strategy else "",
        "services": [service.name.lower() for service in strategy.fields.services] if strategy else [],
    }
