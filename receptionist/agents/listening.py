"""What a model plugin says, event by event, held to its contract: a mistake in it is a model that gave no answer."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from receptionist.contracts.model import Completed, Model, ModelEvent, ModelRequest, TextDelta, ToolRequest, Usage
from receptionist.errors import Interrupted, ModelError, Unavailable

MOST_CHARACTERS = 100_000
"""Of one round's text: many times what any customer reads; judging it takes time, too."""

log = structlog.get_logger()


def heard(model: Model, request: ModelRequest) -> Iterator[ModelEvent]:
    """The model's events up to the last one. Raises `ModelError` for whatever the plugin raises or says wrongly, and
    what `request.check` raises."""
    characters = 0
    try:
        for event in model.stream(request):
            _check_shape(event)
            characters += len(event.text) if isinstance(event, TextDelta) else 0
            if characters > MOST_CHARACTERS or (isinstance(event, Completed) and len(event.text) > MOST_CHARACTERS):
                raise ModelError(f"the answer is longer than {MOST_CHARACTERS:,} characters")
            yield event
            if isinstance(event, Completed):
                return
    except (ModelError, Interrupted, Unavailable):
        raise
    except Exception as error:  # the boundary to plugins: a fallback answers, or a message is taken
        log.exception("model_plugin_failed", model=model.name)
        raise ModelError(f"the model plugin failed: {type(error).__name__}") from error
    raise ModelError("the model's stream broke off", retryable=True)


def _check_shape(event: object) -> None:
    match event:
        case TextDelta(text=str()) | Completed(text=str(), model=str(), usage=Usage()):
            return
        case ToolRequest(call_id=str(), name=str(), arguments=str()):
            return
    raise TypeError(f"{type(event).__name__} is no event of a model, or holds something else than it may")
