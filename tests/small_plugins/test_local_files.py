from __future__ import annotations

import io
import os
import stat
import time
from pathlib import Path

import pytest

from plugins.local_files import LocalFiles, register_storages, startup
from receptionist import Invalid, NotFound, Unavailable
from tests.small_plugins.host import MemoryHost


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    (storage,) = register_storages(MemoryHost(tmp_path))
    assert isinstance(storage, LocalFiles)
    return storage


def content(files: LocalFiles, key: str) -> bytes:
    with files.open(key) as file:
        return file.read()


def test_saved_content_comes_back(files: LocalFiles, tmp_path: Path) -> None:
    files.save("1/abc.bin", io.BytesIO(b"\x00one"))
    files.save("1/abc.bin", io.BytesIO(b"two"))
    assert content(files, "1/abc.bin") == b"two"
    path = tmp_path / "files" / "1" / "abc.bin"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list((tmp_path / "files" / ".partial").iterdir()) == []


def test_deleted_content_is_gone(files: LocalFiles) -> None:
    files.save("a", io.BytesIO(b"x"))
    files.delete("a")
    files.delete("a")
    files.delete("a/b")
    with pytest.raises(NotFound):
        files.open("a")


BAD_KEYS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../x",
    "a//b",
    "a/",
    ".partial/x",
    "a/.b",
    "a\\b",
    "a\x00",
    "ä",
    "a b",
    "x" * 501,
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_keys_cannot_leave_the_folder(files: LocalFiles, key: str) -> None:
    with pytest.raises(Invalid):
        files.save(key, io.BytesIO(b"x"))
    with pytest.raises(NotFound):
        files.open(key)
    files.delete(key)


def test_links_cannot_leave_the_folder(files: LocalFiles, tmp_path: Path) -> None:
    files.save("a", io.BytesIO(b"x"))
    (tmp_path / "secret").write_text("s")
    (tmp_path / "files" / "out").symlink_to(tmp_path)
    with pytest.raises(NotFound):
        files.open("out/secret")
    with pytest.raises(Invalid):
        files.save("out/secret", io.BytesIO(b"x"))
    files.delete("out/secret")
    assert (tmp_path / "secret").read_text() == "s"


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_broken_write_leaves_the_old_content(files: LocalFiles, tmp_path: Path) -> None:
    files.save("a", io.BytesIO(b"old"))
    with pytest.raises(Unavailable, match="Input/output"):
        files.save("a", Broken())
    assert content(files, "a") == b"old"
    assert list((tmp_path / "files" / ".partial").iterdir()) == []


def test_a_key_under_a_file_is_unavailable(files: LocalFiles) -> None:
    files.save("a", io.BytesIO(b"x"))
    with pytest.raises(Unavailable):
        files.save("a/b", io.BytesIO(b"x"))
    with pytest.raises(NotFound):
        files.open("a/b")


def test_startup_clears_what_was_left_half_written(files: LocalFiles, tmp_path: Path) -> None:
    startup(MemoryHost(tmp_path))
    files.save("a", io.BytesIO(b"x"))
    old, new = (tmp_path / "files" / ".partial" / name for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    startup(MemoryHost(tmp_path))
    assert not old.exists()
    assert new.exists()
    assert content(files, "a") == b"x"
