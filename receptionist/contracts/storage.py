"""A storage: where files live."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, ClassVar

if TYPE_CHECKING:
    from receptionist.contracts.host import Host


class Storage:
    """Base class of storages; return instances from the hook `register_storages`.

    Keys are made by core: letters, digits, `-`, `_`, `.` and `/`, never from a customer's file name.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, host: Host) -> None:
        self.host = host

    def save(self, key: str, content: BinaryIO) -> None:
        """Store the whole content under `key`, replacing what was there, all or nothing."""
        raise NotImplementedError(f"{type(self).__name__}.save")

    def open(self, key: str) -> BinaryIO:
        """The content. Raises `NotFound`."""
        raise NotImplementedError(f"{type(self).__name__}.open")

    def delete(self, key: str) -> None:
        """Forget the content; nothing happens if it is not there."""
        raise NotImplementedError(f"{type(self).__name__}.delete")
