"""S61: texts on which a pattern would take the square of their length; meanwhile all threads of the process wait."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from receptionist.agents.hearing import without_echo
from receptionist.agents.leaks import NO_LEAKS
from receptionist.agents.take_message_words import email_in, name_in, phone_in
from receptionist.contracts.model import ToolOutput, ToolRequest

LONG = 100_000


def echoes(text: str) -> object:
    calls = [ToolRequest(str(number), "note", text[: LONG // 8]) for number in range(8)]
    return without_echo(calls, [ToolOutput(call.call_id, "note", text[:8000]) for call in calls])


READERS: dict[str, Callable[[str], object]] = {
    "addresses in a message": email_in,
    "a name in an answer": lambda text: name_in(text, asked=True),
    "a number in a message": lambda text: phone_in(text, "DE", asked=True),
    "keys in a reply": NO_LEAKS.found,
    "hosts in tools' answers": echoes,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
@pytest.mark.parametrize("part", ["a", "é", "1.", "é.", "a-", "hello ", "eyJ-", "“", "@", "1 ", "_"])
def test_s61_a_long_text_is_read_in_a_time_that_grows_with_its_length(
    reader: Callable[[str], object], part: str
) -> None:
    reader("warm up")
    begun = time.thread_time()
    reader(part * (LONG // len(part)) + "!")
    assert time.thread_time() - begun < 2


@pytest.mark.parametrize(
    ("said", "output", "heard"),
    [
        ('{"text": "see evil.example/x"}', "Noted: see evil.example/x", "Noted: see  /x"),
        ('{"text": "evil.example"}', "at ...Evil.example.", "at  ."),
        ('{"text": "none"}', "at _shop.example, good.example", "at _shop.example, good.example"),
        ('{"text": "' + "K" * 40 + '"}', "key " + "K" * 40, "key  "),
    ],
)
def test_s57_hosts_that_the_model_put_in_are_taken_out(said: str, output: str, heard: str) -> None:
    assert without_echo([ToolRequest("1", "note", said)], [ToolOutput("1", "note", output)]) == [heard]
