"""S59: whatever an admin's command is given as a word, a filter, a name or a place in a list is compared, never run."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from receptionist.cli import main
from tests.harness.house import House

WORDS = ("' OR '1'='1", "x'); DROP TABLE leads; --", '") UNION SELECT 1 --', "%' ESCAPE '", ":b_account ? $1 %s %(x)s")
COUNTED = ("leads", "lead_words", "lead_tags", "lead_fields", "messages", "conversations", "strategies")
SEARCHES = (
    ("lead", "list", "--search"),
    ("lead", "list", "--tag"),
)
"""They find nobody."""
REFUSALS = (
    ("lead", "list", "--status"),
    ("lead", "list", "--channel"),
    ("lead", "list", "--strategy"),
    ("lead", "list", "--before"),
    ("lead", "show"),
    ("lead", "suggested", "--before"),
    ("lead", "erasures", "--before"),
    ("lead", "fields", "remove", "--yes"),
    ("lead", "status", "1"),
    ("conversation", "list", "--phone"),
    ("conversation", "list", "--before"),
    ("message", "failed", "--before"),
    ("task", "list", "--before"),
    ("task", "list", "--kind"),
    ("turn", "list", "--before"),
    ("turn", "list", "--conversation"),
    ("strategy", "show"),
    ("strategy", "history"),
    ("price", "remove"),
    ("account", "usage", "--account"),
)
"""They say that there is no such thing."""

Type = Callable[..., Result]


@pytest.fixture
def run(house: House, add: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Type:
    """`run("lead", "list")` on the house, which has two leads and a customer who wrote."""
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    house.texter().send("hello")
    add(name="Ada", tags="vip")
    add(name="Bob")

    def invoke(*words: str) -> Result:
        done = CliRunner().invoke(main, words)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
        return done

    return invoke


def counts(house: House) -> list[int]:
    """Rows of each table that a command could have reached."""
    return [house.sql(f"SELECT count(*) AS number FROM {table}")[0].number for table in COUNTED]


def test_s59_filters_and_places_in_lists(house: House, run: Type) -> None:
    before = counts(house)
    for word in WORDS:
        for command in SEARCHES:
            assert run(*command, word).output == "None.\n", (command, word)
        for command in REFUSALS:
            done = run(*command, word)
            assert done.exit_code != 0 and "Error" in done.output, (command, word, done.output)
            assert "SQL" not in done.output.replace(word, ""), (command, word)
    assert counts(house) == before


def cursor(*place: Any) -> str:
    """A cursor that says this."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def test_s59_cursors_made_up_from_the_form_of_real_ones(house: House, run: Type) -> None:
    moment = "2031-01-01T00:00:00+00:00"
    for place in (
        (moment, "1 OR 1=1"),
        (moment, ["1"]),
        (moment, True),
        (moment, -1),
        (moment, 1, "1"),
        (f"{moment}' OR 1=1 --", 1),
        ({"$gt": ""}, 1),
    ):
        done = run("lead", "list", "--before", cursor(*place))
        assert done.exit_code != 0 and "begin with the first page" in done.output, (place, done.output)
    assert "Ada" in run("lead", "list", "--before", cursor(moment, 1)).output, "a real one is taken"


def test_s59_tags_and_values_are_kept_as_they_are(house: House, run: Type) -> None:
    before = counts(house)
    [row] = house.sql("SELECT id FROM leads WHERE name = 'Ada'")
    for word in WORDS:
        assert run("lead", "tag", str(row.id), word).exit_code == 0
        listed = run("lead", "list", "--tag", word).output
        assert "Ada" in listed and listed.count("\n") == 1, (word, listed)
        assert run("lead", "note", str(row.id), word).exit_code == 0
        assert word.casefold() in run("lead", "show", str(row.id)).output
    for number, now in enumerate(counts(house)):
        assert now == before[number] + (len(WORDS) if COUNTED[number] == "lead_tags" else 0)


def test_s59_names_of_own_fields(house: House, run: Type) -> None:
    before = counts(house)
    for word in WORDS:
        for command in (("lead", "fields", "add", word, "text"), ("lead", "fields", "change", word, "--title", "x")):
            done = run(*command)
            assert done.exit_code != 0 and "Error" in done.output, (command, done.output)
        done = run("lead", "set", "1", f"custom.{word.replace('=', '')}=1")
        assert done.exit_code != 0 and "Error" in done.output, (word, done.output)
    assert counts(house) == before
    assert run("lead", "fields", "add", "size", "text", "--title", WORDS[1]).exit_code == 0
    assert run("lead", "set", "1", f"custom.size={WORDS[0]}").exit_code == 0
    assert WORDS[0] in run("lead", "show", "1").output
    assert WORDS[1] in run("lead", "fields", "list").output
