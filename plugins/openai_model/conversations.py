"""OpenAI's Conversations API: one conversation there per conversation of ours.

A ref is the id of the conversation in use, followed by those it took the place of, which are only still to be
deleted. Nothing here is ever retried by the client library, for it has no idempotency keys. The items of a response
appear in its conversation together, when it is complete; its input comes before its output, so that the last item
of the output is the mark. Deleting a conversation leaves its items at the vendor, so they go first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from receptionist import Memory, MemoryFault, ModelError

if TYPE_CHECKING:
    import openai

    from .connection import Connection
    from .deadline import Call

PAGE = 100
"""Items in one list, the most that there may be."""
FORGET_SECONDS = 30.0
"""How long forgetting may take; what is left is deleted when it is called again."""

Kind = Literal["busy", "broken", "lost"]

_LOST = re.compile(r"Conversation with id '[^']*' not found|context window|context length")
_BROKEN = re.compile(
    r"No tool output found for function call|No tool call found for function call output"
    r"|was provided without its required"
)


class Unheeded(MemoryFault):
    """The server answered, but not as part of the conversation it was told to go on with."""


def address(ref: str) -> str:
    """The id of the conversation in use."""
    return ref.partition(" ")[0]


def fault(error: Exception) -> MemoryFault | None:
    """What a refused request says of its conversation; None if it speaks of something else."""
    import openai

    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 404):
        return None
    message = str(error.body.get("message") or "") if isinstance(error.body, Mapping) else str(error.body)
    kind: Kind | None = None
    if error.code == "conversation_locked":
        kind = "busy"
    elif error.code == "context_length_exceeded" or refuses(error) or _LOST.search(message):
        kind = "lost"
    elif _BROKEN.search(message):
        kind = "broken"
    return MemoryFault(f"The conversation at the model server is {kind}: {message[:200]}", kind) if kind else None


def refuses(error: Exception) -> bool:
    """Whether the server does not know the parameter `conversation`."""
    import openai

    known = isinstance(error, openai.BadRequestError) and error.param == "conversation"
    return known and error.code in ("unknown_parameter", "unsupported_parameter")  # type: ignore[attr-defined]


def check_heard(response: Mapping[str, Any] | None, ref: str) -> None:
    """Raises `Unheeded` unless the response says that it belongs to the conversation: a server that ignores the
    parameter would answer without knowing what was said before."""
    conversation = (response or {}).get("conversation")
    name = conversation.get("id") if isinstance(conversation, Mapping) else conversation
    if name != address(ref):
        raise Unheeded("The model server paid no heed to the conversation it was told to go on with.", "lost")


class Conversations:
    """The calls; each raises what the client library does, or `MemoryFault`."""

    def __init__(self, connection: Connection, silence: float) -> None:
        self._connection = connection
        self._silence = silence

    def begin(self, former: str | None, call: Call) -> str:
        """Make an empty conversation."""
        with call:
            made = self._client().conversations.create()
        if not made.id or not isinstance(made.id, str):
            raise ModelError("The model server made no conversation.")
        return " ".join(filter(None, (made.id, former)))

    def mend(self, memory: Memory, call: Call) -> None:
        """Delete the items that are newer than the mark, the newest first."""
        name, newer = address(memory.ref), []
        try:
            for item in self._items(name, call):
                if item == memory.mark:
                    break
                newer.append(item)
            else:
                if memory.mark is not None:
                    raise MemoryFault("What is known of the conversation at the model server is not in it.", "lost")
            for item in newer:
                self._delete(name, item, call)
        except MemoryFault:
            raise
        except Exception as error:  # the boundary to vendor code; what is no fault of the memory goes on as it is
            raise fault(error) or error from None

    def forget(self, ref: str) -> None:
        """Delete the conversations of this ref, their items first."""
        from .deadline import Call

        deadline = time.monotonic() + FORGET_SECONDS
        for name in ref.split():
            call = Call(deadline, self._silence, _wanted)
            if self._empty(name, call):
                with call:
                    self._gone(lambda name=name: self._client().conversations.delete(name))  # type: ignore[misc]

    def _empty(self, name: str, call: Call) -> bool:
        """Delete all items; False if the conversation is gone already."""
        import openai

        before: list[str] = []
        while True:
            try:
                items = self._page(name, None, call)
            except openai.NotFoundError:
                return False
            if not items:
                return True
            if items == before:
                raise ModelError("The model server does not delete items of a conversation.", retryable=True)
            for item in items:
                self._delete(name, item, call)
            before = items

    def _items(self, name: str, call: Call) -> Iterator[str]:
        """The ids of the items, the newest first."""
        after: str | None = None
        while True:
            page = self._page(name, after, call)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def _page(self, name: str, after: str | None, call: Call) -> list[str]:
        extra: dict[str, Any] = {"after": after} if after else {}
        with call:
            page = self._client().conversations.items.list(name, limit=PAGE, order="desc", **extra)
        return [str(item.id) for item in page.data if getattr(item, "id", None)]

    def _delete(self, name: str, item: str, call: Call) -> None:
        with call:
            self._gone(lambda: self._client().conversations.items.delete(item, conversation_id=name))

    def _gone(self, delete: Callable[[], object]) -> None:
        """Delete something; what is not there is deleted."""
        import openai

        try:
            delete()
        except openai.NotFoundError:
            return

    def _client(self) -> openai.OpenAI:
        return self._connection.client()


def _wanted() -> None:
    """Nothing calls an erasure off."""
