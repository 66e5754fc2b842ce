"""The tables, by area. Every row belongs to an account."""

from __future__ import annotations

from receptionist.models.accounts import Account, CreditEntry, Line, Strategy, StrategyVersion
from receptionist.models.base import Base, table
from receptionist.models.conversations import Conversation, Message
from receptionist.models.leads import (
    Consent,
    ErasedMessage,
    Erasure,
    Identity,
    Lead,
    LeadField,
    LeadMerge,
    LeadTag,
    LeadWord,
    OptOut,
    StatusChange,
)
from receptionist.models.sessions import Session, Task
from receptionist.models.turns import ToolCall, Turn
from receptionist.models.usage import ModelPrice, UsageDay, UsageMonth

__all__ = [
    "Account",
    "Base",
    "Consent",
    "Conversation",
    "CreditEntry",
    "ErasedMessage",
    "Erasure",
    "Identity",
    "Lead",
    "LeadField",
    "LeadMerge",
    "LeadTag",
    "LeadWord",
    "Line",
    "Message",
    "ModelPrice",
    "OptOut",
    "Session",
    "StatusChange",
    "Strategy",
    "StrategyVersion",
    "Task",
    "ToolCall",
    "Turn",
    "UsageDay",
    "UsageMonth",
    "table",
]
