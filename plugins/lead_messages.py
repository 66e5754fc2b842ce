"""The tool by which the agent writes to its customer on another channel, such as by text message."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from receptionist import Host, Tool, ToolContext, hookimpl, tool


class SendMessageSettings(BaseModel):
    """What a strategy sets."""

    typed_addresses: bool = Field(
        False,
        description="Write also to a number or address that the customer only typed. It may be a stranger's, and who "
        "asks for texts to many numbers costs money.",
    )


@tool(effect="speaks", idempotent=True, claims=("sent",), settings=SendMessageSettings)
def send_message(
    context: ToolContext,
    channel: Annotated[str, Field(min_length=1, max_length=40, description="Such as sms")],
    text: Annotated[str, Field(min_length=1, max_length=1000, description="The whole message, as it is read")],
) -> dict[str, Any]:
    """Send this customer a message on another channel than this one, when they ask for it: an address, a link, what was
    agreed. It goes to the customer alone, to the number or address that is known of them."""
    context.send(channel.strip().lower(), text.strip(), unproved=context.settings.typed_addresses)
    return {"sent": True, "say": "It is on its way; it is not known yet whether it arrives."}


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool."""
    return [send_message]
