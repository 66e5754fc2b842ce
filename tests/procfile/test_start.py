"""Neither web nor worker starts on what only one process may mend; both say how to mend it."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import make_url

from receptionist import patience
from receptionist.config import CoreSettings
from receptionist.errors import Unavailable
from receptionist.server import BOOT_FAILED
from tests.harness.installation import Installation
from tests.harness.waiting import eventually
from tests.procfile.processes import Part, Procfile, events
from tests.servers.wire_between import WireBetween
from tests.structure.sources import ROOT

KINDS = pytest.mark.parametrize("kind", ["web", "worker"])


def children(part: Part) -> list[int]:
    """The processes that the first one started."""
    assert part._process is not None
    command = ["ps", "-o", "pid=", "--ppid", str(part._process.pid)]
    return [int(pid) for pid in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]


def complaint(answer: subprocess.CompletedProcess[str]) -> str:
    """The one line that says why it did not start."""
    lines = [line for line in answer.stderr.splitlines() if not line.startswith("REDIS_URL is not set: ")]
    assert len(lines) == 1, answer.stderr
    return lines[0]


@KINDS
def test_an_empty_database_is_not_migrated(kind: str, tmp_path: Path) -> None:
    installation = Installation(tmp_path, HOST="127.0.0.1")
    answer = installation.cli(kind)
    assert answer.returncode != 0
    assert complaint(answer).endswith(": The database is empty; run: receptionist migrate")


def test_web_says_in_one_line_why_the_database_cannot_be_used(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nowhere/shared.db"
    installation = Installation(tmp_path, HOST="127.0.0.1", DATABASE_URL=url, SECRET_KEY=secrets.token_urlsafe(32))
    answer = installation.cli("web")
    assert (answer.returncode, complaint(answer)) == (
        BOOT_FAILED,
        "receptionist cannot start: The database cannot be used just now; please try again. "
        "(unable to open database file)",
    )


@KINDS
def test_a_shared_database_wants_a_key_that_outlives_the_folder(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    installation = Installation(tmp_path, HOST="127.0.0.1", DATABASE_URL=url)
    answer = installation.cli(kind)
    assert answer.returncode != 0
    assert "SECRET_KEY is not set" in answer.stderr and "secrets.token_urlsafe" in answer.stderr
    assert not (tmp_path / "secret.key").exists()


def test_a_redis_that_is_none_is_named(tmp_path: Path) -> None:
    answer = Installation(tmp_path, REDIS_URL="localhost:6379").cli("worker")
    assert answer.returncode != 0
    assert "REDIS_URL: write it like redis://127.0.0.1:6379/0" in answer.stderr


def test_both_start_while_redis_is_away(procfile: Callable[..., Procfile]) -> None:
    together = procfile(REDIS_URL="redis://127.0.0.1:1/0")
    together.cold = True  # as a host starts them, which other tests do not
    web, worker = together.start("web"), together.start("worker")
    assert web.healthy() and worker.running


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_web_process_that_dies_while_the_database_is_away_takes_no_other_with_it(
    procfile: Callable[..., Procfile],
) -> None:
    together = procfile(WEB_CONCURRENCY=2)
    url = make_url(Installation(together.path).database_url)
    with closing(WireBetween(url.port or 5432)) as wire:
        through = url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
        web = together.start("web", DATABASE_URL=through)
        eventually(lambda: events(web).count("started") == 2, what="two processes")
        wire.cut()
        os.kill(children(web)[0], signal.SIGKILL)
        eventually(lambda: "waits_for_database" in events(web), what="its follower")
        assert web.running and not web.healthy()
        wire.target = url.port or 5432
        eventually(lambda: events(web).count("started") == 3, what="the follower at work")
        assert web.healthy() and len(children(web)) == 2


@pytest.mark.parametrize("database", ["postgresql"])
@KINDS
def test_a_first_start_waits_for_a_database_that_comes_a_little_later(
    kind: str, procfile: Callable[..., Procfile]
) -> None:
    together = procfile()
    url = make_url(Installation(together.path).database_url)
    with closing(WireBetween(1)) as wire, ThreadPoolExecutor(1) as pool:
        through = url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
        starting = pool.submit(together.start, kind, DATABASE_URL=through)
        eventually(lambda: together.parts and "waits_for_database" in events(together.parts[0]), what="that it waits")
        wire.target = url.port or 5432
        part = starting.result()
        assert part.works() and events(part).count("waits_for_database") == 1


def test_nobody_waits_for_ever_nor_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    tries: list[str] = []

    def away() -> None:
        tries.append("")
        raise Unavailable("It is away.")

    for url, most in (("postgresql://away/x", 30), ("", 1), ("sqlite:////x.db", 1)):
        tries.clear()
        with pytest.raises(Unavailable):
            patience.when_database_is_there(away, CoreSettings(database_url=url), lambda _: None)
        assert len(tries) == most


@pytest.mark.parametrize("database", ["postgresql"])
@KINDS
def test_who_waits_for_the_database_can_be_stopped(kind: str, procfile: Callable[..., Procfile]) -> None:
    part = Part(kind, (together := procfile()).path, **together.settings, DATABASE_URL="postgresql://127.0.0.1:1/x")
    together.parts.append(part)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(part.start)
        eventually(lambda: "waits_for_database" in events(part), what="that it waits")
        part.terminate()
        assert part.wait(10) == 0
        assert isinstance(starting.exception(10), RuntimeError), "it never worked"


def test_the_programs_of_the_procfile_run_from_a_checkout_that_was_not_installed(tmp_path: Path) -> None:
    """Python's buildpacks install requirements.txt and nothing else. `-I`-like: no path but the checkout's folder."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert set(lines) == {"release", "web", "worker"}
    hide = "import sys, runpy; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]; "
    for command in lines.values():
        program, module, name, verb = command.split()
        assert (program, module, name) == ("python", "-m", "receptionist")
        code = (
            hide + f"sys.argv = ['receptionist', {verb!r}, '--help']; runpy.run_module('receptionist', alter_sys=True)"
        )
        result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0 and verb in result.stdout, result.stderr
