"""A draft is edited, compared and published; two editors do not overwrite each other; nothing broken is saved."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.errors import EditConflict, LineError
from receptionist.services.strategies import strategies, strategy_drafts
from receptionist.services.strategies.strategy_difference import Difference, difference
from tests.harness.databases import SQLITE
from tests.harness.house import House
from tests.strategies.conftest import Command


def test_a_draft_answers_nobody_until_it_is_published(house: House, command: Command) -> None:
    visitor = house.visitor()
    command("set", "House", "system_prompt_template=I am {{ strategy.agent_name }}.", "agent_name=Noor")
    assert "(version 1, draft of " in command("list")
    assert json.loads(command("show", "House"))["agent_name"] == "Robin"
    assert json.loads(command("show", "House", "--draft"))["agent_name"] == "Noor"
    assert "Next: receptionist strategy diff" in command("set", "House", "formality=7")
    assert command("diff", "House") == (
        "From version 1 to the draft:\n"
        'agent_name\n  - "Robin"\n  + "Noor"\n'
        "formality\n  - nothing\n  + 7\n"
        'system_prompt_template\n  - ""\n  + "I am {{ strategy.agent_name }}."\n'
    )
    visitor.say("one")
    assert "Version 2 of House is published; the next turn uses it." in command(
        "publish", "House", "--note", "New voice"
    )
    visitor.say("two")
    numbers = house.sql(
        "SELECT v.number FROM turns t JOIN strategy_versions v ON v.id = t.strategy_version_id ORDER BY t.id"
    )
    assert [row.number for row in numbers] == [1, 2]
    history = command("history", "House").splitlines()
    assert re.fullmatch(r" +2  \d{4}-\d\d-\d\d \d\d:\d\d  \S+ by command  New voice", history[0])
    assert history[1].split()[0] == "1"
    assert "no draft that differs" in command("publish", "House", fails=True)


def test_what_cannot_work_is_not_saved(house: House, command: Command) -> None:
    for change, says in [
        ('tools=["fly"]', "no tool fly; there are: book"),
        ("model=gpt/9", "no model gpt; there are:"),
        ("fallback_model=gpt", "no model gpt; there are:"),
        ("timezone=Mars/Olympus", "no time zone Mars/Olympus"),
        ("prompt_template=generl", "no prompt template generl"),
        ("system_prompt_template={{ lead.name", "line 1"),
        ("agnet_name=x", "agnet_name: there is no such field, did you mean agent_name?"),
        ("agent_name.first=x", "agent_name is no object"),
        ("formality=11", "formality"),
        ("tool_settings.book.days=3", "The tool book takes no settings"),
        ("tool_settings.fly.days=3", "no tool fly"),
    ]:
        assert says in command("set", "House", change, fails=True), change
    both = ('prompt={"id": "pmpt_1"}', "system_prompt_template=Hello")
    assert "both set" in command("set", "House", *both, fails=True)
    same = ("model=remote", "fallback_model=remote")
    assert "fallback_model is the model itself" in command("set", "House", *same, fails=True)
    assert command("list") == "House  (version 1)\n"


@SQLITE
def test_an_object_is_changed_by_dots_and_a_change_taken_back_leaves_no_draft(command: Command) -> None:
    command("set", "House", 'opening_hours.monday=["09:00-17:00"]', "opening_hours.tuesday=[]")
    shown = json.loads(command("show", "House", "--draft"))
    assert shown["opening_hours"] == {"monday": ["09:00-17:00"], "tuesday": []}
    assert "there is none any more" in command("set", "House", "opening_hours={}")
    assert command("list") == "House  (version 1)\n"
    assert "has no draft" in command("discard", "House", fails=True)


@SQLITE
def test_a_number_for_a_text_field_is_text(command: Command) -> None:
    command("set", "House", "phone=112", "formality=4", 'role="7"')
    shown = json.loads(command("show", "House", "--draft"))
    assert (shown["phone"], shown["formality"], shown["role"]) == ("112", 4, "7")
    assert "languages.0: must be text, in quotes" in command("set", "House", "languages=[1]", fails=True)


def test_of_two_editors_the_second_overwrites_nothing(house: House) -> None:
    check = house.factory.check
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        strategy_id = strategies.find(scope, "House").id
        mine = strategy_drafts.read(scope, strategy_id)
        yours = strategy_drafts.read(scope, strategy_id)
        assert not mine.saved and mine.revision == yours.revision
        fields = StrategyFields(agent_name="Ann's")
        saved = strategy_drafts.save(scope, strategy_id, fields, check, "Ann", revision=mine.revision)
        assert (saved.saved, saved.by, saved.fields.agent_name) == (True, "Ann", "Ann's")
        for stale in (
            lambda: strategy_drafts.save(scope, strategy_id, StrategyFields(), check, "Bob", revision=yours.revision),
            lambda: strategy_drafts.change(scope, strategy_id, {"role": "x"}, check, "Bob", revision=yours.revision),
        ):
            with pytest.raises(EditConflict, match=r"saved by Ann\. Nothing was overwritten"):
                stale()
        assert strategy_drafts.read(scope, strategy_id) == saved
        strategy_drafts.discard(scope, strategy_id)
        with pytest.raises(EditConflict, match="changed since you opened it"):  # not brought back to life
            strategy_drafts.save(scope, strategy_id, fields, check, "Ann", revision=saved.revision)
        opened = strategy_drafts.read(scope, strategy_id)
        strategies.publish(scope, "House", StrategyFields(role="doorman"), check, "Cleo")
        with pytest.raises(EditConflict):  # began with version 1, and would undo version 2
            strategy_drafts.save(scope, strategy_id, fields, check, "Ann", revision=opened.revision)


def test_a_draft_older_than_what_is_published_undoes_nothing_unasked(house: House, command: Command) -> None:
    command("set", "House", "role=porter")
    house.sql("UPDATE strategies SET draft_at = created_at")
    file = json.dumps({"role": "doorman"})
    assert "Version 2 of House" in command("publish", "House", "-", stdin=file)
    refused = command("publish", "House", fails=True)
    assert re.search(r"Version 2 was published by \S+ by command after this draft was last saved", refused)
    assert json.loads(command("show", "House"))["role"] == "doorman"
    assert "Version 3 of House" in command("publish", "House", "--anyway")
    assert json.loads(command("show", "House"))["role"] == "porter"


@SQLITE
def test_the_editor_begins_with_the_draft_and_a_mistake_loses_no_text(
    command: Command, editor: Callable[..., None]
) -> None:
    begun = command("show", "House")
    editor(begun)
    assert command("edit", "House") == "Nothing is changed.\n"
    editor(None)
    assert command("edit", "House") == "Nothing is changed.\n"
    editor('{"agent_name": "Noor"', '{"agent_name": "Noor", "formality": 20}', '{"agent_name": "Noor"}')
    assert "The draft is saved." in command("edit", "House", stdin="y\ny\n")
    assert json.loads(command("show", "House", "--draft"))["agent_name"] == "Noor"


@SQLITE
@pytest.mark.parametrize("answer", ["n\n", ""])
def test_a_text_that_is_given_up_is_kept_in_a_file(
    command: Command, editor: Callable[..., None], answer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    editor('{"agent_name": 1}')
    told = command("edit", "House", stdin=answer, fails=True)
    assert "agent_name: must be text, in quotes" in told
    [kept] = tmp_path.glob("strategy-*.json")
    assert kept.read_text() == '{"agent_name": 1}'
    assert told.endswith(
        f"Nothing is saved. Your text is in {kept}. To go on with it: receptionist strategy edit House --from {kept}\n"
    )


def test_who_was_overtaken_in_the_editor_keeps_the_text(
    house: House, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def edit(text: str, extension: str) -> str:
        command("set", "House", "role=porter")  # somebody else, meanwhile
        return '{"role": "mine"}'

    monkeypatch.setattr("click.edit", edit)
    told = command("edit", "House", "--account", house.sql("SELECT name FROM accounts")[0].name, fails=True)
    assert "was changed since you opened it: the draft was saved by" in told and "again" not in told
    assert [file.read_text() for file in tmp_path.glob("strategy-*.json")] == ['{"role": "mine"}']
    assert json.loads(command("show", "House", "--draft"))["role"] == "porter"
    monkeypatch.setattr("click.edit", lambda text, extension: None)  # closed without another change
    advice = shlex.split(told.partition("in place of what is there now: ")[2])
    assert advice[:3] == ["receptionist", "strategy", "edit"] and str(*tmp_path.glob("strategy-*.json")) in advice
    assert "The draft is saved." in command(*advice[2:])
    assert json.loads(command("show", "House", "--draft"))["role"] == "mine"


def test_a_new_strategy_is_a_draft_first(house: House, command: Command) -> None:
    assert "Night desk is there" in command("create", "Night desk", "--description", "After six")
    assert (
        command("list") == "House  (version 1)\nNight desk  (never published, draft with the defaults)\n    After six\n"
    )
    assert "There is already a strategy Night desk" in command("create", "Night desk", fails=True)
    assert "1 to 200 letters" in command("create", " ", fails=True)
    assert command("diff", "Night desk") == "Nothing differs between the defaults and the draft.\n"
    assert "no published version" in command("use", "Night desk", "1", fails=True)
    assert 'no line uses it yet: receptionist strategy use "Night desk" LINE_ID' in command("publish", "Night desk")
    assert command("list").startswith("House  (version 1)\nNight desk  (version 1)\n")
    assert "no draft that differs" in command("publish", "Night desk", fails=True)
    assert "the next turn uses it" in command("use", "Night desk", "1")


SERVICE = {"name": "Wash", "price_cents": 900, "minutes": None, "description": ""}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, []),
        ({"formality": 3}, {}, [Difference("formality", 3, None)]),
        (
            {"services": [SERVICE, {"name": "Dry"}]},
            {"services": [{"name": "Dry"}, SERVICE | {"price_cents": 950}, {"name": "Cut"}]},
            [
                Difference("services[Wash].price_cents", 900, 950),
                Difference("services[Cut]", None, SERVICE | {"name": "Cut", "price_cents": None}),
                Difference("services (order)", ["Wash", "Dry"], ["Dry", "Wash"]),
            ],
        ),
        (
            {"opening_hours": {"monday": ["09:00-12:00"], "friday": []}},
            {"opening_hours": {"monday": ["09:00-13:00"]}},
            [
                Difference("opening_hours.monday", ["09:00-12:00"], ["09:00-13:00"]),
                Difference("opening_hours.friday", [], None),
            ],
        ),
        (
            {"facts": [{"topic": "Same", "text": "1"}, {"topic": "Same", "text": "2"}]},
            {"facts": [{"topic": "Same", "text": "1"}]},
            [
                Difference(
                    "facts",
                    [{"topic": "Same", "text": "1"}, {"topic": "Same", "text": "2"}],
                    [{"topic": "Same", "text": "1"}],
                )
            ],
        ),
        ({"languages": ["English"]}, {"languages": ["Irish"]}, [Difference("languages", ["English"], ["Irish"])]),
    ],
)
def test_a_difference_says_where_and_what(
    before: dict[str, object], after: dict[str, object], found: list[Difference]
) -> None:
    assert difference(StrategyFields.model_validate(before), StrategyFields.model_validate(after)) == found


def test_a_strategy_of_another_account_is_not_there(house: House) -> None:
    with house.parts.database.begin() as connection:
        strategy_id = strategies.find(Scope(connection, 1), "House").id
        other = Scope(connection, 2)
        for attempt in (
            lambda: strategy_drafts.read(other, strategy_id),
            lambda: strategy_drafts.save(other, strategy_id, StrategyFields(), house.factory.check, "Eve"),
            lambda: strategy_drafts.discard(other, strategy_id),
            lambda: strategy_drafts.publish(other, strategy_id, house.factory.check, "Eve"),
            lambda: strategies.remove(other, strategy_id),
            lambda: strategies.rename(other, strategy_id, "Mine"),
            lambda: strategies.set_active(other, strategy_id, False),
            lambda: strategies.published_fields(other, strategy_id),
        ):
            with pytest.raises(LineError):
                attempt()
        row = strategies.find(Scope(connection, 1), "House")
    assert (row.active, row.published_number, row.draft) == (True, 1, None)


def test_what_older_programs_stored_is_named_and_can_be_mended(house: House, command: Command) -> None:
    house.sql("UPDATE strategy_versions SET fields = :fields", fields='{"languages": [], "greting": "Hi"}')
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        with pytest.raises(LineError, match=r"Version 1 cannot be used any more: .*did you mean greeting"):
            strategy_drafts.read(scope, 1)
        strategy_drafts.save(scope, 1, strategies.parse({"greeting": "Hi"}), house.factory.check, "Ann")
        assert strategy_drafts.publish(scope, 1, house.factory.check, "Ann") == 2
    house.sql("UPDATE strategies SET draft = :fields, draft_at = created_at", fields='{"languages": []}')
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        with pytest.raises(LineError, match=r"The draft of House cannot be used any more: languages.*Discard it"):
            strategy_drafts.read(scope, 1)
        strategy_drafts.discard(scope, 1)
        assert strategy_drafts.read(scope, 1).fields.greeting == "Hi"
