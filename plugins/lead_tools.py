"""The tools every receptionist needs: note what the customer tells about itself, and ask for a person."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from receptionist import Host, Tool, ToolContext, ToolError, e164, hookimpl, tool


@tool(effect="writes", idempotent=True, claims=("noted",))
def note_lead(
    context: ToolContext,
    name: Annotated[str | None, Field(max_length=200, description="The customer's own name")] = None,
    phone: Annotated[str | None, Field(max_length=40, description="Phone number, best with country code")] = None,
    email: Annotated[str | None, Field(max_length=250)] = None,
    company: Annotated[str | None, Field(max_length=200)] = None,
    note: Annotated[str | None, Field(max_length=1000, description="What the business should remember")] = None,
) -> dict[str, Any]:
    """Store what the customer told you about themselves. Give only what they said; leave the rest null."""
    given = {"name": name, "phone": phone, "email": email, "company": company, "note": note}
    noted = {key: value.strip() for key, value in given.items() if value and value.strip()}
    if not noted:
        raise ToolError("There is nothing to note; give at least one of name, phone, email, company and note.")
    told = noted.pop("phone", "")
    number = e164(told, context.account.get("country"))
    if number is not None:
        noted["phone"] = number
    elif told:
        kept = (noted.get("note", ""), f"Phone number as the customer wrote it: {told}")
        noted["note"] = "\n".join(filter(None, kept))
    context.update_lead(**noted)
    if told and number is None:
        say = "The phone number is kept as a note only, for it cannot be called as it is: ask for the country code."
        return {"noted": noted, "say": say}
    return {"noted": noted}


@tool(effect="writes", idempotent=True, claims=("handed_over", "promised", "noted"))
def hand_over(
    context: ToolContext,
    reason: Annotated[str, Field(min_length=1, max_length=200, description="Why a person is needed")],
    summary: Annotated[str, Field(max_length=2000, description="What was said so far, for that person")],
) -> dict[str, Any]:
    """Tell the business that a person is needed: when the customer wants one, complains, or you cannot help."""
    context.hand_over(reason.strip(), summary.strip())
    say = "The business has been told and somebody will get back to the customer; nobody joins this chat at once."
    if not (context.lead.get("phone") or context.lead.get("email")):
        say += " No phone number or e-mail address is known: ask for one, unless the customer has just given it."
    return {"handed_over": True, "say": say}


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The two tools."""
    return [note_lead, hand_over]
