"""Reusable prompts of OpenAI, which a strategy may name until they are gone, and on gateways that still have them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from receptionist import ModelError, StoredPrompt

from .settings import OpenAISettings

SHUTDOWN = date(2026, 11, 30)
"""OpenAI's own last day of `v1/prompts` (its page of deprecations, 2026-06-03)."""
UNKNOWN = ("unknown_parameter", "unsupported_parameter")
"""Codes of servers that do not know a parameter."""
CURE = (
    "Open the prompt at the vendor, copy its text (there is no export) into the strategy's system_prompt_template, "
    "write its variables as {{ … }}, and set prompt to null."
)


def problem(settings: OpenAISettings, today: date | None = None) -> str | None:
    """Why a strategy cannot name a prompt with these settings, and the cure; None if it can."""
    if not settings.is_openai:
        return f"the model server {settings.server} has no reusable prompts. {CURE}"
    if settings.is_vendor_host and (today or datetime.now(UTC).date()) > SHUTDOWN:
        return f"OpenAI shut its reusable prompts down on {SHUTDOWN}. {CURE}"
    return None


def refuse(where: str) -> ModelError:
    """The error for a prompt that the server cannot have."""
    return ModelError(f"{where} has no reusable prompts. {CURE}", admin=True)


def parameter(prompt: StoredPrompt) -> dict[str, Any]:
    """The prompt as the Responses API wants it."""
    fields = {"version": prompt.version, "variables": dict(prompt.variables)}
    return {"id": prompt.id, **{name: value for name, value in fields.items() if value}}


def gone(error: Exception, prompt: StoredPrompt) -> ModelError | None:
    """The error for an answer that says there is no such prompt, or no such parameter; None for any other."""
    import openai

    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 404, 410):
        return None
    message = str(error.body.get("message") or "") if isinstance(error.body, Mapping) else ""
    about_it = str(error.param or "").startswith("prompt") or "prompt" in message.lower()
    missing = error.status_code != 400 or error.code in UNKNOWN or "not supported" in message
    if not (about_it and missing):
        return None
    text = f"The model server has no prompt {prompt.id} (any more): {message[:200]} {CURE}"
    return ModelError(text, admin=True)
