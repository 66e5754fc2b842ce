"""Receptionist: the public names, and the only import surface for plugins."""

from __future__ import annotations

from receptionist._version import VERSION as __version__
from receptionist.agents.hours import open_intervals
from receptionist.contracts.calendar import Calendar, Interval
from receptionist.contracts.channel import (
    Acknowledgement,
    Capabilities,
    Channel,
    Line,
    LineSettings,
    WebhookRequest,
)
from receptionist.contracts.consent import consent_word
from receptionist.contracts.edits import Draft, EditableMessage, PromptContext
from receptionist.contracts.events import (
    ConsentChanged,
    Event,
    HandedOver,
    LeadChanged,
    LineTroubled,
    MessageFailed,
    MessageSent,
    MessageTaken,
    PersonRequested,
    TurnRecorded,
)
from receptionist.contracts.host import Host, Watch
from receptionist.contracts.live import LiveEvent, TranscriptMessage
from receptionist.contracts.messages import (
    Attachment,
    Echo,
    File,
    Inbound,
    Media,
    Outbound,
    Receipt,
    Sender,
    Sent,
    Taken,
)
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
    FetchFailed,
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
from receptionist.phones import e164
from receptionist.security.network import network_of

__all__ = [
    "Acknowledgement",
    "Attachment",
    "Calendar",
    "Capabilities",
    "Channel",
    "Completed",
    "ConsentChanged",
    "Draft",
    "Echo",
    "EditableMessage",
    "Event",
    "FetchFailed",
    "File",
    "HandedOver",
    "Host",
    "Inbound",
    "Interrupted",
    "Interval",
    "Invalid",
    "Item",
    "LeadChanged",
    "Line",
    "LineSettings",
    "LineTroubled",
    "LiveEvent",
    "Media",
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
    "Receipt",
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
    "consent_word",
    "e164",
    "hookimpl",
    "network_of",
    "open_intervals",
    "tool",
]
