"""A wire between us and a server: it can be slow to bring replies, and lead to another server from some moment on."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class WireBetween:
    """Listens on `port`, and hands on to `target`. `delay`: seconds that each piece of a reply is on its way.

    Both may be changed at any time; a new `target` is for new connections, as a changed name is.
    """

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self.target, self.delay = target, delay
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def redis_url(self) -> str:
        """The address of the Redis at its other end."""
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Break all connections; for new ones, until `target` is set again, nobody is at the other end."""
        self.target = 1
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take nobody new."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                    continue
                self._ends += (client, server)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, goal: socket.socket, slow: bool) -> None:
        with suppress(OSError), source, goal:
            while piece := source.recv(65536):
                if slow and self.delay:
                    time.sleep(self.delay)
                goal.sendall(piece)
