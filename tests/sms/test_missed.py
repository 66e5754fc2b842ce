"""Messages whose webhook was lost are found in Twilio's list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plugins.twilio_sms.channel import Sms
from receptionist import Attachment, FetchFailed, Inbound, Line, Outbound
from tests.servers.twilio_server import ACCOUNT, NUMBER, Media, TwilioServer
from tests.sms.fake_host import CUSTOMER, SERVICE, make_line


def since(minutes: float = 5) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def test_oldest_first_with_everything(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    first = twilio.receive(CUSTOMER, "Are you\x00 open?")
    picture = Media("image/png", b"\x89PNG\r\n\x1a\n")
    second = twilio.receive("+14133880000", "", media=[picture, Media("text/vcard", b"BEGIN:VCARD")])
    third = twilio.receive(CUSTOMER, "Stop.")
    found = sms.missed(line, since())
    base = f"{twilio.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/{second.sid}/Media"
    assert [message.provider_message_id for message in found] == [first.sid, second.sid, third.sid]
    assert [message.text for message in found] == ["Are you open?", "", "Stop."]
    assert [message.consent for message in found] == ["", "", "stop"]
    assert found[0].sent_at == first.created
    assert found[0].sender.verified_phone == CUSTOMER
    assert found[1].kind == "file"
    assert found[1].attachments == tuple(Attachment("application/octet-stream", f"{base}#{n}") for n in range(2))
    files = [sms.fetch(line, attachment) for attachment in found[1].attachments]
    assert [(file.content, file.content_type) for file in files] == [
        (picture.data, "image/png"),
        (b"BEGIN:VCARD", "text/vcard"),
    ]


def test_files_that_cannot_be_listed_cost_no_message(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    gone = twilio.receive(CUSTOMER, "", media=[Media("image/png", b"\x89PNG\r\n\x1a\n")])
    text = twilio.receive(CUSTOMER, "Hi")
    found = sms.missed(line, since())
    gone.media.clear()
    assert [message.provider_message_id for message in found] == [gone.sid, text.sid]
    assert twilio.requests["GET MediaList"] == 0, "for what is mostly known already"
    with pytest.raises(FetchFailed, match="no more") as gone_for_good:
        sms.fetch(line, found[0].attachments[0])
    assert not gone_for_good.value.retryable
    twilio.fail_reads("500")
    with pytest.raises(FetchFailed, match="500") as perhaps_later:
        sms.fetch(line, found[0].attachments[0])
    assert perhaps_later.value.retryable


def test_what_the_webhook_brings_is_the_same_message(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    from tests.sms.webhooks import signed, text_fields

    message = twilio.receive(CUSTOMER, "Hi")
    (parsed,) = sms.parse(signed(text_fields(MessageSid=message.sid, Body="Hi")), line)
    (listed,) = sms.missed(line, since())
    assert isinstance(parsed, Inbound)
    assert (listed.provider_message_id, listed.sender, listed.text) == (message.sid, parsed.sender, parsed.text)


def test_only_what_came_in_since(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    old, new = twilio.receive(CUSTOMER, "old"), twilio.receive(CUSTOMER, "new")
    old.created -= timedelta(minutes=10)
    old.sent = old.created
    sms.send(line, Outbound(1, "message-1-1", CUSTOMER, "a reply", 1))
    assert [message.provider_message_id for message in sms.missed(line, since())] == [new.sid]


def test_a_message_of_this_very_second_is_there(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    message = twilio.receive(CUSTOMER, "Hi")
    moment = message.created + timedelta(microseconds=999_000)
    assert [found.provider_message_id for found in sms.missed(line, moment)] == [message.sid]


def test_nothing_in_it_or_our_own_is_passed_over(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    twilio.receive(CUSTOMER, " ")
    twilio.receive(NUMBER, "loop")
    twilio.receive(CUSTOMER, "to another number", to="+12028832222")
    assert sms.missed(line, since()) == []


def test_a_service_without_a_number_sees_its_own(twilio: TwilioServer, sms: Sms) -> None:
    line = make_line(sms, messaging_service_sid=SERVICE, phone_number="")
    mine = twilio.receive(CUSTOMER, "Hi", to="384387", service=SERVICE)
    twilio.receive(CUSTOMER, "Hi", service="MG" + "0" * 32)
    sms.send(line, Outbound(1, "message-1-1", CUSTOMER, "a reply", 1))
    assert [message.provider_message_id for message in sms.missed(line, since())] == [mine.sid]


def test_a_scheduled_message_that_went_out_just_now_hides_nothing(twilio: TwilioServer, sms: Sms) -> None:
    line = make_line(sms, messaging_service_sid=SERVICE, phone_number="")
    mine = twilio.receive(CUSTOMER, "Hi", service=SERVICE)
    sms.send(line, Outbound(1, "message-1-1", CUSTOMER, "a reminder", 1))
    scheduled = twilio.sent[0]
    scheduled.created, scheduled.sent = mine.created - timedelta(days=2), mine.created
    assert [message.provider_message_id for message in sms.missed(line, since())] == [mine.sid]


def test_page_by_page(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sids = [twilio.receive(CUSTOMER, str(number)).sid for number in range(450)]
    assert [message.provider_message_id for message in sms.missed(line, since())] == sids
    assert twilio.requests["GET Messages"] == 3


def test_twilio_out_of_reach_is_an_error(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    from twilio.base.exceptions import TwilioException

    twilio.fail_reads("500")
    with pytest.raises(TwilioException):
        sms.missed(line, since())
    assert sms.can_be_asked
