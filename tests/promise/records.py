"""What the database of an installation must say about customers who were answered."""

from __future__ import annotations

from sqlite3 import Row

from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.harness.waiting import eventually
from tests.servers.brain import Brain
from tests.servers.vendor_server import VendorServer

Customer = ChatClient | Texter
PUSH = ("idempotent", "askable", "blind")


def customers(installation: Installation, vendor: VendorServer) -> dict[str, Customer]:
    """One new customer on each line."""
    chat = ChatClient(installation.port)
    chat.open()
    return {"webchat": chat, **{kind: Texter(installation.port, kind, vendor) for kind in PUSH}}


def messages(installation: Installation, customer: Customer, direction: str) -> list[Row]:
    """The customer's recorded messages, in the order of `seq`."""
    return installation.sql(
        "SELECT m.*, c.id AS conversation FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE c.address = ? AND m.direction = ? ORDER BY m.seq",
        customer.address,
        direction,
    )


def turns(installation: Installation, customer: Customer) -> list[Row]:
    """The customer's turns, each with how many credits it cost."""
    return installation.sql(
        "SELECT t.*, (SELECT count(*) FROM credit_entries e WHERE e.turn_id = t.id) AS entries,"
        " (SELECT sum(amount) FROM credit_entries e WHERE e.turn_id = t.id) AS credits"
        " FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE c.address = ? ORDER BY t.id",
        customer.address,
    )


def tool_calls(installation: Installation, customer: Customer) -> list[Row]:
    """The customer's tool calls."""
    return installation.sql(
        "SELECT k.* FROM tool_calls k JOIN turns t ON t.id = k.turn_id"
        " JOIN conversations c ON c.id = t.conversation_id WHERE c.address = ? ORDER BY k.id",
        customer.address,
    )


def settle(installation: Installation, customer: Customer, timeout: float = 15.0) -> None:
    """Wait until nothing is left to do for this customer."""
    busy = "SELECT 1 FROM conversations WHERE address = ? AND (due_at IS NOT NULL OR lease_owner IS NOT NULL)"
    there = "SELECT 1 FROM conversations WHERE address = ?"
    eventually(
        lambda: installation.sql(there, customer.address) and not installation.sql(busy, customer.address),
        timeout,
        f"the end of the work for {customer.address}",
    )


def assert_answered(installation: Installation, customer: Customer, brain: Brain, texts: list[str]) -> None:
    """Each text is stored once, answered once and in order by one turn that was paid once."""
    taken = messages(installation, customer, "in")
    assert [row["text"] for row in taken] == texts
    assert {row["state"] for row in taken} == {"answered"}
    assert [row["text"] for row in messages(installation, customer, "out")] == [f"Echo: {text}" for text in texts]
    assert [row["state"] for row in turns(installation, customer)] == ["done"] * len(texts)
    assert_paid_once(installation, customer)
    for text in texts:
        assert 1 <= len(brain.about(text)) <= 2


def assert_paid_once(installation: Installation, customer: Customer) -> None:
    """Every turn of the customer cost one credit, booked once."""
    assert [(row["entries"], row["credits"]) for row in turns(installation, customer)] == [(1, -1)] * len(
        turns(installation, customer)
    )
