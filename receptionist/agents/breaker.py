"""Stops asking a model that does not answer an account, so that its threads and customers do not wait in vain.

Trouble that passes (timeouts, server errors) counts for the account's calls of a model, whatever the strategy; trouble
that a person must mend (key, quota, a setting) only for the strategy that met it, for another one may be set up well.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from receptionist.errors import ModelError

FAILURES = 5
"""Rounds that fail one after the other, each tried again in vain, until the model is not asked for a while."""
COOLING_SECONDS = 30.0
"""How long it is not asked then; afterwards one call at a time tries whether it answers again."""
ADMIN_COOLING_SECONDS = 120.0
"""The same after trouble that a person must mend; one failure is enough."""
LONGEST_COOLING_SECONDS = 300.0
"""A server may ask to be left alone for longer than `COOLING_SECONDS`, but not for longer than this."""
LATE_SECONDS = 1.5
"""A failure this near to the deadline means that time ran out."""
REMEMBERED = 10_000

log = structlog.get_logger()

Tell = Callable[[int, str, str], None]
"""Is told of each opening: account, model, and the reason for an admin."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks which model ("openai", "openai/gpt-6"). `deadline`: a reading of `time.monotonic()`."""

    account_id: int
    strategy_id: int
    model: str
    deadline: float


@dataclass(slots=True)
class _Breaker:
    """Closed while `reason` is None; then open until `until`, and half open after that."""

    failures: int = 0
    reason: str | None = None
    until: float = 0.0
    probing: bool = False


_Key = tuple[int, int, str]


class Breakers:
    """One per process; safe to use from any thread."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._breakers: OrderedDict[_Key, _Breaker] = OrderedDict()

    @contextmanager
    def guard(self, call: Call) -> Iterator[None]:
        """Around one round with a model, its repetitions included: learns from how it ends.

        Raises `ModelError` at once while the model is not to be asked."""
        probed = self._admit(call)
        try:
            yield
        except ModelError as error:
            self._learn(call, error)
            raise
        else:
            self._forget(call)
        finally:
            with self._lock:
                for breaker in probed:
                    breaker.probing = False

    def closed(self, call: Call) -> bool:
        """Whether the model is believed to answer. Who can wait asks only then, for customers' turns try it again."""
        with self._lock:
            found = [self._breakers[key] for key in _keys(call) if key in self._breakers]
        return all(breaker.reason is None for breaker in found)

    def _admit(self, call: Call) -> list[_Breaker]:
        """The breakers that this call tries; none where all are closed."""
        now = monotonic()
        with self._lock:
            found = [self._breakers[key] for key in _keys(call) if key in self._breakers]
            opened = [breaker for breaker in found if breaker.reason is not None]
            for breaker in opened:
                if breaker.until > now or breaker.probing:
                    left = math.ceil(max(breaker.until - now, 1.0))
                    raise ModelError(f"{call.model} is not asked for {left} s, for it failed before: {breaker.reason}")
            for breaker in opened:
                breaker.probing = True
            return opened

    def _learn(self, call: Call, error: ModelError) -> None:
        passing, lasting = _keys(call)
        late = monotonic() >= call.deadline - LATE_SECONDS
        if error.admin:
            self._fail(call, lasting, error, at_once=True)
        elif error.retryable or late:
            self._fail(call, passing, error, at_once=False)
        else:
            self._forget(call)  # it answered: this one question it could or would not

    def _fail(self, call: Call, key: _Key, error: ModelError, *, at_once: bool) -> None:
        with self._lock:
            breaker = self._breakers.setdefault(key, _Breaker())
            self._breakers.move_to_end(key)
            while len(self._breakers) > REMEMBERED:
                self._breakers.popitem(last=False)
            breaker.failures += 1
            if not at_once and breaker.failures < FAILURES and breaker.reason is None:
                return
            news = breaker.reason is None
            breaker.reason = str(error)
            breaker.until = monotonic() + _cooling(error)
        if news:
            self._tell(call.account_id, call.model, str(error))

    def _forget(self, call: Call) -> None:
        """It answered: all is well again."""
        with self._lock:
            closed = [self._breakers.pop(key) for key in _keys(call) if key in self._breakers]
        if any(breaker.reason is not None for breaker in closed):
            log.warning("model_answers_again", account=call.account_id, model=call.model)


def _keys(call: Call) -> tuple[_Key, _Key]:
    """Where passing trouble is counted, and where lasting trouble is."""
    return (call.account_id, 0, call.model), (call.account_id, call.strategy_id, call.model)


def _cooling(error: ModelError) -> float:
    if error.admin:
        return ADMIN_COOLING_SECONDS
    return min(max(COOLING_SECONDS, error.retry_after or 0.0), LONGEST_COOLING_SECONDS)
