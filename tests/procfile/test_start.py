"""Neither web nor worker starts on what only one process may mend; both say how to mend it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.installation import Installation
from tests.procfile.processes import Procfile
from tests.structure.sources import ROOT

KINDS = pytest.mark.parametrize("kind", ["web", "worker"])


@KINDS
def test_an_empty_database_is_not_migrated(kind: str, tmp_path: Path) -> None:
    installation = Installation(tmp_path, HOST="127.0.0.1")
    answer = installation.cli(kind)
    assert answer.returncode != 0
    assert "The database is empty; run: receptionist migrate" in answer.stderr


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
