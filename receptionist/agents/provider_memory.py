"""A turn whose earlier messages a vendor remembers: what is sent, and what is done when its memory is not ours.

What is recorded here is the truth, the vendor's conversation a copy of it. The copy is called unsure before anything
is sent to it, and sure again in the transaction that records the turn. A turn that finds it unsure first has all
deleted that was not recorded, so no message is in it twice and no tool call without its output. A copy that is lost
or beyond mending is replaced by a new one, made from our history; one that cannot be used now is left for the next
turn, and this one is answered from our history alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from itertools import dropwhile
from typing import Any, Protocol

import structlog

from receptionist.agents.listening import held_to_contract
from receptionist.contracts.model import Item, Memory, Model, ModelRequest, Produced, Said
from receptionist.errors import MemoryFault, ModelError

BUSY_WAITS = (1.0, 2.0, 4.0)
"""Seconds to wait, one after the other, while the vendor works on another request of the same conversation."""
RESERVE = 4.0
"""Seconds before the deadline that are kept for the answer itself."""

log = structlog.get_logger()


class MemoryStore(Protocol):
    """Where the copy's state is kept, for one turn; see `pipeline.memories.MemoryRow`."""

    def load(self) -> Mapping[str, Any] | None: ...

    def save(self, stored: Mapping[str, Any]) -> None: ...

    def since(self, seq: int) -> Sequence[Said] | None: ...


class TurnMemory:
    """The vendor's conversation during one turn. Made only where the strategy wants it and the model can."""

    def __init__(
        self,
        models: Mapping[str, Model],
        model: Model,
        store: MemoryStore,
        retold: Callable[[], Sequence[Item]],
    ) -> None:
        self._models, self._model, self._store = models, model, store
        self._retold = retold
        self._memory: Memory | None = None
        self._mark: str | None = None
        self._opened = self._off = self._used = False
        self._mend = self._anew = False
        self._mended = self._begun = False
        self._sent: int | None = None
        self._new: Sequence[Said] = ()
        self._waits: Iterator[float] = iter(BUSY_WAITS)

    def fit(self, request: ModelRequest) -> ModelRequest:
        """The round as the vendor's conversation needs it: only what is new. Where that cannot be used, the whole
        round, as if there were none. Raises `MemoryFault`, which `failed` judges, and what `check` raises."""
        self._used = False
        if self._off:
            return request
        try:
            self._prepare(request.deadline, request.check)
        except MemoryFault:
            raise
        except ModelError as error:
            self._leave(error)
            return request
        items = self._whole(request) if self._sent is None else request.items[self._sent :]
        self._sent = len(request.items) + 1  # and what the model produces to them
        self._used = True
        return replace(request, items=tuple(items), memory=self._memory)

    def failed(self, error: ModelError, deadline: float) -> float | None:
        """Note that a round failed. Returns seconds to wait before the next try, or None if the memory was not to
        blame."""
        self._mend, self._sent = True, None  # the vendor may have done it all the same
        if self._off or not isinstance(error, MemoryFault):
            return None
        if error.kind == "busy":
            wait = next(self._waits, None)
            if wait is not None and time.monotonic() + wait + RESERVE < deadline:
                return wait
            self._leave(error)
        elif error.kind == "broken" and not self._mended:
            self._mended = True
        elif not self._begun:
            self._anew = True
        else:
            self._leave(error)
        return 0.0

    def heard(self, mark: str | None) -> None:
        """Note that a round is over; `mark` as in `Completed`."""
        self._mark = mark

    def settled(self) -> Memory | None:
        """What to record with the turn, once its last round is over; None if the copy stays unsure."""
        if not self._used or self._memory is None or self._mark is None:
            return None
        return replace(self._memory, mark=self._mark, unsure=False)

    def _whole(self, request: ModelRequest) -> list[Item]:
        """All of the turn, for a vendor that knows nothing of it: with the calls that were made, and what the model was
        told of its own words."""
        since = dropwhile(lambda item: not isinstance(item, Produced), request.items)
        return [*self._new, *self._retold(), *(item for item in since if isinstance(item, Said))]

    def _prepare(self, deadline: float, check: Callable[[], None]) -> None:
        if not self._opened:
            self._open()
        memory = self._memory
        if memory is None or self._anew:
            former = memory.ref if memory else None
            with held_to_contract(self._model):
                ref = self._model.begin_memory(former, deadline, check)
                if not isinstance(ref, str):
                    raise TypeError(f"begin_memory must return a text, not {type(ref).__name__}")
            self._begun, self._new = True, self._store.since(0) or ()
            self._keep(Memory(self._model.name, ref, unsure=True))
        elif memory.unsure and self._mend:
            with held_to_contract(self._model):
                self._model.mend_memory(memory, deadline, check)
        elif not memory.unsure:
            self._keep(replace(memory, unsure=True))
        self._mend = self._anew = False

    def _open(self) -> None:
        """Read the state. A copy at another model, or one that is not to be used again, is forgotten first, so that
        nothing is left there."""
        stored = _read(self._store.load())
        if stored is not None and (stored.model != self._model.name or stored.known_seq < 0):
            self._forget(stored)
            stored = None
        new = self._store.since(stored.known_seq) if stored else ()
        self._memory, self._new = stored, new or ()
        self._anew = new is None  # the customer never got what the vendor believes was said
        self._mend = stored is not None and stored.unsure
        self._opened = True

    def _forget(self, memory: Memory) -> None:
        model = self._models.get(memory.model)
        if model is None:
            raise ModelError(f"the conversation at {memory.model} cannot be deleted: there is no such model now")
        with held_to_contract(model):
            model.forget(memory.ref)

    def _keep(self, memory: Memory) -> None:
        self._store.save(asdict(memory))
        self._memory = memory

    def _leave(self, error: ModelError) -> None:
        log.warning("memory_not_used", model=self._model.name, reason=str(error))
        self._off = True


def _read(stored: Mapping[str, Any] | None) -> Memory | None:
    names = {each.name for each in fields(Memory)}
    return Memory(**{name: value for name, value in stored.items() if name in names}) if stored else None
