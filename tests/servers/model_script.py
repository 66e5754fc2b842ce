"""What the strict model server can be told to answer, and how that looks on the wire."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.servers.conversations_server import name_of

End = Literal["completed", "incomplete", "failed", "error", "nested_error", "nothing", "cut"]
OBFUSCATION = "Qh7fZp2LxVtR9mKc"


@dataclass(frozen=True)
class Call:
    """A tool call the model makes; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"
    call_id: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer of the model, however it ends.

    `end`: "incomplete" and "failed" end with that event (`reason` is the detail or the error code), "error" and
    "nested_error" with the two forms of the error event, "nothing" without a last event, "cut" with a reset
    connection. `whole`: sent as one JSON document although a stream was asked for. Without `conversation` the one
    that was asked for is ignored, as servers do that know none. `thought`: its reasoning comes with a text, too.
    """

    text: str = ""
    calls: Sequence[Call] = ()
    commentary: str = ""
    refusal: str = ""
    end: End = "completed"
    reason: str = ""
    message: str = "Something went wrong."
    cached: int = 0
    reasoning_tokens: int = 0
    whole: bool = False
    conversation: bool = True
    thought: bool = False


@dataclass(frozen=True)
class Error:
    """An error answer in the API's format."""

    status: int
    message: str = "Something went wrong."
    type: str | None = None
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Any bytes with any status."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Nothing, for ever; with `headers`, an event stream's headers and then nothing."""

    headers: bool = False


@dataclass(frozen=True)
class Drip:
    """An answer sent byte by byte; with `headers`, from its first header on."""

    text: str = "slow"
    seconds: float = 1.0
    headers: bool = False


Item = str | Answer | Error | Raw | Hang | Drip


def tokens(text: str) -> list[str]:
    """The text cut as a model would stream it."""
    return re.findall(r"\s*\S{1,6}|\s+$", text)


def output_items(answer: Answer, *, reasons: bool, encrypted: bool) -> list[dict[str, Any]]:
    """The answer as output items of the Responses API."""
    items: list[dict[str, Any]] = []
    if reasons and (answer.calls or answer.thought):
        items.append({"id": _id("rs"), "type": "reasoning", "summary": []})
        if encrypted:
            items[0]["encrypted_content"] = f"gAAAA{uuid.uuid4().hex}"
    if answer.commentary:
        items.append(_message("commentary", {"type": "output_text", "text": answer.commentary, **_NO_NOTES}))
    if answer.text:
        items.append(_message("final_answer", {"type": "output_text", "text": answer.text, **_NO_NOTES}))
    if answer.refusal:
        items.append(_message("final_answer", {"type": "refusal", "refusal": answer.refusal}))
    return items + [_function_call(call) for call in answer.calls]


def _function_call(call: Call) -> dict[str, Any]:
    return {
        "id": _id("fc"),
        "type": "function_call",
        "status": "completed",
        "call_id": call.call_id or _id("call"),
        "name": call.name,
        "arguments": call.arguments,
    }


_NO_NOTES: dict[str, Any] = {"annotations": [], "logprobs": []}


def _message(phase: str, part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": _id("msg"),
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "phase": phase,
        "content": [part],
    }


def _id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex}"


def response_object(
    answer: Answer, body: Mapping[str, Any], *, output: Sequence[Any], status: str, response_id: str
) -> dict[str, Any]:
    """The response object; it repeats the request's own settings, as the real one does."""
    done = status != "in_progress"
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": False,
        "conversation": {"id": name_of(body)} if name_of(body) and answer.conversation else None,
        "error": {"code": answer.reason, "message": answer.message} if status == "failed" else None,
        "incomplete_details": {"reason": answer.reason} if status == "incomplete" else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": f"{body['model']}-2026-09-01",
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": (body.get("reasoning") or {}).get("effort"), "summary": None},
        "safety_identifier": body.get("safety_identifier"),
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(answer, body) if done and status != "failed" else None,
        "user": None,
        "metadata": body.get("metadata") or {},
    }


def _counts(answer: Answer, body: Mapping[str, Any]) -> tuple[int, int]:
    asked = json.dumps([body.get("input"), body.get("messages"), body.get("instructions"), body.get("tools")])
    said = answer.text + answer.refusal + answer.commentary + "".join(call.arguments for call in answer.calls)
    return len(asked) // 4, len(said) // 4 + 1 + answer.reasoning_tokens


def _usage(answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
    asked, said = _counts(answer, body)
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": answer.cached, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
        "total_tokens": asked + said,
    }


def response_events(
    answer: Answer, body: Mapping[str, Any], output: Sequence[Mapping[str, Any]], response_id: str
) -> Iterator[dict[str, Any]]:
    """The event stream of an answer in the order of the real one, without sequence numbers."""

    def response(status: str, items: Sequence[Any]) -> dict[str, Any]:
        return response_object(answer, body, output=items, status=status, response_id=response_id)

    yield {"type": "response.created", "response": response("in_progress", [])}
    yield {"type": "response.in_progress", "response": response("in_progress", [])}
    for index, item in enumerate(output):
        yield from _item_events(item, index)
    if answer.end in ("completed", "incomplete", "failed"):
        yield {"type": f"response.{answer.end}", "response": response(answer.end, output)}
    elif answer.end == "error":
        yield {"type": "error", "code": answer.reason or None, "message": answer.message, "param": None}
    elif answer.end == "nested_error":
        inner = {"type": "server_error", "code": answer.reason or None, "message": answer.message, "param": None}
        yield {"type": "error", "error": inner}


def _item_events(item: Mapping[str, Any], index: int) -> Iterator[dict[str, Any]]:
    start = {**item, "status": "in_progress"} if "status" in item else dict(item)
    place = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        yield {"type": "response.output_item.added", "output_index": index, "item": {**start, "content": []}}
        for number, part in enumerate(item["content"]):
            yield from _part_events(part, {**place, "content_index": number})
    elif item["type"] == "function_call":
        yield {"type": "response.output_item.added", "output_index": index, "item": {**start, "arguments": ""}}
        for piece in tokens(item["arguments"]):
            yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
        yield {"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]}
    else:
        yield {"type": "response.output_item.added", "output_index": index, "item": start}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part_events(part: Mapping[str, Any], place: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    key = "text" if part["type"] == "output_text" else "refusal"
    name = "response.output_text" if key == "text" else "response.refusal"
    extra: dict[str, Any] = {"logprobs": []} if key == "text" else {}
    yield {"type": "response.content_part.added", **place, "part": {**part, key: ""}}
    for piece in tokens(part[key]):
        yield {"type": f"{name}.delta", **place, "delta": piece, **extra}
    yield {"type": f"{name}.done", **place, key: part[key], **extra}
    yield {"type": "response.content_part.done", **place, "part": part}


FINISH = {"max_output_tokens": "length", "content_filter": "content_filter"}


def chat_message(answer: Answer) -> dict[str, Any]:
    """The answer as a message of Chat Completions."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": answer.refusal or None}
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": call.call_id or _id("call"),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.calls
        ]
    return message


def _finish(answer: Answer) -> str:
    if answer.end == "incomplete":
        return FINISH[answer.reason]
    return "tool_calls" if answer.calls else "stop"


def _chat_usage(answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
    asked, said = _counts(answer, body)
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": answer.cached},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
    }


def chat_object(answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer of Chat Completions."""
    choice = {"index": 0, "message": chat_message(answer), "logprobs": None, "finish_reason": _finish(answer)}
    head = {"id": _id("chatcmpl"), "object": "chat.completion", "created": int(time.time()), "model": body["model"]}
    return {**head, "choices": [choice], "usage": _chat_usage(answer, body)}


def chat_events(answer: Answer, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of an answer in the order of the real ones; `[DONE]` is the server's."""
    head = {"id": _id("chatcmpl"), "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice], **({"usage": None} if with_usage else {})}

    message = chat_message(answer)
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for key in ("content", "refusal"):
        for piece in tokens(message[key] or ""):
            yield chunk({key: piece})
    for index, call in enumerate(message.get("tool_calls", ())):
        yield chunk(
            {"tool_calls": [{"index": index, **call, "function": {"name": call["function"]["name"], "arguments": ""}}]}
        )
        for piece in tokens(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if answer.end in ("error", "nested_error", "failed"):
        yield {
            "error": {"message": answer.message, "type": "server_error", "param": None, "code": answer.reason or None}
        }
    elif answer.end in ("completed", "incomplete"):
        yield chunk({}, _finish(answer))
        if with_usage:
            yield {**head, "choices": [], "usage": _chat_usage(answer, body)}


_DIRECTIVE = re.compile(r"\s*call (\w+) (\{.*\})\s*", re.DOTALL)


def echo(body: Mapping[str, Any]) -> Answer:
    """The answer when nothing is scripted: the last user text again, so that every request gets its own answer.

    A user text `call NAME {JSON}` makes the model call that tool, if it was offered, and then tell its outputs.
    """
    items = body.get("input", body.get("messages"))
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    last = max((index for index, item in enumerate(items) if item.get("role") == "user"), default=-1)
    said = _plain(items[last]["content"]) if last >= 0 else ""
    outputs = [str(item.get("output", item.get("content"))) for item in items[last + 1 :] if _is_output(item)]
    if outputs:
        return Answer(f"Echo: {said} -> {'; '.join(outputs)}")
    found = _DIRECTIVE.fullmatch(said)
    names = {tool.get("name") or tool["function"]["name"] for tool in body.get("tools") or ()}
    if found and found[1] in names:
        return Answer(calls=[Call(found[1], found[2])])
    return Answer(f"Echo: {said}")


def _plain(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _is_output(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "function_call_output" or item.get("role") == "tool"
