"""The channel that the docs build passes the suite as its readers run it; with a mistake in it, it does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from receptionist import Outbound
from tests.structure.sources import ROOT
from tests.testing import documented

SUITE = "test_smsgate.py::TestSmsGate::"
WINDOW = "test_nothing_is_sent_after_the_reply_window"
MISTAKES: dict[str, tuple[str, str, str]] = {
    "believes anybody": (
        '            raise Refused("The signature does not fit.")',
        "            return",
        "test_a_spoiled_signature_is_refused",
    ),
    "compares text": (
        'compare_digest(expected.encode(), request.headers.get("x-signature", "").encode())',
        'compare_digest(expected, request.headers.get("x-signature", ""))',
        "test_a_spoiled_signature_is_refused",
    ),
    "compares a part": (
        'compare_digest(expected.encode(), request.headers.get("x-signature", "").encode())',
        'compare_digest(expected.encode()[:8], request.headers.get("x-signature", "").encode()[:8])',
        "test_a_spoiled_signature_is_refused",
    ),
    "knows messages by their text": (
        "Inbound(id,",
        "Inbound(repr(text),",
        "test_the_same_text_again_is_another_message",
    ),
    "makes ids up": (
        "Inbound(id,",
        "Inbound(__import__('uuid').uuid4().hex,",
        "test_a_message_sent_again_is_stored_once",
    ),
    "reads the first only": (
        "for event in events if",
        "for event in events[:1] if",
        "test_all_messages_of_a_batch_are_taken",
    ),
    "lets one bad item cost the others": (
        "    return None\n\n\n@hookimpl",
        "    raise Invalid('What is this?')\n\n\n@hookimpl",
        "test_a_bad_item_of_a_batch_costs_no_other",
    ),
    "takes all for one customer": ("Sender(number)", "Sender('+353861112201')", "test_customers_are_never_mixed"),
    "trusts the shape": (
        '        match request.json():\n            case {"events": [*events]}:\n',
        "        events = request.json()['events']\n        if True:\n            if True:\n",
        "test_no_body_makes_an_error",
    ),
    "sends again what may have gone out": (
        'raise SendUnknown(f"The gateway did not answer',
        'raise SendFailed(f"The gateway did not answer',
        "test_a_reply_whose_answer_is_lost_arrives_once",
    ),
    "sends again what was refused": (
        "raise SendRefused(",
        "raise SendFailed(",
        "test_a_reply_that_is_refused_is_not_sent_again",
    ),
    "forgets the vendor's id": ('Sent(answer.json()["id"])', "Sent()", "test_the_vendor_learns_whose_message_it_is"),
    "cuts by the wrong length": (
        "    def verify(",
        "    def length(self, text):\n        return len(text) // 100\n\n    def verify(",
        "test_an_over_long_reply_arrives_in_parts[word]",
    ),
    "does not hear STOP": ("consent=consent_word(text)", "consent=''", "test_who_opts_out_hears_nothing_more"),
    "hears STOP in everything": (
        "consent=consent_word(text)",
        "consent='stop' if 'stop' in text.lower() else ''",
        "test_the_word_within_a_sentence_is_none",
    ),
    "hears STOP at the beginning of a sentence": (
        "consent=consent_word(text)",
        "consent='stop' if text.startswith('STOP') else consent_word(text)",
        "test_the_word_within_a_sentence_is_none",
    ),
    "hears STOP in capitals only": (
        "consent=consent_word(text)",
        "consent={'STOP': 'stop', 'START': 'start'}.get(text, '')",
        "test_the_word_in_other_letters_is_the_word",
    ),
    "forgets receipts": ("return Receipt(status, id, key)", "return None", "test_a_receipt_says_how_far_a_message_got"),
    "takes a failure for a delivery": (
        "Receipt(status, id, key)",
        "Receipt('delivered', id, key)",
        "test_a_message_that_failed_on_its_way_is_seen",
    ),
    "answers its own echo": (
        "return Echo(id, number, text)",
        "return Inbound(id, Sender(number), text)",
        "test_an_echo_of_ours_is_neither_answered_nor_stored_again",
    ),
    "overhears a person": (
        "return Echo(id, number, text)",
        "return None",
        "test_a_person_who_writes_silences_the_agent",
    ),
}


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each test, by its id: of the example, and of the check that must see each mistake."""
    folder = tmp_path_factory.mktemp("author")
    save(folder / "right", documented.plugin())
    (folder / "right" / "test_own.py").write_text(documented.own_tests(), encoding="utf-8")
    chosen = ["right"]
    for number, (old, new, check) in enumerate(MISTAKES.values()):
        assert documented.plugin().count(old) == 1, f"the example has no {old!r}"
        save(folder / f"wrong{number}", documented.plugin().replace(old, new))
        chosen.append(f"wrong{number}/{SUITE}{check}")
    save(folder / "windowed", documented.plugin().replace("burst_seconds=3", "reply_window_seconds=86_400"))
    chosen.append(f"windowed/{SUITE}{WINDOW}")
    command = [sys.executable, "-m", "pytest", "-rA", "-q", "--tb=line", "-Werror", "--strict-markers"]
    command += ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "tests.fixtures", "--import-mode=importlib"]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}  # to our fixtures: they make but once what all tests have alike
    run = subprocess.run(
        [*command, *chosen], cwd=folder, env=path, capture_output=True, text=True, timeout=300, check=False
    )
    found = {name: outcome for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)}
    assert found, run.stdout + run.stderr
    return found


def save(folder: Path, plugin: str) -> None:
    folder.mkdir()
    (folder / "smsgate.py").write_text(plugin, encoding="utf-8")
    (folder / "test_smsgate.py").write_text(documented.suite(), encoding="utf-8")


def test_what_the_page_names_of_a_message_is_there() -> None:
    named = set(re.findall(r"\bmessage\.([a-z_]+)", documented.PAGE.read_text(encoding="utf-8")))
    assert {"key", "to", "text"} < named <= {field.name for field in fields(Outbound)}


def test_a_channel_with_a_reply_window_passes_its_check(outcomes: dict[str, str]) -> None:
    assert outcomes[f"windowed/{SUITE}{WINDOW}"] == "PASSED"


def test_the_example_passes_every_check(outcomes: dict[str, str]) -> None:
    right = {name: outcome for name, outcome in outcomes.items() if name.startswith("right/")}
    assert {name for name, outcome in right.items() if outcome != "PASSED"} == set()
    assert len(right) > 40


def test_the_tests_of_an_authors_own_pass(outcomes: dict[str, str]) -> None:
    assert [outcome for name, outcome in outcomes.items() if "/test_own.py" in name] == ["PASSED"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_suite_sees_a_channel_that(mistake: str, outcomes: dict[str, str]) -> None:
    number, check = list(MISTAKES).index(mistake), MISTAKES[mistake][2]
    assert outcomes[f"wrong{number}/{SUITE}{check}"] == "FAILED"
