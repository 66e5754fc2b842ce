"""Fixtures for the tests of the model plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from plugins.openai_model import OpenAIModel
from receptionist import Item, ModelEvent
from tests.models.support import HELLO, make_model, make_request
from tests.servers.model_server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A strict model server."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def model(server: ModelServer) -> Iterator[OpenAIModel]:
    """The plugin, talking to `server` as if it were OpenAI's."""
    made = make_model(server.url)
    yield made
    made.close()


@pytest.fixture
def ask(model: OpenAIModel) -> Callable[..., list[ModelEvent]]:
    """All events of one round."""

    def run(items: Sequence[Item] = HELLO, **more: Any) -> list[ModelEvent]:
        return list(model.stream(make_request(items, **more)))

    return run
