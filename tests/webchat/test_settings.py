"""The settings of a line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from plugins.webchat.settings import WebChatLine


def test_nothing_needs_to_be_set() -> None:
    line = WebChatLine()
    assert (line.allowed_origins, line.position, line.language, line.max_text) == ([], "right", "auto", 4000)
    assert (line.messages_per_minute, line.line_messages_per_minute, line.identity_secret) == (20, 600, None)


def test_origins_and_colours_are_stored_in_one_form() -> None:
    line = WebChatLine(allowed_origins=["HTTPS://Example.com:443"], colour="#ABC")
    assert line.allowed_origins == ["https://example.com"]
    assert line.colour == "#aabbcc"


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_origins": ["null"]},
        {"allowed_origins": ["https://x.com/path"]},
        {"colour": "red"},
        {"colour": "#12345"},
        {"colour": "#fff;background:url(//evil)"},
        {"colour": "#ffffff\n"},
        {"position": "top"},
        {"language": "xx"},
        {"identity_secret": "short"},
        {"max_text": 8001},
        {"max_text": 0},
        {"messages_per_minute": 0},
        {"greeting": "x" * 501},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebChatLine(**wrong)


def test_the_identity_secret_is_not_shown() -> None:
    assert "long enough" not in repr(WebChatLine(identity_secret="long enough to be a secret for HS256"))
