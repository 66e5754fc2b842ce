"""What the Chat Completions API refuses, refused in its words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.servers.model_refusal import Refusal
from tests.servers.model_rules import (
    REASONING_MODELS,
    invalid,
    known_model,
    missing,
    only,
    string,
    top_level,
    words,
    wrong_type,
)

CHAT_NULLABLE = words(
    "audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens metadata modalities moderation n "
    "prediction presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort safety_identifier seed "
    "service_tier stop store stream stream_options temperature top_logprobs top_p verbosity"
)
CHAT_NOT_NULL = words(
    "messages model function_call functions parallel_tool_calls prompt_cache_options response_format tool_choice "
    "tools user web_search_options"
)


def check_chat(body: Mapping[str, Any], window: int) -> None:
    """Raises `Refusal` for whatever the Chat Completions API would refuse."""
    top_level(body, CHAT_NULLABLE, CHAT_NOT_NULL)
    if isinstance(body.get("stream_options"), Mapping):
        only(body["stream_options"], {"include_obfuscation", "include_usage"}, "stream_options.")
    known_model(body, 404, "The model `{}` does not exist or you do not have access to it.")
    if body["model"] in REASONING_MODELS:
        for name, other in (("max_tokens", " Use 'max_completion_tokens' instead."), ("temperature", "")):
            if body.get(name) is not None:
                message = f"Unsupported parameter: '{name}' is not supported with this model.{other}"
                raise Refusal(400, message, param=name, code="unsupported_parameter")
    for position, tool in enumerate(body.get("tools") or ()):
        if "function" not in tool:
            raise missing(f"tools[{position}].function")
        only(tool, {"function", "type"}, f"tools[{position}].")
        only(tool["function"], {"description", "name", "parameters", "strict"}, f"tools[{position}].function.")
        string(tool["function"], "name", f"tools[{position}].function")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(
            400, "Invalid 'messages': empty array. Expected an array with minimum length 1.", param="messages"
        )
    if len(json.dumps(messages)) > window:
        message = "This model's maximum context length was exceeded. Please reduce the length of the messages."
        raise Refusal(400, message, param="messages", code="context_length_exceeded")
    for position, item in enumerate(messages):
        _chat_message(item, f"messages.[{position}]")
    _chat_pairs(messages)


CHAT_MESSAGE_KEYS = {
    "system": {"content", "name", "role"},
    "developer": {"content", "name", "role"},
    "user": {"content", "name", "role"},
    "assistant": {"audio", "content", "function_call", "name", "refusal", "role", "tool_calls"},
    "tool": {"content", "role", "tool_call_id"},
}


def _chat_message(item: Mapping[str, Any], path: str) -> None:
    role = item.get("role")
    if role not in CHAT_MESSAGE_KEYS:
        raise invalid(f"{path}.role", role, CHAT_MESSAGE_KEYS)
    only(item, CHAT_MESSAGE_KEYS[role], f"{path}.")
    content = item.get("content")
    if content is None and not item.get("tool_calls"):
        raise wrong_type(f"{path}.content", "a string", None)
    for position, call in enumerate(item.get("tool_calls") or ()):
        only(call, {"function", "id", "type"}, f"{path}.tool_calls[{position}].")
        string(call, "id", f"{path}.tool_calls[{position}]")
        string(call["function"], "arguments", f"{path}.tool_calls[{position}].function")


def _chat_pairs(messages: Sequence[Mapping[str, Any]]) -> None:
    waiting: list[str] = []
    for position, item in enumerate(messages):
        if item["role"] == "tool":
            if item.get("tool_call_id") not in waiting:
                message = (
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'."
                )
                raise Refusal(400, message, param=f"messages.[{position}].role")
            waiting.remove(item["tool_call_id"])
            continue
        if waiting:
            break
        waiting = [call["id"] for call in item.get("tool_calls") or ()]
    if waiting:
        message = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}"
        )
        raise Refusal(400, message, param="messages")
