"""Drop-in plugin: lets a test hold the process at named points (`tests.servers.points.Points`), to kill it there.

Product code knows nothing of it: at startup the named places are wrapped. A place that was renamed stops the start.
"""

from __future__ import annotations

import functools
import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from receptionist import Host, Settings, hookimpl


class PointSettings(Settings):
    """Where the test is."""

    fault_points: str = Field("", description="URL of the test's points.")


@hookimpl
def register_settings() -> list[type[Settings]]:
    """Where the test is."""
    return [PointSettings]


@hookimpl
def startup(host: Host) -> None:
    """Wrap the places."""
    url = host.settings(PointSettings).fault_points
    if not url:
        return
    from receptionist.agents import toolbox, trace
    from receptionist.host import PluginHost
    from receptionist.pipeline import drain, intake, outbox, turn

    reach = functools.partial(_reach, url)
    _after(intake, "_insert", lambda: reach("before_commit"))
    _after(intake.Intake, "take_in", lambda: reach("after_commit"))
    _after(PluginHost, "receive", lambda: reach("after_ring"))
    _after(drain.Drain, "_take", lambda: reach("after_lease"))
    _after(trace.Round, "text_came", lambda: reach("mid_stream"))
    _before(turn._Stage, "close", lambda: reach("before_record"))
    _after(turn, "record", lambda: reach("after_record"))
    _before(toolbox, "_run", lambda: reach("before_effect"))
    _after(toolbox, "_run", lambda: reach("after_effect"))
    _before(outbox.Outbox, "_mark", lambda: reach("after_accept"))
    for channel in _channels(host):
        _before(channel, "send", lambda: reach("after_sending"))


def _channels(host: Any) -> list[Any]:
    return [type(channel) for channel in host._parts.channels.values() if channel.capabilities.delivery == "push"]


def _after(place: Any, name: str, then: Callable[[], None]) -> None:
    function = getattr(place, name)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if result is not None or name == "text_came":  # `_take` gives nothing when another worker has the lease
            then()
        return result

    setattr(place, name, wrapped)


def _before(place: Any, name: str, first: Callable[[], None]) -> None:
    function = getattr(place, name)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        first()
        return function(*args, **kwargs)

    setattr(place, name, wrapped)


def _reach(url: str, point: str) -> None:
    """Say that this thread is there; returns when the test lets it go on."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
    try:
        connection.request("POST", "/", json.dumps(point).encode())
        connection.getresponse().read()
    finally:
        connection.close()
