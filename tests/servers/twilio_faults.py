"""How the Twilio stand-in goes wrong, and what it reports of its own accord."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.servers.twilio_rules import Refusal
from tests.servers.twilio_wire import Exchange

Kind = Literal["429", "500", "503", "hang", "accept_then_hang", "cut", "accept_then_cut", "garbage", "slow"]
"""`hang` and `cut` do not accept the message; the `accept_then_` ones do, and so do `garbage` (a 200 with a web
page) and `slow`, which answers rightly, late. `hang` ends with the server, `cut` resets the connection."""

ERRORS = {
    "429": Refusal(429, 20429, "Too Many Requests"),
    "500": Refusal(500, 20500, "An internal server error has occurred"),
    "503": Refusal(503, 20503, "Service is unavailable. Please try again"),
}


@dataclass(frozen=True)
class Fault:
    """One request that goes wrong; `retry_after` is the header of a 429, `seconds` the delay of a `slow` answer."""

    kind: Kind
    retry_after: int = 1
    seconds: float = 0.5

    @property
    def accepts(self) -> bool:
        """Whether the message is sent for all that."""
        return self.kind.startswith("accept") or self.kind in ("garbage", "slow")


class Reports:
    """The status callbacks after each send, in this order; a status named twice is reported twice.

    The first `before` of them are posted before the sender gets its answer.
    """

    def __init__(self, *statuses: str, before: int = 0) -> None:
        self.statuses = statuses
        self.before = before


def play(
    exchange: Exchange,
    fault: Fault,
    stopping: threading.Event,
    before_hanging: Callable[[], None] = lambda: None,
) -> bool:
    """Go wrong; whether the right answer is still to be given."""
    if error := ERRORS.get(fault.kind):
        exchange.refuse(error, {"Retry-After": str(fault.retry_after)} if fault.kind == "429" else None)
        return False
    if fault.kind == "slow":
        return not stopping.wait(fault.seconds)
    if fault.kind == "garbage":
        exchange.respond(200, b"<html><body>Welcome</body></html>", "text/html")
    elif fault.kind.endswith("cut"):
        exchange.cut()
    else:
        before_hanging()
        stopping.wait()
        exchange.close_connection = True
    return False
