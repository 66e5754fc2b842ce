"""Drop-in plugin: a model that asks the test what to say (`tests.servers.brain.Brain`), and tools with an effect."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from receptionist import (
    Completed,
    Host,
    Model,
    ModelError,
    ModelEvent,
    ModelRequest,
    Produced,
    Said,
    Settings,
    TextDelta,
    Tool,
    ToolContext,
    ToolOutput,
    ToolRequest,
    hookimpl,
    tool,
)


class RemoteSettings(Settings):
    """Where the test is."""

    remote_brain: str = Field("", description="URL of the test's brain.")
    remote_vendor: str = Field("", description="URL of the test's vendor, for effects of tools.")


class RemoteModel(Model):
    """Asks the test."""

    name = "remote"
    title = "The test"
    preference = 1000

    def ready(self) -> bool:
        """Whether a test is there."""
        return bool(self.host.settings(RemoteSettings).remote_brain)

    def stream(self, request: ModelRequest) -> Iterator[ModelEvent]:
        """Pass the question on, and the answer back, line by line."""
        place = urlsplit(self.host.settings(RemoteSettings).remote_brain)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        calls: list[str] = []
        try:
            connection.request("POST", "/", json.dumps(_question(request)).encode())
            for line in connection.getresponse():
                request.check()
                [(kind, value)] = json.loads(line).items()
                if kind == "done":
                    yield Completed(value, "remote-1", produced=Produced([{"calls": calls}]))
                    return
                yield _event(kind, value, calls)
        except (OSError, http.client.HTTPException) as error:
            raise ModelError(f"the test is gone: {error}", retryable=True) from error
        finally:
            connection.close()
        raise ModelError("the stream broke off", retryable=True)


def _event(kind: str, value: Any, calls: list[str]) -> ModelEvent:
    if kind == "Fails":
        raise ModelError(
            value["message"], retryable=value["retryable"], retry_after=value["retry_after"], admin=value["admin"]
        )
    if kind == "Calls":
        calls.append(value["name"])
        return ToolRequest(f"call-{len(calls)}", value["name"], value["arguments"])
    return TextDelta(value)


def _question(request: ModelRequest) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for item in request.items:
        if isinstance(item, Said):
            items.append({"role": item.role, "text": item.text})
        elif isinstance(item, ToolOutput):
            items.append({"name": item.name, "output": item.output})
    return {
        "items": items,
        "tools": [spec.name for spec in request.tools],
        "instructions": request.instructions,
        "variables": {name: request.variables.get(name) for name in ("account", "lead", "conversation")},
        "end_user": request.end_user,
    }


@hookimpl
def register_settings() -> list[type[Settings]]:
    """Where the test is."""
    return [RemoteSettings]


@hookimpl
def register_models(host: Host) -> list[Model]:
    """The model `remote`."""
    return [RemoteModel(host)]


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """One tool whose vendor knows keys, one whose vendor does not, one that changes only our own rows."""

    @tool(effect="writes", idempotent=True)
    def book(context: ToolContext, what: str) -> str:
        """Book something; the vendor takes an idempotency key."""
        _effect(host, what, context.idempotency_key)
        return f"booked {what}"

    @tool(effect="writes")
    def pay(context: ToolContext, what: str) -> str:
        """Pay for something; the vendor takes no key."""
        _effect(host, what, None)
        return f"paid {what}"

    @tool(effect="writes", idempotent=True)
    def note(context: ToolContext, text: str) -> str:
        """Note something about the customer."""
        context.update_lead(note=text)
        return f"noted {text}"

    return [book, pay, note]


def _effect(host: Host, what: str, key: str | None) -> None:
    place = urlsplit(host.settings(RemoteSettings).remote_vendor)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
    try:
        connection.request("POST", "/effects", json.dumps({"what": what, "key": key}).encode())
        connection.getresponse().read()
    finally:
        connection.close()
