"""A draft is changed, compared and published; two editors do not overwrite each other; nothing broken is saved."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.errors import EditConflict, LineError
from receptionist.services.leads import lead_fields
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
        ("agent_name=", "agent_name: this must not be empty"),
        ("agent_name= ", "agent_name: this must not be empty"),
        ('services=[{"name": "Wash"}, {"name": " "}]', "services.1.name: this must not be empty"),
        ('facts=[{"topic": "", "text": "x"}]', "facts.0.topic: this must not be empty"),
        ('languages=[""]', "languages.0: this must not be empty"),
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
    assert "publish with --anyway" in refused
    assert json.loads(command("show", "House"))["role"] == "doorman"
    assert "Version 3 of House" in command("publish", "House", "--anyway")
    assert json.loads(command("show", "House"))["role"] == "porter"


def test_a_new_strategy_is_a_draft_first(house: House, command: Command) -> None:
    assert "Night desk is there" in command("create", "Night desk", "--description", "After six")
    assert (
        command("list") == "House  (version 1)\nNight desk  (never published, draft with the defaults)\n    After six\n"
    )
    for taken in ("Night desk", "night DESK "):
        assert "There is already a strategy Night desk" in command("create", taken, fails=True)
    assert "1 to 200 letters" in command("create", " ", fails=True)
    for look in ("show", "render", "chat", "export"):
        told = command(look, "Night desk", fails=True)
        assert "Nothing of Night desk is published yet. To see its draft, add --draft." in told
    assert "agent_name" in command("show", "Night desk", "--draft")
    activated = command("activate", "Night desk")
    assert 'nothing of it is published yet: receptionist strategy publish "Night desk"' in activated
    assert command("diff", "Night desk") == "Nothing differs between the defaults and the draft.\n"
    assert "no published version" in command("use", "Night desk", "1", fails=True)
    assert 'no line uses it yet: receptionist strategy use "Night desk" LINE_ID' in command("publish", "Night desk")
    assert command("list").startswith("House  (version 1)\nNight desk  (version 1)\n")
    assert "no draft that differs" in command("publish", "Night desk", fails=True)
    assert "no line uses it yet" in command("activate", "Night desk")
    assert "the next turn uses it" in command("use", "Night desk", "1")
    assert "the next turn uses it" in command("activate", "Night desk")


@SQLITE
def test_a_draft_that_is_not_there_is_said_not_to_be(command: Command) -> None:
    assert command("diff", "House") == "House has no draft; what is published is version 1.\n"
    assert command("diff", "House", "1", "draft") == "Nothing differs between version 1 and version 1.\n"
    assert command("show", "House", "--draft") == command("show", "House")
    assert command("export", "House", "--draft") == command("export", "House")
    assert "rehearsal with version 1 of House" in command("chat", "House", "--draft")
    assert "has no draft" in command("discard", "House", fails=True)


@SQLITE
def test_a_wrong_name_is_told_what_there_is(command: Command) -> None:
    command("create", "Night desk")
    near = command("show", "NIGHT DSK", fails=True)
    assert "no strategy NIGHT DSK, did you mean Night desk? All of them: receptionist strategy list" in near
    assert "there are: House, Night desk. All of them" in command("use", "xyz", "1", fails=True)
    made = command("publish", "Nigt desk", "-", stdin="{}", fails=True)
    assert 'did you mean Night desk? To make it: receptionist strategy create "Nigt desk"' in made


def test_a_template_names_only_fields_and_tools_that_are_there(house: House, command: Command) -> None:
    for text, says in [
        ("{{ lead.custom.size }}", "leads have no field 'size'; there are none yet. To make it: receptionist lead fi"),
        ("{{ strategy.tool_settings.fly }}", "line 1, column 27: there is no tool 'fly'; there are: book"),
    ]:
        assert says in command("set", "House", f"system_prompt_template={text}", fails=True)
    with house.parts.database.begin() as connection:
        for name in ("size", "member"):
            lead_fields.add(Scope(connection, 1), name, "text")
    for field in ("system_prompt_template", "greeting", "backstory", "custom_instructions"):
        told = command("set", "House", f"{field}=x\n{{{{ lead.custom.sizze|line }}}}", fails=True)
        assert "line 2, column 16: leads have no field 'sizze'; did you mean 'size'? There are: member, size." in told
        command(
            "set", "House", f"{field}={{{{ lead.custom['size']|line }}}} {{{{ strategy.tool_settings.book.days }}}}"
        )
    loop = "{% for name, value in lead.custom|items %}{{ name }}{% endfor %}{% if lead.custom %}x{% endif %}"
    command("set", "House", f"system_prompt_template={loop}")
    command("publish", "House")
    with house.parts.database.begin() as connection:
        lead_fields.remove(Scope(connection, 1), "size")
    assert "no field 'size'" in command("set", "House", "role=porter", fails=True)


def test_names_that_differ_in_capitals_are_not_made_at_the_same_time(house: House) -> None:
    def make(name: str) -> str:
        try:
            with house.parts.database.begin() as connection:
                strategies.create(Scope(connection, 1), name)
        except LineError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(make, ("Desk", "desk", "DESK", "dESK")))
    assert told.count("made") == 1
    assert all("There is already a strategy" in each for each in told if each != "made")


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
