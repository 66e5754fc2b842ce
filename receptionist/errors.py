"""The errors of Receptionist; each class says who reads its message.

Three readers: the *customer* (or a client program) that sent something, the *admin* who can mend a
setting or a plugin, and the *log*. Messages for customer and admin name the cause and the cure.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from receptionist.contracts.model import Usage


MISTAKES: tuple[type[BaseException], ...] = (Exception, SystemExit, CancelledError)
"""What is caught at the boundary to plugins: `sys.exit()`, and a task of asyncio that was called off, end no more than
the call they happened in."""


class ReceptionistError(Exception):
    """Read in the log. The root of all errors raised here."""


# --- read by the customer or the program that sent the request ---------------------------------


class RequestError(ReceptionistError):
    """Read by the sender of a request. `status` is the HTTP status, `code` a stable word for programs."""

    status = 400
    code = "bad_request"
    retry_after: float | None = None


class Invalid(RequestError):
    """What was sent has the wrong shape or size; the same request will never work."""


class Refused(RequestError):
    """The sender did not prove who it is: bad signature, token or origin."""

    status = 401
    code = "refused"


class NotAllowed(RequestError):
    """The sender is known but may not do this."""

    status = 403
    code = "not_allowed"


class NotFound(RequestError):
    """There is no such thing, or none that the sender may see."""

    status = 404
    code = "not_found"


class TooMany(RequestError):
    """A rate limit was reached; `retry_after` is in seconds."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(RequestError):
    """Nothing was stored; the sender should try again (a database that is locked, full or gone)."""

    status = 503
    code = "unavailable"
    retry_after = 2.0


# --- read by the admin -----------------------------------------------------------------------------


class AdminError(ReceptionistError):
    """Read by the admin: names what is wrong and how to mend it."""


class SettingsError(AdminError):
    """A setting is unknown, missing or malformed; the start is refused."""


class PluginError(AdminError):
    """A plugin cannot be loaded or breaks a rule; names the plugin's file and line."""


class TemplateError(AdminError):
    """A strategy template is wrong; names line and column where known."""


class LineError(AdminError):
    """A line, strategy or account cannot be made or changed as asked."""


class EditConflict(LineError):
    """Somebody else changed it since the editor read it; nothing was overwritten."""


class LeadError(AdminError):
    """A lead, or a field for leads, cannot be made or changed as asked. `fields`: what is wrong with which field."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


# --- raised by plugins -------------------------------------------------------------------------------


class ModelError(ReceptionistError):
    """The model gave no usable answer. Read in the log and on the turn.

    `retryable`: the same request may work in a moment. `retry_after`: seconds the server asked for.
    `admin`: a person must act (bad key, quota, unknown model), so retrying is useless, and nobody of the strategy is
    answered by this model for a while; never for what a customer can cause. `spent`, set afterwards: what the answer
    took all the same, as the vendor's name of the model and its tokens.
    """

    spent: tuple[str, Usage] | None = None

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after: float | None = None, admin: bool = False
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.admin = admin


class InputTooLong(ModelError):
    """The input does not fit into the model's window. Core asks once more with less of the conversation, then the
    fallback model; the same request would never work."""


class MemoryFault(ModelError):
    """The vendor's conversation cannot be used as it is, and nothing is wrong besides.

    `kind`: "busy" (another request works on it; wait a little), "broken" (mending it may help) or "lost" (it is gone
    or beyond mending; another is begun). What it holds is known here, too, so no answer is lost with it.
    """

    def __init__(self, message: str, kind: Literal["busy", "broken", "lost"]) -> None:
        super().__init__(message, retryable=True)
        self.kind = kind


class Interrupted(ReceptionistError):
    """The running answer was called off: a newer message, a shutdown, a lost lease. Never an error."""


class SendError(ReceptionistError):
    """A channel could not send."""


class SendRefused(SendError):
    """The vendor refused for good (opted out, bad number): never tried again.

    `code` is the vendor's. `opted_out`: the customer refused messages of this line, so nothing more is sent.
    `alert`: something is wrong with the line, so that an admin must act.
    """

    def __init__(self, message: str, *, code: str | None = None, opted_out: bool = False, alert: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.opted_out = opted_out
        self.alert = alert


class SendFailed(SendError):
    """Surely not sent; may be tried again. `retry_after` in seconds where the vendor named it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SendUnknown(SendError):
    """Perhaps sent, perhaps not (a timeout after the request went out)."""


class FetchFailed(ReceptionistError):
    """A file that came with a message could not be fetched. `retryable`: it may work in a moment."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ToolError(ReceptionistError):
    """A tool says in plain words why it did not act; the model reads the message and may try again."""
