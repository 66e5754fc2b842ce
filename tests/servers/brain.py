"""What the drop-in model `remote` asks: the test decides, in its own process, what the model says, and when.

The answers are written as the model would produce them: text pieces, tool calls, an error. Every question is kept,
with its times, so that a test can count them and see whether two ran at once for one customer.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.servers.local_server import Exchange, LocalServer

_DIRECTIVE = re.compile(r"\s*call (\w+) (.*?)\.?", re.DOTALL)


@dataclass
class Question:
    """One round the model was asked for. `asked`: what the customer said since the last reply. `notes`: all notes to
    the model; `resumed`: of them the one on calls that a worker made in this turn before it died."""

    asked: list[str]
    notes: list[str]
    resumed: list[str]
    outputs: list[str]
    tools: list[str]
    past: list[tuple[str, str]]
    instructions: str
    variables: dict[str, Any]
    end_user: str
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None


@dataclass(frozen=True)
class Calls:
    """A tool call of the model; `arguments` is JSON text, not checked."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True)
class Fails:
    """The model fails."""

    message: str = "the model failed"
    retryable: bool = False
    retry_after: float | None = None
    admin: bool = False


Piece = str | Calls | Fails
Reply = Callable[[Question], Iterable[Piece]]


def echo(question: Question) -> Iterator[Piece]:
    """Says what was asked; a message `call NAME {JSON}.` calls that tool first and then tells its output."""
    found = _DIRECTIVE.fullmatch(question.asked[-1]) if question.asked else None
    if question.outputs or question.resumed:
        yield "The tool said: " + "; ".join(question.outputs or question.resumed)
    elif found and found[1] in question.tools:
        yield Calls(found[1], found[2])
    else:
        yield "Echo: "
        yield " | ".join(question.asked)


class Brain(LocalServer):
    """The server; set `reply` to decide what the model says."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.reply: Reply = echo
        self.questions: list[Question] = []
        self._changed = threading.Condition()

    def forget(self) -> None:
        """Begin anew: echo, and no questions so far."""
        with self._changed:
            self.reply = echo
            self.questions = []

    def about(self, text: str) -> list[Question]:
        """The questions in which the customer said `text` last."""
        with self._changed:
            return [question for question in self.questions if any(text in said for said in question.asked)]

    def wait_for(self, text: str, count: int = 1, timeout: float = 10.0) -> list[Question]:
        """Return when the model was asked `count` times about `text`. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.about(text)) >= count, timeout):
                raise TimeoutError(f"the model was not asked about {text!r} {count} times")
            return self.about(text)

    def overlapping(self) -> list[tuple[Question, Question]]:
        """Pairs of questions for one customer that ran at the same time."""
        asked = sorted(self.questions, key=lambda question: question.begun)
        return [
            (first, second)
            for index, first in enumerate(asked)
            for second in asked[index + 1 :]
            if first.end_user == second.end_user and second.begun < (first.ended or float("inf"))
        ]

    def handle(self, exchange: Exchange) -> None:
        """Answer one question, piece by piece."""
        question = _question(exchange.json())
        with self._changed:
            reply = self.reply
            self.questions.append(question)
            self._changed.notify_all()
        try:
            exchange.begin()
            text = ""
            for piece in reply(question):
                if isinstance(piece, str):
                    text += piece
                    exchange.line({"text": piece})
                else:
                    exchange.line({type(piece).__name__: vars(piece)})
            exchange.line({"done": text})
        finally:
            question.ended = time.monotonic()


def _question(body: dict[str, Any]) -> Question:
    items = body["items"]
    said = [(item["role"], item["text"]) for item in items if "role" in item]
    last = max((index for index, (role, _) in enumerate(said) if role == "assistant"), default=-1)
    return Question(
        asked=[text for role, text in said[last + 1 :] if role == "user"],
        notes=(notes := [text for role, text in said if role == "system"]),
        resumed=[text for text in notes if text.startswith("In this turn these tools were called already")],
        outputs=[item["output"] for item in items if "output" in item],
        tools=body["tools"],
        past=said[: last + 1],
        instructions=body["instructions"],
        variables=body["variables"],
        end_user=body["end_user"],
    )
