"""What an agent is told about one turn; plain values, nothing shared with another turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from receptionist.agents.confirm import Heard
from receptionist.agents.context import Post
from receptionist.agents.provider_memory import MemoryStore
from receptionist.agents.trace import Trace
from receptionist.contracts.edits import PromptContext
from receptionist.contracts.model import Said
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.directory import Office, PublishedStrategy

NO_SESSION = SessionState()


@dataclass(frozen=True, slots=True)
class Brief:
    """One turn: whose, on which strategy, what was said before, and what waits for an answer.

    `deadline` is a reading of `time.monotonic()`. `check` raises `Interrupted` when the answer is not wanted
    any more. `show` passes a piece of the answer on to who watches, None if nobody does; `withdraw` takes back all that
    was shown.
    `called` is told of every tool call, refused ones too: name, arguments, and what the model gets to read.
    `memory`: where it is kept what a vendor remembers of the conversation, if the strategy wants that. `messages`:
    those that are said and those that wait, as rows. `post`: finds where the customer can be written to elsewhere.
    `shorter`: the history with half as much in it, for a model that it is too long for.
    """

    office: Office
    strategy: PublishedStrategy
    context: PromptContext
    lead: dict[str, Any]
    conversation_id: int
    history: Sequence[Said]
    deadline: float
    check: Callable[[], None]
    show: Callable[[str], None] | None
    withdraw: Callable[[], None]
    called: Callable[[str, str, str], None] = lambda name, arguments, output: None
    memory: MemoryStore | None = None
    session: SessionState = NO_SESSION
    trace: Trace = field(default_factory=Trace)
    messages: Sequence[Heard] = ()
    post: Post | None = None
    shorter: Callable[[], Sequence[Said]] | None = None


def made_up_lead() -> dict[str, Any]:
    """Plain values of a lead that is nobody, to try a strategy with."""
    unknown = dict.fromkeys(("name", "email", "phone", "company", "language", "timezone"))
    return {"id": 0, **unknown, "notes": "", "status": "new", "tags": [], "custom": {}}


def prompt_context(
    office: Office,
    strategy: PublishedStrategy,
    line: Mapping[str, Any],
    lead: Mapping[str, Any],
    conversation: Mapping[str, Any],
    message: str,
    goals: Sequence[Mapping[str, Any]] = (),
) -> PromptContext:
    """The turn as hooks and templates see it."""
    account = {"id": office.id, "name": office.name, "timezone": office.timezone, "country": office.country}
    return PromptContext(account, line, lead, conversation, strategy.plain, message, goals)
