"""Files in a folder of the instance: `files/`, readable by the program's user only."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from receptionist import Host, Invalid, NotFound, Storage, Unavailable, hookimpl

FOLDER = "files"
PARTIAL = ".partial"
"""Where files are while they are written; on the same disk, so that the rename is one step."""

STALE_SECONDS = 3600.0
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class LocalFiles(Storage):
    """Stores each key as a file of that name; a part that begins with a dot is refused."""

    name = "local_files"
    title = "Files in the instance folder"

    def save(self, key: str, content: BinaryIO) -> None:
        """Write beside, then rename. Raises `Invalid` for a bad key and `Unavailable` when the disk refuses."""
        target = self._path(key)
        if target is None:
            raise Invalid("A file key has letters, digits, '-', '_', '.' and '/', and no part that begins with a dot.")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(target, content)
        except OSError as error:
            raise Unavailable(f"The file could not be stored: {error.strerror or error}.") from error

    def open(self, key: str) -> BinaryIO:
        """The content, from its beginning; close it after use. Raises `NotFound`."""
        target = self._path(key)
        try:
            if target is None:
                raise FileNotFoundError(key)
            return target.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound("There is no such file.") from None

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is no error."""
        target = self._path(key)
        if target is not None and not target.is_dir():
            try:
                target.unlink(missing_ok=True)
            except NotADirectoryError:  # a part of the key is a file, so there is nothing under it
                return

    def clear_partial(self) -> None:
        """Remove what killed processes left half written, an hour ago or more."""
        before = time.time() - STALE_SECONDS
        for path in self._root.glob(f"{PARTIAL}/*"):
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
            except FileNotFoundError:  # another process cleared it first
                continue

    @property
    def _root(self) -> Path:
        return self.host.instance_path / FOLDER

    def _path(self, key: str) -> Path | None:
        """Where the key lives; None for a key that core would not make, or that a link leads out of the folder."""
        if len(key) > 500 or not _KEY.fullmatch(key):
            return None
        path = self._root / key
        return path if path.resolve().is_relative_to(self._root.resolve()) else None

    def _write(self, target: Path, content: BinaryIO) -> None:
        partial = self._root / PARTIAL
        partial.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=partial)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@hookimpl
def register_storages(host: Host) -> list[Storage]:
    """The folder as a storage."""
    return [LocalFiles(host)]


@hookimpl
def startup(host: Host) -> None:
    """Clear what earlier processes left half written."""
    LocalFiles(host).clear_partial()
