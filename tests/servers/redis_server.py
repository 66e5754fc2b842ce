"""A real Redis on a port of its own; keeps nothing on disk unless told to."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from tests.harness.installation import free_port
from tests.servers.process import ServerProcess

PROGRAM = shutil.which("redis-server")
WHY = "no redis-server on PATH (sudo apt install redis-server)"


class RedisServer(ServerProcess):
    """Started with `start`; `url` stays the same. `appendonly` keeps what was acknowledged across `kill`."""

    def __init__(self, folder: Path, *, maxmemory: str = "0", appendonly: bool = False) -> None:
        assert PROGRAM is not None, WHY
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(folder),
            "save": "",
            "maxmemory": maxmemory,
            "maxmemory-policy": "noeviction",
            "appendonly": "yes" if appendonly else "no",
            "appendfsync": "always",
        }
        command = [PROGRAM, *(word for name, value in settings.items() for word in (f"--{name}", value))]
        super().__init__(command, folder, self._answers)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
