"""Receptionist: the public names, and the only import surface for plugins."""

from __future__ import annotations

from receptionist._version import VERSION as __version__
from receptionist.agents.hours import open_intervals
from receptionist.contracts.calendar import Calendar, Interval
from receptionist.contracts.channel import (
    Capabilities,
    Channel,
    Inbound,
    Line,
    LineSettings,
    LiveEvent,
    Outbound,
    Sender,
    Sent,
    Taken,
    TranscriptMessage,
    WebhookRequest,
)
from receptionist.contracts.edits import Draft, EditableMessage, PromptContext
from receptionist.contracts.events import (
    Event,
    LeadChanged,
    MessageFailed,
    MessageSent,
    MessageTaken,
    PersonRequested,
    TurnRecorded,
)
from receptionist.contracts.host import Host, Watch
from receptionist.contracts.model import (
    Completed,
    Item,
    Model,
    ModelEvent,
    ModelRequest,
    Produced,
    Said,
    TextDelta,
    ToolOutput,
    ToolRequest,
    ToolSpec,
    Usage,
)
from receptionist.contracts.settings import Settings
from receptionist.contracts.storage import Storage
from receptionist.contracts.tool import Tool, ToolContext, tool
from receptionist.errors import (
    Interrupted,
    Invalid,
    ModelError,
    NotAllowed,
    NotFound,
    Refused,
    RequestError,
    SendFailed,
    SendRefused,
    SendUnknown,
    ToolError,
    TooMany,
    Unavailable,
)
from receptionist.hookspecs import hookimpl
from receptionist.security.network import network_of

__all__ = [
    "Calendar",
    "Capabilities",
    "Channel",
    "Completed",
    "Draft",
    "EditableMessage",
    "Event",
    "Host",
    "Inbound",
    "Interrupted",
    "Interval",
    "Invalid",
    "Item",
    "LeadChanged",
    "Line",
    "LineSettings",
    "LiveEvent",
    "MessageFailed",
    "MessageSent",
    "MessageTaken",
    "Model",
    "ModelError",
    "ModelEvent",
    "ModelRequest",
    "NotAllowed",
    "NotFound",
    "Outbound",
    "PersonRequested",
    "Produced",
    "PromptContext",
    "Refused",
    "RequestError",
    "Said",
    "SendFailed",
    "SendRefused",
    "SendUnknown",
    "Sender",
    "Sent",
    "Settings",
    "Storage",
    "Taken",
    "TextDelta",
    "TooMany",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolOutput",
    "ToolRequest",
    "ToolSpec",
    "TranscriptMessage",
    "TurnRecorded",
    "Unavailable",
    "Usage",
    "Watch",
    "WebhookRequest",
    "__version__",
    "hookimpl",
    "network_of",
    "open_intervals",
    "tool",
]
