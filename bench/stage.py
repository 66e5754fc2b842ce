"""What every section works with: the load, fresh folders, the services, and the one way to measure a closed loop."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.apps import App, Floor, Receptionist
from bench.customers import Answers, Crowd
from bench.load import Town
from bench.report import Report
from bench.services import PostgreSQL, Redis

A = TypeVar("A", bound=App)
WARM_SECONDS = 10.0


@dataclass(frozen=True)
class Measured:
    """A closed loop in its steady state. `cpu` and `load_cpu` are ms per answered message."""

    per_second: float
    took: Sequence[float]
    cpu: dict[str, float]
    load_cpu: float
    lost: int

    @property
    def all_cpu(self) -> float:
        """Of everything that serves, databases and Redis included."""
        return sum(self.cpu.values())


class Stage:
    """One run of the bench."""

    def __init__(self, folder: Path, town: Town, report: Report, *, quick: bool, large: bool) -> None:
        self.town, self.report = town, report
        self.quick, self.large = quick, large
        self._folder = folder
        self._services: list[Redis | PostgreSQL] = []
        self._made = 0

    def folder(self) -> Path:
        """A path nobody has used yet, in a folder that goes away."""
        self._made += 1
        return self._folder / f"app-{self._made}"

    def seconds(self, usual: float) -> float:
        """How long to measure: a third of the usual time with --quick."""
        return usual / 3 if self.quick else usual

    @functools.cached_property
    def redis(self) -> Redis:
        """The bench's Redis, started when it is first needed."""
        redis = Redis(self._folder / "redis")
        self._services.append(redis)
        return redis

    @functools.cached_property
    def postgresql(self) -> PostgreSQL:
        """The bench's PostgreSQL, started when it is first needed."""
        postgresql = PostgreSQL(self._folder / "postgresql")
        self._services.append(postgresql)
        return postgresql

    @contextmanager
    def floor(self, *, postgresql: bool) -> Iterator[Floor]:
        """The floor, running."""
        database = self.postgresql if postgresql else None
        with _running(Floor(self.folder(), self.town, self.redis, database)) as app:
            yield app

    @contextmanager
    def embedded(self, *, meter: bool = False, stored: int = 0, **settings: object) -> Iterator[Receptionist]:
        """The product in one process on SQLite, running."""
        with _running(Receptionist(self.folder(), self.town, meter=meter, stored=stored, **settings)) as app:
            yield app

    @contextmanager
    def procfile(self, *, meter: bool = False, stored: int = 0, **settings: object) -> Iterator[Receptionist]:
        """The product as `web` and `worker` on PostgreSQL and Redis, running."""
        services = (self.redis, self.postgresql)
        with _running(Receptionist(self.folder(), self.town, services, meter=meter, stored=stored, **settings)) as app:
            yield app

    def crowd(self, app: App) -> Crowd:
        """Customers of an app."""
        return Crowd(app.port, app.path, self.town.vendor)

    def closed_loop(self, app: App, users: int, seconds: float) -> Measured:
        """So many users write, wait and write again; measured after a warm-up."""
        answers = Answers()
        crowd = self.crowd(app)
        talk = self.town.start(crowd.talk(users, WARM_SECONDS + seconds, answers=answers))
        time.sleep(WARM_SECONDS)
        cpu, load, begun = app.cpu(), time.process_time(), time.monotonic()
        time.sleep(seconds)
        ended, load_after, cpu_after = time.monotonic(), time.process_time(), app.cpu()
        talk.result(90)
        crowd.close()
        took = answers.between(begun, ended)
        count = max(1, len(took))
        return Measured(
            per_second=len(took) / (ended - begun),
            took=took,
            cpu={name: 1000 * (cpu_after[name] - cpu[name]) / count for name in cpu},
            load_cpu=1000 * (load_after - load) / count,
            lost=answers.refused + answers.unanswered,
        )

    def close(self) -> None:
        """End the services."""
        for service in self._services:
            service.stop()


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered values do not exceed; nan if there is none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@contextmanager
def _running(app: A) -> Iterator[A]:
    try:
        yield app
    except BaseException:
        app.kill()
        raise
    app.stop()
