"""Limits, usage and prices on the command line, and what the doctor says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from receptionist.contracts.model import Usage
from receptionist.doctor import Finding, examine
from receptionist.services.prices import Price, cost_of
from tests.core.test_cli import call
from tests.harness.house import House
from tests.limits.support import limit
from tests.servers.brain import Brain, Fails, Piece, Question

PRICES = {"gpt-6": Price(5_000_000, 500_000, 40_000_000), "gpt-6*": Price(1, 1, 1), "gpt-6-luna*": Price(0, 0, 10)}


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        ("gpt-6", Usage(1000, 100, 0, 0), 9000),
        ("gpt-6", Usage(1000, 100, 1000, 100), 4500),  # all cached; reasoning is a part of the output
        ("gpt-6", Usage(1000, 100, 5000, 0), 4500),  # more cached than there was: a vendor's slip
        ("gpt-6-terra", Usage(1_000_000, 500_000), 2),
        ("gpt-6-luna-2026-05-01", Usage(1_000_000, 1_000_000), 10),
        ("gpt-6", Usage(), 0),
        ("gpt-5", Usage(1000, 100), None),
        ("", Usage(1000, 100), None),
    ],
)
def test_what_a_turn_costs(model: str, usage: Usage, cost: int | None) -> None:
    assert cost_of(PRICES, model, usage) == cost


def test_limits_are_shown_and_set(counted: House) -> None:
    shown = call(counted.parts, "account", "limits")
    assert "lead.turns      200\n" in shown and "account.cost    none\n" in shown
    changed = call(counted.parts, "account", "limits", "--set", "lead.turns=1", "--set", "line.cost=2.50")
    assert "lead.turns      1\n" in changed and "line.cost       2.50\n" in changed
    assert counted.sql("SELECT limits FROM accounts")[0].limits == '{"lead": {"turns": 1}, "line": {"cost": "2.50"}}'
    assert "lead.tokens     2000000\n" in changed, "what was not set is as it was"
    visitor = counted.visitor()
    assert visitor.say("First.") == "About First."
    assert visitor.say("Second.").startswith("Thank you")
    assert "lead.turns      none\n" in call(counted.parts, "account", "limits", "--set", "lead.turns=none")
    assert "lead.turns      200\n" in call(counted.parts, "account", "limits", "--set", "lead.turns=default")


NO_LIMITS = [
    ("lead.turns=-1", "lead.turns"),
    ("lead.turns=many", "lead.turns: write digits only, such as 1000, not 'many'"),
    ("lead.turns=1.000", "lead.turns: write digits only"),  # a thousand, or one
    ("loop_turns=2_0", "loop_turns: write digits only"),
    ("account.cost=0,5", "US dollars such as 0.5"),
    ("lead.messages=5", "There is no limit lead.messages. There are: lead.turns, lead.tokens, lead.cost,"),
    ("account.cost=0.0000001", "account.cost"),
    ("account.cost=nan", "account.cost"),
    ("loop_turns=1", "loop_turns: must be at least 4"),
    ("loop_turns=61", "loop_turns: must be at most 60"),
    ("lead.turns", "write it like lead.turns=50"),
    ("=5", "There is no limit"),
]


def test_what_is_no_limit_is_refused_with_the_cure(counted: House) -> None:
    for change, says in NO_LIMITS:
        assert says in call(counted.parts, "account", "limits", "--set", change, fails=True), change
    assert counted.sql("SELECT limits FROM accounts")[0].limits == "{}"


def test_usage_is_shown_by_day_line_and_lead(counted: House) -> None:
    assert "Nothing was used" in call(counted.parts, "account", "usage")
    call(counted.parts, "price", "set", "counted*", "--input", "1", "--cached", "0", "--output", "4")
    visitor = counted.visitor()
    visitor.say("First.")
    visitor.say("Second.")
    counted.visitor().say("Third.")
    counted.runner.usage.flush()
    day, line, month, *leads = call(counted.parts, "account", "usage", "--days", "1").splitlines()
    assert day.split()[1:] == ["3", "turns", "3300", "tokens", "0.0030", "US", "dollars"]
    assert line.split()[:1] == ["line"] and line.endswith("  Chat")
    assert month == f"Customers in {day[:7]}:"
    assert [(lead.split()[0], lead.split()[2]) for lead in leads] == [("lead", "2"), ("lead", "1")]


def test_usage_of_leads_is_shown_of_any_month(counted: House) -> None:
    counted.visitor().say("First.")
    counted.runner.usage.flush()
    counted.sql("UPDATE usage_months SET month = '2026-02-01'")
    shown = call(counted.parts, "account", "usage", "--month", "2026-02").splitlines()
    assert shown[shown.index("Customers in 2026-02:") + 1].split()[:3] == ["lead", "1", "1"]
    shown = call(counted.parts, "account", "usage", "--month", "2026-01").splitlines()
    assert "Customers in 2026-01: none." in shown and not [line for line in shown if line.startswith("lead")]
    for text in ("February", "2026-13", "2026-02-01"):
        refused = call(counted.parts, "account", "usage", "--month", text, fails=True)
        assert f"'{text}' is no month; write it like 2026-11." in refused


def test_usage_of_a_month_is_that_of_its_days_and_lines(counted: House) -> None:
    counted.visitor().say("First.")
    counted.runner.usage.flush()
    counted.sql("UPDATE usage_days SET day = '2026-02-28' WHERE kind IN ('account', 'line')")
    day, line, *_ = call(counted.parts, "account", "usage", "--month", "2026-02").splitlines()
    assert day.startswith("2026-02-28 ") and line.startswith("line ")
    nothing, *_ = call(counted.parts, "account", "usage", "--month", "2026-01").splitlines()
    assert nothing == "Nothing was used from 2026-01-01 to 2026-01-31."


def test_prices_are_set_listed_and_removed(counted: House) -> None:
    assert call(counted.parts, "price", "list") == "None.\n"
    counted.visitor().say("What does this cost?")
    assert "counted-1" in call(counted.parts, "price", "list")
    call(counted.parts, "price", "set", "counted*", "--input", "2.5", "--output", "10")
    call(counted.parts, "price", "set", "counted*", "--input", "2.5", "--cached", "0.25", "--output", "10")
    assert call(counted.parts, "price", "list").split() == [
        "counted*",
        "input",
        "2.5,",
        "cached",
        "0.25,",
        "output",
        "10",
    ]
    counted.visitor().say("And now?")
    assert [row.cost for row in counted.sql("SELECT cost FROM turns ORDER BY id")] == [None, 2600]
    assert call(counted.parts, "price", "remove", "counted*") == "Removed.\n"
    assert "There is no price for counted*. There are: none yet." in call(
        counted.parts, "price", "remove", "counted*", fails=True
    )


NO_PRICES = [
    ("gpt-6", "cheap", "cheap is no price"),
    ("gpt-6", "-1", "-1 is no price"),
    ("gpt-6", "NaN", "NaN is no price"),
    ("gpt-6", "1e999", "is no price"),
    ("gpt-6", "0.0000001", "at most six decimals"),
    ("gpt-*-mini", "1", "only its end may be *"),
    ("gpt 6", "1", "letters, digits"),
]


def test_what_is_no_price_is_refused_with_the_cure(counted: House) -> None:
    for model, price, says in NO_PRICES:
        assert says in call(counted.parts, "price", "set", model, f"--input={price}", "--output", "1", fails=True)
    assert call(counted.parts, "price", "list") == "None.\n"


def look(house: House) -> list[Finding]:
    """What the doctor says of the last turns."""
    return [finding for finding in examine(house.parts, house.factory) if finding.what in ("turns", "prices")]


def test_the_doctor_tells_what_fails_and_what_is_not_counted(watched: House, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        if question.asked == ["Fail."]:
            yield Fails("Incorrect API key provided\x1b[2J", admin=True)
        yield "Well."

    brain.reply = reply
    watched.visitor().say("Work.")
    watched.visitor().say("Fail.")
    turns, *others = look(watched)
    assert (turns.what, turns.good) == ("turns", None)
    assert turns.text.startswith("1 of the last turns failed: Incorrect API key provided [2J (1 time).")
    assert others == [], "nobody wants to know what it costs"
    limit(watched, account_cost=5)
    assert len(look(watched)) == 1, "what takes no tokens, as the demo model, costs nothing"
    watched.sql("UPDATE turns SET input_tokens = 10")
    _, prices = look(watched)
    assert (prices.what, prices.good) == ("prices", False)
    assert prices.text.startswith("Test House has no price for remote-1; run: receptionist price set")
