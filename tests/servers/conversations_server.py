"""The Conversations API of the strict model server: `/v1/conversations`, and what a response does to one.

As the real one does: the items of a turn appear together when its response completes; a second request meanwhile is
refused; lists are newest first, 20 items unless asked for up to 100; deleting a conversation leaves its items.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.servers.model_refusal import Refusal
from tests.servers.wire import Request

LOCKED = "Another process is currently operating on this conversation. Please retry in a few seconds."
PREFIXES = {"function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
MOST_ITEMS = 20


class Conversations:
    """All conversations, by id. `left`: items of deleted ones, which stay at the vendor. `refuse_as_locked`: so many
    requests are refused as if another one were running; `calls`: what was asked of this API, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working: set[str] = set()
        self.held: dict[str, list[dict[str, Any]]] = {}
        self.left: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.refuse_as_locked = 0
        self.on_locked: Callable[[], None] = lambda: None

    def answer(self, request: Request) -> dict[str, Any]:
        """The document for a request. Raises `Refusal`."""
        parts = request.path.removeprefix("/v1/conversations").strip("/").split("/")
        name, item = parts[0], parts[2] if len(parts) > 2 else ""
        route = (request.method, len(parts) if name else 0)
        with self._lock:
            if route == ("POST", 0):
                return self._create(request.body or {})
            if name not in self.held:
                raise Refusal(404, f"Conversation with id '{name}' not found.")
            if route == ("DELETE", 1):
                return self._delete(name)
            if route == ("GET", 2) and parts[1] == "items":
                return self._list(name, request.query)
            if route == ("DELETE", 3) and parts[1] == "items":
                return self._delete_item(name, item)
        raise Refusal(404, f"Invalid URL ({request.method} {request.path})")

    def context(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The items that come before a response's input. Raises `Refusal`."""
        name = name_of(body)
        if name is None:
            return ()
        with self._lock:
            if name not in self.held:
                raise Refusal(404, f"Conversation with id '{name}' not found.")
            locked = name in self._working or self.refuse_as_locked > 0
            self.refuse_as_locked = max(0, self.refuse_as_locked - 1)
            items = list(self.held[name])
        if locked:
            self.on_locked()
            raise Refusal(400, LOCKED, param="conversation", code="conversation_locked")
        return items

    @contextmanager
    def working(self, body: Mapping[str, Any]) -> Iterator[None]:
        """Lock the conversation of a response while it is made."""
        name = name_of(body)
        if name is None:
            yield
            return
        with self._lock:
            self._working.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._working.discard(name)

    def complete(self, body: Mapping[str, Any], output: Sequence[Mapping[str, Any]]) -> None:
        """The response is complete: its input and output appear together, and the conversation is free."""
        name = name_of(body)
        if name is None:
            return
        given = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
        with self._lock:
            if name in self.held:
                self.held[name] += [_item(each) for each in given] + [dict(each) for each in output]
            self._working.discard(name)

    def said(self, name: str) -> list[str]:
        """The conversation as a person would read it, oldest first: `user: Hello`, `call book`, `output …`."""
        with self._lock:
            return [_told(item) for item in self.held[name]]

    def _create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        for key in body:
            if key not in ("items", "metadata"):
                raise Refusal(400, f"Unknown parameter: '{key}'.", param=key, code="unknown_parameter")
        items = body.get("items") or []
        if len(items) > MOST_ITEMS:
            raise Refusal(400, "Invalid 'items': array too long.", param="items", code="array_above_max_length")
        name = f"conv_{uuid.uuid4().hex}"
        self.held[name] = [_item(each) for each in items]
        self.calls.append("create")
        return {"id": name, "object": "conversation", "created_at": 1, "metadata": body.get("metadata") or {}}

    def _delete(self, name: str) -> dict[str, Any]:
        self.left += self.held.pop(name)
        self.calls.append("delete")
        return {"id": name, "object": "conversation.deleted", "deleted": True}

    def _list(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        if unknown := set(query) - {"after", "limit", "order", "include"}:
            raise Refusal(400, f"Unknown parameter: '{min(unknown)}'.", param=min(unknown), code="unknown_parameter")
        limit, order = int(query.get("limit", "20")), query.get("order", "desc")
        if not 1 <= limit <= 100 or order not in ("asc", "desc"):
            raise Refusal(400, "Invalid 'limit' or 'order'.", param="limit", code="invalid_value")
        items = self.held[name] if order == "asc" else self.held[name][::-1]
        after = query.get("after")
        if after is not None:
            places = [place for place, item in enumerate(items) if item["id"] == after]
            if not places:
                raise Refusal(404, f"Item with id '{after}' not found.")
            items = items[places[0] + 1 :]
        page = items[:limit]
        self.calls.append("list")
        ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
        return {"object": "list", "data": page, "has_more": len(items) > limit, **ends}

    def _delete_item(self, name: str, item: str) -> dict[str, Any]:
        kept = [each for each in self.held[name] if each["id"] != item]
        if len(kept) == len(self.held[name]):
            raise Refusal(404, f"Item with id '{item}' not found.")
        self.held[name] = kept
        self.calls.append("delete item")
        return {"id": name, "object": "conversation", "created_at": 1, "metadata": {}}


def name_of(body: Mapping[str, Any]) -> str | None:
    """The id of the conversation that a response belongs to, if it does."""
    conversation = body.get("conversation")
    return conversation["id"] if isinstance(conversation, Mapping) else conversation


def _item(given: Mapping[str, Any]) -> dict[str, Any]:
    """An item of the input as the conversation keeps it."""
    kind = given.get("type", "message")
    item = {"id": f"{PREFIXES.get(kind, 'msg')}_{uuid.uuid4().hex}", **given, "type": kind, "status": "completed"}
    if kind == "message" and isinstance(item["content"], str):
        block = "output_text" if item["role"] == "assistant" else "input_text"
        more = {"annotations": []} if block == "output_text" else {}
        item["content"] = [{"type": block, "text": item["content"], **more}]
    return item


def _told(item: Mapping[str, Any]) -> str:
    if item["type"] == "message":
        return f"{item['role']}: " + "".join(part.get("text") or part.get("refusal", "") for part in item["content"])
    if item["type"] == "function_call":
        return f"call {item['name']}"
    return f"output {item['output']}" if item["type"] == "function_call_output" else str(item["type"])
