"""What core offers to plugins: the only road from a plugin into a running installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from receptionist.contracts.calendar import Calendar
from receptionist.contracts.channel import Line, WebhookRequest
from receptionist.contracts.live import LiveEvent, TranscriptMessage
from receptionist.contracts.messages import Sender, Taken
from receptionist.contracts.settings import Settings
from receptionist.contracts.storage import Storage

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Agents:
    """Agents of this process since it began: each is made for one turn, and disposed of when that ends."""

    created: int
    alive: int
    disposed: int


class Watch(Protocol):
    """A live view of one customer's conversation on one line."""

    def snapshot(self) -> Sequence[LiveEvent]:
        """What is going on now and is not recorded yet: typing, and the partial reply as one delta at offset 0."""

    def next(self, timeout: float) -> LiveEvent | None:
        """The next event, or None after `timeout` seconds without one. Raises `Interrupted` when the process stops
        or this view fell too far behind: close the connection, the client resumes by cursor."""


class Host(Protocol):
    """Handed to hooks; safe to use from any thread, for as long as the process lives."""

    @property
    def instance_path(self) -> Path:
        """The folder this installation owns."""

    @property
    def database_file(self) -> Path | None:
        """The embedded database; None where the rows are on a server."""

    @property
    def public_url(self) -> str:
        """The address customers and vendors use, without a slash at the end."""

    def settings(self, kind: type[S]) -> S:
        """The plugin's settings, registered by `register_settings`."""

    def line(self, channel: str, key: str) -> Line:
        """The line of `channel` with this public key. Raises `NotFound`."""

    def receive(self, line: Line, request: WebhookRequest) -> list[Taken]:
        """Verify, parse and take in a webhook; when it returns, every message is committed.

        Raises `Refused`, `Invalid` or `Unavailable` (nothing was stored)."""

    def transcript(self, line: Line, sender: Sender, after: int = 0, limit: int = 100) -> list[TranscriptMessage]:
        """The customer's messages on the line with an id above `after`, oldest first; `after=0`: the last `limit`."""

    def watch(self, line: Line, sender: Sender) -> AbstractContextManager[Watch]:
        """Follow the customer's conversation live, from now on."""

    def find_lead(self, account_id: int, *, email: str | None = None, phone: str | None = None) -> int | None:
        """The lead of the account with this proved e-mail or phone (E.164), if any."""

    def lead(self, account_id: int, lead_id: int) -> Mapping[str, Any]:
        """A lead as it is now, as `ToolContext.lead` has it; of one that was merged into another: that one.

        Raises `NotFound`."""

    def calendars(self) -> Sequence[Calendar]:
        """All calendars there are; the business has time when none of them says no."""

    def storage(self) -> Storage:
        """Where files are kept: of the storages there are, the one registered last."""

    def sign(self, purpose: str, claims: Mapping[str, Any], seconds: int) -> str:
        """A token (JWT, RFC 7519) with `claims`, valid for `seconds`, good for this `purpose` only."""

    def unsign(self, purpose: str, token: str) -> dict[str, Any]:
        """The claims of a token made by `sign`. Raises `Refused` if forged, expired or for another purpose."""

    def agents(self) -> Agents:
        """How many agents this process made, and how many of them are alive now."""

    def limit(self, name: str, key: str, per_minute: int) -> None:
        """Count one use of `name` by `key`. Raises `TooMany` beyond `per_minute` uses in any 60 seconds."""
