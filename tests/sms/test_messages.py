"""What texts and status callbacks become."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.codes import CUSTOMER, LINE
from receptionist import Attachment, Inbound, Invalid, Receipt, Sender
from tests.servers.twilio_server import NUMBER
from tests.sms.fake_host import CUSTOMER as PERSON
from tests.sms.fake_host import SERVICE, FakeHost, make_line
from tests.sms.webhooks import SID, URL, signed, status_fields, text_fields

API = "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME"


def read(fields: list[tuple[str, str]], url: str = URL, **settings: Any) -> Any:
    """The one thing that a webhook says, or None."""
    channel, request = Sms(FakeHost()), signed(fields, url)
    line = make_line(channel, **settings)
    channel.verify(request, line)
    items = channel.parse(request, line)
    assert len(items) <= 1
    return items[0] if items else None


def test_a_text() -> None:
    assert read(text_fields()) == Inbound(SID, Sender(PERSON, verified_phone=PERSON), "Are you open?")


@pytest.mark.parametrize(
    ("address", "phone"),
    [
        ("+4915112345678", "+4915112345678"),
        ("+19999", None),
        ("+12", None),
        ("32665", None),
        ("AMAZON", None),
        ("whatsapp:US.1234", None),
        ("whatsapp:+14133881111", None),
        ("rcs:agent@rbm.goog", None),
    ],
)
def test_only_a_possible_number_is_a_proved_phone(address: str, phone: str | None) -> None:
    assert read(text_fields(From=address)).sender == Sender(address, verified_phone=phone)


def test_an_impossible_number_is_no_phone() -> None:
    assert read(text_fields(From="+1413388")).sender.verified_phone is None


def test_the_name_of_a_whatsapp_profile() -> None:
    message = read(text_fields(From="whatsapp:+14133881111", To=f"whatsapp:{NUMBER}", ProfileName=" Ana\x00 "))
    assert message.sender == Sender("whatsapp:+14133881111", name="Ana")


def test_nul_goes() -> None:
    assert read(text_fields(Body="a\x00b \U0001f600")).text == "ab \U0001f600"


@pytest.mark.parametrize("body", ["", " ", "\n\t", "\x00"])
def test_a_message_with_nothing_in_it_is_nothing(body: str) -> None:
    assert read(text_fields(Body=body)) is None


@pytest.mark.parametrize("sender", [NUMBER, f"whatsapp:{NUMBER}"])
def test_our_own_number_is_not_answered(sender: str) -> None:
    assert read(text_fields(From=sender)) is None


@pytest.mark.parametrize(
    ("settings", "fields", "taken"),
    [
        ({}, {"To": "384387"}, False),
        ({}, {"To": "384387", "MessagingServiceSid": SERVICE}, False),
        ({"messaging_service_sid": SERVICE}, {"To": "384387", "MessagingServiceSid": SERVICE}, True),
        ({"messaging_service_sid": SERVICE}, {"To": "384387", "MessagingServiceSid": "MG" + "0" * 32}, False),
        ({"messaging_service_sid": SERVICE, "phone_number": ""}, {"MessagingServiceSid": SERVICE}, True),
        ({"messaging_service_sid": SERVICE, "phone_number": ""}, {}, False),
        ({"messaging_service_sid": SERVICE, "phone_number": ""}, {"To": "sms:x:"}, False),
        ({}, {"MessagingServiceSid": "MG" + "0" * 32}, True),
    ],
)
def test_whose_message_it_is(settings: dict[str, str], fields: dict[str, str], taken: bool) -> None:
    if taken:
        assert read(text_fields(**fields), **settings).text == "Are you open?"
    else:
        with pytest.raises(Invalid, match="another number"):
            read(text_fields(**fields), **settings)


def test_pictures() -> None:
    media = {f"MediaUrl{n}": f"{API}{n}" for n in range(3)}
    types = {"MediaContentType0": "IMAGE/JPEG; x=1", "MediaContentType1": "text/vcard", "MediaContentType2": "\x00"}
    message = read(text_fields(Body="", NumMedia="3", **media, **types))
    assert message.kind == "image"
    assert message.attachments == (
        Attachment("image/jpeg", f"{API}0"),
        Attachment("text/vcard", f"{API}1"),
        Attachment("application/octet-stream", f"{API}2"),
    )


@pytest.mark.parametrize(("kind", "wanted"), [("audio/amr", "audio"), ("video/mp4", "video"), ("text/vcard", "file")])
def test_kinds(kind: str, wanted: str) -> None:
    assert read(text_fields(NumMedia="1", MediaUrl0=API, MediaContentType0=kind)).kind == wanted


def test_at_most_ten_files_and_none_that_is_missing() -> None:
    media = {f"MediaUrl{n}": f"{API}{n}" for n in range(20) if n != 3}
    files = read(text_fields(NumMedia="999", **media)).attachments
    assert [file.url for file in files] == [f"{API}{n}" for n in (0, 1, 2, 4, 5, 6, 7, 8, 9)]


def test_a_doubled_file_is_invalid() -> None:
    with pytest.raises(Invalid):
        read([*text_fields(NumMedia="1", MediaUrl0=API), ("MediaUrl0", "https://evil.example/")])


@pytest.mark.parametrize(
    ("body", "kind", "consent"),
    [
        ("STOP", None, "stop"),
        ("stop.", None, "stop"),
        ("\uff33\uff34\uff2f\uff30", None, "stop"),
        ("st\u200bop", None, "stop"),
        ("Unsubscribe", None, "stop"),
        ("REVOKE", None, "stop"),
        ("don't stop", None, ""),
        ("please stop by at 5", None, ""),
        ("START", None, "start"),
        ("yes", None, "start"),
        ("HELP", None, "help"),
        ("BASTA", "STOP", "stop"),
        ("hola", "START", "start"),
        ("ayuda", "HELP", "help"),
        ("hello", "OTHER", ""),
    ],
)
def test_consent(body: str, kind: str | None, consent: str) -> None:
    message = read(text_fields(Body=body, OptOutType=kind))
    assert (message.text, message.consent) == (body, consent)


def test_help_on_whatsapp_is_for_the_agent_unless_twilio_says_otherwise() -> None:
    person = {"From": "whatsapp:+14133881111", "To": f"whatsapp:{NUMBER}"}
    assert read(text_fields(Body="Help", **person)).consent == ""
    assert read(text_fields(Body="Help", OptOutType="HELP", **person)).consent == "help"
    assert read(text_fields(Body="Stop", **person)).consent == "stop"


def test_sids_may_have_capitals() -> None:
    """https://www.twilio.com/docs/messaging/api/message-resource: ^(SM|MM)[0-9a-fA-F]{32}$."""
    sid = "SM" + "0123456789ABCDEF" * 2
    assert read(text_fields(MessageSid=sid)).provider_message_id == sid
    assert read(status_fields("sent", MessageSid=sid)).provider_message_id == sid
    account, service = "AC" + "0123456789ABCDEF" * 2, "MG" + "ABCDEF0123456789" * 2
    to_service = text_fields(AccountSid=account, MessagingServiceSid=service)
    assert read(to_service, account_sid=account, messaging_service_sid=service).text == "Are you open?"


@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        ("accepted", "queued"),
        ("scheduled", "queued"),
        ("queued", "queued"),
        ("sending", "queued"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_statuses(status: str, delivery: str) -> None:
    receipt = read(status_fields(status), f"{URL}?key=message-7-1790000000000")
    assert (receipt.status, receipt.key, receipt.provider_message_id) == (delivery, "message-7-1790000000000", SID)


@pytest.mark.parametrize("status", ["receiving", "received", "", "DELIVERED", "new"])
def test_statuses_that_say_nothing(status: str) -> None:
    assert read(status_fields(status)) is None


@pytest.mark.parametrize("query", ["", "?key=", "?key=a%00b", "?key=" + "x" * 101, "?other=1"])
def test_a_key_that_is_none_is_left_out(query: str) -> None:
    assert read(status_fields("sent"), URL + query).key is None


@pytest.mark.parametrize("code", sorted(LINE))
def test_codes_of_a_broken_line_alert(code: int) -> None:
    receipt = read(status_fields("failed", str(code)))
    assert receipt == Receipt("failed", SID, code=str(code), error=LINE[code], alert=True)


@pytest.mark.parametrize("code", sorted(CUSTOMER))
def test_codes_of_a_customer_do_not(code: int) -> None:
    receipt = read(status_fields("undelivered", str(code)))
    assert (receipt.code, receipt.error, receipt.alert) == (str(code), CUSTOMER[code], False)
    assert receipt.opted_out == (code == 21610)


def test_words_for_a_code_that_is_not_listed() -> None:
    assert read(status_fields("failed", "30999", ErrorMessage="The moon is wrong")).error == "The moon is wrong"
    assert read(status_fields("failed", "30999")).error == "see https://www.twilio.com/docs/api/errors/30999"
    assert read(status_fields("failed", "abc")).error == "Twilio gave no reason"


def test_a_message_sent_cannot_be_read_as_one_that_came_in() -> None:
    assert isinstance(read(status_fields("delivered")), Receipt)
    assert isinstance(read([*text_fields(), ("MessageStatus", "received")]), Inbound)


@pytest.mark.parametrize(("fields", "status"), [(text_fields(), 200), (status_fields("sent"), 204)])
def test_the_answer_sends_nothing(fields: list[tuple[str, str]], status: int) -> None:
    channel = Sms(FakeHost())
    answer = channel.acknowledge(signed(fields), make_line(channel))
    assert answer.status == status
    if status == 200:
        assert (answer.content_type, answer.body.endswith(b"<Response/>")) == ("text/xml", True)
