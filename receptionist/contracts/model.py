"""A model: what writes the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from receptionist.contracts.host import Host

MOST_TOKENS = 2**31 - 1
"""That one turn can have used."""


@dataclass(frozen=True, slots=True)
class Said:
    """A past message of the conversation, or a note to the model (`role="system"`)."""

    role: Literal["user", "assistant", "system"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The result of a tool call of this turn."""

    call_id: str
    name: str
    output: str


@dataclass(frozen=True, slots=True)
class Produced:
    """What the model itself produced earlier in this turn, in its own format; hand it back unchanged."""

    items: Sequence[Mapping[str, Any]]


Item = Said | ToolOutput | Produced


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it. `parameters` is a strict JSON schema: every key required, none extra."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """A prompt that is kept at the vendor, with this turn's values for its variables."""

    id: str
    version: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """A conversation that a vendor keeps for one of ours, as it stood when a turn was last recorded.

    `model` is the plugin's name, `ref` what it needs to find the conversation again, in words of its own.
    `known_seq`: what we recorded up to that message is in it; below 0 it is not to be used again. `mark`: the vendor's
    id of the newest thing in it, None if nothing is. `unsure`: a turn was begun since, so that there may be more in it
    than we recorded.
    """

    model: str
    ref: str
    known_seq: int = 0
    mark: str | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One round of a turn.

    `model` is the model's own name, or None for the plugin's default. `deadline` is a reading of
    `time.monotonic()` after which the answer is useless. Call `check()` at every piece that arrives: it
    raises `Interrupted` when the answer is no longer wanted. `variables` are the plain values the prompt was
    rendered from. `account_id` lets a plugin keep one account's trouble away from another's. `prompt`: where it is
    set, it takes the place of a prompt of ours, and `instructions` only holds what is true besides. `memory`: where
    it is set, the vendor's conversation holds what came before, and `items` only what is new. `shown`: somebody reads
    along; else the text may come in one piece.
    """

    instructions: str
    items: Sequence[Item]
    tools: Sequence[ToolSpec]
    deadline: float
    check: Callable[[], None]
    account_id: int
    model: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    reasoning_effort: str | None = None
    end_user: str = ""
    """A hash that stands for the customer, for the vendor's abuse checks; no personal data."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    prompt: StoredPrompt | None = None
    memory: Memory | None = None
    shown: bool = True


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer, to be shown at once."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """The model wants a tool called; `arguments` is JSON text as the model wrote it, not checked."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the vendor counted them; `reasoning` is part of `output`, `cached` part of `input`. Whatever a server
    calls a count is taken for the nearest one there can be, 0 where it is none: it neither breaks a turn nor takes away
    from what was used."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached", "reasoning"):
            value: Any = getattr(self, name)
            if type(value) is not int or not 0 <= value <= MOST_TOKENS:
                object.__setattr__(self, name, _count(value))

    def plus(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )


def _count(value: Any) -> int:
    try:
        return min(max(int(value), 0), MOST_TOKENS)
    except (TypeError, ValueError, OverflowError):
        return 0


@dataclass(frozen=True, slots=True)
class Completed:
    """The round is over; always the last event. `text` is the whole text, `produced` goes back in the next round.
    `mark`, for a request with `memory`: the vendor's id of what is newest in its conversation now."""

    text: str
    model: str
    usage: Usage = Usage()
    produced: Produced = Produced(())
    mark: str | None = None


ModelEvent = TextDelta | ToolRequest | Completed


class Model:
    """Base class of models; return instances from the hook `register_models`.

    One instance serves the whole process from many threads: make clients lazily, at first use, never in
    `__init__` (the process may fork in between), and keep nothing of one request for another.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    preference: ClassVar[int] = 10
    """Of the models that are ready, a strategy that names none gets the one with the highest preference."""
    notice: ClassVar[str] = ""
    """Words every customer must see while this model answers; empty for a real model."""
    summarises: ClassVar[bool] = True
    """Whether it can be asked to summarise a long conversation, and not only to answer."""
    takes_prompts: ClassVar[bool] = False
    """Whether `stream` heeds `ModelRequest.prompt`: it answers by the vendor's prompt, or raises."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def ready(self) -> bool:
        """Whether the settings suffice to answer (a key is there). No network."""
        return True

    def warm(self) -> None:
        """Load libraries and make clients now, so that the first customer does not wait for it. Called in a thread
        of its own when a process begins to work, if this model is `ready`; nothing may depend on it. No network."""

    def stream(self, request: ModelRequest) -> Iterator[ModelEvent]:
        """Answer one round, piece by piece. Raises `ModelError`; a stream that breaks off is an error too."""
        raise NotImplementedError(f"{type(self).__name__}.stream")

    def prompts_problem(self) -> str | None:
        """Why a strategy cannot name a prompt kept at the vendor, with the cure; None if it can. Asked when a strategy
        is saved. No network."""
        if self.takes_prompts:
            return None
        return f"The model {self.name} keeps no prompts: put the text into system_prompt_template and leave prompt out."

    def remembers(self) -> bool:
        """Whether the vendor can keep conversations, so that only what is new is sent. No network."""
        return False

    def begin_memory(self, former: str | None, deadline: float, check: Callable[[], None]) -> str:
        """Begin an empty conversation at the vendor; returns its `Memory.ref`.

        `former` is the ref of one that it takes the place of: the new ref must find that one too when it is
        forgotten. `deadline` and `check` as in `ModelRequest`. Raises `ModelError`, and is not asked again then."""
        raise NotImplementedError(f"{type(self).__name__}.begin_memory")

    def mend_memory(self, memory: Memory, deadline: float, check: Callable[[], None]) -> None:
        """Delete what is newer than `memory.mark`, or all if it is None. Raises `MemoryFault`, or `ModelError`."""
        raise NotImplementedError(f"{type(self).__name__}.mend_memory")

    def forget(self, ref: str) -> None:
        """Delete a conversation at the vendor, all that is in it first; one that is gone is forgotten already.

        Takes 30 seconds at most. Raises `ModelError` if something is left; then it can be called again."""
        raise NotImplementedError(f"{type(self).__name__}.forget")
