"""A lead whose every trace can be searched for."""

from __future__ import annotations

import json

from receptionist import WebhookRequest
from receptionist.db import Scope
from receptionist.models import (
    Base,
    Consent,
    Conversation,
    Lead,
    LeadField,
    LeadMerge,
    LeadTag,
    LeadWord,
    StatusChange,
)
from receptionist.services.conversations import handover
from tests.harness.customers import Texter
from tests.harness.house import Customer, House
from tests.servers.vendor_server import VendorServer

CANARY = "kanarienvogel"
PHONE = "+15735550142"


def write(customer: Customer, text: str, *files: str, message_id: str = "") -> None:
    """A message of the customer, with files of the vendor's."""
    message = {"id": message_id or f"{CANARY}-{text}", "from": customer.address, "text": text, "files": files}
    data = json.dumps({"messages": [message]}).encode()
    headers = {"x-signature": Texter.sign(data)}
    customer.house.parts.host.receive(customer.line, WebhookRequest("POST", "", headers, {}, data, "127.0.0.1"))


def canary(house: House, vendor: VendorServer) -> tuple[Customer, int]:
    """A customer of whom something is kept in every place there is, and the lead's id."""
    customer = house.texter("idempotent")
    write(customer, f"I am {CANARY}.", f"{vendor.url}/files/{CANARY}")
    house.drain()
    write(customer, f'call note {{"text": "{CANARY}"}}.')
    house.drain()
    [row] = house.sql("SELECT max(id) AS id FROM leads")
    _everything(house, customer, row.id)
    return customer, row.id


def _everything(house: House, customer: Customer, lead_id: int) -> None:
    with house.parts.database.begin() as connection:
        scope = Scope(connection, customer.line.account_id)
        known = {"name": CANARY, "company": CANARY, "email": f"{CANARY}@example.com", "phone": PHONE}
        own = Lead.id == lead_id
        scope.run(scope.update(Lead).where(own).values(**known, notes=CANARY, custom={"pet": CANARY}))
        scope.insert(LeadField, name="pet", title="Pet", kind="text")
        scope.insert(LeadTag, lead_id=lead_id, tag=CANARY)
        scope.insert(LeadWord, lead_id=lead_id, word=CANARY)
        scope.insert(StatusChange, lead_id=lead_id, before="new", after=CANARY, by="Ann")
        scope.insert(Consent, lead_id=lead_id, channel="loopback", state="granted", source=CANARY)
        merged = scope.insert(Lead, name=f"{CANARY} the second", merged_into_id=lead_id)
        scope.insert(LeadMerge, kept_id=lead_id, merged_id=merged, moved={}, before={"name": CANARY}, by="Ann")
        [conversation] = scope.all(scope.select(Conversation, Conversation.id).where(Conversation.lead_id == lead_id))
        handover.reply(scope, conversation.id, "Ann", f"Queued for {CANARY}.", 0)


def traces(house: House, *words: str) -> list[str]:
    """Tables and files of the instance in which one of the words is found, whatever its case."""
    wanted = [word.lower() for word in words]
    found = []
    with house.parts.database.read() as connection:
        for table in Base.metadata.sorted_tables:
            rows = " ".join(repr(tuple(row)) for row in connection.execute(table.select())).lower()
            found += [f"{table.name}: {word}" for word in wanted if word in rows]
    for path in house.path.rglob("*"):
        if path.is_file():
            content = str(path).lower().encode() + path.read_bytes().lower()
            found += [f"{path.relative_to(house.path)}: {word}" for word in wanted if word.encode() in content]
    return found
