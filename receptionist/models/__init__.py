"""The tables, by area. Every row belongs to an account."""

from __future__ import annotations

from receptionist.models.accounts import Account, CreditEntry, Line, Strategy, StrategyVersion
from receptionist.models.base import Base, table
from receptionist.models.conversations import Conversation, Message
from receptionist.models.leads import Identity, Lead, OptOut
from receptionist.models.turns import ToolCall, Turn

__all__ = [
    "Account",
    "Base",
    "Conversation",
    "CreditEntry",
    "Identity",
    "Lead",
    "Line",
    "Message",
    "OptOut",
    "Strategy",
    "StrategyVersion",
    "ToolCall",
    "Turn",
    "table",
]
