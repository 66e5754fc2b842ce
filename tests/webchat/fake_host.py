"""A host in memory: enough of core to run the webchat plugin on, with an answer that a test can hold and let go."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

from plugins.webchat.channel import WebChat
from plugins.webchat.settings import WebChatLine, WebchatSettings
from receptionist import (
    Inbound,
    Interrupted,
    Line,
    LiveEvent,
    NotFound,
    Refused,
    Sender,
    Taken,
    TooMany,
    TranscriptMessage,
    WebhookRequest,
)

SECRET = "a secret of the fake host, long enough for HS256"
ACCOUNT = "Salón Aurora"
IDENTITY_SECRET = "the site's identity secret, long enough"


@dataclass
class Script:
    """How the fake agent answers: `text` in pieces, `pace` seconds apart; it stops before piece `hold` until `go`."""

    text: str = "You wrote: {text}"
    pace: float = 0.01
    hold: int | None = None
    go: threading.Event = field(default_factory=threading.Event)


class FakeWatch:
    """A live view, as the host hands it out."""

    def __init__(self, talk: Talk, stopping: threading.Event) -> None:
        self._talk = talk
        self._stopping = stopping
        self.events: queue.Queue[LiveEvent] = queue.Queue()

    def snapshot(self) -> Sequence[LiveEvent]:
        with self._talk.lock:
            return self._talk.now()

    def next(self, timeout: float) -> LiveEvent | None:
        if self._stopping.is_set():
            raise Interrupted("stopping")
        try:
            return self.events.get(timeout=timeout)
        except queue.Empty:
            return None


class Talk:
    """One conversation: what is recorded, and the reply that is being written."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.messages: list[TranscriptMessage] = []
        self.watchers: set[FakeWatch] = set()
        self.waiting: queue.Queue[Inbound] = queue.Queue()
        self.typing = False
        self.turn: int | None = None
        self.partial = ""

    def now(self) -> list[LiveEvent]:
        if self.partial:
            return [LiveEvent("delta", {"turn": self.turn, "offset": 0, "text": self.partial})]
        return [LiveEvent("typing")] if self.typing else []

    def take_back(self) -> None:
        """Withdraw the reply that is being written."""
        with self.lock:
            if self.partial:
                self.partial = ""
                self.publish(LiveEvent("reset", {"turn": self.turn}))

    def publish(self, event: LiveEvent) -> None:
        for watcher in self.watchers:
            watcher.events.put(event)


class FakeHost:
    """Implements `receptionist.Host`."""

    instance_path = Path("instance")

    def __init__(self, public_url: str = "http://127.0.0.1:8000", answers: bool = True) -> None:
        self.public_url = public_url
        self.channel = WebChat(self)
        self.max_sockets = 100
        self.script = Script()
        self.stopping = threading.Event()
        self.answers = answers
        self._lines: dict[str, Line] = {}
        self._talks: dict[tuple[int, str], Talk] = defaultdict(Talk)
        self._ids = itertools.count(1)
        self._turns = itertools.count(1)
        self._uses: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._lock = threading.RLock()

    def add_line(self, key: str, *, notice: str = "", **settings: Any) -> Line:
        line = Line(
            id=len(self._lines) + 1,
            account_id=1,
            account=ACCOUNT,
            channel="webchat",
            key=key,
            title="Website",
            address="",
            settings=WebChatLine(**settings),
            notice=notice,
        )
        self._lines[key] = line
        return line

    def settings(self, kind: type[Any]) -> Any:
        return WebchatSettings.model_construct(webchat_max_sockets=self.max_sockets)

    def line(self, channel: str, key: str) -> Line:
        if channel != "webchat" or key not in self._lines:
            raise NotFound("There is no such line.")
        return self._lines[key]

    def receive(self, line: Line, request: WebhookRequest) -> list[Taken]:
        self.channel.verify(request, line)
        return [self._take(line, inbound) for inbound in self.channel.parse(request, line)]

    def _take(self, line: Line, inbound: Inbound) -> Taken:
        talk = self.talk(line, inbound.sender)
        with talk.lock:
            for old in talk.messages:
                if old.provider_message_id == inbound.provider_message_id:
                    return Taken(old.id, inbound.provider_message_id, 1, True, old.at)
            message = self.record(talk, "in", inbound.text, provider_message_id=inbound.provider_message_id)
        talk.waiting.put(inbound)
        return Taken(message.id, inbound.provider_message_id, 1, False, message.at)

    def talk(self, line: Line, sender: Sender) -> Talk:
        with self._lock:
            key = (line.id, sender.address)
            if key not in self._talks and self.answers:
                threading.Thread(target=self._answer, args=(self._talks[key],), daemon=True).start()
            return self._talks[key]

    @property
    def talks(self) -> list[Talk]:
        return list(self._talks.values())

    def record(self, talk: Talk, direction: Any, text: str, **more: Any) -> TranscriptMessage:
        with talk.lock:
            message = TranscriptMessage(next(self._ids), direction, text, datetime.now(UTC), **more)
            talk.messages.append(message)
            talk.publish(LiveEvent("message", {"id": message.id}))
            return message

    def _answer(self, talk: Talk) -> None:
        while True:
            inbound = talk.waiting.get()
            script, turn = self.script, next(self._turns)
            with talk.lock:
                talk.typing, talk.turn, talk.partial = True, turn, ""
                talk.publish(LiveEvent("typing"))
            reply = script.text.replace("{text}", inbound.text)
            for number, piece in enumerate(pieces(reply)):
                if number == script.hold:
                    script.go.wait(60)
                time.sleep(script.pace)
                with talk.lock:
                    offset, talk.partial = len(talk.partial), talk.partial + piece
                    talk.publish(LiveEvent("delta", {"turn": turn, "offset": offset, "text": piece}))
            with talk.lock:
                talk.typing, talk.partial = False, ""
                self.record(talk, "out", reply, turn=turn)

    def transcript(self, line: Line, sender: Sender, after: int = 0, limit: int = 100) -> list[TranscriptMessage]:
        talk = self.talk(line, sender)
        with talk.lock:
            newer = [message for message in talk.messages if message.id > after]
        return newer[:limit] if after else newer[-limit:]

    @contextmanager
    def watch(self, line: Line, sender: Sender) -> Iterator[FakeWatch]:
        talk = self.talk(line, sender)
        watch = FakeWatch(talk, self.stopping)
        with talk.lock:
            talk.watchers.add(watch)
        try:
            yield watch
        finally:
            with talk.lock:
                talk.watchers.discard(watch)

    def sign(self, purpose: str, claims: Mapping[str, Any], seconds: int) -> str:
        payload = {**claims, "aud": purpose, "exp": int(time.time()) + seconds}
        return jwt.encode(payload, SECRET, algorithm="HS256")

    def unsign(self, purpose: str, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, SECRET, ["HS256"], audience=purpose, options={"require": ["exp"]})
        except jwt.InvalidTokenError as error:
            raise Refused("The token is not valid.") from error

    def limit(self, name: str, key: str, per_minute: int) -> None:
        with self._lock:
            uses, now = self._uses[name, key], time.monotonic()
            while uses and uses[0] <= now - 60:
                uses.popleft()
            if len(uses) >= per_minute:
                raise TooMany("Too many messages; wait a moment.", uses[0] + 60 - now)
            uses.append(now)

    def forget_limits(self) -> None:
        with self._lock:
            self._uses.clear()


def pieces(text: str) -> list[str]:
    """The text word by word, each with the space behind it."""
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:]
