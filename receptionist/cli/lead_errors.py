"""The wrong rows of an import: shown, and written to a file of their own, where they can be mended."""

from __future__ import annotations

import filecmp
import os
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

import click

from receptionist.cli.base import printable

if TYPE_CHECKING:
    from receptionist.services.leads.csv_file import CsvFile, Row

MOST_SHOWN = 20
"""Wrong rows of a file that are shown; all of them are in its file of errors."""


class WrongRows:
    """Called with each wrong row of `file` and the reason; a context manager, which says at its end where they are.

    They are written beside the file, in its columns, with the line and the reason behind them. No file that is there is
    changed, for it may hold what was mended since; one that holds the very same is named again. Rows of which `kept` is
    False are only shown."""

    def __init__(self, file: Path, table: CsvFile, *, kept: bool) -> None:
        self._file, self._table, self._kept = file, table, kept
        self._stream: TextIO | None = None
        self._target, self._earlier = file, list[Path]()
        self._count = 0

    def __enter__(self) -> WrongRows:
        return self

    def __call__(self, row: Row, reason: str) -> None:
        """Raises `click.ClickException` if no file can be made there."""
        self._count += 1
        if self._count <= MOST_SHOWN:
            click.echo(f"Line {row.line}: {printable(reason)}", err=True)
        if self._kept:
            self._write(row, reason)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._count > MOST_SHOWN:
            click.echo(f"{self._count - MOST_SHOWN} more are wrong.", err=True)
        if self._stream is not None:
            self._stream.close()
            click.echo(f"The wrong rows are in {self._same_as_before() or self._target}.")

    def _write(self, row: Row, reason: str) -> None:
        from receptionist.services.leads.csv_file import written
        from receptionist.services.leads.lead_cells import plain, safe, safe_lines

        header, separator = self._table.header, self._table.separator
        if self._stream is None:
            self._stream = self._opened()
            self._stream.write(written([safe(plain(cell)) for cell in (*header, "line", "error")], separator))
        if row.unread:  # nobody knows where their cells end, so no cells can be put behind them
            self._stream.write(safe_lines("".join(row.unread).rstrip("\r\n"), separator) + "\r\n")
            return
        width = len(header)
        inside, beyond = row.cells[:width], row.cells[width:]
        # Cells that are too many stay, to be mended: without them the row would look right.
        cells = [*inside, *[""] * (width - len(inside)), str(row.line), reason, *beyond]
        self._stream.write(written([safe(plain(cell)) for cell in cells], separator))

    def _opened(self) -> TextIO:
        for number in count(1):
            self._target = self._file.with_name(f"{self._file.name}.errors{f'.{number}' if number > 1 else ''}.csv")
            try:
                return opened_new(self._target)
            except FileExistsError:
                self._earlier.append(self._target)
            except OSError as error:
                raise click.ClickException(f"{self._target}: {error.strerror}.") from error
        raise AssertionError("there is always one more number")

    def _same_as_before(self) -> Path | None:
        """The file of an earlier import with the very same rows, instead of this one."""
        for earlier in self._earlier:
            if earlier.is_file() and os.access(earlier, os.R_OK) and filecmp.cmp(earlier, self._target, shallow=False):
                self._target.unlink()
                return earlier
        return None


def opened_new(file: Path) -> TextIO:
    """A new file for nobody else's eyes, to be written as UTF-8. Raises `FileExistsError`, `OSError`."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", newline="")
