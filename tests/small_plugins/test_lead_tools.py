from __future__ import annotations

import pytest

from plugins.lead_tools import hand_over, note_lead, register_tools
from receptionist import ToolError
from receptionist.agents.context import PersonRequest
from receptionist.agents.tools import BadArguments, PreparedTool
from receptionist.services.leads.leads import LeadChange
from tests.small_plugins.host import MemoryHost, tool_context


def test_register_tools() -> None:
    assert [tool.name for tool in register_tools(MemoryHost())] == ["note_lead", "hand_over"]
    assert all(tool.effect == "writes" and tool.idempotent for tool in register_tools(MemoryHost()))


def test_note_lead_notes_what_was_given() -> None:
    context = tool_context()
    assert note_lead.function(context, name=" Ada ", phone="+49 170 123", note=None) == {
        "noted": {"name": "Ada", "phone": "+49170123"}
    }
    assert context.changes == [LeadChange(name="Ada", phone="+49170123")]


def test_a_number_without_country_code_is_of_the_accounts_country() -> None:
    context = tool_context()
    context.account = {**context.account, "country": "DE"}
    assert note_lead.function(context, phone="0170 / 1234567") == {"noted": {"phone": "+491701234567"}}
    assert context.changes == [LeadChange(phone="+491701234567")]


@pytest.mark.parametrize("told", ["0170 1234567", "12", "call the shop", "1-800-FLOWERS"])
def test_a_number_that_cannot_be_read_is_kept_as_a_note(told: str) -> None:
    context = tool_context()
    result = note_lead.function(context, name="Ada", phone=told, note="Wants a quote")
    kept = f"Wants a quote\nPhone number as the customer wrote it: {told}"
    assert result["noted"] == {"name": "Ada", "note": kept}
    assert "country code" in result["say"]
    assert context.changes == [LeadChange(name="Ada", note=kept)]


def test_a_context_takes_no_number_that_cannot_be_called() -> None:
    context = tool_context()
    with pytest.raises(ToolError, match="country code"):
        context.update_lead(phone="0170 1234567")
    context.update_lead(name="Ada", phone=" ")
    assert context.changes == [LeadChange(name="Ada")]


def test_note_lead_with_nothing_to_note() -> None:
    context = tool_context()
    with pytest.raises(ToolError, match="nothing to note"):
        note_lead.function(context, name=" ", email=None)
    assert context.changes == []


def test_note_lead_passes_on_why_a_value_is_refused() -> None:
    with pytest.raises(ToolError, match="not an e-mail"):
        note_lead.function(tool_context(), email="ada at example")


def test_the_model_may_leave_everything_null_but_send_nothing_else() -> None:
    prepared = PreparedTool(note_lead)
    assert prepared.spec.parameters["required"] == ["name", "phone", "email", "company", "note"]
    assert (
        prepared.parse('{"name": "Ada", "phone": null, "email": null, "company": null, "note": null}')["name"] == "Ada"
    )
    with pytest.raises(BadArguments):
        prepared.parse('{"lead_id": 8}')


def test_hand_over_asks_for_a_person() -> None:
    context = tool_context()
    result = hand_over.function(context, reason=" complaint ", summary="Chain broke")
    assert result["handed_over"] is True
    assert "somebody will get back" in result["say"]
    assert context.changes == [PersonRequest("complaint", "Chain broke")]


@pytest.mark.parametrize(
    ("known", "asks"), [({}, True), ({"phone": "+49170123"}, False), ({"email": "ada@example.org"}, False)]
)
def test_hand_over_has_a_way_back_asked_for_where_none_is_known(known: dict[str, str], asks: bool) -> None:
    context = tool_context()
    context.lead = {**context.lead, **known}
    result = hand_over.function(context, reason="asked", summary="")
    assert ("ask for one" in result["say"]) is asks


def test_hand_over_needs_a_reason() -> None:
    with pytest.raises(BadArguments, match="reason"):
        PreparedTool(hand_over).parse('{"reason": "", "summary": "x"}')
