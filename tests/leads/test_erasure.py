"""Erasing a lead: nothing of it stays or comes back, whatever happens at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist.db import db_now
from receptionist.errors import LeadError
from receptionist.models import Base, Conversation, CreditEntry
from receptionist.pipeline.eraser import Eraser
from tests.harness.house import House
from tests.harness.instance import left_out
from tests.harness.plugins import HEAD
from tests.leads.canary import CANARY, PHONE, canary, traces, write
from tests.servers.brain import Brain, Piece, Question
from tests.servers.vendor_server import VendorServer

Open = Callable[..., House]
BRINGS_ALONG = ("local_files", "lead_file", "journal")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(request.param)


@pytest.fixture
def house(open_house: Open) -> House:
    """A house that keeps files, and a file of leads."""
    names = [name for name in left_out().split(",") if name not in BRINGS_ALONG]
    return open_house(DISABLED_PLUGINS=",".join(names), LEAD_FILE="leads.jsonl")


def erase(house: House, lead_id: int) -> Any:
    return Eraser(house.parts).erase(1, lead_id, "Ann")


def test_everything_of_a_lead_goes_and_a_receipt_remains(
    house: House, vendor: VendorServer, capfd: pytest.CaptureFixture[str]
) -> None:
    stays = house.texter("idempotent")
    stays.send("Am I still here?")
    house.drain()
    customer, lead_id = canary(house, vendor)
    house.runner.usage.flush()
    everywhere = traces(house, CANARY)
    assert {trace.split(":")[0] for trace in everywhere} >= {
        *("leads", "messages", "tool_calls", "lead_tags", "lead_words", "status_changes", "consents", "lead_merges"),
        "leads.jsonl",
    }
    assert any(trace.startswith("files") for trace in everywhere), "its file is there"
    receipt = erase(house, lead_id)
    assert traces(house, CANARY, PHONE, customer.address) == []
    assert receipt.error is None and receipt.done_at is not None
    counted = {"messages": 5, "turns": 2, "tool_calls": 1, "conversations": 1, "leads": 2, "lead_tags": 1}
    counted |= {"usage_days": 1, "usage_months": 1}
    assert receipt.counts.items() >= (counted | {"status_changes": 1, "consents": 1, "lead_merges": 1}).items()
    assert (receipt.lead_id, receipt.by) == (lead_id, "Ann")
    assert len(house.sql("SELECT 1 FROM usage_months")) == 1, "the other one's is there"
    assert CANARY not in "".join(capfd.readouterr()).lower(), "it is in no log"
    stays.send("And now?")
    house.drain()
    assert stays.replies()[-1] == "Echo: And now?"
    with pytest.raises(LeadError, match=f"no lead {lead_id}"):
        erase(house, lead_id)


def test_a_turn_that_runs_meanwhile_leaves_nothing(
    house: House, vendor: VendorServer, brain: Brain, capfd: pytest.CaptureFixture[str]
) -> None:
    customer, lead_id = canary(house, vendor)
    house.make_due()
    house.drain()
    before = len(customer.replies())
    erased = threading.Event()

    def slow(question: Question) -> Iterator[Piece]:
        yield f"Dear {CANARY}, "
        erased.wait(10)
        yield "goodbye."

    brain.reply = slow
    write(customer, f"Who am I, {CANARY}?", f"{vendor.url}/files/{CANARY}")
    with customer.house.parts.bus.watch((customer.line.id, customer.address)) as watch:
        turn = threading.Thread(target=house.drain)
        turn.start()
        try:
            brain.wait_for("Who am I")
            receipt = erase(house, lead_id)
        finally:
            erased.set()
            turn.join(10)
        assert CANARY not in str(watch.snapshot()).lower()
    said = "".join(capfd.readouterr())
    assert "fence_lost" in said and "drain_failed" not in said and CANARY not in said.lower()
    assert traces(house, CANARY, PHONE, customer.address) == []
    assert receipt.done_at is not None
    assert len(customer.replies()) == before, "no answer goes out any more"


def test_a_tool_call_that_runs_meanwhile_leaves_nothing(
    house: House, vendor: VendorServer, brain: Brain, capfd: pytest.CaptureFixture[str]
) -> None:
    customer, lead_id = canary(house, vendor)
    house.make_due()
    house.drain()
    erased = []

    def reply(question: Question) -> Iterator[Piece]:
        from tests.servers.brain import Calls

        if not erased:
            erased.append(erase(house, lead_id))
            yield Calls("note", f'{{"text": "{CANARY}"}}')
        yield "Noted."

    brain.reply = reply
    write(customer, f"Note that I am {CANARY}.")
    house.drain()
    said = "".join(capfd.readouterr())
    assert "fence_lost" in said and "drain_failed" not in said
    assert traces(house, CANARY, PHONE, customer.address) == []


def test_who_opted_out_is_not_written_to_after_erasing(house: House, vendor: VendorServer) -> None:
    customer, lead_id = canary(house, vendor)
    write(customer, "STOP")
    house.drain()
    erase(house, lead_id)
    before = len(customer.replies())
    write(customer, "Hello again!", message_id="new")
    house.drain()
    assert len(customer.replies()) == before
    [row] = house.sql("SELECT state, error FROM messages WHERE text = 'Hello again!'")
    assert (row.state, row.error) == ("silent", "the customer opted out")


def test_an_erased_message_that_its_vendor_repeats_does_not_come_back(house: House, vendor: VendorServer) -> None:
    customer, lead_id = canary(house, vendor)
    erase(house, lead_id)
    write(customer, f"I am {CANARY}.")  # by webhook once more, or because the vendor was asked what was missed
    house.drain()
    assert traces(house, CANARY, customer.address) == []
    write(customer, "Hello again!", message_id="new")
    house.drain()
    assert customer.replies()[-1] == "Echo: Hello again!"
    write(customer, f"I am {CANARY}.")
    house.drain()
    assert traces(house, CANARY) == [], "not into the new conversation either"


def test_what_cannot_be_deleted_yet_is_tried_again_and_shown(
    open_house: Open, vendor: VendorServer, command: Callable[..., str]
) -> None:
    names = [name for name in left_out().split(",") if name != "local_files"]
    broken = HEAD + "@hookimpl\ndef on_event(event, host):\n    assert not (host.instance_path / 'broken').exists()\n"
    house = open_house({"aaa": broken}, DISABLED_PLUGINS=",".join(names))
    _, lead_id = canary(house, vendor)
    (house.path / "broken").touch()
    storage = house.parts.host.storage()
    kept, type(storage).delete = type(storage).delete, _refuses
    try:
        said = command(house, "lead", "erase", str(lead_id), "--yes")
    finally:
        type(storage).delete = kept
    assert "still to do: 1 files, plugins that keep leads" in said
    assert "the bucket is away" in said and "A plugin failed in on_event" in said
    eraser = Eraser(house.parts)
    eraser.finish_due()
    assert "still to do" in command(house, "lead", "erasures"), "not before its pause is over"
    (house.path / "broken").unlink()
    house.sql("UPDATE erasures SET due_at = created_at")
    eraser.finish_due()
    assert "nothing is left" in command(house, "lead", "erasures")
    assert traces(house, CANARY) == []


def _refuses(self: object, key: str) -> None:
    raise OSError("the bucket is away")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`command(house, "lead", "erasures")`: what it prints."""
    from click.testing import CliRunner

    from receptionist.cli import main

    def run(house: House, *arguments: str, stdin: str = "", fails: bool = False) -> str:
        monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
        result = CliRunner().invoke(main, arguments, input=stdin)
        assert (result.exit_code != 0) == fails, (result.output, result.exception)
        return result.output

    return run


def test_erasing_asks_and_refuses_a_merged_lead(
    house: House, vendor: VendorServer, command: Callable[..., str]
) -> None:
    _, lead_id = canary(house, vendor)
    assert "nothing was erased" in command(house, "lead", "erase", str(lead_id), stdin="99\n", fails=True)
    into = f"was merged into lead {lead_id}: erase that one"
    assert into in command(house, "lead", "erase", str(lead_id + 1), "--yes", fails=True)
    assert traces(house, CANARY)
    assert "nothing is left" in command(house, "lead", "erase", str(lead_id), stdin=f"{lead_id}\n")


def test_credits_that_were_used_stay_used(house: House, command: Callable[..., str]) -> None:
    command(house, "account", "credits", "10")
    customer = house.texter("idempotent")
    customer.send("Hello")
    house.drain()
    erase(house, 1)
    with house.parts.database.read() as connection:
        rows = connection.execute(sa.select(CreditEntry.amount, CreditEntry.turn_id).order_by(CreditEntry.id)).all()
    assert [tuple(row) for row in rows] == [(10, None), (-1, None)]


def test_no_table_can_keep_what_belongs_to_a_lead() -> None:
    """Rows go by the columns that always refer to a lead; one that only may would stay, or stop the erasing."""
    may_refer = {
        f"{table.name}.{key.column_keys[-1]}"
        for table in Base.metadata.sorted_tables
        for key in table.foreign_key_constraints
        if key.referred_table.name in {"leads", "conversations", "turns", "messages", "tool_calls"}
        and not any(
            other.referred_table.name in {"leads", "conversations", "turns"}
            and not table.c[other.column_keys[-1]].nullable
            for other in table.foreign_key_constraints
        )
    }
    assert may_refer == {"credit_entries.turn_id"}, "set to NULL or deleted by services/leads/erasure.py itself"


def test_the_embedded_database_can_be_rewritten(house: House, command: Callable[..., str]) -> None:
    if house.parts.database.is_sqlite:
        assert command(house, "lead", "scrub") == "The database was rewritten.\n"
    else:
        assert "DATABASE_URL names a server" in command(house, "lead", "scrub", fails=True)


def test_erasing_waits_for_a_message_on_its_way_but_not_for_a_dead_worker(house: House, brain: Brain) -> None:
    customer = house.texter("idempotent")
    refused: list[str] = []
    channel = house.parts.channels["loopback"]
    send = type(channel).send

    def slow(self: Any, line: Any, message: Any) -> Any:
        with pytest.raises(LeadError, match="on its way just now; please try again in a moment") as error:
            erase(house, 1)
        refused.append(str(error.value))
        return send(self, line, message)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(channel), "send", slow)
        customer.send("hello")
        house.drain()
    assert len(refused) == 1 and len(customer.replies()) == 1
    house.sql("UPDATE messages SET state = 'sending' WHERE direction = 'out'")
    with house.parts.database.begin() as connection:
        connection.execute(sa.update(Conversation).values(lease_owner="dead", lease_until=db_now(-90.0)))
    assert erase(house, 1).counts["messages"] == 2, "its lease ended long ago"
