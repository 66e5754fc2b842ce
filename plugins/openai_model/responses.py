"""The Responses API: a turn's round as a request body, and its event stream as model events.

Nothing is kept at the vendor: `store` is false, the whole conversation is sent each time, and what the model
produced in earlier rounds, reasoning included, goes back as it came. Only a strategy that wants the vendor to
remember changes that: then the response is part of a conversation there, and what is new is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from . import conversations, prompts
from .failures import from_error_object

MIN_OUTPUT_TOKENS = 16
END_USER_CHARACTERS = 64
ENCRYPTED_REASONING = "reasoning.encrypted_content"
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Models make up others, such as "multi_tool_use.parallel", which the server would refuse to have handed back."""

_DELTAS = ("response.output_text.delta", "response.refusal.delta")
_FINAL = ("response.completed", "response.incomplete", "response.failed")
_WANTED = {name.encode() for name in (*_DELTAS, *_FINAL, "response.output_item.added", "response.output_item.done")}
_WANTED |= {b"error", b"", b"message"}
_WANTED_AT_THE_END = _WANTED - {name.encode() for name in _DELTAS}


def request_body(request: ModelRequest, model: str, *, openai: bool, reasons: bool) -> dict[str, Any]:
    """The JSON body for one round. `openai`: the server knows all of OpenAI's own parameters, otherwise only widely
    supported ones are sent. `reasons`: the model reasons, so ask for its reasoning to hand it back."""
    body: dict[str, Any] = {"model": model, "input": _input(request, openai), "stream": True, "store": False}
    if request.memory is not None and openai:
        body |= {"conversation": conversations.address(request.memory.ref), "store": True}
    if request.prompt is not None:
        body["prompt"] = prompts.parameter(request.prompt)
    if request.instructions:
        body["instructions"] = request.instructions
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": True,
            }
            for tool in request.tools
        ]
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = max(MIN_OUTPUT_TOKENS, request.max_output_tokens)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.reasoning_effort is not None:
        body["reasoning"] = {"effort": request.reasoning_effort}
    if openai and reasons:  # a second try without tools hands its reasoning back, too
        body["include"] = [ENCRYPTED_REASONING]
    if openai and request.end_user:
        body["safety_identifier"] = request.end_user[:END_USER_CHARACTERS]
    return body


def _input(request: ModelRequest, openai: bool) -> list[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = []
    note_role = "developer" if openai else "system"
    for item in request.items:
        if isinstance(item, Said):
            items.append({"role": note_role if item.role == "system" else item.role, "content": item.text})
        elif isinstance(item, ToolOutput):
            items.append({"type": "function_call_output", "call_id": item.call_id, "output": item.output})
        else:
            items.extend(item.items)
    return items


class ResponsesReader:
    """Reads one answer; feed it every event, then ask for the end. Of one that is not `shown` only the first piece
    comes out early, to tell when it began: the last event has the whole text."""

    def __init__(self, model: str, ref: str | None = None, shown: bool = True) -> None:
        self._model = model
        self._ref = ref
        self._wanted, self._wanted_later = _WANTED, _WANTED if shown else _WANTED_AT_THE_END
        self._shown: list[str] = []
        self._shown_index: Any = None
        self._silent: set[Any] = set()
        self._items: dict[int, Mapping[str, Any]] = {}
        self._response: Mapping[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether the last event was seen."""
        return self._response is not None

    def feed(self, name: bytes, data: bytes) -> Iterator[TextDelta]:
        """Take one event; text of the answer comes out at once. Events nobody needs are not even decoded."""
        if name not in self._wanted:
            return
        event = json.loads(data.decode(errors="surrogatepass"))  # a stream of events is UTF-8; else it would be guessed
        kind = event.get("type")
        if kind in _DELTAS:
            yield from self._delta(event)
        elif kind == "response.output_item.added":
            if event["item"].get("phase") == "commentary":
                self._silent.add(event.get("output_index"))
        elif kind == "response.output_item.done":
            self._items[event.get("output_index", len(self._items))] = event["item"]
        elif kind in _FINAL:
            self.whole(event["response"])
        elif kind == "error" or event.get("error"):
            raise from_error_object(event.get("error") or event, "The model broke off")

    def _delta(self, event: Mapping[str, Any]) -> Iterator[TextDelta]:
        index, text = event.get("output_index"), str(event["delta"])
        if index in self._silent or not text:
            return
        if self._shown and index != self._shown_index:
            text = "\n\n" + text
        self._shown_index = index
        self._shown.append(text)
        self._wanted = self._wanted_later
        yield TextDelta(text)

    def whole(self, document: Mapping[str, Any]) -> None:
        """Take the complete response object: from the last event, or from a server that does not stream."""
        if document.get("error") and "status" not in document:
            raise from_error_object(document["error"], "The model server answered an error")
        self._response = document

    def end(self) -> Iterator[ModelEvent]:
        """What is left to say, the tool requests, and the end. Raises `ModelError` if the answer is not usable, with
        the tokens that are billed all the same."""
        if self._response is None:
            raise ModelError("The model's stream ended without its last event.", retryable=True)
        try:
            yield from self._answer(self._response)
        except ModelError as error:
            if self._response.get("usage"):
                error.spent = self._named(self._response), _usage(self._response["usage"])
            raise

    def _named(self, response: Mapping[str, Any]) -> str:
        return str(response.get("model") or self._model)

    def _answer(self, response: Mapping[str, Any]) -> Iterator[ModelEvent]:
        _refuse_unfinished(response)
        if self._ref is not None:
            conversations.check_heard(response, self._ref)
        output = response.get("output") or [self._items[index] for index in sorted(self._items)]
        text, shown = _text(output), "".join(self._shown)
        requests = [_tool_request(item) for item in output if item.get("type") == "function_call"]
        if not text.strip() and not requests:
            raise ModelError("The model's answer was empty.", retryable=True)
        if len(text) > len(shown) and text.startswith(shown):
            yield TextDelta(text[len(shown) :])
        yield from requests
        mark = str(output[-1]["id"]) if self._ref is not None else None
        usage, produced = _usage(response.get("usage")), Produced(_without_nulls(output))
        yield Completed(text, self._named(response), usage, produced, mark)


def _refuse_unfinished(response: Mapping[str, Any]) -> None:
    status = response.get("status")
    if status == "completed":
        return
    if status == "failed":
        raise from_error_object(response.get("error") or "no reason given", "The model failed")
    if status != "incomplete":
        raise ModelError(f"The model's answer ended in the state {str(status)[:40]!r}.", retryable=True)
    reason = (response.get("incomplete_details") or {}).get("reason")
    raise incomplete(reason, limited=response.get("max_output_tokens") is not None)


def incomplete(reason: Any, *, limited: bool) -> ModelError:
    """The error for an answer cut short; `limited`: the strategy set the limit of tokens. Only its words are for an
    admin: any customer can ask for more than fits, and others must be answered meanwhile."""
    if reason == "max_output_tokens":
        cure = " Raise the strategy's limit of output tokens." if limited else ""
        return ModelError(f"The answer did not fit in the allowed output tokens.{cure}")
    if reason == "content_filter":
        return ModelError("The vendor's content filter stopped the answer.")
    return ModelError(f"The answer is incomplete: {str(reason)[:80]}.", retryable=True)


def _text(output: Sequence[Mapping[str, Any]]) -> str:
    """The answer: all messages but commentary. A refusal is an answer too: it says so in words."""
    messages = [item for item in output if item.get("type") == "message" and item.get("phase") != "commentary"]
    texts = ("".join(_part(part) for part in message.get("content") or ()) for message in messages)
    return "\n\n".join(text for text in texts if text)


def _part(part: Mapping[str, Any]) -> str:
    return str(part.get("text") or part.get("refusal") or "")


def _tool_request(item: Mapping[str, Any]) -> ToolRequest:
    call_id, name, arguments = item.get("call_id"), item.get("name"), item.get("arguments")
    named = isinstance(name, str) and TOOL_NAME.fullmatch(name) is not None
    if not (call_id and named and isinstance(arguments, str)) or item.get("status") == "incomplete":
        raise ModelError("The model asked for a tool in a malformed way.", retryable=True)
    try:
        json.dumps([call_id, name], ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, which could not be handed back
        raise ModelError("The model asked for a tool in a malformed way.", retryable=True) from None
    return ToolRequest(str(call_id), str(name), arguments)


def _without_nulls(output: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Some servers write null where none of them accept it back."""
    return tuple({key: value for key, value in item.items() if value is not None} for item in output)


def _usage(usage: Mapping[str, Any] | None) -> Usage:
    usage = usage or {}
    return Usage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cached=(usage.get("input_tokens_details") or {}).get("cached_tokens") or 0,
        reasoning=(usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
    )
