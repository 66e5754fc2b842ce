"""Server-sent events (WHATWG HTML, 9.2.6), read from raw bytes as they arrive."""

from __future__ import annotations

from collections.abc import Iterator


class EventParser:
    """Cuts a byte stream into events. Lines may end in LF or CRLF; comments, ids and retry times are skipped."""

    __slots__ = ("_data", "_name", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The events that `chunk` completes, each as its name (empty if it has none) and its data."""
        self._rest += chunk
        if b"\n" not in chunk:
            return
        lines = bytes(self._rest).split(b"\n")
        self._rest = bytearray(lines.pop())
        for line in lines:
            if line.endswith(b"\r"):
                line = line[:-1]
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
            elif not line:
                event = self._take()
                if event is not None:
                    yield event

    def _take(self) -> tuple[bytes, bytes] | None:
        name, data = self._name, self._data
        self._name, self._data = b"", []
        return (name, data[0] if len(data) == 1 else b"\n".join(data)) if data else None
