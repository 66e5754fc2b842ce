"""A house with a model that says what it used, and a plugin that keeps the events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.house import House

COUNTED = '''
"""A model that answers every question with 1000 tokens in, 400 of them cached, and 100 out."""

from receptionist import Completed, Model, Said, TextDelta, Usage, hookimpl


class Counted(Model):
    name, title, preference = "counted", "Counted", 2000

    def stream(self, request):
        asked = [item.text for item in request.items if isinstance(item, Said) and item.role == "user"][-1]
        yield TextDelta(f"About {asked}")
        yield Completed(f"About {asked}", "counted-1", Usage(1000, 100, 400, 50))


@hookimpl
def register_models(host):
    return [Counted(host)]
'''
EVENTS = '''
"""Keeps all events."""

from receptionist import hookimpl

seen = []


@hookimpl
def on_event(event, host):
    seen.append(event)


@hookimpl
def veto_answer(context):
    return "asked to be silent" if context.message.startswith("psst") else None
'''


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is written for many messages at once is tested on both databases."""
    if "database" in metafunc.fixturenames and metafunc.module.__name__.endswith("test_usage"):
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def counted(open_house: Callable[..., House]) -> House:
    """A house whose model says what it used, with the plugin `events`."""
    return open_house({"counted": COUNTED, "events": EVENTS})


@pytest.fixture
def watched(open_house: Callable[..., House]) -> House:
    """A house whose model is `brain`, with the plugin `events`; `counted` is there to fall back to."""
    return open_house({"counted": COUNTED.replace("2000", "1"), "events": EVENTS})
