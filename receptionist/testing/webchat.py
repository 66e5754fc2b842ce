"""The case of the web chat: visitors with tokens, one message in a request, replies that the widget fetches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from receptionist.testing.case import ChannelCase, Incoming, TestLine

if TYPE_CHECKING:
    from flask.testing import FlaskClient


class WebChatCase(ChannelCase):
    """What the fixtures use where no other channel is under test."""

    channel: ClassVar[str] = "webchat"
    path: ClassVar[str] = "/webchat/{key}/messages"
    address: ClassVar[str] = ""
    signs_body: ClassVar[bool] = False

    def __init__(self) -> None:
        self._visitors: dict[tuple[str, int], str] = {}
        self._tokens: dict[str, str] = {}
        self._writes = ""

    def settings(self, vendor: str) -> Mapping[str, Any]:
        """No limit that a test could reach."""
        return {"messages_per_minute": 600, "line_messages_per_minute": 100_000}

    def customer(self, line: TestLine, client: FlaskClient, number: int) -> str:
        """The visitor of a session, opened at the first call."""
        visitor = self._visitors.get((line.key, number))
        if visitor is None:
            session = line.path.replace("/messages", "/session")
            response = client.post(session, json={}, headers={"Origin": _origin(line)})
            assert response.status_code == 200, f"there is no session: {response.get_data(as_text=True)}"
            visitor = self._visitors[line.key, number] = str(response.get_json()["visitor"])
            self._tokens[visitor] = str(response.get_json()["token"])
        return visitor

    def payload(self, line: TestLine, messages: Sequence[Incoming]) -> Any:
        """The widget's message; whose it is, says its token."""
        [message] = messages
        self._writes = message.sender
        return {"id": message.id, "text": message.text}

    def headers(self, line: TestLine, url: str, body: bytes) -> Mapping[str, str]:
        """The page's origin, and the token of the visitor who wrote last."""
        return {"Origin": _origin(line), "Authorization": f"Bearer {self._tokens[self._writes]}"}


def _origin(line: TestLine) -> str:
    parts = urlsplit(line.url)
    return f"{parts.scheme}://{parts.netloc}"
