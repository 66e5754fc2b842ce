"""Numbers for Prometheus, read as a scraper reads them."""

from __future__ import annotations

import re
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.harness.house import House
from tests.harness.instance import left_out
from tests.servers.brain import Brain, Fails
from tests.structure.sources import ROOT

TOKEN = "a token of the scraper"
COUNTED = """
from receptionist import Completed, Model, Usage, hookimpl


class Counted(Model):
    name = "counted"
    title = "Counted"
    preference = 5000

    def stream(self, request):
        yield Completed("Yes.", "counted-1", Usage(100, 20, 5, 3))


@hookimpl
def register_models(host):
    return [Counted(host)]
"""


@pytest.fixture
def measured(open_house: Callable[..., House]) -> Callable[..., House]:
    """`measured(METRICS_PORT=…)`: a house with the plugin, told of its start."""

    def open_(*arguments: Any, serves: bool = True, **settings: object) -> House:
        names = ",".join(name for name in left_out().split(",") if name != "metrics")
        house = open_house(*arguments, DISABLED_PLUGINS=names, **settings)
        if serves:
            house.app()
        house.start()
        return house

    return open_


def numbers(text: str) -> dict[str, float]:
    """The samples of a page."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def scrape(house: House) -> dict[str, float]:
    """What the page says to who has the token."""
    answer = house.app().test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return numbers(answer.text)


def answered(house: House, count: int) -> None:
    """Return when so many turns were recorded and told."""
    import time

    until = time.monotonic() + 20
    while sum(value for name, value in scrape(house).items() if name.startswith("receptionist_turns_total")) < count:
        assert time.monotonic() < until, scrape(house)
        time.sleep(0.02)


def test_on_event_counts_turns_messages_tokens_and_cost(measured: Callable[..., House]) -> None:
    house = measured({"counted": COUNTED}, METRICS_TOKEN=TOKEN)
    house.texter().send("Are you open?")
    answered(house, 1)
    found = scrape(house)
    assert found['receptionist_turns_total{outcome="done"}'] == 1
    assert found['receptionist_turn_seconds_count{outcome="done"}'] == 1
    assert found["receptionist_messages_taken_total"] == 1
    assert found['receptionist_tokens_total{kind="input",model="counted-1"}'] == 100
    assert found['receptionist_tokens_total{kind="output",model="counted-1"}'] == 20
    assert found["receptionist_agents_created_total"] == found["receptionist_agents_disposed_total"] == 1
    assert found["receptionist_agents_alive"] == 0
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    series = {re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) for name in found}
    assert {name for name in series if f"`{name}`" not in page} == set()


def test_tool_calls_are_counted(measured: Callable[..., House], brain: Brain) -> None:
    house = measured(METRICS_TOKEN=TOKEN)
    house.texter().send('call note {"text": "likes tea"}.')
    answered(house, 1)
    assert scrape(house)['receptionist_tool_calls_total{state="done",tool="note"}'] == 1


def test_what_fails_is_counted(measured: Callable[..., House], brain: Brain) -> None:
    brain.reply = lambda question: [Fails("no such key", admin=True)]
    house = measured(METRICS_TOKEN=TOKEN)
    house.visitor().send("My name is Ada, my bike is flat, ada@example.org")
    answered(house, 1)
    found = scrape(house)
    assert found['receptionist_turns_total{outcome="failed"}'] == 1
    assert found['receptionist_model_troubles_total{model="remote"}'] == 1
    assert found["receptionist_messages_failed_total"] == 1
    assert found["receptionist_agents_alive"] == 0
    assert "ada" not in str(found).lower()


def test_no_agent_is_left_alive_after_fifty_turns_at_once(measured: Callable[..., House], brain: Brain) -> None:
    house = measured(METRICS_TOKEN=TOKEN, WORKER_THREADS=50)
    visitors = [house.visitor() for _ in range(50)]
    brain.reply = lambda question: [Fails("broken")] if "7" in question.asked[-1] else ["Yes."]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: each[1].send(f"Number {each[0]}, please."), enumerate(visitors)))
    answered(house, 50)
    found = scrape(house)
    assert found["receptionist_agents_created_total"] >= 50
    assert found["receptionist_agents_disposed_total"] == found["receptionist_agents_created_total"]
    assert found["receptionist_agents_alive"] == 0
    assert found['receptionist_turns_total{outcome="failed"}'] == 5


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"])
def test_nothing_is_there_without_the_token(header: str | None, measured: Callable[..., House]) -> None:
    house = measured(METRICS_TOKEN=TOKEN)
    headers = {} if header is None else {"Authorization": header}
    assert house.app().test_client().get("/metrics", headers=headers).status_code == 404


def test_off_costs_nothing_and_shows_nothing(measured: Callable[..., House]) -> None:
    house = measured()
    client = house.app().test_client()
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    assert house.plugin("metrics")._meters == {}


def test_register_settings_are_read_before_the_library_is_imported(measured: Callable[..., House]) -> None:
    loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "prometheus_client"}
    try:
        measured()
        assert "prometheus_client" not in sys.modules
    finally:
        sys.modules.update(loaded)


def test_a_worker_shows_its_numbers_on_its_port(
    measured: Callable[..., House], free_port: Callable[[], int], brain: Brain
) -> None:
    port = free_port()
    house = measured(METRICS_PORT=port, serves=False)
    with capture_logs() as logs:
        measured(METRICS_PORT=port, serves=False)
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["metrics_port_unusable"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found = numbers(answer.read().decode())
    assert found["receptionist_agents_alive"] == 0
    assert house.plugin("metrics")._servers[house.parts.host].server_address[0] == "127.0.0.1"


def test_a_serving_process_opens_no_port(measured: Callable[..., House], free_port: Callable[[], int]) -> None:
    house = measured(METRICS_PORT=free_port())
    assert house.plugin("metrics")._servers == {}
