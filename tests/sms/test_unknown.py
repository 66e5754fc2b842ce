"""After an unknown outcome: the list of sent messages says whether the message went out."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plugins.twilio_sms import channel as channel_module
from plugins.twilio_sms import sending
from plugins.twilio_sms.channel import Sms
from receptionist import Line, Outbound, SendUnknown, Sent
from tests.servers.twilio_server import Fault, TwilioServer
from tests.sms.fake_host import CUSTOMER, SERVICE, FakeHost, make_line


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAUSES", (0.0, 0.01))


def outbound(text: str = "Hello", to: str = CUSTOMER, **more: Any) -> Outbound:
    given = {"id": 7, "recorded_at": datetime.now(UTC), "attempt": 1, **more}
    return Outbound(key="message-7-1", to=to, text=text, **given)


@pytest.mark.parametrize("kind", ["accept_then_cut", "garbage"])
def test_what_went_out_is_found(twilio: TwilioServer, sms: Sms, line: Line, kind: Any) -> None:
    message = outbound("It\u2019s 5\u2026 ")
    twilio.fail(kind)
    with pytest.raises(SendUnknown):
        sms.send(line, message)
    assert sms.resolve_unknown(line, message) == Sent(twilio.sent[0].sid)
    assert len(twilio.sent) == 1


@pytest.mark.parametrize("kind", ["cut", "500", "503"])
def test_what_did_not_is_not(twilio: TwilioServer, sms: Sms, line: Line, kind: Any) -> None:
    message = outbound()
    twilio.fail(kind)
    with pytest.raises(SendUnknown):
        sms.send(line, message)
    assert sms.resolve_unknown(line, message) is None
    assert twilio.requests["GET Messages"] == len(sending.PAUSES)


def test_a_list_that_lags_is_asked_again(
    twilio: TwilioServer, sms: Sms, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = outbound()
    monkeypatch.setattr(sending, "PAUSES", (0.0, 0.01, 0.02))
    real, asked = sending._listed, []

    def late(*arguments: Any) -> str | None:
        asked.append(1)
        if len(asked) == 3:
            sms.send(line, message)
        return real(*arguments)

    monkeypatch.setattr(sending, "_listed", late)
    assert sms.resolve_unknown(line, message) == Sent(twilio.sent[0].sid)


def test_an_equal_text_before_is_not_this_one(twilio: TwilioServer, host: FakeHost, sms: Sms, line: Line) -> None:
    earlier = sms.send(line, outbound("OK")).provider_message_id
    assert earlier
    host.sent.append((CUSTOMER, earlier))
    message = outbound("OK")
    assert sms.resolve_unknown(line, message) is None
    later = sms.send(line, message)
    assert sms.resolve_unknown(line, message) == later
    assert later.provider_message_id != earlier


def test_a_report_that_was_quicker_does_not_hide_the_message(
    twilio: TwilioServer, host: FakeHost, sms: Sms, line: Line
) -> None:
    sent = sms.send(line, outbound("OK"))
    assert sent.provider_message_id
    host.sent.append((CUSTOMER, sent.provider_message_id))
    assert sms.resolve_unknown(line, outbound("OK", id=1)) == sent


@pytest.mark.parametrize("status", ["failed", "undelivered", "canceled"])
def test_an_equal_text_that_failed_is_not_this_one(twilio: TwilioServer, sms: Sms, line: Line, status: str) -> None:
    sms.send(line, outbound("OK"))
    twilio.sent[0].status = status
    assert sms.resolve_unknown(line, outbound("OK")) is None


def test_an_equal_text_of_long_ago_is_not_this_one(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sms.send(line, outbound("OK"))
    twilio.sent[0].created -= timedelta(minutes=2)
    assert sms.resolve_unknown(line, outbound("OK")) is None


def test_a_clock_that_is_a_little_apart_does_no_harm(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sent = sms.send(line, outbound("OK"))
    twilio.sent[0].created -= timedelta(seconds=40)
    assert sms.resolve_unknown(line, outbound("OK")) == sent


def test_others_texts_are_not_this_one(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sms.send(line, outbound("OK", to="+14133880000"))
    sms.send(line, outbound("Not OK"))
    twilio.receive(CUSTOMER, "OK")
    assert sms.resolve_unknown(line, outbound("OK")) is None


def test_a_service_is_asked_for_by_its_sid(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    with_service = make_line(sms, messaging_service_sid=SERVICE, phone_number="")
    sms.send(line, outbound("OK"))
    assert sms.resolve_unknown(with_service, outbound("OK")) is None
    sent = sms.send(with_service, outbound("OK"))
    assert sms.resolve_unknown(with_service, outbound("OK")) == sent


def test_the_trial_accounts_words_are_not_in_the_way(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sent = sms.send(line, outbound("OK"))
    twilio.sent[0].body = sending.TRIAL + "OK"
    assert sms.resolve_unknown(line, outbound("OK")) == sent


def test_it_is_found_behind_many_others(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sent = sms.send(line, outbound("OK"))
    for number in range(60):
        sms.send(line, outbound(str(number)))
    assert sms.resolve_unknown(line, outbound("OK")) == sent


@pytest.mark.parametrize("fault", ["500", "cut", "garbage", Fault("429")])
def test_a_list_that_cannot_be_had_tells_nothing(twilio: TwilioServer, sms: Sms, line: Line, fault: Any) -> None:
    twilio.fail_reads(*[fault] * len(sending.PAUSES))
    with pytest.raises(SendUnknown, match="could not be asked"):
        sms.resolve_unknown(line, outbound())


@pytest.mark.parametrize("fault", ["500", "cut", "garbage", Fault("429")])
def test_a_list_that_cannot_be_had_once_is_asked_again(twilio: TwilioServer, sms: Sms, line: Line, fault: Any) -> None:
    sent = sms.send(line, outbound())
    twilio.fail_reads(fault)
    assert sms.resolve_unknown(line, outbound()) == sent


def test_the_last_look_counts(twilio: TwilioServer, sms: Sms, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    real, looks = sending._listed, iter([True, False])

    def at_first(*arguments: Any) -> str | None:
        if not next(looks):
            twilio.fail_reads("500")
        return real(*arguments)

    monkeypatch.setattr(sending, "_listed", at_first)
    with pytest.raises(SendUnknown, match="could not be asked"):
        sms.resolve_unknown(line, outbound())


def test_wrong_credentials_are_named_at_once(sms: Sms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAUSES", (0.0, 30.0))
    begun = time.monotonic()
    with pytest.raises(SendUnknown, match="does not accept the credentials"):
        sms.resolve_unknown(make_line(sms, auth_token="0" * 32), outbound())
    assert time.monotonic() - begun < 5


def test_an_unknown_time_tells_nothing(sms: Sms, line: Line) -> None:
    with pytest.raises(SendUnknown):
        sms.resolve_unknown(line, outbound(recorded_at=None))


def test_the_pauses_and_the_requests_stay_within_fifteen_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.twilio_sms.channel import RESOLVE_SECONDS

    monkeypatch.undo()
    assert sum(sending.PAUSES) < RESOLVE_SECONDS < 15
    assert sending.PATIENCE + max(sending.PAUSES) < RESOLVE_SECONDS


def test_a_list_that_hangs_is_not_waited_for_again(
    twilio: TwilioServer, sms: Sms, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.2)
    monkeypatch.setattr(sending, "PAUSES", (0.0, 30.0))
    monkeypatch.setattr(channel_module, "RESOLVE_SECONDS", 0.3)
    twilio.fail_reads("hang")
    begun = time.monotonic()
    with pytest.raises(SendUnknown, match="in time"):
        sms.resolve_unknown(line, outbound())
    assert time.monotonic() - begun < 5
