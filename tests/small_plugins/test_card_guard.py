from __future__ import annotations

from typing import Any

import pytest

from plugins.card_guard import veto_tool_call
from plugins.goals import set_goal
from receptionist.agents.tools import PreparedTool
from tests.small_plugins.host import tool_context


@pytest.mark.parametrize(
    "arguments",
    [
        {"note": "card 4111 1111 1111 1111 exp 12/28"},
        {"note": "5555-5555-5555-4444"},
        {"note": "2223003122003222"},
        {"note": "amex 378282246310005."},
        {"note": None, "more": [{"deep": "6011111111111117"}]},
    ],
)
def test_veto_tool_call_refuses_card_numbers(arguments: dict[str, Any]) -> None:
    assert "card numbers" in str(veto_tool_call("note_lead", arguments, tool_context()))


@pytest.mark.parametrize(
    "arguments",
    [
        {"phone": "+4915123456789", "name": "Ada"},
        {"phone": "+41111111111111"},
        {"note": "4111 1111 1111 1112"},  # wrong check digit
        {"note": "order 1234567890123456"},
        {"note": "DE89370400440532013000"},
        {"note": "from 2026-11-20 10:00 to 2026-11-21 10:00"},
        {"day": 4111111111111111},
        {},
    ],
)
def test_other_numbers_pass(arguments: dict[str, Any]) -> None:
    assert veto_tool_call("note_lead", arguments, tool_context()) is None


def test_what_a_tools_types_made_of_the_arguments_is_read_too() -> None:
    slots = '[{"name": "card", "value": "4111 1111 1111 1111"}]'
    said = f'{{"kind": "booking", "title": "Pay", "slots": {slots}, "goal_id": null}}'
    arguments = PreparedTool(set_goal).parse(said)
    assert "card numbers" in str(veto_tool_call("set_goal", arguments, tool_context()))
