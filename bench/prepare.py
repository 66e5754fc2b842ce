"""Makes the account, the strategy and the lines of the bench in a migrated installation; prints the lines as JSON."""

from __future__ import annotations

import json
import sys

from bench.apps import CHAT_LINE, LINE
from bench.floor.prompt import FIELDS, TOOL_NAMES
from receptionist.config import find_instance_path
from receptionist.contracts.strategy import StrategyFields
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.services import accounts, limits, lines
from receptionist.services.strategies import strategies

ACCOUNT = "Maple Street Bike Works"
NO_REFUSALS = {"lead.turns": 10**6, "lead.tokens": 10**9, "loop_turns": None}
"""A customer of the bench writes as no person would; limits are judged all the same."""


def main() -> None:
    """Make them."""
    parts, factory = assemble(find_instance_path())
    fields = StrategyFields.model_validate({**FIELDS, "tools": list(TOOL_NAMES), "disclosure": False})
    with parts.database.begin() as connection:
        scope = Scope(connection, accounts.create(connection, ACCOUNT, "Europe/Dublin"))
        limits.change(scope, NO_REFUSALS)
        strategies.publish(scope, "Front desk", fields, factory.check)
        strategy_id = strategies.find(scope, "Front desk").id
        push = lines.add(scope, parts.vault, parts.channels["bench"], title="Bench", key=LINE, strategy_id=strategy_id)
        wide = {"messages_per_minute": 600, "line_messages_per_minute": 100_000}
        chat = lines.add(
            scope,
            parts.vault,
            parts.channels["webchat"],
            title="Chat",
            key=CHAT_LINE,
            settings=wide,
            strategy_id=strategy_id,
        )
    parts.database.dispose()
    json.dump({"account": scope.account_id, "push": push.id, "chat": chat.id}, sys.stdout)


if __name__ == "__main__":
    main()
