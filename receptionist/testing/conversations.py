"""Plays a conversation that was written down as a file, and tells in plain words what came out differently."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from receptionist import models
from receptionist.contracts.model import ModelRequest, Said, ToolOutput
from receptionist.db import Scope
from receptionist.errors import AdminError
from receptionist.services.conversations import handover, sessions
from receptionist.services.conversations.inbox import Inbox
from receptionist.services.strategies import assignment, strategies
from receptionist.testing.clock import Clock
from receptionist.testing.model import ScriptedModel
from receptionist.testing.rehearsal import Rehearsal
from receptionist.testing.script import Expected, Move, Script, ScriptError, Step

OWN = "Own strategy"
"""The name of the strategy that a customer is given alone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as the file says."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Differs(AssertionError):
    """A conversation went differently; the text has a line for each difference."""


@dataclass(slots=True)
class Came:
    """What came of one step: what the customer heard, what the models were asked, and the calls tools had."""

    heard: list[str]
    asked: list[ModelRequest]
    calls: list[Any]


def play(script: Script, rehearsal: Rehearsal) -> None:
    """Play the whole file. Raises `Differs` after the first step that went differently, or `ScriptError`."""
    with Clock(rehearsal.parts.database) as clock:
        player = _Player(script, rehearsal, clock)
        player.prepare()
        for step in script.steps:
            if found := list(player.step(step)):
                raise Differs("\n".join(str(Difference(script.path, line, text)) for line, text in found))


class _Player:
    def __init__(self, script: Script, rehearsal: Rehearsal, clock: Clock) -> None:
        self._script, self._rehearsal, self._clock = script, rehearsal, clock
        self._models = (rehearsal.model, rehearsal.second_model)
        self._database = rehearsal.parts.database

    def prepare(self) -> None:
        """Business, strategy and clock, as the file says."""
        script = self._script
        self._try(1, lambda: self._rehearsal.furnish(script.business, script.strategy))
        if script.clock:
            zone = script.strategy.get("timezone") or script.business.get("timezone") or "UTC"
            self._try(1, lambda: self._clock.set(datetime.fromisoformat(script.clock).replace(tzinfo=ZoneInfo(zone))))

    def step(self, step: Step) -> Iterator[tuple[int, str]]:
        """Do what somebody does; what came out differently, with the line that says otherwise."""
        heard = len(self._rehearsal.replies()) if self._known() else 0
        called = len(self._rehearsal.stored.tool_calls())
        asked = [len(model.requests) for model in self._models]
        for model, moves in zip(self._models, (step.model, step.second_model), strict=True):
            _instruct(model, moves)
        self._act(step)
        requests = [model.requests[number:] for model, number in zip(self._models, asked, strict=True)]
        for model, moves, made in zip(self._models, (step.model, step.second_model), requests, strict=True):
            yield from _played(step, moves, len(made), "model" if model is self._models[0] else "second model")
            model.stop_script()
        replies = self._rehearsal.replies()[heard:] if self._known() else []
        came = Came(replies, [*requests[0], *requests[1]], self._rehearsal.stored.tool_calls()[called:])
        for expected in step.expected:
            yield from ((expected.line, text) for text in self._differences(expected, came))

    def _known(self) -> bool:
        return bool(self._rehearsal.stored.messages())

    def _act(self, step: Step) -> None:
        if step.actor == "customer":
            for text in step.value:
                response = self._rehearsal.receive(self._rehearsal.incoming(text))
                if response.status_code >= 300:
                    raise self._error(step.line, f"The message was refused: {response.get_data(as_text=True)}")
            self._rehearsal.work()
        elif step.actor == "later":
            assert isinstance(step.value, timedelta)
            self._clock.jump(step.value)
        elif step.actor == "own strategy":
            self._try(step.line, lambda: self._give_own(step.value))
        else:
            self._try(step.line, lambda: self._person(step))
        self._rehearsal.sweep()

    def _person(self, step: Step) -> None:
        inbox, conversation_id = Inbox(self._rehearsal.parts, self._rehearsal.account.id), self._conversation(step)
        if "writes" in step.also:
            inbox.reply(conversation_id, step.value, step.also["writes"])
        elif "takes" in step.also:
            inbox.take(conversation_id, step.value, None)
        else:
            with self._database.begin() as connection:
                handover.hand_back(Scope(connection, self._rehearsal.account.id), conversation_id)

    def _give_own(self, fields: Mapping[str, Any]) -> None:
        self._rehearsal.publish(OWN, fields)
        with self._database.begin() as connection:
            scope = Scope(connection, self._rehearsal.account.id)
            [lead] = self._rehearsal.stored.leads()
            assignment.give_lead(scope, lead.id, strategies.find(scope, OWN).id, "the file")

    def _conversation(self, step: Step) -> int:
        messages = self._rehearsal.stored.messages()
        if not messages:
            raise self._error(step.line, "Nobody wrote yet: let the customer write first.")
        return messages[-1].conversation_id

    def _try(self, line: int, action: Callable[[], object]) -> None:
        """Raises `ScriptError` where the file asks for what cannot be."""
        try:
            action()
        except ScriptError:
            raise
        except (AdminError, ValueError, KeyError) as error:
            raise self._error(line, str(error)) from error

    def _error(self, line: int, text: str) -> ScriptError:
        return ScriptError(f"{self._script.path}:{line}: {text}")

    def _differences(self, expected: Expected, came: Came) -> Iterator[str]:
        kind, value = expected.kind, expected.value
        if kind == "stored":
            yield from self._stored(value)
        elif kind in ("called", "not called"):
            yield from _calls(kind, value, came.calls)
        elif kind in ("model is shown", "model is not shown"):
            shown = "\n".join(map(_shown, came.asked))
            wanted = kind == "model is shown"
            yield from (f"the model is {'not ' * wanted}shown {text!r}." for text in value if (text in shown) != wanted)
        else:
            yield from _heard(kind, value, came.heard)

    def _stored(self, wanted: Mapping[str, Any]) -> Iterator[str]:
        conversations = self._rows(models.Conversation)
        if not conversations:
            yield "nothing is stored: nobody wrote yet."
            return
        latest = conversations[-1]
        for name, value in wanted.items():
            if name == "lead":
                yield from _fields("lead", value, self._rows(models.Lead)[-1]._mapping)
            elif name == "goals":
                with self._database.read() as connection:
                    state = sessions.load(Scope(connection, self._rehearsal.account.id), latest.id)
                goals = [vars_of(goal) for goal in state.goals]
                yield from _list("goal", value, goals)
            elif name == "tasks":
                yield from _list("task", value, [dict(row._mapping) for row in self._rows(models.Task)])
            elif name == "person asked for":
                yield from _field(name, value, latest.person_reason if latest.person_requested_at else "no")
            elif name == "turn":
                yield from _field(name, value, self._rows(models.Turn)[-1].state)
            elif name == "opted out":
                yield from _field(name, value, "yes" if latest.opted_out_at else "no")

    def _rows(self, model: Any) -> list[Any]:
        table = model.__table__
        with self._database.read() as connection:
            return list(connection.execute(sa.select(table).order_by(table.c.id)).all())


def vars_of(goal: Any) -> dict[str, Any]:
    """A goal as plain values."""
    return {name: getattr(goal, name) for name in ("id", "kind", "title", "slots", "state", "outcome")}


def _instruct(model: ScriptedModel, moves: Sequence[Move]) -> None:
    for move in moves:
        if move.kind == "says":
            model.says(move.text)
        elif move.kind == "calls":
            model.calls(move.text, **move.arguments)
        else:
            model.fails(move.text)


def _played(step: Step, moves: Sequence[Move], asked: int, name: str) -> Iterator[tuple[int, str]]:
    if asked < len(moves):
        move = moves[asked]
        yield move.line, f"the {name} was asked {_times(asked)}, and so it never {move.kind} {move.text!r}."
    elif asked > len(moves):
        yield step.line, f"the {name} was asked {_times(asked)}; the file says what it does {_times(len(moves))}."


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _heard(kind: str, value: Any, heard: Sequence[str]) -> Iterator[str]:
    """What is wrong with what the customer heard."""
    told = " | ".join(map(repr, heard)) or "nothing"
    if kind == "silence":
        if heard:
            yield f"the customer should hear nothing, and heard: {told}."
    elif kind in ("reply", "replies"):
        wanted = [value] if kind == "reply" else value
        if list(heard) != wanted:
            yield f"the customer should hear {' | '.join(map(repr, wanted))}, and heard: {told}."
    else:
        should = kind == "reply contains"
        for text in value:
            if any(text.casefold() in each.casefold() for each in heard) is not should:
                yield f"the reply should {'' if should else 'not '}contain {text!r}; the customer heard: {told}."


def _calls(kind: str, value: Any, calls: Sequence[Any]) -> Iterator[str]:
    names = [call.name for call in calls]
    told = ", ".join(f"{call.name}({call.arguments}) → {call.result}" for call in calls) or "none"
    if kind == "not called":
        yield from (f"the tool {name} should not be called; the calls: {told}." for name in value if name in names)
        return
    left = list(calls)
    for wanted in value:
        found = next((call for call in left if _is_call(wanted, call)), None)
        if found is None:
            yield f"there is no such call: {_told(wanted)}; the calls: {told}."
        else:
            left.remove(found)


def _is_call(wanted: Mapping[str, Any], call: Any) -> bool:
    given = json.loads(call.arguments)
    return (
        call.name == wanted.get("tool")
        and all(_same(value, given.get(name)) for name, value in wanted.get("with", {}).items())
        and str(wanted.get("result contains", "")) in str(call.result)
    )


def _list(what: str, wanted: Any, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each one that is wanted is there, in order, and no other; "none" is none at all."""
    wanted = [] if wanted == "none" else wanted
    if len(wanted) != len(found):
        yield f"there should be {len(wanted)} {what}s, and there are {len(found)}: {_told([*map(dict, found)])}."
        return
    for each, there in zip(wanted, found, strict=True):
        yield from _fields(what, each, there)


def _fields(what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        yield from _field(f"{what}'s {name}", value, found.get(name, "not there at all"))


def _field(name: str, wanted: Any, found: Any) -> Iterator[str]:
    """A text may be a part of what is stored, a mapping too; all else is the same."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        yield from _fields(name, wanted, found)
    elif not (_same(wanted, found) or (isinstance(wanted, str) and wanted != "no" and wanted in str(found))):
        yield f"the {name} should be {wanted!r}, and is {found!r}."


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_same, wanted, found))
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(name in found and _same(value, found[name]) for name, value in wanted.items())
    return bool(wanted == found)


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shown(request: ModelRequest) -> str:
    texts = [
        item.text if isinstance(item, Said) else item.output
        for item in request.items
        if isinstance(item, Said | ToolOutput)
    ]
    return "\n".join([request.instructions, *texts])
