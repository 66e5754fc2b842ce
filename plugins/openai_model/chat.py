"""The Chat Completions API, for the many OpenAI-compatible servers that have no Responses API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from receptionist import (
    Completed,
    ModelError,
    ModelEvent,
    ModelRequest,
    Produced,
    Said,
    TextDelta,
    ToolOutput,
    ToolRequest,
    Usage,
)

from .failures import from_error_object
from .responses import TOOL_NAME, incomplete


def request_body(request: ModelRequest, model: str) -> dict[str, Any]:
    """The JSON body for one round, of widely supported parameters only."""
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(request),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    return body


def _messages(request: ModelRequest) -> list[Mapping[str, Any]]:
    messages: list[Mapping[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    for item in request.items:
        if isinstance(item, Said):
            messages.append({"role": item.role, "content": item.text})
        elif isinstance(item, ToolOutput):
            messages.append({"role": "tool", "tool_call_id": item.call_id, "content": item.output})
        else:
            messages.extend(item.items)
    return messages


class ChatReader:
    """Reads one answer; feed it every chunk, then ask for the end."""

    def __init__(self, model: str, *, limited: bool) -> None:
        self._model = model
        self._limited = limited
        self._shown: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._unseen = ""
        self.finished = False

    def feed(self, _name: bytes, data: bytes) -> Iterator[TextDelta]:
        """Take one chunk; text of the answer comes out at once."""
        if data.strip() == b"[DONE]":
            self.finished = True
            return
        yield from self._take(json.loads(data), "delta")

    def whole(self, document: Mapping[str, Any]) -> None:
        """Take the complete answer of a server that does not stream."""
        self._unseen = "".join(delta.text for delta in self._take(document, "message"))
        self.finished = True

    def _take(self, document: Mapping[str, Any], part: str) -> Iterator[TextDelta]:
        if document.get("error"):
            raise from_error_object(document["error"], "The model broke off")
        self._usage = document.get("usage") or self._usage
        self._model = str(document.get("model") or self._model)
        for choice in (document.get("choices") or ())[:1]:
            piece = choice.get(part) or {}
            for call in piece.get("tool_calls") or ():
                self._merge(call)
            text = (piece.get("content") or "") + (piece.get("refusal") or "")
            self._finish = choice.get("finish_reason") or self._finish
            if text:
                self._shown.append(text)
                yield TextDelta(text)

    def _merge(self, piece: Mapping[str, Any]) -> None:
        """Add a piece of a tool call. Pieces without an index are whole calls; unknown fields are kept, as some
        servers want them back."""
        index = piece.get("index", len(self._calls))
        function = piece.get("function") or {}
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        known = self._calls.setdefault(index, {"type": "function", "function": {"name": "", "arguments": ""}})
        known["function"]["name"] = known["function"]["name"] or function.get("name") or ""
        known["function"]["arguments"] += arguments
        extra = {key: value for key, value in piece.items() if key not in ("index", "function") and value}
        known.update(extra)

    def end(self) -> Iterator[ModelEvent]:
        """What is left to say, the tool requests, and the end. Raises `ModelError` if the answer is not usable, with
        the tokens that are billed all the same."""
        try:
            yield from self._answer()
        except ModelError as error:
            if self._usage:
                error.spent = self._model, _usage(self._usage)
            raise

    def _answer(self) -> Iterator[ModelEvent]:
        if self._finish is None:
            raise ModelError("The model's stream ended without its last event.", retryable=True)
        if self._finish in ("length", "content_filter"):
            raise incomplete("max_output_tokens" if self._finish == "length" else self._finish, limited=self._limited)
        text, calls = "".join(self._shown), [self._calls[index] for index in sorted(self._calls)]
        if not text.strip() and not calls:
            raise ModelError("The model's answer was empty.", retryable=True)
        requests = [_tool_request(call) for call in calls]
        if self._unseen:
            yield TextDelta(self._unseen)
        yield from requests
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = calls
        yield Completed(text, self._model, _usage(self._usage), Produced((message,)))


def _tool_request(call: dict[str, Any]) -> ToolRequest:
    if not TOOL_NAME.fullmatch(str(call["function"]["name"])):
        raise ModelError("The model asked for a tool in a malformed way.", retryable=True)
    call["id"] = call.get("id") or f"call_{uuid.uuid4().hex}"
    arguments = call["function"]["arguments"] or "{}"
    call["function"]["arguments"] = arguments if _is_object(arguments) else "{}"
    return ToolRequest(str(call["id"]), str(call["function"]["name"]), arguments)


def _is_object(arguments: str) -> bool:
    """Whether the arguments may be handed back: vLLM and llama.cpp read them, and refuse the request if they cannot."""
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input=usage.get("prompt_tokens") or 0,
        output=usage.get("completion_tokens") or 0,
        cached=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
        reasoning=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
    )
