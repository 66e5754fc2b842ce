"""Two more push channels to the fake vendor: `letters` reaches e-mail addresses, `day` takes replies for a day only."""

from __future__ import annotations

import json
import uuid
from datetime import datetime

import sqlalchemy as sa

from receptionist import Line, WebhookRequest
from receptionist.db import Scope, db_now
from receptionist.models import Message, table
from receptionist.services import lines
from receptionist.services.strategies import strategies
from tests.harness.customers import Texter
from tests.harness.house import House
from tests.harness.instance import SECRET, STRATEGY_NAME
from tests.servers.vendor_server import VendorServer

DROP_IN = '''
from dataclasses import replace
from datetime import datetime

from receptionist import Capabilities, hookimpl
from receptionist.plugins.loopback import Loopback


class Letters(Loopback):
    name, title = "letters", "Letters"
    capabilities = Capabilities(burst_seconds=0, reaches="email")


class Day(Loopback):
    name, title = "day", "Day"
    capabilities = Capabilities(burst_seconds=0, reaches="phone", reply_window_seconds=86_400)

    def parse(self, request, line):
        """A message may say when it was written: `at`."""
        items = super().parse(request, line)
        times = [message.get("at") for message in request.json()["messages"]]
        return [
            replace(item, sent_at=datetime.fromisoformat(at)) if at else item
            for item, at in zip(items, times, strict=True)
        ]


@hookimpl
def register_channels(host):
    return [Letters(host), Day(host)]
'''


def add_line(house: House, channel: str, vendor: VendorServer) -> Line:
    """The account's line on this channel."""
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        lines.add(
            scope,
            house.parts.vault,
            house.parts.channels[channel],
            title=channel,
            key=f"{channel}-line",
            settings={"vendor": vendor.url, "secret": SECRET, "kind": "idempotent"},
            strategy_id=strategies.find(scope, STRATEGY_NAME).id,
        )
    return house.parts.host.line(channel, f"{channel}-line")


def write(house: House, line: Line, address: str, text: str, at: datetime | None = None) -> None:
    """A customer writes on this line, `at` by the vendor's word; nothing answers before `drain`."""
    message = {"id": uuid.uuid4().hex, "from": address, "text": text, **({"at": at.isoformat()} if at else {})}
    body = json.dumps({"messages": [message]}).encode()
    request = WebhookRequest("POST", "", {"x-signature": Texter.sign(body)}, {}, body, "127.0.0.1")
    house.parts.host.receive(house.parts.host.line(line.channel, line.key), request)


def age(house: House, hours: float) -> None:
    """Let all that customers wrote be so many hours old."""
    messages = table(Message)
    with house.parts.database.begin() as connection:
        old = sa.update(messages).where(messages.c.direction == "in").values(created_at=db_now(-hours * 3600))
        connection.execute(old)
