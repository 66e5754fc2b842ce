"""F24 on SQLite: the disk is full in the middle of everything, and has room again later."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from tests.harness.customers import Texter
from tests.harness.installation import Installation
from tests.harness.waiting import eventually
from tests.promise.records import PUSH, messages, settle
from tests.servers.brain import Brain
from tests.servers.points import Points
from tests.servers.vendor_server import VendorServer

FULL_WHILE_A_FILE_SAYS_SO = """
from pathlib import Path

import sqlalchemy as sa

from receptionist import hookimpl


@hookimpl
def startup(host):
    engine = host._parts.database.engine
    full = Path(engine.url.database).with_name("full")

    @sa.event.listens_for(engine, "begin")
    def limit(connection):
        pages = 1 if full.exists() else 2**31 - 2  # SQLite makes of 1 the present size
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
"""
MOST = 300


def test_a_full_disk(install: Callable[..., Installation], brain: Brain, points: Points, vendor: VendorServer) -> None:
    """What the vendor accepted while nothing could be noted goes out no second time; who heard 503 comes again."""
    brain.reply = lambda question: iter(["Good day."])
    installation = install(FAULT_POINTS=points.url)
    installation.drop_in(FULL_WHILE_A_FILE_SAYS_SO, "full_disk")
    installation.start()
    people = {kind: Texter(installation.port, kind, vendor) for kind in PUSH}
    points.arm("after_accept")
    for person in people.values():
        person.send("Please note this.")
    points.wait(len(people))
    writer = Texter(installation.port, "blind", vendor)
    (installation.path / "full").touch()
    taken = 0
    for _ in range(MOST):  # pages that are free within the file are used up first
        request = writer.message(f"{uuid.uuid4().hex} " * 90)
        answer = request.once()
        if answer.status == 503:
            break
        taken += 1
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert len(messages(installation, writer, "in")) == taken
    points.disarm()
    assert writer.message("x" * 3000).once().status == 503
    (installation.path / "full").unlink()
    request.until_accepted()
    for person in people.values():
        settle(installation, person, 30)
        assert person.replies() == ["Good day."]
    settle(installation, writer, 60)
    assert {row["state"] for row in messages(installation, writer, "in")} == {"answered"}
    assert len(messages(installation, writer, "in")) == taken + 1
    eventually(lambda: len(writer.replies()) == len(messages(installation, writer, "out")), what="all replies")
