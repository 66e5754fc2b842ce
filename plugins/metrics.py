"""Numbers for Prometheus: turns, answer times, agents, messages, tokens and cost of this process, without any text.

Off, and free of cost, until `METRICS_TOKEN` or `METRICS_PORT` is set.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import structlog
from pydantic import Field, SecretStr

from receptionist import (
    Event,
    Host,
    MessageFailed,
    MessageSent,
    MessageTaken,
    ModelTroubled,
    NotFound,
    PersonRequested,
    Settings,
    ToolCalled,
    TurnRecorded,
    hookimpl,
)

if TYPE_CHECKING:
    from flask import Blueprint
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

SECONDS = (0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
"""Upper bounds of the answer times that are told apart."""
DOLLAR = 1_000_000
"""Events tell cost in millionths."""

log = structlog.get_logger("metrics")


class MetricsSettings(Settings):
    """Who may read the numbers, and where."""

    metrics_token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token for /metrics of the serving process; empty means no such page."
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of 127.0.0.1 where a worker shows its numbers, to all there."
    )


class Meters:
    """The numbers of one process."""

    def __init__(self, host: Host) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

        disable_created_metrics()  # type: ignore[no-untyped-call] # when each counter was begun: nobody wants that
        registry = self.registry = CollectorRegistry()
        self._taken = Counter("receptionist_messages_taken", "Customers' messages stored", registry=registry)
        self._sent = Counter("receptionist_messages_sent", "Messages a vendor accepted", registry=registry)
        self._failed = Counter("receptionist_messages_failed", "Messages on the failed list", registry=registry)
        self._persons = Counter("receptionist_persons_requested", "Requests for a person", registry=registry)
        self._troubles = Counter("receptionist_model_troubles", "Models found broken", ["model"], registry=registry)
        self._calls = Counter("receptionist_tool_calls", "Tool calls", ["tool", "state"], registry=registry)
        self._turns = Counter("receptionist_turns", "Turns", ["outcome"], registry=registry)
        self._seconds = Histogram(
            "receptionist_turn_seconds", "Time a turn took", ["outcome"], buckets=SECONDS, registry=registry
        )
        self._tokens = Counter("receptionist_tokens", "Tokens of recorded turns", ["model", "kind"], registry=registry)
        self._cost = Counter("receptionist_cost_dollars", "Cost of recorded turns", ["model"], registry=registry)
        registry.register(_AgentsCollector(host))
        for outcome in ("done", "silent", "failed"):
            self._turns.labels(outcome)
        self._count: dict[type[Event], Callable[[Any], None]] = {
            MessageTaken: lambda event: self._taken.inc(),
            MessageSent: lambda event: self._sent.inc(),
            MessageFailed: lambda event: self._failed.inc(),
            PersonRequested: lambda event: self._persons.inc(),
            ModelTroubled: lambda event: self._troubles.labels(event.model).inc(),
            ToolCalled: lambda event: self._calls.labels(event.name, event.state).inc(),
            TurnRecorded: self._turn,
        }

    def count(self, event: Event) -> None:
        """Count an event, if its kind is counted."""
        if count := self._count.get(type(event)):
            count(event)

    def _turn(self, event: TurnRecorded) -> None:
        self._turns.labels(event.outcome).inc()
        self._seconds.labels(event.outcome).observe(event.seconds)
        if event.model is None:
            return
        for kind in ("input", "output", "cached", "reasoning"):
            self._tokens.labels(event.model, kind).inc(getattr(event.usage, kind))
        if event.cost is not None:
            self._cost.labels(event.model).inc(event.cost / DOLLAR)


class _AgentsCollector:
    """Reads the counts of agents when they are asked for."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def collect(self) -> Iterator[Metric]:
        """The three numbers."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        agents = self._host.agents()
        yield CounterMetricFamily("receptionist_agents_created", "Agents made", agents.created)
        yield CounterMetricFamily("receptionist_agents_disposed", "Agents disposed of", agents.disposed)
        yield GaugeMetricFamily("receptionist_agents_alive", "Agents at work now", agents.alive)


_serving: WeakSet[Host] = WeakSet()
_meters: dict[Host, Meters] = {}
_servers: dict[Host, Any] = {}


@hookimpl
def register_settings() -> list[type[Settings]]:
    """Token and port."""
    return [MetricsSettings]


@hookimpl
def register_blueprints(host: Host) -> list[Blueprint]:
    """`GET /metrics`, for who has the token; called only in processes that serve, and so alone need Flask."""
    from flask import Blueprint, Response, request

    _serving.add(host)
    blueprint = Blueprint("metrics", __name__, url_prefix="/metrics")
    token = host.settings(MetricsSettings).metrics_token.get_secret_value().encode()

    @blueprint.get("")
    def show() -> Response:
        """The numbers as text; to anybody else there is nothing here."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token)
        meters = _meters.get(host)
        if not token or not right or meters is None:
            raise NotFound("There is nothing at this address.")
        return Response(_text(meters.registry), content_type="text/plain; version=0.0.4; charset=utf-8")

    return [blueprint]


@hookimpl
def startup(host: Host) -> None:
    """Begin to count, if anybody may read it."""
    settings = host.settings(MetricsSettings)
    if settings.metrics_token.get_secret_value() or settings.metrics_port:
        _meters[host] = Meters(host)
        if settings.metrics_port and host not in _serving:
            _listen(host, settings.metrics_port)


@hookimpl
def shutdown(host: Host) -> None:
    """Give the port back."""
    _meters.pop(host, None)
    if server := _servers.pop(host, None):
        server.shutdown()
        server.server_close()


@hookimpl
def on_event(event: Event, host: Host) -> None:
    """Count it."""
    if _meters and (meters := _meters.get(host)):
        meters.count(event)


def _listen(host: Host, port: int) -> None:
    """Show the numbers to this machine. A port that is taken leaves customers their answers, and says so in the log."""
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(port, "127.0.0.1", _meters[host].registry)
    except OSError as error:
        log.error("metrics_port_unusable", port=port, reason=error.strerror or str(error))
        return
    _servers[host] = server


def _text(registry: CollectorRegistry) -> bytes:
    from prometheus_client import generate_latest

    return generate_latest(registry)
