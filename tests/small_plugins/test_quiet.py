from __future__ import annotations

import pytest

from plugins.quiet import veto_answer
from tests.small_plugins.host import prompt_context


@pytest.mark.parametrize(
    "message",
    [
        "❤️",
        "🙏🏽 🙏🏽",
        "😂\n🎉",
        "Liked “We are open until six.”",
        'Reacted 👍 to "See you then"',
        "Automatic reply: I am away",
        "Out of office: back on Monday",
        "This is an automated message, please do not reply.",
    ],
)
def test_veto_answer_to_reactions_and_machines(message: str) -> None:
    assert veto_answer(prompt_context(message)) is not None
    assert veto_answer(prompt_context(message, first_reply=True)) is None


@pytest.mark.parametrize(
    "message",
    [
        "👍",
        "ok",
        "thanks ❤️",
        "?",
        "",
        "Liked “Shall I note that for you?”",
        "Liked your shop, when do you open?",
        "Questioned “We are closed”",
        "Out of office hours, can I drop my bike off?",
        "automatic reply please",
    ],
)
def test_everything_else_is_answered(message: str) -> None:
    assert veto_answer(prompt_context(message)) is None
