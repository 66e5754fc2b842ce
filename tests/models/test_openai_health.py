"""Settings of the model `openai`, and what `doctor` is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from plugins.openai_model import OpenAISettings, register_health_checks, register_models, register_settings
from plugins.openai_model.health import model_problem
from tests.models.support import KEY, SettingsHost
from tests.servers.model_server import Error, Hang, ModelServer, Raw


def checks(**values: str) -> dict[str, Callable[[], str | None]]:
    return dict(register_health_checks(SettingsHost(**values)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "ready"),
    [
        ({}, False),
        ({"openai_api_key": KEY}, True),
        ({"openai_base_url": "http://localhost:11434/v1/"}, True),
        ({"openai_base_url": "https://eu.api.openai.com/v1"}, False),
        ({"openai_base_url": "https://api.openai.com.evil.example/v1"}, True),
    ],
)
def test_ready_needs_a_key_or_a_server_of_ones_own(values: dict[str, str], ready: bool) -> None:
    (model,) = register_models(SettingsHost(**values))  # type: ignore[arg-type]
    assert model.ready() is ready
    assert (model.name, model.preference, model.notice) == ("openai", 10, "")


def test_settings_are_registered_and_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    (kind,) = register_settings()
    settings = kind()
    assert isinstance(settings, OpenAISettings)
    assert settings.openai_api_key.get_secret_value() == KEY, "pasted spaces are no part of a key"
    assert KEY not in repr(settings)
    assert settings.server == "https://api.openai.com/v1"
    assert settings.is_openai


@pytest.mark.parametrize(
    "values",
    [
        {"openai_api_key": "sk-test\nX-Evil: 1"},
        {"openai_api_key": "sk-tést"},
        {"openai_base_url": "localhost:11434"},
        {"openai_base_url": "file:///etc/passwd"},
        {"openai_base_url": "https://user:password@example.com/v1"},
        {"openai_base_url": "https://example.com/v1?key=1"},
        {"openai_model": ""},
        {"openai_flavor": "other"},
        {"openai_silence_seconds": 0},
    ],
)
def test_malformed_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OpenAISettings.model_validate(values)


def test_unused_plugin_is_healthy() -> None:
    found = checks()
    assert [(name, check()) for name, check in found.items()] == [("settings", None)]


def test_forgotten_key_is_named() -> None:
    assert "OPENAI_API_KEY is missing" in str(checks(openai_model="gpt-6-sol")["settings"]())


def test_server_that_has_the_model_is_healthy(server: ModelServer) -> None:
    assert checks(openai_api_key=KEY, openai_base_url=server.url)["server"]() is None
    assert [request.path for request in server.requests] == ["/v1/models"]


def test_trouble_at_the_server_is_named(server: ModelServer) -> None:
    found = checks(openai_api_key=KEY, openai_base_url=server.url, openai_model="gpt-2")["server"]()
    assert found is not None
    assert found.startswith("OPENAI_MODEL 'gpt-2' is not among the server's models (gpt-4.1,")
    found = checks(openai_api_key="sk-wrong", openai_base_url=server.url)["server"]()
    assert "401: invalid_api_key" in str(found)
    assert "failed" in str(checks(openai_api_key=KEY, openai_base_url="http://127.0.0.1:1/v1")["server"]())


def test_retirement_is_announced() -> None:
    soon, later = (date.today() + timedelta(days=days) for days in (10, 90))
    assert model_problem("m", [{"id": "m", "shutdown_date": later.isoformat()}]) is None
    assert "is retired on" in str(model_problem("m", [{"id": "m", "shutdown_date": soon.isoformat()}]))


def test_malformed_list_of_models_is_a_finding(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks(openai_api_key=KEY, openai_base_url=server.url)["server"]
    server.models_answer = Raw(200, b'{"data": [1]}')
    assert "malformed" in str(check())
    server.models_answer = Raw(200, b"<html>", "text/html")
    assert "unreadable" in str(check())
    server.models_answer = Error(500)
    assert "500" in str(check())


def test_server_that_hangs_is_a_finding_in_time(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.openai_model import health

    checks(openai_api_key=KEY, openai_base_url=server.url)["server"]()  # loads the library, which takes its time
    monkeypatch.setattr(health, "REACH_SECONDS", 0.3)
    server.models_answer = Hang()
    begun = time.monotonic()
    assert "within the time allowed" in str(checks(openai_api_key=KEY, openai_base_url=server.url)["server"]())
    assert time.monotonic() - begun < 2.0
