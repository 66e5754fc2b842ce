"""Runs the tool calls a model asks for: checked, allowed, ledgered, in time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from receptionist.agents.claims.backing import EVERYTHING, PERSON, Earlier, backed
from receptionist.agents.claims.honesty import untrue
from receptionist.agents.confirm import MAX_ARGUMENTS, Heard, agreed, awaited, canonical, question
from receptionist.agents.context import Change, Context, Offered, Posted, SessionChange
from receptionist.agents.leaks import NO_LEAKS, Leaks
from receptionist.agents.tools import BadArguments, PreparedTool
from receptionist.contracts.model import Item, Said, ToolOutput, ToolRequest, ToolSpec
from receptionist.contracts.tool import ToolContext
from receptionist.errors import MISTAKES, ModelError, ToolError
from receptionist.services.conversations.confirmations import Settled, entry_of
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.leads.leads import LeadChange
from receptionist.text import storable

MAX_CALLS = 8
"""Tool calls in one turn; further ones are refused."""
MAX_SHOWN = 8000
"""Characters of a result the model is shown."""
MAX_SHORT = 1000
"""The same for a model that its input was too long for."""
MAX_RETOLD = 500
"""Characters of a call's arguments in the note about earlier calls of the turn."""

log = structlog.get_logger()


ContextMaker = Callable[[str, str, SessionState], Context]
"""Makes the context of a call of the tool of this name, with this key, in this state of the session."""


class CallLedger(Protocol):
    """Where tool calls are recorded; see `pipeline.ledger.Ledger`."""

    def past(self) -> Sequence[Any]: ...

    def begin(self, name: str, arguments: str) -> Any: ...

    def finish(self, call: Any, state: str, result: str, changes: Sequence[Change] = ()) -> None: ...

    def key(self, call: Any) -> str: ...

    def before(self) -> Earlier: ...


class Toolbox:
    """The tools of one turn."""

    def __init__(
        self,
        tools: Mapping[str, PreparedTool],
        ledger: CallLedger,
        make_context: ContextMaker,
        veto: Callable[[str, Mapping[str, Any], ToolContext], str | None],
        check: Callable[[], None],
        called: Callable[[str, str, str], None],
        session: SessionState,
        messages: Sequence[Heard] = (),
        leaks: Leaks = NO_LEAKS,
    ) -> None:
        self._tools = tools
        self._messages = messages
        self._leaks = leaks
        self._ledger = ledger
        self._make_context = make_context
        self._veto = veto
        self._check = check
        self._called = called
        self._session = session
        self._calls = 0
        self._longest = MAX_SHOWN
        self._made: list[tuple[str, str, str]] = []
        self._bad = 0
        self._unknown: set[str] = set()
        self._agreed: set[tuple[str, str]] = set()
        self._acted: set[tuple[str, str]] = set()
        self._retold = False
        self.done: frozenset[str] = frozenset()
        """The kinds of claims that this turn's calls back."""
        self.choices: tuple[str, ...] = ()
        """What the customer may choose from, below the reply."""

    def specs(self) -> Sequence[ToolSpec]:
        """What the model may call now; nothing once it used up its calls or sent bad arguments twice."""
        if self._calls >= MAX_CALLS or self._bad >= 2:
            return ()
        return [tool.spec for tool in self._tools.values()]

    def resume(self, deadline: float) -> list[Said]:
        """Settle the calls a dead worker left in this turn; a note that tells the model of them."""
        calls = self._ledger.past()
        self._calls = len(calls)
        self._made = [(call.name, call.arguments, self._settle(call, deadline)) for call in calls]
        return self.retold()

    def retold(self) -> list[Said]:
        """The calls made in this turn, as a note for a model that did not make them; nothing if there were none."""
        if not self._made:
            return []
        self._retold = True
        lines = "\n".join(
            f"- {name}({arguments[:MAX_RETOLD]}) → {result[: self._longest]}" for name, arguments, result in self._made
        )
        return [Said("system", f"In this turn these tools were called already; do not repeat them:\n{lines}")]

    def shorten(self) -> None:
        """Show less of each result from now on, of those of earlier calls too."""
        self._longest = MAX_SHORT

    def done_before(self) -> frozenset[str]:
        """The kinds of claims that earlier turns of the conversation back. Reads the database."""
        earlier = self._ledger.before()
        if earlier.person_wrote:
            return EVERYTHING
        kinds = [backed(tool.tool) for name, tool in self._tools.items() if name in earlier.tools]
        return frozenset().union(*kinds, PERSON if earlier.person_asked else ())

    def said_before(self) -> list[str]:
        """What the customer was told in earlier turns, by the agent or a person."""
        return [each.text for each in self._messages if each.direction == "out"]

    def run(self, requests: Sequence[ToolRequest], deadline: float) -> list[Item]:
        """Make the calls one after the other; every request gets an output, whatever happens."""
        return [ToolOutput(request.call_id, request.name, self._told(request, deadline)) for request in requests]

    def _told(self, request: ToolRequest, deadline: float) -> str:
        output = self._one(request, deadline)[: self._longest]
        self._called(request.name, request.arguments, output)
        return output

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
        reason = self._veto(tool.tool.name, arguments, self._make_context(request.name, "", self._session))
        if reason is not None:
            return f"Not called: {reason}"
        if (request.name, canonical(arguments)) in self._agreed:
            return "Not called: the customer agreed to this once, and it was called in this turn already."
        if self._retold and (request.name, canonical(arguments)) in self._acted:
            return "Not called: this very call was made in this turn already, and it worked."
        if self._unasked(tool, arguments) and len(canonical(arguments)) > MAX_ARGUMENTS:
            return f"Not called: the customer must be asked first; keep the arguments below {MAX_ARGUMENTS} characters."
        result = self._call(tool, arguments, self._ledger.begin(tool.tool.name, request.arguments), deadline)
        self._made.append((request.name, request.arguments, result))
        return result

    def _call(self, tool: PreparedTool, arguments: dict[str, Any], call: Any, deadline: float) -> str:
        context = self._make_context(tool.tool.name, self._ledger.key(call), self._session)
        changes: tuple[Change, ...] = ()
        if self._unasked(tool, arguments):
            state, result = "failed", question(tool.tool, arguments)
            changes = (awaited(tool.tool.name, canonical(arguments), self._messages),)
        else:
            state, result = _in_time(tool, arguments, context, deadline)
            state, result = self._held_to_truth(state, result, context)
            changes = (*(context.changes if state == "done" else ()), *self._settled(tool, arguments, state))
        if state == "unknown":
            self._unknown.add(tool.tool.name)
        if state == "done":
            self.done |= backed(tool.tool, changes)
            self._note_done(tool, arguments)
        self._ledger.finish(call, state, result, changes)
        self._heed(changes, context)
        return result

    def _heed(self, changes: Sequence[Change], context: Context) -> None:
        """Let the next calls of this turn, and the reply, see what a call changed."""
        for change in changes:
            if isinstance(change, LeadChange):
                change.apply_to(context.lead)
            elif isinstance(change, Offered):
                self.choices = change.choices
            elif isinstance(change, SessionChange):
                self._session = change.apply(self._session)

    def _unasked(self, tool: PreparedTool, arguments: dict[str, Any]) -> bool:
        """Whether the customer must be asked first."""
        if tool.tool.confirm is None:
            return False
        return not agreed(self._session, tool.tool.name, canonical(arguments), self._messages)

    def _held_to_truth(self, state: str, result: str, context: Context) -> tuple[str, str]:
        """What the customer reads besides the reply must be true, and may tell no more, as the reply itself."""
        for change in context.changes if state == "done" else ():
            if isinstance(change, Offered):
                wrong = self._leak(" ".join(change.choices))
            else:
                wrong = self._wrong(change.text) if isinstance(change, Posted) else None
            if wrong is not None:
                return "failed", f"Not done: {wrong}"
        return state, result

    def _wrong(self, text: str) -> str | None:
        """Why a text may not be sent; that it is sent needs no other call."""
        claims = untrue(text, self, besides=frozenset(("sent",)))
        if not claims:
            return self._leak(text)
        lies = "; ".join(dict.fromkeys(claim.sentence for claim in claims))
        return f"it says what no tool did: {lies[:300]} Say only what is true."

    def _leak(self, text: str) -> str | None:
        leak = self._leaks.found(text, [each.text for each in self._messages if each.direction == "in"])
        return leak and f"it tells {leak}. Say it in your own words, without that."

    def _settle(self, call: Any, deadline: float) -> str:
        """The result of a call a dead worker made; one only begun is made again if that is safe."""
        if call.state == "unknown":
            self._unknown.add(call.name)
        tool, arguments = self._as_made(call)
        if call.state == "done" and tool is not None:
            self.done |= backed(tool.tool)
            if arguments is not None:
                self._settled(tool, arguments, "done")
                self._note_done(tool, arguments)
                self._offer_again(tool, arguments, call, deadline)
        if call.state != "started":
            return call.result or ""
        if tool is not None and arguments is not None and self._may_repeat(tool, arguments):
            return self._call(tool, arguments, call, deadline)
        result = "It is not known whether this was done. Say so, do not repeat it, and hand over to a person."
        self._unknown.add(call.name)
        settled = () if tool is None or arguments is None else self._settled(tool, arguments, "unknown")
        self._ledger.finish(call, "unknown", result, settled)
        return result

    def _as_made(self, call: Any) -> tuple[PreparedTool | None, dict[str, Any] | None]:
        """The tool of a call that a dead worker made, and its arguments; None for those where the tool takes others
        by now, for its plugin was changed between the two workers."""
        tool = self._tools.get(call.name)
        try:
            return tool, None if tool is None else tool.parse(call.arguments)
        except BadArguments:
            return tool, None

    def _settled(self, tool: PreparedTool, arguments: Mapping[str, Any], state: str) -> tuple[Settled, ...]:
        """What was agreed to and was, or may have been, done is agreed to no more; what failed may be tried again."""
        if tool.tool.confirm is None or state == "failed":
            return ()
        self._agreed.add((tool.tool.name, canonical(arguments)))
        return (Settled(tool.tool.name, canonical(arguments)),)

    def _note_done(self, tool: PreparedTool, arguments: Mapping[str, Any]) -> None:
        """Remember what acted, for a model that is only told of it may not make the call again."""
        if tool.tool.acts:
            self._acted.add((tool.tool.name, canonical(arguments)))

    def _may_repeat(self, tool: PreparedTool, arguments: dict[str, Any]) -> bool:
        """Whether a call that was only begun may be made again. One that nobody was asked about was not made at all; of
        one that may have been made, a refusal that came since does not say that it was not."""
        if tool.tool.confirm is None:
            return tool.tool.idempotent or not tool.tool.acts
        if entry_of(self._session, tool.tool.name, canonical(arguments)) is None:
            return True
        return tool.tool.idempotent and not self._unasked(tool, arguments)

    def _offer_again(self, tool: PreparedTool, arguments: dict[str, Any], call: Any, deadline: float) -> None:
        """Choices are of the reply alone and kept nowhere: a tool that only reads is asked for them once more."""
        if tool.tool.acts or not tool.wants_context:
            return
        context = self._make_context(tool.tool.name, self._ledger.key(call), self._session)
        state, _ = _in_time(tool, arguments, context, deadline)
        if state == "done":
            self._heed([each for each in context.changes if isinstance(each, Offered)], context)


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
    if tool.tool.acts:  # even an idempotent one: asked for again it would be another call, with another key
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
    except MISTAKES:  # a tool's bug must not end the turn or the worker
        log.exception("tool_failed", tool=tool.tool.name)
        if tool.tool.acts:
            return "unknown", "This broke off; it is not known whether it was done. Do not repeat it; offer a person."
        return "failed", "This did not work because of a technical problem."
