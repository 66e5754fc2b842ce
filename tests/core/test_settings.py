"""Wrong settings stop the start and say how to mend them."""

from __future__ import annotations

from pathlib import Path

import pytest

from receptionist.config import Config, CoreSettings
from receptionist.core import assemble
from receptionist.errors import SettingsError


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.env").write_text("PORT=9001\nHOST=0.0.0.0\n")
    monkeypatch.setenv("PORT", "9002")
    settings = Config(tmp_path).read(CoreSettings)
    assert (settings.host, settings.port) == ("0.0.0.0", 9002)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("PORT=eighty", "PORT"),
        ("PUBLIC_URL=chat.example.com", "PUBLIC_URL.*https://chat.example.com"),
        ("LOG_LEVEL=loud", "LOG_LEVEL.*debug, info"),
        ("TURN_SECONDS=600", "TURN_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "settings.env").write_text(line + "\n")
    with pytest.raises(SettingsError, match=says):
        Config(tmp_path).read(CoreSettings)


def test_an_unknown_setting_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("OPENAI_APIKEY=sk-x\n")
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        assemble(tmp_path)


def test_a_wrong_setting_never_shows_its_value(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("PORT=canary-secret\n")
    with pytest.raises(SettingsError) as caught:
        Config(tmp_path).read(CoreSettings)
    assert "canary" not in str(caught.value)
