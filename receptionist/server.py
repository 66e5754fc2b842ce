"""What serves: gunicorn with one process that also answers (`run`), or with one or more that only serve (`web`)."""

from __future__ import annotations

import os
import resource
import socket
import struct
import subprocess
import sys
import threading
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from receptionist.arrival import begin_request, say_goodbye
from receptionist.config import Config, CoreSettings
from receptionist.errors import AdminError, Unavailable
from receptionist.patience import when_database_is_there

if TYPE_CHECKING:
    from receptionist.desk import Desk

READ_SECONDS = 10

KEPT_ALIVE = 1000
"""Idle connections of browsers and routers that one process keeps, beside those that hold a thread."""

FILES_PER_THREAD = 4
"""Open files of a chat socket: the connection, its double, what its reader waits with, and one for the rest of us."""

BOOT_FAILED = 4
"""Gunicorn's own exit code for an application that cannot be loaded: it does not try again."""


class ServerLog(Logger):  # type: ignore[misc]
    """Gunicorn's log as part of ours; without its lines about a start that was refused, for that said why itself."""

    _refused = False

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Write an error, unless it comes of a refused start."""
        self._refused = self._refused or (msg.startswith("Worker (pid:%s) exited") and args[1:] == (BOOT_FAILED,))
        if not self._refused:
            super().error(msg, *args, **kwargs)


class DeskWorker(ThreadWorker):  # type: ignore[misc]
    """A gunicorn thread worker that starts the desk when it begins to serve and stops it when it ends."""

    _stopping: threading.Thread | None = None

    def load_wsgi(self) -> None:
        """Make our application; a process that follows a dead one waits for the database, as the others do: to end
        would end the whole server."""
        self.app.follows = self.age > self.cfg.workers
        super().load_wsgi()

    def run(self) -> None:
        """Serve until told to stop; returns when the desk is stopped too."""
        _allow_files(FILES_PER_THREAD * self.cfg.threads + KEPT_ALIVE)
        with _ending_clearly():
            self.app.desk.start()
        if self.age == 1:
            how = f"Ctrl-C, or SIGTERM to {os.getppid()}, stops it"
            print(f"Receptionist is ready: {self.app.address}  ({how})", file=sys.stderr, flush=True)  # noqa: T201
        try:
            super().run()
        finally:
            self._stop_desk().join()

    def enqueue_req(self, conn: Any) -> None:
        """Serve a request, but wait for its next bytes at most `READ_SECONDS`: each waiting request holds a thread."""
        if not conn.initialized:  # the connection's first request; the socket keeps what it is told
            with suppress(OSError):
                conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", READ_SECONDS, 0))
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve one request, which must arrive soon; a connection that ends is closed here. What a plugin raises to end
        a process ends the connection only."""
        begin_request(conn, self.cfg)
        try:
            goes_on = super().handle(conn)
        except (SystemExit, CancelledError):
            structlog.get_logger().exception("request_failed")
            goes_on = False
        if not goes_on:
            say_goodbye(conn)
        return goes_on

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: stop answering at the same time as serving."""
        if self.app.desk is None:  # nothing was begun
            sys.exit(0)
        self._stop_desk()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT (Ctrl-C reaches the whole group) and SIGQUIT: as SIGTERM, so that nothing is cut off."""
        self.handle_exit(sig, frame)

    def _stop_desk(self) -> threading.Thread:
        if self._stopping is None:
            self._stopping = threading.Thread(target=self.app.desk.stop, name="desk-stop")
            self._stopping.start()
        return self._stopping


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn over our application; the parts are made in its worker processes, after fork."""

    desk: Desk | None = None
    follows = False
    """Whether this process takes the place of one that died."""

    def __init__(self, instance_path: Path, *, answers: bool) -> None:
        from receptionist.log import configure

        self._instance_path = instance_path
        self._settings = Config(instance_path).read(CoreSettings)
        self._answers = answers
        self._host = self._settings.host or ("127.0.0.1" if answers else "0.0.0.0")  # noqa: S104 - behind a router
        configure(self._settings.log_level)
        super().__init__()

    def load_config(self) -> None:
        """Gunicorn's settings, from ours."""
        settings = self._settings
        for name, value in {
            "bind": f"{self._host}:{settings.port}",
            "workers": 1 if self._answers else settings.web_concurrency,
            "worker_class": DeskWorker,
            "threads": settings.web_threads,
            "worker_connections": settings.web_threads + KEPT_ALIVE,
            "graceful_timeout": 20,
            "timeout": 60,
            "keepalive": 15,
            "limit_request_line": 4094,
            "loglevel": "warning",
            "logger_class": ServerLog,
            "errorlog": None,
            "proc_name": "receptionist",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def refuse_taken_port(self) -> None:
        """Raises `AdminError` if the address cannot be listened on."""
        settings = self._settings
        try:
            family, *_, address = socket.getaddrinfo(self._host, settings.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            raise AdminError(
                f"Receptionist cannot listen on {self._host} port {settings.port}: {error.strerror or error}. "
                "Is it running already? Else set PORT or HOST."
            ) from error

    def load(self) -> Any:
        """The application, in the worker. Ends the whole server with a clear line if that is impossible."""
        from receptionist.app import create_app

        with _ending_clearly():
            self.desk = when_database_is_there(self._make_desk, self._settings, for_ever=self.follows)
            if self._answers:
                prepare(self.desk)
            return create_app(self.desk.parts)

    def _make_desk(self) -> Desk:
        """Raises `Unavailable` while the database is away."""
        from receptionist import migrations
        from receptionist.desk import Desk

        desk = Desk(self._instance_path, answers=self._answers)
        if self._answers:  # else it has been asked already
            migrations.current(desk.parts.database)
        return desk

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._settings.port}"


def _allow_files(wanted: int) -> None:
    """Let this process open so many files, or as many as it may: shells and hosts often begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS refuses more than its kernel has
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _ending_clearly() -> Iterator[None]:
    """End the whole server with one clear line if what an admin can mend is wrong."""
    from receptionist.cli.base import reason

    try:
        yield
    except (AdminError, Unavailable) as error:
        print(f"receptionist cannot start: {reason(error)}", file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(BOOT_FAILED)


def prepare(desk: Any) -> None:
    """Migrate if the database is behind, and make the demo account if there is no account at all.

    The migration runs in a process of its own, so that Alembic does not stay in memory here.
    """
    from receptionist import migrations
    from receptionist.config import environment_for
    from receptionist.services.demo.first_start import create_demo_if_empty

    if migrations.current(desk.parts.database) != migrations.newest():
        command = [sys.executable, "-m", "receptionist", "migrate"]
        if subprocess.run(command, env=environment_for(desk.parts.instance_path), check=False).returncode:
            raise AdminError("the database could not be migrated; the lines above say why")
    create_demo_if_empty(desk.parts, desk.factory.check)
