"""Runs the tool calls a model asks for: checked, allowed, ledgered, in time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from receptionist.agents.context import Context, PersonRequest
from receptionist.agents.tools import BadArguments, PreparedTool
from receptionist.contracts.model import Item, Said, ToolOutput, ToolRequest, ToolSpec
from receptionist.contracts.tool import ToolContext
from receptionist.errors import ModelError, ToolError
from receptionist.services.leads import LeadChange
from receptionist.text import storable

MAX_CALLS = 8
"""Tool calls in one turn; further ones are refused."""
MAX_SHOWN = 8000
"""Characters of a result the model is shown."""

log = structlog.get_logger()


class CallLedger(Protocol):
    """Where tool calls are recorded; see `pipeline.ledger.Ledger`."""

    def past(self) -> Sequence[Any]: ...

    def begin(self, name: str, arguments: str) -> Any: ...

    def finish(
        self, call: Any, state: str, result: str, changes: Sequence[LeadChange | PersonRequest] = ()
    ) -> None: ...

    def key(self, call: Any) -> str: ...


class Toolbox:
    """The tools of one turn."""

    def __init__(
        self,
        tools: Mapping[str, PreparedTool],
        ledger: CallLedger,
        make_context: Callable[[str], Context],
        veto: Callable[[str, Mapping[str, Any], ToolContext], str | None],
        check: Callable[[], None],
    ) -> None:
        self._tools = tools
        self._ledger = ledger
        self._make_context = make_context
        self._veto = veto
        self._check = check
        self._calls = 0
        self._bad = 0
        self._unknown: set[str] = set()

    def specs(self) -> Sequence[ToolSpec]:
        """What the model may call now; nothing once it used up its calls or sent bad arguments twice."""
        if self._calls >= MAX_CALLS or self._bad >= 2:
            return ()
        return [tool.spec for tool in self._tools.values()]

    def resume(self, deadline: float) -> list[Said]:
        """Settle the calls a dead worker left in this turn; a note that tells the model of them."""
        calls = self._ledger.past()
        self._calls = len(calls)
        lines = [f"- {call.name}({call.arguments}) → {self._settle(call, deadline)}" for call in calls]
        if not lines:
            return []
        return [
            Said("system", "In this turn these tools were called already; do not repeat them:\n" + "\n".join(lines))
        ]

    def run(self, requests: Sequence[ToolRequest], deadline: float) -> list[Item]:
        """Make the calls one after the other; every request gets an output, whatever happens."""
        return [
            ToolOutput(request.call_id, request.name, self._one(request, deadline)[:MAX_SHOWN]) for request in requests
        ]

    def _one(self, request: ToolRequest, deadline: float) -> str:
        tool = self._tools.get(request.name)
        self._check()
        if time.monotonic() > deadline:
            raise ModelError("the answer was not complete in time")
        self._calls += 1
        if self._calls > MAX_CALLS:
            return "Not called: too many tool calls in one turn. Answer now."
        if tool is None:
            return f"Not called: there is no tool {request.name[:64]!r}."
        try:
            arguments = tool.parse(request.arguments)
        except BadArguments as error:
            self._bad += 1
            return f"Not called: {error}."
        if request.name in self._unknown:
            return "Not called: it is not known what became of an earlier call of this tool. Offer a person."
        reason = self._veto(tool.tool.name, arguments, self._make_context(""))
        if reason is not None:
            return f"Not called: {reason}"
        return self._call(tool, arguments, self._ledger.begin(tool.tool.name, request.arguments), deadline)

    def _call(self, tool: PreparedTool, arguments: dict[str, Any], call: Any, deadline: float) -> str:
        context = self._make_context(self._ledger.key(call))
        state, result = _in_time(tool, arguments, context, deadline)
        changes = tuple(context.changes) if state == "done" else ()
        if state == "unknown":
            self._unknown.add(tool.tool.name)
        self._ledger.finish(call, state, result, changes)
        for change in changes:
            if isinstance(change, LeadChange):
                change.apply_to(context.lead)  # the next call of this turn sees it
        return result

    def _settle(self, call: Any, deadline: float) -> str:
        """The result of a call a dead worker made; one only begun is made again if that is safe."""
        if call.state == "unknown":
            self._unknown.add(call.name)
        if call.state != "started":
            return call.result or ""
        tool = self._tools.get(call.name)
        if tool is not None and (tool.tool.idempotent or not tool.tool.writes):
            return self._call(tool, tool.parse(call.arguments), call, deadline)
        result = "It is not known whether this was done. Say so, do not repeat it, and hand over to a person."
        self._unknown.add(call.name)
        self._ledger.finish(call, "unknown", result)
        return result


def _in_time(tool: PreparedTool, arguments: dict[str, Any], context: Context, deadline: float) -> tuple[str, str]:
    """Run the function in a thread of its own; (state, result). A call that takes too long is left alone."""
    outcome: list[tuple[str, str]] = []
    thread = threading.Thread(
        target=lambda: outcome.append(_run(tool, arguments, context)), name=f"tool-{tool.tool.name}", daemon=True
    )
    thread.start()
    thread.join(max(0.1, min(tool.tool.timeout, deadline - time.monotonic())))
    if outcome:
        return outcome[0]
    log.warning("tool_timed_out", tool=tool.tool.name)
    if tool.tool.writes:  # even an idempotent one: asked for again it would be another call, with another key
        return "unknown", "This took too long; it is not known whether it was done. Do not repeat it; offer a person."
    return "failed", "This took too long and was given up."


def _run(tool: PreparedTool, arguments: dict[str, Any], context: Context) -> tuple[str, str]:
    extra = {"context": context} if tool.wants_context else {}
    try:
        value = tool.tool.function(**arguments, **extra)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        return "done", storable(text)
    except ToolError as error:
        return "failed", storable(str(error))
    except (Exception, SystemExit):  # a tool's bug must not end the turn or the worker
        log.exception("tool_failed", tool=tool.tool.name)
        if tool.tool.writes:
            return "unknown", "This broke off; it is not known whether it was done. Do not repeat it; offer a person."
        return "failed", "This did not work because of a technical problem."
