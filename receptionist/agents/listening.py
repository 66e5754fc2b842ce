"""What a model plugin says, event by event, held to its contract: a mistake in it is a model that gave no answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from receptionist.contracts.model import Completed, Model, ModelEvent, ModelRequest, TextDelta, ToolRequest, Usage
from receptionist.errors import MISTAKES, Interrupted, ModelError, Unavailable

MOST_CHARACTERS = 100_000
"""Of one round's text: many times what any customer reads; judging it takes time, too."""

log = structlog.get_logger()


def is_ready(model: Model) -> bool:
    """Whether the model can answer; one that fails at saying so cannot."""
    return _says_yes(model, model.ready)


def remembers(model: Model) -> bool:
    """Whether its vendor can keep conversations; likewise."""
    return _says_yes(model, model.remembers)


def _says_yes(model: Model, ask: Callable[[], bool]) -> bool:
    try:
        return bool(ask())
    except MISTAKES:
        log.exception("model_plugin_failed", model=model.name)
        return False


@contextmanager
def held_to_contract(model: Model) -> Iterator[None]:
    """Around a call of a model: any error but those it may raise or let through becomes a `ModelError`."""
    try:
        yield
    except (ModelError, Interrupted, Unavailable):
        raise
    except MISTAKES as error:  # the boundary to plugins: a fallback answers, or a message is taken
        log.exception("model_plugin_failed", model=model.name)
        raise ModelError(f"the model plugin failed: {type(error).__name__}") from error


def heard(model: Model, request: ModelRequest) -> Iterator[ModelEvent]:
    """The model's events up to the last one. Raises `ModelError` for whatever the plugin raises or says wrongly, and
    what `request.check` raises."""
    characters = 0
    with held_to_contract(model):
        for event in model.stream(request):
            _check_shape(event)
            characters += len(event.text) if isinstance(event, TextDelta) else 0
            if characters > MOST_CHARACTERS or (isinstance(event, Completed) and len(event.text) > MOST_CHARACTERS):
                raise ModelError(f"the answer is longer than {MOST_CHARACTERS:,} characters")
            yield event
            if isinstance(event, Completed):
                return
    raise ModelError("the model's stream broke off", retryable=True)


def _check_shape(event: object) -> None:
    match event:
        case TextDelta(text=str()) | Completed(text=str(), model=str(), usage=Usage()):
            return
        case ToolRequest(call_id=str(), name=str(), arguments=str()):
            return
    raise TypeError(f"{type(event).__name__} is no event of a model, or holds something else than it may")
