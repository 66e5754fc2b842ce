"""The customers: each writes message after message, repeats what was not taken, and some of what was."""

from __future__ import annotations

import http.client
import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from tests.chaos.mind import NAME
from tests.chaos.stage import CHAT, PUBLIC, SITE, SMS, Stage
from tests.harness.customers import ChatClient
from tests.servers.twilio_server import TwilioServer

ATTEMPT_SECONDS = 12.0
GIVE_UP_SECONDS = 180.0
BOOKINGS = 0.08
"""The part of the messages that ask for something with an effect."""


class Phone(Protocol):
    """How a customer writes and what the customer sees."""

    def send(self, text: str, message_id: str) -> bool:
        """One attempt; whether it was taken in."""

    def seen(self) -> list[str]:
        """The replies, in the order in which they were shown."""


class Chat(ChatClient):
    """A visitor of the chat line, at any of the web processes."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        super().__init__(ports[0], CHAT)
        self.open()

    def turn_to(self, port: int) -> None:
        """The page stays the same, whatever process serves it."""
        self.port = port
        self.headers["Origin"] = SITE

    def attempt(self, text: str, message_id: str) -> bool:
        """One attempt; whether it was taken in."""
        self.turn_to(random.choice(self._ports))
        return self.message(text, message_id).once(ATTEMPT_SECONDS).status == 202


class ChatPhone:
    """Writes in the chat; sees what the transcript says, as the widget shows it."""

    def __init__(self, ports: list[int]) -> None:
        self._client = Chat(ports)

    def send(self, text: str, message_id: str) -> bool:
        """One attempt; whether it was taken in."""
        return self._client.attempt(text, message_id)

    def seen(self) -> list[str]:
        """The replies that the server shows."""
        return self._client.replies()


class SmsPhone:
    """Texts by way of Twilio; sees what Twilio accepted for this number."""

    def __init__(self, twilio: TwilioServer, number: int) -> None:
        self._twilio, self._number = twilio, f"+1413388{number:04}"

    def send(self, text: str, message_id: str) -> bool:
        """One webhook; whether it was answered with a 2xx."""
        url = f"{PUBLIC}/webhooks/sms/{SMS}"
        return self._twilio.text_in(url, self._number, text, sid=f"SM{message_id}").taken

    def seen(self) -> list[str]:
        """The texts that arrived."""
        return self._twilio.texts_to(self._number)


class Customer:
    """One conversation: sends `count` messages, each with its own name, one after the other."""

    def __init__(self, number: int, channel: str, phone: Phone, count: int, seed: str) -> None:
        self.number, self.channel, self.phone = number, channel, phone
        self.names = [f"c{number}m{index}" for index in range(count)]
        self.booked: list[str] = []
        self.sent: list[str] = []
        self.repeats = 0
        self._random = random.Random(f"{seed}-{number}")

    def write(self, seconds: float, duplicates: float, tell: Callable[[], None]) -> None:
        """Write all, spread over about `seconds`. Raises `TimeoutError` if one is never taken."""
        pause = seconds / len(self.names)
        time.sleep(self._random.uniform(0, pause))
        for name in self.names:
            books = self._random.random() < BOOKINGS
            if books:
                self.booked.append(name)
            text = f"Book {name}, please." if books else f"This is {name}."
            message_id = uuid.UUID(int=self._random.getrandbits(128), version=4)
            begun = time.monotonic()
            self._until_taken(text, str(message_id) if self.channel == "webchat" else message_id.hex)
            self.sent.append(name)
            tell()
            if self._random.random() < duplicates:
                self.repeats += 1
                self._try(text, str(message_id) if self.channel == "webchat" else message_id.hex)
            time.sleep(max(0.0, self._random.uniform(0.5, 1.5) * pause - (time.monotonic() - begun)))

    def _until_taken(self, text: str, message_id: str) -> None:
        until, pause = time.monotonic() + GIVE_UP_SECONDS, 0.2
        while not self._try(text, message_id):
            if time.monotonic() > until:
                raise TimeoutError(f"{text!r} was not taken in for {GIVE_UP_SECONDS:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.5)

    def _try(self, text: str, message_id: str) -> bool:
        try:
            return self.phone.send(text, message_id)
        except (OSError, http.client.HTTPException):
            return False  # the process died over it, or is being started

    def told(self) -> list[str]:
        """The names of the messages that were answered, in the order in which the customer read it."""
        return [name for text in self.phone.seen() for name in NAME.findall(text)]


class Crowd:
    """All customers, half of them on each channel; each writes in a thread of its own."""

    def __init__(self, stage: Stage, messages: int, conversations: int, seed: int) -> None:
        counts = [messages // conversations + (n < messages % conversations) for n in range(conversations)]
        self.people = [
            Customer(number, channel, _phone(stage, channel, number), count, f"{seed}")
            for number, count in enumerate(counts)
            for channel in [("webchat", "sms")[number % 2]]
        ]
        self.sent = 0
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, seconds: float, duplicates: float) -> None:
        """Let all write."""

        def write(customer: Customer) -> None:
            try:
                customer.write(seconds, duplicates, self._count)
            except BaseException as error:  # reported by the driver
                self.errors.append(error)

        self._threads = [threading.Thread(target=write, args=(each,), daemon=True) for each in self.people]
        for thread in self._threads:
            thread.start()

    def _count(self) -> None:
        with self._lock:
            self.sent += 1

    @property
    def writing(self) -> bool:
        """Whether somebody is not done yet."""
        return any(thread.is_alive() for thread in self._threads)


def _phone(stage: Stage, channel: str, number: int) -> Phone:
    return ChatPhone(stage.ports) if channel == "webchat" else SmsPhone(stage.twilio, number)
