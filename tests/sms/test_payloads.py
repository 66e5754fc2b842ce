"""Every recorded webhook, byte for byte: what a correct receptionist makes of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from plugins.twilio_sms.channel import Sms
from receptionist import Inbound, Receipt, RequestError, WebhookRequest
from tests.servers.twilio_server import TOKEN
from tests.sms.fake_host import SERVICE, FakeHost, make_line
from tests.sms.webhooks import PUBLIC, URL, signature, webhook

PAYLOADS = Path(__file__).parent / "payloads"
CASES = json.loads((PAYLOADS / "manifest.json").read_text(encoding="utf-8"))


def request_of(case: dict[str, Any]) -> WebhookRequest:
    body = (PAYLOADS / case["file"]).read_bytes()
    if "hash_of" in case:
        url = f"{URL}?bodySHA256={hashlib.sha256(case['hash_of'].encode()).hexdigest()}"
        sign = base64.b64encode(hmac.new(TOKEN.encode(), url.encode(), "sha1").digest()).decode()
        return webhook(body, sign, url, case["content_type"])
    pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    return webhook(body, signature(PUBLIC + case["signed_path"] if "signed_path" in case else URL, pairs))


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case["file"]).stem)
def test_payload(case: dict[str, Any]) -> None:
    channel, request = Sms(FakeHost()), request_of(case)
    line = make_line(channel, messaging_service_sid=SERVICE)
    try:
        channel.verify(request, line)
        items = channel.parse(request, line)
    except RequestError as error:
        assert error.status in case["http"]
        assert not case["inbound"] and not case["statuses"]
        return
    answer = channel.acknowledge(request, line)
    assert answer.status in case["http"]
    assert b"Message" not in answer.body
    assert [_message(item) for item in items if isinstance(item, Inbound)] == [
        {"consent": "", **wanted} for wanted in case["inbound"]
    ]
    assert [_status(item) for item in items if isinstance(item, Receipt)] == [
        {"error_code": None, "alert": False, **wanted} for wanted in case["statuses"]
    ]


def _message(item: Inbound) -> dict[str, Any]:
    return {
        "from": item.sender.address,
        "external_id": item.provider_message_id,
        "kind": item.kind,
        "text": item.text,
        "consent": item.consent,
    }


def _status(item: Receipt) -> dict[str, Any]:
    code = int(item.code) if item.code else None
    return {"id": item.provider_message_id, "status": item.status, "error_code": code, "alert": item.alert}


def test_every_payload_is_in_the_manifest() -> None:
    assert {case["file"] for case in CASES} == {path.name for path in PAYLOADS.iterdir()} - {"manifest.json"}
