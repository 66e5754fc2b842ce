from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from plugins import journal
from receptionist import Event, GoalChanged, LeadChanged, MessageFailed, PersonRequested, ToolCalled, TurnRecorded
from tests.small_plugins.host import MemoryHost

HOST = MemoryHost()


@pytest.mark.parametrize(
    ("event", "logged"),
    [
        (
            TurnRecorded(1, 2, 3, 0.5, False),
            {"account_id": 1, "conversation_id": 2, "turn_id": 3, "seconds": 0.5, "failed": False},
        ),
        (PersonRequested(1, 2, "Ada complains", "0170 1234567"), {"account_id": 1, "conversation_id": 2}),
        (
            MessageFailed(1, 2, 3, "no route to ada@example.org"),
            {"account_id": 1, "conversation_id": 2, "message_id": 3},
        ),
        (
            ToolCalled(1, 2, 3, "note", "done", 0.5),
            {"account_id": 1, "conversation_id": 2, "turn_id": 3, "name": "note", "state": "done", "seconds": 0.5},
        ),
        (
            GoalChanged(1, 2, "g1", "booking", "done", "A haircut for Ada", "Ada comes at nine"),
            {"account_id": 1, "conversation_id": 2, "goal_id": "g1", "state": "done"},
        ),
        (LeadChanged(1, 7, ("name", "phone")), {"account_id": 1, "lead_id": 7, "fields": ["name", "phone"]}),
    ],
)
def test_on_event_logs_numbers_and_no_texts(event: Event, logged: dict[str, Any]) -> None:
    with capture_logs() as logs:
        journal.on_event(event, HOST)
    assert logs == [{"event": "event", "log_level": "info", "kind": type(event).__name__, **logged}]


def test_startup_and_shutdown_frame_what_a_process_did() -> None:
    with capture_logs() as logs:
        journal.startup(HOST)
        for turn in range(3):
            journal.on_event(TurnRecorded(1, 2, turn, 0.5, False), HOST)
        journal.shutdown(HOST)
    assert logs[0]["event"] == "process_started"
    assert logs[-1]["event"] == "process_stopped"
    assert logs[-1]["TurnRecorded"] == 3
    with capture_logs() as logs:
        journal.startup(HOST)
        journal.shutdown(HOST)
    assert "TurnRecorded" not in logs[-1]


def test_register_health_checks_reports_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = journal.register_health_checks(MemoryHost(tmp_path))["disk"]
    monkeypatch.setattr(journal, "ENOUGH_BYTES", 0)
    assert check() is None
    monkeypatch.setattr(journal, "ENOUGH_BYTES", 10**18)
    assert "MB are free" in str(check())
