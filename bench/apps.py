"""The apps under test: the floor and Receptionist, each with a folder, processes and a webhook address."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.floor import prompt, tables
from bench.load import Town
from bench.processes import ROOT, Process, free_port
from bench.services import PostgreSQL, Redis

LINE, CHAT_LINE = "bench-line", "bench-chat"
DROP_INS = ROOT / "bench" / "drop_ins"
LEFT_OUT = "backup,business_hours,card_guard,demo_model,journal,lead_file,local_files,quiet"


class App:
    """Something that takes webhooks at `path` on `port`. `processes` are its own; `services` what it stands on."""

    name: str
    port: int
    path: str
    processes: list[Process]
    services: list[Redis | PostgreSQL]

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU used so far, by process."""
        found: dict[str, float] = {}
        for process in (*self.processes, *self.services):
            found[process.name] = found.get(process.name, 0.0) + process.cpu()
        return found

    def memory(self) -> int:
        """Bytes of RAM of its own processes."""
        return sum(process.memory() for process in self.processes)

    def stop(self) -> None:
        """End its own processes."""
        for process in self.processes:
            process.stop()

    def kill(self) -> None:
        """End them at once: nobody needs what they still do."""
        for process in self.processes:
            process.kill()


class Floor(App):
    """The barest app: two web processes of four threads, two workers of eight."""

    path = "/hook"
    WORKERS, THREADS = 2, 8

    def __init__(self, folder: Path, town: Town, redis: Redis, database: PostgreSQL | None = None) -> None:
        folder.mkdir()
        self.name = f"floor, {'PostgreSQL' if database else 'SQLite'} + Redis"
        self.port = free_port()
        self.services = [redis, database] if database else [redis]
        url = _psycopg(database.new_database()) if database else f"sqlite:///{folder}/floor.db"
        environment = {
            "FLOOR_DATABASE_URL": url,
            "FLOOR_REDIS_URL": redis.url,
            "FLOOR_MODEL_URL": town.model_url,
            "FLOOR_VENDOR_URL": town.vendor_url,
        }
        engine = sa.create_engine(url)
        tables.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(sa.insert(tables.strategies).values(id=1, fields=prompt.FIELDS))
        engine.dispose()
        binaries = Path(sys.executable).parent
        gunicorn = [f"{binaries}/gunicorn", "bench.floor.web:app", "-b", f"127.0.0.1:{self.port}", "-w", "2"]
        gunicorn += ["-k", "gthread", "--threads", "4", "--log-level", "warning", "--no-control-socket"]
        dramatiq = [f"{binaries}/dramatiq", "bench.floor.actors", "--processes", str(self.WORKERS)]
        dramatiq += ["--threads", str(self.THREADS)]
        self.processes = [
            Process("web", gunicorn, folder, environment),
            Process("worker", dramatiq, folder, {**environment, "dramatiq_worker_timeout": "100"}),
        ]
        self.processes[0].wait_for_port(self.port, "/")


class Receptionist(App):
    """The product on a folder of its own; embedded, or as one `web` and two `worker` on PostgreSQL and Redis."""

    path = f"/webhooks/bench/{LINE}"

    def __init__(
        self,
        folder: Path,
        town: Town,
        services: tuple[Redis, PostgreSQL] | None = None,
        *,
        meter: bool = False,
        stored: int = 0,
        **settings: object,
    ) -> None:
        self.folder = folder
        self.services = list(services or ())
        self.name = "Receptionist, Procfile on PostgreSQL + Redis" if services else "Receptionist, embedded on SQLite"
        self.port = free_port()
        (folder / "plugins").mkdir(parents=True)
        for name in ("bench_channel", "meter") if meter else ("bench_channel",):
            shutil.copy(DROP_INS / f"{name}.py", folder / "plugins")
        urls = {}
        if services:
            redis, database = services
            urls = {
                "DATABASE_URL": database.new_database(),
                "REDIS_URL": redis.url,
                "SECRET_KEY": secrets.token_urlsafe(32),
            }
        own = {
            "DISABLED_PLUGINS": LEFT_OUT,
            "OPENAI_BASE_URL": town.model_url,
            "LOG_LEVEL": "warning",
            "WEBCHAT_MAX_SOCKETS": "8000",
            "BENCH_VENDOR": town.vendor_url,
            "PORT": str(self.port),
            **urls,
            **{name.upper(): str(value) for name, value in settings.items()},
        }
        self.environment = {"INSTANCE_PATH": str(folder), **own}
        self.python("-m", "receptionist", "migrate")
        self.lines: dict[str, Any] = json.loads(self.python("-m", "bench.prepare"))
        if stored:
            self.python("-m", "bench.fill", str(stored))
        commands = ("web", "worker", "worker") if services else ("run",)
        self.processes = [
            Process(name, [sys.executable, "-m", "receptionist", name], folder, self.environment) for name in commands
        ]
        self.processes[0].wait_for_port(self.port, "/health")

    def python(self, *arguments: str) -> str:
        """Run Python on the same folder; returns what it printed."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.environment}
        command = [sys.executable, *arguments]
        result = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=600, check=False
        )
        if result.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    def order(self, events: Mapping[str, Any]) -> None:
        """Let the meter publish live events; see `drop_ins/meter.py`."""
        temporary = self.folder / "events.new"
        temporary.write_text(json.dumps(events))
        temporary.replace(self.folder / "events.json")

    def meters(self) -> dict[str, Any]:
        """What the meter counted so far, all processes together; waits until they wrote it."""
        time.sleep(0.6)
        total: dict[str, Any] = {}
        for file in self.folder.glob("meter-*.json"):
            _add(total, json.loads(file.read_text()))
        return total


def _add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def difference(after: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """`after - before`, name by name; nested dictionaries too."""
    return {
        name: difference(value, before.get(name, {})) if isinstance(value, dict) else value - before.get(name, 0)
        for name, value in after.items()
    }


def _psycopg(url: str) -> str:
    """The URL with the driver that both apps use."""
    return url.replace("postgresql://", "postgresql+psycopg://")
