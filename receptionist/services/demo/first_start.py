"""What a fresh installation finds: a demo account, so that there is something to talk to."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.models import Account
from receptionist.parts import Parts
from receptionist.services import accounts, lines
from receptionist.services.demo import demo
from receptionist.services.strategies import strategies
from receptionist.services.strategies.strategies import Check


def create_demo_if_empty(parts: Parts, check: Check) -> bool:
    """Make the demo account with its strategy and chat line if there is no account at all; says whether it did."""
    channel = parts.channels.get("webchat")
    with parts.database.begin() as connection:
        if channel is None or connection.execute(sa.select(Account.id).limit(1)).first():
            return False
        scope = Scope(connection, accounts.create(connection, demo.ACCOUNT_NAME, demo.TIMEZONE, demo.COUNTRY))
        fields = demo.demo_fields()
        fields.tools = [tool for tool in fields.tools if tool in parts.tools]  # plugins may be disabled
        strategies.publish(scope, demo.STRATEGY_NAME, fields, check)
        strategy_id = strategies.find(scope, demo.STRATEGY_NAME).id
        lines.add(scope, parts.vault, channel, title=demo.LINE_TITLE, strategy_id=strategy_id)
    return True
