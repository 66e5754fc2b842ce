"""The whole way: a customer texts, core answers through Twilio's API, and what Twilio reports is noted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.serving import make_server

from plugins.twilio_sms import sending
from receptionist.db import Scope
from receptionist.pipeline.asker import Asker
from receptionist.services import accounts, lines
from receptionist.services.strategies import strategies
from tests.harness.house import House
from tests.harness.instance import STRATEGY_NAME, left_out
from tests.servers.brain import Brain
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN, Delivery, Media, Reports, TwilioServer
from tests.sms.fake_host import KEY, PUBLIC

CUSTOMER = "+14133881111"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 50
WITH = {"twilio_sms", "local_files"}


class Office:
    """A house with a line at Twilio, served over HTTP as behind a proxy that ends TLS."""

    def __init__(self, house: House, twilio: TwilioServer) -> None:
        self.house, self.twilio = house, twilio
        house.publish(burst_seconds=0)
        with house.parts.database.begin() as connection:
            scope = Scope(connection, accounts.require(connection, None))
            settings = {"account_sid": ACCOUNT, "auth_token": TOKEN, "phone_number": NUMBER}
            lines.add(
                scope,
                house.parts.vault,
                house.parts.channels["sms"],
                title="SMS",
                key=KEY,
                settings=settings,
                strategy_id=strategies.find(scope, STRATEGY_NAME).id,
            )

    def text_in(self, text: str, **more: Any) -> Delivery:
        """The customer texts, and the webhook is answered."""
        return self.twilio.text_in(f"{PUBLIC}/webhooks/sms/{KEY}", CUSTOMER, text, **more)

    def lose(self, text: str, seconds_ago: int) -> None:
        """The customer texted so long ago, and the webhook was lost."""
        message = self.twilio.receive(CUSTOMER, text)
        message.created -= timedelta(seconds=seconds_ago)
        message.sent = message.created

    def ask(self) -> None:
        """Twilio is asked for what was lost, and what it tells is worked off."""
        self.house.sql("UPDATE lines SET ask_due_at = NULL")
        Asker(self.house.parts).ask()
        self.house.drain()

    def replies(self) -> list[str]:
        """What the customer got."""
        return self.twilio.texts_to(CUSTOMER)

    def messages(self, direction: str) -> list[Any]:
        """Rows, in order."""
        return self.house.sql("SELECT * FROM messages WHERE direction = :d ORDER BY id", d=direction)

    def wait(self, wanted: Callable[[], Any]) -> Any:
        """Wait until Twilio's side is so."""
        return self.twilio.wait_for(wanted)


@pytest.fixture
def office(open_house: Callable[..., House], twilio: TwilioServer, brain: Brain) -> Iterator[Office]:
    """A house whose line `sms` is at the stand-in."""
    disabled = ",".join(name for name in left_out().split(",") if name not in WITH)
    house = open_house(DISABLED_PLUGINS=disabled, PUBLIC_URL=PUBLIC, TWILIO_BASE_URL=twilio.url)
    server = make_server("127.0.0.1", 0, house.app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    twilio.public[PUBLIC] = f"http://127.0.0.1:{server.server_port}"
    yield Office(house, twilio)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_text_is_answered_by_the_api(office: Office) -> None:
    delivery = office.text_in("Are you open?")
    assert (delivery.status, delivery.error, delivery.replies) == (200, None, ())
    office.house.drain()
    (reply,) = office.replies()
    assert "Are you open?" in reply
    (row,) = office.messages("out")
    assert (row.state, row.provider_message_id) == ("sent", office.twilio.sent[0].sid)


def test_a_redelivered_webhook_is_answered_once(office: Office) -> None:
    sid = office.text_in("Hi").fields["MessageSid"]
    office.text_in("Hi", sid=sid)
    office.house.drain()
    assert len(office.replies()) == len(office.messages("in")) == 1


def test_a_text_whose_webhook_was_lost_is_answered_once(office: Office) -> None:
    message = office.twilio.receive(CUSTOMER, "Are you open?")
    Asker(office.house.parts).ask()
    office.house.drain()
    office.text_in("Are you open?", sid=message.sid)  # the webhook comes after all
    office.house.drain()
    assert len(office.replies()) == len(office.messages("in")) == 1


def test_texts_to_a_line_that_was_off_are_looked_up_when_it_is_on_again(office: Office) -> None:
    parts, [line] = office.house.parts, office.house.sql("SELECT id FROM lines WHERE key = :key", key=KEY)
    Asker(parts).ask()
    with parts.database.begin() as connection:
        lines.deactivate(Scope(connection, 1), line.id)
    assert office.text_in("Are you open?").status == 404
    office.ask()
    assert office.messages("in") == []
    with parts.database.begin() as connection:
        lines.activate(Scope(connection, 1), parts.vault, parts.channels["sms"], line.id)
    office.ask()
    assert len(office.replies()) == len(office.messages("in")) == 1


def test_the_query_of_a_webhook_is_signed_letter_by_letter(office: Office) -> None:
    address = f"{PUBLIC}/webhooks/sms/{KEY}?shop=a%20b+c&from=?"
    assert office.twilio.text_in(address, CUSTOMER, "Hi").status == 200


def test_a_forged_webhook_leaves_nothing(office: Office) -> None:
    office.twilio.token = "0" * 32
    assert office.text_in("Hi").status == 401
    assert office.messages("in") == []


def test_stop_is_obeyed_and_start_lifts_it(office: Office) -> None:
    office.text_in("Hi")
    office.house.drain()
    office.text_in("STOP")
    office.house.drain()
    office.text_in("Anybody there?")
    office.house.drain()
    assert len(office.replies()) == 1
    assert len(office.twilio.attempts) == 1
    office.text_in("START")
    office.house.drain()
    office.text_in("Are you open now?")
    office.house.drain()
    assert "open now" in office.replies()[-1]


def test_a_lost_stop_does_not_undo_a_newer_start(office: Office) -> None:
    office.lose("STOP", 90)
    office.text_in("START")
    office.house.drain()
    office.ask()
    office.text_in("Are you open?")
    office.house.drain()
    assert [row.text for row in office.messages("in")] == ["START", "STOP", "Are you open?"]
    assert len(office.replies()) == 2, "nothing answers the STOP"
    assert "Are you open?" in office.replies()[-1]


def test_a_lost_start_does_not_undo_a_newer_stop(office: Office) -> None:
    office.text_in("STOP")
    office.lose("START", 90)
    office.ask()
    office.text_in("Anybody there?")
    office.house.drain()
    assert [(row.text, row.state) for row in office.messages("in")] == [
        ("STOP", "silent"),
        ("START", "silent"),
        ("Anybody there?", "silent"),
    ]
    assert office.twilio.attempts == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_lost_start_lifts_an_older_stop(office: Office, at_once: bool) -> None:
    office.lose("STOP", 120)
    if not at_once:
        office.ask()
    office.lose("START", 120 if at_once else 60)  # of the same second, for whole seconds is what Twilio tells
    office.ask()
    office.text_in("Are you open?")
    office.house.drain()
    assert "Are you open?" in office.replies()[-1]


def test_a_stop_that_only_twilio_knows_of(office: Office) -> None:
    office.text_in("Hi")
    office.twilio.opted_out.add((CUSTOMER, NUMBER))
    office.house.drain()
    (row,) = office.messages("out")
    assert (row.state, row.code) == ("suppressed", "21610")
    assert office.house.sql("SELECT opted_out_at FROM conversations WHERE opted_out_at IS NOT NULL")
    office.text_in("Hello?")
    office.house.drain()
    assert office.twilio.sent == []


def test_reports_before_and_after_the_answer(office: Office) -> None:
    office.twilio.reports = Reports("queued", "sent", "delivered", "sent", "delivered", before=1)
    office.text_in("Hi")
    office.house.drain()
    office.wait(lambda: len(office.twilio.deliveries) == 6)
    assert [delivery.status for delivery in office.twilio.deliveries[1:]] == [204] * 5
    (row,) = office.messages("out")
    assert (row.state, row.delivery, row.provider_message_id) == ("sent", "delivered", office.twilio.sent[0].sid)


def test_a_failed_delivery_is_noted_and_a_broken_line_too(office: Office) -> None:
    office.text_in("Hi")
    office.house.drain()
    office.twilio.report(office.twilio.sent[0], "undelivered", 30034)
    (row,) = office.messages("out")
    assert (row.state, row.delivery, row.code) == ("failed", "failed", "30034")
    (line,) = office.house.sql("SELECT trouble FROM lines WHERE key = :key", key=KEY)
    assert "10DLC" in line.trouble


@pytest.mark.parametrize("fault", ["accept_then_cut", "garbage", "cut", "500"])
def test_an_unknown_outcome_neither_loses_nor_doubles(
    office: Office, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PAUSES", (0.0, 0.01))
    office.twilio.fail(fault)
    office.text_in("Hi")
    office.house.drain()
    office.house.make_due()
    office.house.drain()
    assert len(office.replies()) == 1
    (row,) = office.messages("out")
    assert (row.state, row.provider_message_id) == ("sent", office.twilio.sent[0].sid)


def test_a_picture_is_stored(office: Office) -> None:
    office.text_in("Look", media=[Media("image/png", PNG)])
    office.house.drain()
    (row,) = office.house.sql("SELECT kind, attachments FROM messages WHERE direction = 'in'")
    assert row.kind == "image"
    assert '"size": 58' in str(row.attachments).replace("'", '"')
    assert office.twilio.requests["GET Media"] == 1
    assert [
        path.read_bytes() for path in office.house.path.rglob("*") if path.is_file() and path.stat().st_size == 58
    ] == [PNG]
    assert len(office.replies()) == 1


def test_a_picture_whose_webhook_was_lost_is_stored(office: Office) -> None:
    office.twilio.receive(CUSTOMER, "", media=[Media("image/png", PNG)])
    office.ask()
    (row,) = office.messages("in")
    assert all(word in str(row.attachments).replace("'", '"') for word in ('"size": 58', '"image/png"'))
    assert len(office.replies()) == 1
    office.ask()
    assert office.twilio.requests["GET MediaList"] == 1, "what is known is not looked for again"


def test_an_empty_text_asks_no_model(office: Office) -> None:
    assert office.text_in("").status == 200
    office.house.drain()
    assert (office.messages("in"), office.replies()) == ([], [])


def test_a_long_reply_goes_out_in_parts(office: Office, brain: Brain) -> None:
    office.text_in("word " * 300)
    office.house.drain()
    assert all(len(text) <= 1600 for text in office.replies())
    assert "word word" in office.replies()[0]
