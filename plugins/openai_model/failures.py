"""What went wrong, in the terms core acts on: try again, wait, or call a person."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from receptionist import InputTooLong, ModelError

QUOTA = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
}
"""Error types and codes that mean the money is used up, whatever the status."""
SETTINGS = {
    "invalid_api_key",
    "account_deactivated",
    "model_not_found",
    "unsupported_parameter",
    "unsupported_value",
    "unknown_parameter",
    "invalid_function_parameters",
    "invalid_json_schema",
}
"""Error codes that only a changed setting cures."""
SETTINGS_PARAMS = {
    "include",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "model",
    "prompt",
    "reasoning",
    "reasoning_effort",
    "store",
    "stream_options",
    "temperature",
    "tools",
}
"""Parameters that come from settings or plugins, never from what a customer wrote."""
REFUSED_WORDS = {"content_filter", "invalid_prompt"}
"""Error codes for what a customer wrote; those of policies ("cyber_policy_violation") are known by that word."""
MOMENTARY = {"rate_limit_exceeded", "slow_down", "server_error", "server_is_overloaded", "vector_store_timeout"}
"""Error codes of a vendor's bad moment."""

_TRY_AGAIN = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s|m)\b")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def from_error_object(error: Any, prefix: str) -> ModelError:
    """The error for an `{"code", "message", ...}` object inside a 200 answer. An unknown code may be tried again
    only if it does not speak of what was asked (`invalid_…`)."""
    fields = error if isinstance(error, Mapping) else {"message": error}
    code, kind = _word(fields.get("code")), _word(fields.get("type"))
    message = f"{prefix}: {_describe(code or kind, fields.get('message'))}"
    if {code, kind} & (QUOTA | SETTINGS):
        return ModelError(message, admin=True)
    if _too_long(fields):
        return InputTooLong(message)
    known_bad = "invalid" in f"{code} {kind}" or _by_customer(code)
    if known_bad and code not in MOMENTARY:
        return ModelError(message)
    return ModelError(message, retryable=True, retry_after=_wait_in(str(fields.get("message") or "")))


def from_status(status: int, body: Any, headers: Mapping[str, str]) -> ModelError:
    """The error for an answer with an error status; `body` is its inner error object, or what came instead."""
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {"message": body}
    code, kind = _word(fields.get("code")), _word(fields.get("type"))
    text = fields.get("message", fields.get("detail", fields.get("error")))
    message = f"The model server answered {status}: {_describe(code or kind, text)}"
    if {code, kind} & QUOTA:
        return ModelError(message, admin=True)
    if status in (408, 409, 429) or status >= 500 or code in MOMENTARY:
        again = headers.get("x-should-retry") != "false" and status != 501
        return ModelError(message, retryable=again, retry_after=retry_after(headers), admin=status == 501)
    if status in (400, 413, 422) and _too_long(fields):
        return InputTooLong(message)
    by_settings = status not in (400, 413, 422) or _by_settings(code, fields)
    return ModelError(message, admin=by_settings and not _by_customer(code))


def _by_customer(code: str) -> bool:
    """Whether this one customer's words were refused, whatever the status: Azure names the parameter `prompt` then,
    OpenAI answers 403 for a misalignment. Nobody else may have to wait for that."""
    return code in REFUSED_WORDS or "policy" in code.casefold()


def _by_settings(code: str, fields: Mapping[str, Any]) -> bool:
    """Whether a refused request was refused for something an admin set, not for what the conversation holds or whom
    it is with: a `safety_identifier` that the vendor blocks is one customer's."""
    param = re.split(r"[.\[]", _word(fields.get("param")))[0]
    return code in SETTINGS or param in SETTINGS_PARAMS


def _too_long(fields: Mapping[str, Any]) -> bool:
    text = str(fields.get("message") or "")
    return fields.get("code") == "context_length_exceeded" or "context window" in text or "context length" in text


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asked to wait (`retry-after-ms`, then `retry-after` as seconds or date), or None."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _until(value)
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _until(date: str) -> float:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return math.nan


def _wait_in(message: str) -> float | None:
    found = _TRY_AGAIN.search(message)
    return float(found[1]) * _UNITS[found[2]] if found else None


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _describe(code: str, message: Any) -> str:
    text = " ".join(str(message if message is not None else "no reason given").split())
    return f"{code}: {text[:300]}" if code else text[:300]


def scrub(message: str, secret: str) -> str:
    """The text without the key, whichever library wrote it there."""
    return message.replace(secret, "[key]") if secret else message
