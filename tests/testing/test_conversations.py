"""Conversations as files: what came out differently, and what is wrong with a file, is told with its line."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

from receptionist.testing.clock import READERS
from receptionist.testing.conversations import Differs, play
from receptionist.testing.rehearsal import Rehearsal
from receptionist.testing.script import ScriptError, load
from tests.structure.sources import ROOT

BEGINNING = """
conversation: A test
strategy: {tools: [note_lead]}
steps:
  - customer: I am Ada.
    model:
      - calls: note_lead
        with: {name: Ada}
      - says: Hello Ada, I have noted your name.
"""
DIFFERENT = [
    ("reply: Hello.", "10: the customer should hear 'Hello.', and heard: 'Hello Ada, I have noted your name.'."),
    ("reply contains: Bob", "10: the reply should contain 'Bob'; the customer heard: 'Hello Ada, "),
    ("reply contains: Ada\n    reply does not contain: [name]", "11: the reply should not contain 'name'; "),
    ("silence: yes", "10: the customer should hear nothing, and heard: 'Hello Ada"),
    ("reply contains: Ada\n    called: [{tool: hand_over}]", '11: there is no such call: {"tool": "hand_over"}; the'),
    ("reply contains: Ada\n    called: [{tool: note_lead, with: {name: Bob}}]", "11: there is no such call: "),
    ("reply contains: Ada\n    called: [{tool: note_lead}, {tool: note_lead}]", "11: there is no such call: "),
    ("reply contains: Ada\n    not called: note_lead", "11: the tool note_lead should not be called; "),
    ("reply contains: Ada\n    model is shown: [I am Bob]", "11: the model is not shown 'I am Bob'."),
    ("reply contains: Ada\n    model is not shown: [I am Ada]", "11: the model is shown 'I am Ada'."),
    ("reply contains: Ada\n    stored: {lead: {name: Bob}}", "11: the lead's name should be 'Bob', and is 'Ada'."),
    ("reply contains: Ada\n    stored: {lead: {nam: Ada}}", "11: the lead's nam should be 'Ada', and is 'not there at"),
    ("reply contains: Ada\n    stored: {goals: [{id: g1}]}", "11: there should be 1 goals, and there are 0: []."),
    ("reply contains: Ada\n    stored: {tasks: [{kind: claim}]}", "11: there should be 1 tasks, and there are 0: []"),
    ("reply contains: Ada\n    stored: {person asked for: help}", "11: the person asked for should be 'help', and"),
    ("reply contains: Ada\n    stored: {turn: failed}", "11: the turn should be 'failed', and is 'done'."),
    ("  - says: Well?\n    reply contains: Ada", "10: the model was asked twice, and so it never says 'Well?'."),
    ("reply contains: Ada\n  - customer: And?\n    silence: yes", "11: the model was asked once; the file says what"),
]
WRONG = [
    ("steps: []", "1: There is no 'conversation'."),
    ("conversation: x\nsteps: []", "1: There are no steps."),
    ("conversation: x\nsteps:\n  - custommer: Hi", "3: A step has no 'custommer'; it has: customer, person, "),
    ("conversation: x\nsteps:\n  - reply: Hi", "3: A step begins with one of: customer, person, later, own"),
    ("conversation: x\nsteps:\n  - customer: Hi", "3: Say what the customer hears: one of reply, "),
    ("conversation: x\nsteps:\n  - later: soon", "3: 'later' is a length of time such as '15 minutes'"),
    ("conversation: x\nsteps:\n  - person: Ann", "3: A person does one thing: writes, takes, or hands back."),
    ("conversation: x\nsteps:\n  - person: Ann\n    writes: Hi", "3: Nobody wrote yet: let the customer write first."),
    ("conversation: x\nsteps: &a\n  - *a", "3: An alias (*a) is not allowed."),
    ("conversation: x\nconversation: y", "2: 'conversation' is there twice."),
    ("conversation: [x", "1: This is no YAML: "),
    (
        "conversation: x\nstrategy: {tools: [fly]}\nsteps:\n  - customer: Hi\n    silence: yes",
        "1: There is no tool fly;",
    ),
    ("conversation: x\nclock: noon\nsteps:\n  - later: 1 day", "2: A clock is set like 2026-12-23 10:15, not 'noon'."),
    ("conversation: x\nsteps:\n  - customer: Hi\n    silence: no", "4: 'silence' is yes, or is left out."),
    ("conversation: x\nsteps:\n  - person: Ann\n    takes: no", "4: 'takes' is yes, or is left out."),
    ("conversation: x\nsteps:\n  - later: 1 day\n    stored: {tasks: nothing}", "4: 'tasks' must be a list, or none:"),
    ("conversation: x\nsteps:\n  - later: 1 day\n    stored: {goals: [g1]}", "4: Each of the goals must have lines"),
    ("conversation: x\nsteps:\n  - later: 1 day\n    stored: {lead: Ada}", "4: A lead must have lines such as"),
    (
        "conversation: x\nsteps:\n  - customer: Hi\n    silence: yes\n    model: [{hums: la}]",
        "5: What a model does has no",
    ),
    ("- x", "1: A conversation must have lines such as 'name: value'."),
    ("", "1: A conversation must have lines"),
]


def written(folder: Path, text: str) -> Path:
    """The text as a file."""
    file = folder / "talk.yaml"
    file.write_text(text.strip(), encoding="utf-8")
    return file


def test_every_difference_is_told_with_its_line(rehearsal: Rehearsal, tmp_path: Path) -> None:
    for expected, told in DIFFERENT:
        file = written(tmp_path, f"{BEGINNING.rstrip()}\n    {expected}")
        with pytest.raises(Differs) as found:
            play(load(file), rehearsal)
        line, _, text = told.partition(": ")
        assert f"{file}:{int(line) - 1}: {text}" in str(found.value), (expected, str(found.value))


def test_what_is_as_written_passes(rehearsal: Rehearsal, tmp_path: Path) -> None:
    expected = (
        "reply contains: ADA\n    called: [{tool: note_lead}]\n    stored: {lead: {name: Ada, notes: ''}, tasks: none}"
    )
    play(load(written(tmp_path, f"{BEGINNING.rstrip()}\n    {expected}")), rehearsal)


def test_mistakes_in_a_file_are_told_with_their_line(rehearsal: Rehearsal, tmp_path: Path) -> None:
    for text, told in WRONG:
        file = written(tmp_path, text)
        with pytest.raises(ScriptError) as found:
            play(load(file), rehearsal)
        assert str(found.value).startswith(f"{file}:{told}"), (text, str(found.value))


def test_without_pyyaml_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ScriptError, match=r"needs PyYAML: pip install 'receptionist\[test\]'"):
        load(written(tmp_path, BEGINNING))


def test_words_that_other_programs_take_for_something_else_stay_words(tmp_path: Path) -> None:
    text = """
        conversation: x
        strategy: {phone: 0871234567, a: 09:30, b: 2026-12-24, c: no, d: 7, e: "7", f: true}
        steps: [{customer: no, reply: 12}]
    """
    script = load(written(tmp_path, textwrap.dedent(text)))
    assert [*script.strategy.values()] == ["0871234567", "09:30", "2026-12-24", "no", 7, "7", True]
    assert (script.steps[0].value, script.steps[0].expected[0].value) == (["no"], "12")


def test_pytest_finds_them(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("conversations")
    written(folder, f"{BEGINNING.rstrip()}\n    reply contains: Bob")
    (folder / "wrong.yml").write_text("conversation: Not understood\n\tsteps: []")
    (pytester.path / "other.yaml").write_text("not: ours")
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    assert result.parseoutcomes() == {"failed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["conversations/talk.yaml:9: the reply should contain 'Bob'; the customer heard: *"])
    result.stdout.fnmatch_lines(["conversations/wrong.yml:2: This is no YAML: *"])
    result.stdout.no_fnmatch_line("*Error*site-packages*")
    result.stdout.no_fnmatch_line("*raise *")


def test_all_that_looks_at_the_clock_has_the_clock_of_the_file() -> None:
    """Whatever asks what time it is for a business is moved; what is named here needs the real time."""
    real = {
        "receptionist/agents/prompt.py",  # tries a template, whatever the time
        "receptionist/pipeline/intake.py",
        "receptionist/pipeline/retention.py",  # counts days since
        "receptionist/pipeline/look.py",  # where there is no row
        "receptionist/services/demo/demo.py",
        "receptionist/services/demo/demo_rows.py",
        "plugins/openai_model/health.py",
        "plugins/lead_file.py",
        "plugins/backup.py",
        "plugins/openai_model/prompts.py",
    }
    files = [*(ROOT / "receptionist").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    found = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if re.search(r"datetime\.now\(|date\.today\(", file.read_text(encoding="utf-8")) and "testing" not in file.parts
    }
    names = {re.sub("^plugins/", "receptionist/plugins/", path).replace("/", ".")[:-3] for path in found - real}
    assert names == {*READERS}


def test_the_example_of_the_page_is_played(rehearsal: Rehearsal, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scripted-conversations.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    play(load(written(tmp_path, example)), rehearsal)
    line = 1 + example[: example.index("    reply:")].count("\n")
    spoiled = example[: example.index("    reply:")] + "    reply contains: '14'"
    with pytest.raises(Differs, match=f"talk.yaml:{line}: the reply should contain '14'; the customer heard: 'On the"):
        play(load(written(tmp_path, spoiled)), rehearsal)
    assert f"hours.yaml:{line}: " in page
