from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugins.lead_file import LeadFileSettings, on_event, register_commands, register_settings
from receptionist import LeadChanged, LeadErased, MessageSent
from tests.small_plugins.host import LEAD, MemoryHost


@pytest.fixture
def host(tmp_path: Path) -> MemoryHost:
    host = MemoryHost(tmp_path, lead_file="out/leads.jsonl")
    host.leads = {
        (account, lead): {**LEAD, "id": lead, "name": f"Lead {lead}"} for account in (1, 2) for lead in range(9)
    }
    return host


def lines(host: MemoryHost) -> list[dict[str, object]]:
    return [json.loads(line) for line in (host.instance_path / "out/leads.jsonl").read_text("utf-8").splitlines()]


def changed(lead: int, account: int = 1) -> LeadChanged:
    return LeadChanged(account, lead, ("name",))


def test_register_settings() -> None:
    assert register_settings() == [LeadFileSettings]
    assert LeadFileSettings(lead_file=None).lead_file is None


def test_on_event_appends_the_lead_as_it_is_now(host: MemoryHost) -> None:
    on_event(changed(7), host)
    host.leads[1, 7]["name"] = "Zoë\nLovelace"
    on_event(changed(7), host)
    on_event(MessageSent(1, 3, 4), host)
    assert [line["lead"]["name"] for line in lines(host)] == ["Lead 7", "Zoë\nLovelace"]
    assert lines(host)[0].keys() >= {"at", "account", "lead"}
    assert stat.S_IMODE((host.instance_path / "out/leads.jsonl").stat().st_mode) == 0o600


def test_an_erased_lead_is_left_out(host: MemoryHost) -> None:
    on_event(changed(77), host)
    assert not (host.instance_path / "out/leads.jsonl").exists()


def test_on_event_takes_an_erased_lead_out(host: MemoryHost) -> None:
    for lead, account in ((7, 1), (8, 1), (7, 2), (7, 1)):
        on_event(changed(lead, account), host)
    with (host.instance_path / "out/leads.jsonl").open("a") as file:
        file.write('{"lead": {"id": 7, "name": "Le\n')
    del host.leads[1, 7]
    on_event(LeadErased(1, 7), host)
    on_event(changed(7), host)  # heard of late
    assert [(line["account"], line["lead"]["id"]) for line in lines(host)] == [(1, 8), (2, 7)]
    assert stat.S_IMODE((host.instance_path / "out/leads.jsonl").stat().st_mode) == 0o600
    assert {path.name for path in (host.instance_path / "out").iterdir()} == {"leads.jsonl", "leads.jsonl.lock"}
    on_event(LeadErased(1, 7), host)


def test_an_erased_lead_stays_out_whoever_writes_at_the_same_time(host: MemoryHost) -> None:
    def erase(_: int) -> None:
        host.leads.pop((1, 7), None)
        on_event(LeadErased(1, 7), host)

    with ThreadPoolExecutor(8) as pool:
        for number in range(100):
            pool.submit(on_event, changed(number % 9), host)
            if number == 50:
                pool.submit(erase, 1)
    assert 7 not in {line["lead"]["id"] for line in lines(host)}
    assert len(lines(host)) >= 80


def test_it_is_off_without_the_setting(tmp_path: Path) -> None:
    host = MemoryHost(tmp_path)
    host.leads[1, 7] = LEAD
    on_event(changed(7), host)
    assert list(tmp_path.iterdir()) == []


def test_many_threads_write_whole_lines(host: MemoryHost) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: on_event(changed(n % 9), host), range(200)))
    assert len(lines(host)) == 200


def test_register_commands_prints_the_newest_of_each_lead(host: MemoryHost) -> None:
    (command,) = register_commands(host)
    for lead, account in ((1, 1), (2, 1), (1, 2), (1, 1)):
        host.leads[account, lead]["notes"] += "."
        on_event(changed(lead, account), host)
    with (host.instance_path / "out/leads.jsonl").open("a") as file:
        file.write('{"half": \n[]\n')
    result = CliRunner().invoke(command)
    assert result.exit_code == 0
    printed = [json.loads(line) for line in result.output.splitlines()]
    assert [(entry["account"], entry["lead"]["id"], entry["lead"]["notes"]) for entry in printed] == [
        (1, 2, "."),
        (2, 1, "."),
        (1, 1, ".."),
    ]


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    (command,) = register_commands(MemoryHost(tmp_path))
    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert "LEAD_FILE is not set" in result.output
