"""Files that come with a message and go with one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from receptionist import WebhookRequest
from receptionist.db import Scope
from receptionist.errors import Unavailable
from receptionist.pipeline import turn
from receptionist.services.conversations import handover
from tests.harness.customers import Texter
from tests.harness.house import Customer, House
from tests.servers.brain import Brain
from tests.servers.vendor_server import VendorServer


@pytest.fixture
def house(open_house: object) -> House:
    """A house with a storage."""
    return open_house(DISABLED_PLUGINS=left_out("local_files"))  # type: ignore[operator]


def left_out(but: str) -> str:
    """Every bundled plugin that takes no part, except one."""
    from tests.harness.instance import left_out as names

    return ",".join(name for name in names().split(",") if name != but)


def send_with_files(customer: Customer, text: str, *urls: str) -> None:
    """A message with files."""
    message = {"id": f"id-{text}", "from": customer.address, "text": text, "files": urls}
    data = json.dumps({"messages": [message]}).encode()
    headers = {"x-signature": Texter.sign(data)}
    customer.house.parts.host.receive(customer.line, WebhookRequest("POST", "", headers, {}, data, "127.0.0.1"))


def test_a_file_is_stored_before_the_answer(house: House, vendor: VendorServer, brain: Brain) -> None:
    customer = house.texter("askable")
    send_with_files(customer, "Look at this.", f"{vendor.url}/files/photo")
    house.drain()
    [row] = house.sql("SELECT attachments FROM messages WHERE direction = 'in'")
    [file] = json.loads(row.attachments) if isinstance(row.attachments, str) else row.attachments
    with house.parts.host.storage().open(file["key"]) as stream:
        assert json.loads(stream.read()) == {"file": "/files/photo"}
    assert "photo" not in file["key"], "a name from outside is no path"
    assert customer.replies() == ["Echo: Look at this.\n[a file that you cannot see: application/json]"]


def while_fetching(customer: Customer, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Something happens while the first file is fetched."""
    channel: Any = customer.house.parts.channels["loopback"]
    fetch, left = channel.fetch, [happens]

    def slow(*arguments: Any) -> Any:
        if left:
            left.pop()()
        return fetch(*arguments)

    monkeypatch.setattr(channel, "fetch", slow)


def test_files_that_come_while_others_are_fetched_are_stored_too(
    house: House, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An album comes message by message, and is answered at once."""
    customer = house.texter("askable")
    more = partial(send_with_files, customer, "And at that.", f"{vendor.url}/files/two")
    while_fetching(customer, monkeypatch, more)
    send_with_files(customer, "Look at this.", f"{vendor.url}/files/one")
    house.drain()
    rows = house.sql("SELECT state, attachments FROM messages WHERE direction = 'in' ORDER BY seq")
    files = [json.loads(row.attachments) if isinstance(row.attachments, str) else row.attachments for row in rows]
    assert [row.state for row in rows] == ["answered", "answered"]
    assert ["key" in file for [file] in files] == [True, True]


@pytest.mark.parametrize("acted", [False, True])
def test_what_a_suspect_did_not_look_at_is_answered_though_it_came_with_its_files(
    house: House, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch, acted: bool
) -> None:
    """F21: it came between two looks of a turn that looks at the oldest message alone, or at what it saw before."""
    customer = house.texter("askable")
    send_with_files(customer, 'call book {"what": "table 9"}.' if acted else "Look.", f"{vendor.url}/files/one")
    if acted:
        with monkeypatch.context() as patch:
            patch.setattr(turn, "record", lambda *_arguments, **_more: 1 / 0)
            house.drain()
        house.sql("UPDATE messages SET attachments = replace(replace(attachments, 'key', 'was'), 'error', 'why')")
        house.make_due()
    while_fetching(customer, monkeypatch, lambda: customer.send("And are you open?"))
    house.sql("UPDATE conversations SET attempts = 2")
    house.drain()
    assert customer.replies()[-1] == "Echo: And are you open?"
    states = house.sql("SELECT DISTINCT state FROM messages WHERE direction = 'in'")
    assert [row.state for row in states] == ["answered"]
    assert house.sql("SELECT due_at, lease_owner FROM conversations") == [(None, None)]


def test_a_file_that_cannot_be_had_costs_no_answer(house: House, vendor: VendorServer) -> None:
    customer = house.texter("askable")
    send_with_files(customer, "Look at this.", "http://169.254.169.254/latest", f"{vendor.url}/files/one")
    house.drain()
    [row] = house.sql("SELECT attachments FROM messages WHERE direction = 'in'")
    first, second = json.loads(row.attachments) if isinstance(row.attachments, str) else row.attachments
    assert first["error"] == "this is not the vendor's"
    assert "key" in second
    assert len(customer.replies()) == 1


def test_a_persons_file_goes_out_as_a_link_for_an_hour(house: House, vendor: VendorServer) -> None:
    import io

    customer = house.texter("askable")
    customer.send("Please send the menu.")
    house.drain()
    house.parts.host.storage().save("attachments/1/menu", io.BytesIO(b"%PDF-1.7"))
    file = {"content_type": "application/pdf", "name": "menu.pdf", "key": "attachments/1/menu", "size": 8}
    with house.parts.database.begin() as connection:
        handover.reply(Scope(connection, customer.line.account_id), 1, "Ann", "Here it is.", 60, [file])
    house.make_due()
    house.drain()
    assert customer.replies()[-1] == "Here it is."
    [url] = vendor.attempts[-1]["media"]
    client = house.app().test_client()
    answer = client.get(urlsplit(url).path)
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"%PDF-1.7", "application/pdf")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    forged = re.sub(r"/files/(.*)\..*$", r"/files/\1.AAAA", urlsplit(url).path)
    assert client.get(forged).status_code == 404


def test_what_a_browser_would_run_is_handed_out_as_a_download(house: House) -> None:
    import io

    house.parts.host.storage().save("attachments/1/page", io.BytesIO(b"<script>alert(1)</script>"))
    for kind in ("text/html", "image/svg+xml", "application/javascript"):
        token = house.parts.signer.sign("file", {"key": "attachments/1/page", "type": kind}, 60)
        answer = house.app().test_client().get(f"/files/{token}")
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("at_commit", [False, True])
def test_a_file_that_could_not_be_noted_is_deleted(house: House, vendor: VendorServer, at_commit: bool) -> None:
    """Its key is random: nobody would find it, not even to erase its lead."""
    customer = house.texter("askable")
    send_with_files(customer, "Look at this.", f"{vendor.url}/files/photo")
    begin = house.parts.database.begin

    @contextmanager
    def fails(**options: bool) -> Iterator[sa.Connection]:
        asked_by = sys._getframe(2).f_code.co_name
        if asked_by == "_fetch_of" and not at_commit:
            raise Unavailable("the database is away")
        with begin(**options) as connection:
            yield connection
            if asked_by == "_fetch_of":
                raise Unavailable("the database went away")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(house.parts.database, "begin", fails)
        house.drain()
    assert [path for path in (house.path / "files").rglob("*") if path.is_file()] == []
    house.make_due()
    house.drain()
    assert len(customer.replies()) == 1
    assert len([path for path in (house.path / "files").rglob("*") if path.is_file()]) == 1


def test_a_file_that_was_noted_by_a_commit_that_seemed_to_fail_stays(house: House, vendor: VendorServer) -> None:
    customer = house.texter("askable")
    send_with_files(customer, "Look at this.", f"{vendor.url}/files/photo")
    begin = house.parts.database.begin

    @contextmanager
    def loses_the_answer(**options: bool) -> Iterator[sa.Connection]:
        asked_by = sys._getframe(2).f_code.co_name
        with begin(**options) as connection:
            yield connection
        if asked_by == "_fetch_of":
            raise Unavailable("the connection was lost at the commit")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(house.parts.database, "begin", loses_the_answer)
        house.drain()
    [row] = house.sql("SELECT attachments FROM messages WHERE direction = 'in'")
    [file] = json.loads(row.attachments) if isinstance(row.attachments, str) else row.attachments
    with house.parts.host.storage().open(file["key"]) as stream:
        assert stream.read()
