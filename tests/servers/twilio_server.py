"""A strict imitation of Twilio's API for SMS and MMS on 127.0.0.1, for tests and for trying by hand.

In process::

    with TwilioServer(public={"https://bot.example.test": app_url}) as twilio:
        client = Client(twilio.account, twilio.token)   # twilio.rest.Client
        client.api.base_url = twilio.url
        twilio.fail("429", "accept_then_hang")          # the next two sends
        twilio.reports = Reports("queued", "delivered", "sent", before=1)
        twilio.text_in("https://bot.example.test/webhooks/sms", "+14133881111", "Are you open?")
        twilio.wait_for(lambda: twilio.texts_to("+14133881111"))

Whoever follows a media redirect with the account's credentials fails the `with` block at its end.
As a program: `python -m tests.servers.twilio_server --port 9001 --account AC... --token ...`.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import re
import signal
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Self, TypeVar

from tests.servers import twilio_webhooks as webhooks
from tests.servers.twilio_faults import Fault, Kind, Reports, play
from tests.servers.twilio_rules import Form, Refusal, check_form, keyword, not_found, read_form
from tests.servers.twilio_store import FILTERS, Media, Message, check_query, matches, new_sid, page
from tests.servers.twilio_webhooks import Delivery
from tests.servers.twilio_wire import Cdn, Exchange, Server

__all__ = ["Delivery", "Fault", "Media", "Message", "Reports", "TwilioServer"]

ACCOUNT, TOKEN = "AC0123456789abcdef0123456789abcdef", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
NUMBER = "+12028831111"
SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
PATH = re.compile(
    r"/2010-04-01/Accounts/(?P<account>[^/]+)/Messages"
    rf"(/(?P<sid>{SID.pattern})"
    r"(?P<list>/Media(/(?P<media>ME[0-9a-f]{32}))?)?)?(?P<json>\.json)?"
)
Found = TypeVar("Found")


class TwilioServer(Server):
    """One Twilio account. All that is public may be read and changed while it runs.

    `numbers` are those of the account, `services` its messaging services and their senders; `public` says where
    public URLs (webhooks, status callbacks, media to send) are served here. `sent` holds every message that was
    accepted, also those answered by TwiML; `received` those that came in; `attempts` every good request to send,
    whether it was accepted or not; `deliveries` every webhook posted; `requests` counts what was asked, by
    "POST Messages", "GET Messages", "GET Message", "DELETE Message", "GET Media", "GET MediaList".
    `opted_out` holds pairs of customer and own number; `stop_handling` keeps it from the texts that come in.
    """

    def __init__(
        self,
        account: str = ACCOUNT,
        token: str = TOKEN,
        port: int = 0,
        *,
        numbers: Sequence[str] = (NUMBER,),
        services: Mapping[str, Sequence[str]] | None = None,
        public: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(port)
        self.account, self.token = account, token
        self.numbers, self.services = list(numbers), dict(services or {})
        self.public = dict(public or {})
        self.cdn = Cdn()
        self.reports = Reports()
        self.stop_handling = True
        self.opted_out: set[tuple[str, str]] = set()
        self.sent: list[Message] = []
        self.received: list[Message] = []
        self.attempts: list[Form] = []
        self.deliveries: list[Delivery] = []
        self.requests: Counter[str] = Counter()
        self._messages: dict[str, Message] = {}
        self._faults: dict[str | None, deque[Fault]] = defaultdict(deque)
        self._read_faults: deque[Fault] = deque()
        self._changed = threading.Condition()
        self._later: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.cdn.__enter__()
        return super().__enter__()

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)
        self.cdn.__exit__(*args)
        deadline = time.monotonic() + 5
        for thread in self._later:
            thread.join(max(deadline - time.monotonic(), 0))
        if self.cdn.leaks and not any(args):
            raise AssertionError("the account's Authorization header was sent on to the host that media redirect to")

    # What a test says

    def fail(self, *faults: Kind | Fault, to: str | None = None) -> None:
        """Let the next sends (to this customer, or to anyone) go wrong so, in order; those `to` someone come first."""
        with self._changed:
            self._faults[to].extend(Fault(fault) if isinstance(fault, str) else fault for fault in faults)

    def fail_reads(self, *faults: Kind | Fault) -> None:
        """Let the next GET requests of the API go wrong so, in order."""
        with self._changed:
            self._read_faults.extend(Fault(fault) if isinstance(fault, str) else fault for fault in faults)

    def wait_for(self, wanted: Callable[[], Found], timeout: float = 10.0) -> Found:
        """What `wanted()` gives as soon as something that happened here makes it true. Raises `TimeoutError`."""
        with self._changed:
            if found := self._changed.wait_for(wanted, timeout):
                return found
            texts = [(message.to, message.body) for message in self.sent]
            raise TimeoutError(f"after {timeout} s: sent {texts}, asked {dict(self.requests)}, {self.deliveries[-3:]}")

    def texts_to(self, customer: str) -> list[str]:
        """The texts of the messages to this customer that were accepted, in order."""
        with self._changed:
            return [message.body for message in self.sent if message.to == customer]

    def text_in(
        self,
        url: str,
        from_: str,
        body: str,
        *,
        to: str | None = None,
        media: Sequence[Media] = (),
        sid: str | None = None,
        service: str | None = None,
        opt_out_type: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Delivery:
        """A customer texts: post the webhook to `url`, the public one, and give what it answered.

        A `sid` that came in before is the same message redelivered. `more` are parameters that nobody expects.
        """
        message = self.receive(from_, body, to=to, media=media, sid=sid, service=service)
        fields = {**webhooks.inbound_fields(message, self.url, opt_out_type), **(more or {})}
        delivery = webhooks.post(url, fields, self.token, message.token, self.public)
        texts, error = webhooks.replies(delivery)
        if texts and (from_, message.to) in self.opted_out:
            texts, error = (), "21610 the answer replies to someone who has opted out"
        with self._changed:
            for text in texts:
                reply = Message(self.account, from_, message.to, text, new_sid("SM"), direction="outbound-reply")
                self._messages[reply.sid] = reply
                self.sent.append(reply)
        return self._note(replace(delivery, replies=texts, error=error))

    def receive(
        self,
        from_: str,
        body: str,
        *,
        to: str | None = None,
        media: Sequence[Media] = (),
        sid: str | None = None,
        service: str | None = None,
    ) -> Message:
        """A customer texts, and no webhook is called: the message is only listed (a webhook that was down)."""
        with self._changed:
            if sid is not None and sid in self._messages:
                return self._messages[sid]
            if sid is not None and not SID.fullmatch(sid):
                raise ValueError(f"{sid} is no sid of a message; for a webhook with a wrong one, use more=")
            message = Message(self.account, to or self.numbers[0], from_, body, sid or new_sid("MM" if media else "SM"))
            message.status, message.direction, message.sent = "received", "inbound", message.created
            message.service, message.media = service, list(media)
            if self.stop_handling and (meaning := keyword(body)):
                pair = {(from_, message.to)}
                self.opted_out = self.opted_out | pair if meaning == "STOP" else self.opted_out - pair
            self._messages[message.sid] = message
            self.received.append(message)
            self._changed.notify_all()
            return message

    def report(
        self, message: Message, status: str, error_code: int | None = None, url: str | None = None
    ) -> Delivery | None:
        """Post a status callback, to `url` or where the message wants it; None if it wants none."""
        with self._changed:
            message.move_to(status, error_code)
            self._changed.notify_all()
        if (target := url or message.status_callback) is None:
            return None
        fields = webhooks.status_fields(message, status, error_code)
        return self._note(webhooks.post(target, fields, self.token, new_sid(""), self.public))

    def _note(self, delivery: Delivery) -> Delivery:
        with self._changed:
            self.deliveries.append(delivery)
            self._changed.notify_all()
        return delivery

    # What is asked

    def answer(self, exchange: Exchange) -> None:
        """Route a request of the API."""
        found = PATH.fullmatch(exchange.path)
        self._authenticate(exchange, found["account"] if found else self.account)
        if found is None:
            raise not_found(exchange.path)
        resource = "Media" if found["media"] else "MediaList" if found["list"] else "Message" + "s" * (not found["sid"])
        with self._changed:
            self.requests[f"{exchange.command} {resource}"] += 1
            fault = self._read_faults.popleft() if exchange.command == "GET" and self._read_faults else None
            self._changed.notify_all()
        if fault is not None and not play(exchange, fault, self.stopping):
            return
        if not found["json"] and not found["media"]:
            raise not_found(exchange.path)
        match exchange.command, resource:
            case "POST", "Messages":
                self._send(exchange)
            case "GET", "Messages":
                self._list(exchange)
            case "GET" | "DELETE", "Message":
                self._one(exchange, found["sid"])
            case "GET", "MediaList":
                message = self._message(exchange, found["sid"])
                query = check_query(exchange.query, ("DateCreated", "DateCreated<", "DateCreated>"))
                documents = [(media.sid, message.media_document(media)) for media in message.media]
                exchange.document(200, page(exchange.path, "media_list", query, documents))
            case "GET" | "DELETE", "Media":
                self._media(exchange, found["sid"], found["media"], as_json=bool(found["json"]))
            case _:
                raise Refusal(405, 20004, "Method not allowed")

    def _authenticate(self, exchange: Exchange, account: str) -> None:
        expected = "Basic " + base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        given = exchange.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), expected.encode()) or account != self.account:
            raise Refusal(401, 20003, "Authenticate")

    def _send(self, exchange: Exchange) -> None:
        fields = read_form(exchange.headers.get("content-type", ""), exchange.raw)
        form = check_form(fields, self.numbers, self.services)
        senders = [form.from_] if form.from_ else self.services[form.service or ""]
        if any((form.to, sender) in self.opted_out for sender in senders):
            raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        with self._changed:
            self.attempts.append(form)
            queue = self._faults[form.to] or self._faults[None]
            fault = queue.popleft() if queue else None
            self._changed.notify_all()
        if fault is not None and not fault.accepts:
            play(exchange, fault, self.stopping)
            return
        message, document = self._accept(form)
        reports = self.reports
        self._report_all(message, reports.statuses[: reports.before])
        thread = threading.Thread(
            target=self._follow_up, args=(message, reports.statuses[reports.before :]), daemon=True
        )
        try:
            if fault is None or play(exchange, fault, self.stopping, before_hanging=thread.start):
                exchange.document(201, document)
        finally:
            if thread.ident is None:
                thread.start()
            self._later.append(thread)

    def _accept(self, form: Form) -> tuple[Message, dict[str, object]]:
        """Keep a message, and give what the answer says of it: the sender of a service is chosen after it."""
        sid = new_sid("MM" if form.media_urls else "SM")
        message = Message(self.account, form.to, form.from_, form.body, sid, service=form.service, form=form)
        if form.service:
            message.status = "accepted"
        document = message.document()
        message.from_ = form.from_ or self.services[form.service or ""][0]
        with self._changed:
            self._messages[sid] = message
            self.sent.append(message)
            self._changed.notify_all()
        return message, document

    def _follow_up(self, message: Message, statuses: Sequence[str]) -> None:
        """What Twilio does after it answered: fetch the media, send, report."""
        urls = message.form.media_urls if message.form else ()
        try:
            media = [Media(content_type, data) for data, content_type in (webhooks.fetch(u, self.public) for u in urls)]
        except OSError:
            message.move_to("failed", 11200)
            self._report_all(message, ("failed",) if statuses else (), 11200)
        else:
            with self._changed:
                message.media = media
            self._report_all(message, statuses)
        with self._changed:
            self._changed.notify_all()

    def _report_all(self, message: Message, statuses: Sequence[str], error_code: int | None = None) -> None:
        for status in statuses:
            if not self.stopping.is_set():
                self.report(message, status, error_code)

    def _list(self, exchange: Exchange) -> None:
        query = check_query(exchange.query, FILTERS)
        with self._changed:
            messages = [message for message in reversed(self._messages.values()) if matches(message, query)]
        exchange.document(
            200, page(exchange.path, "messages", query, [(message.sid, message.document()) for message in messages])
        )

    def _message(self, exchange: Exchange, sid: str) -> Message:
        with self._changed:
            if message := self._messages.get(sid):
                return message
        raise not_found(exchange.path)

    def _one(self, exchange: Exchange, sid: str) -> None:
        message = self._message(exchange, sid)
        if exchange.command == "GET":
            return exchange.document(200, message.document())
        with self._changed:
            self._messages.pop(sid, None)
        return exchange.respond(204, b"", "")

    def _media(self, exchange: Exchange, sid: str, media_sid: str, *, as_json: bool) -> None:
        """The resource with `.json`; without it, a redirect to where the file is."""
        message = self._message(exchange, sid)
        media = next((media for media in message.media if media.sid == media_sid), None)
        if media is None:
            raise not_found(exchange.path)
        if exchange.command == "DELETE":
            message.media.remove(media)
            return exchange.respond(204, b"", "")
        if as_json:
            return exchange.document(200, message.media_document(media))
        return exchange.respond(307, b"", "text/plain", {"Location": self.cdn.place(media)})


def main() -> None:
    """Serve until interrupted; a line `+14133881111 Are you open?` on standard input is a text that comes in."""
    parser = argparse.ArgumentParser(description="A strict local stand-in for Twilio's API for SMS and MMS.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--number", action="append", help="a number of the account; may be given more than once")
    parser.add_argument("--webhook", help="the public URL that texts are posted to")
    parser.add_argument("--map", nargs=2, action="append", default=[], metavar=("PUBLIC", "LOCAL"))
    parser.add_argument("--report", nargs="*", default=["queued", "sent", "delivered"], help="status callbacks")
    options = parser.parse_args()
    numbers = options.number or [NUMBER]
    server = TwilioServer(options.account, options.token, options.port, numbers=numbers, public=dict(options.map))
    server.reports = Reports(*options.report)
    with server:
        print(f"{server.url} is Twilio for {server.account}, numbers {', '.join(numbers)}", flush=True)
        threading.Thread(target=_print_what_happens, args=(server,), daemon=True).start()
        try:
            for line in sys.stdin:
                from_, _, body = line.strip().partition(" ")
                if from_ and options.webhook:
                    server.text_in(options.webhook, from_, body)
                elif from_:
                    print("Say where texts are posted to: --webhook URL", flush=True)
            signal.pause()
        except KeyboardInterrupt:
            return


def _print_what_happens(server: TwilioServer) -> None:
    sent = posted = 0
    while not server.stopping.is_set():
        try:
            server.wait_for(
                lambda sent=sent, posted=posted: (len(server.sent), len(server.deliveries)) > (sent, posted)
            )
        except TimeoutError:
            continue
        for message in server.sent[sent:]:
            print(f"sent {message.sid} {message.from_} -> {message.to}: {message.body!r}", flush=True)
        for one in server.deliveries[posted:]:
            what = one.fields.get("MessageStatus") or f"text {one.fields['Body']!r}"
            print(f"webhook {one.url}: {what}: {one.status} {one.error or ''}", flush=True)
        sent, posted = len(server.sent), len(server.deliveries)


if __name__ == "__main__":
    main()
