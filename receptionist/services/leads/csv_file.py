"""Reads CSV files from outside row by row, however they were written, and says where they are wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from receptionist.errors import LeadError

MAX_ROW = 64_000
"""Bytes of one row."""
LOOKED_AT = 8192
"""Bytes at the beginning that tell whether it is text."""
SEPARATORS = ",;\t"
_OTHER_CODES = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on, and its cells, or what is wrong with it and the lines that were not read for it,
    as they stand."""

    line: int
    cells: list[str]
    error: str | None = None
    unread: tuple[str, ...] = ()


class CsvFile:
    """An open CSV file of UTF-8, with or without a byte order mark; its first row is the header."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the header. Raises `LeadError` if this is no such file."""
        self._stream = stream
        start = stream.read(LOOKED_AT)
        stream.seek(0)
        if b"\0" in start and start[:2] not in _OTHER_CODES:
            raise LeadError(
                "The file is not text, but a picture, a spreadsheet or the like; save the table as CSV UTF-8."
            )
        self._lines = _Lines(stream)
        self.separator = self._find_separator()
        self._reader = csv.reader(self._lines, delimiter=self.separator, strict=True)
        first = next(self._rows(), None)
        if first is None or not any(cell.strip() for cell in first.cells):
            raise LeadError("The file is empty; its first row must name the columns.")
        if first.error:
            raise LeadError(f"Line {first.line}: {first.error}")
        self.header = [cell.strip() for cell in first.cells]

    @property
    def position(self) -> int:
        """How many bytes were read so far."""
        return self._lines.bytes_read

    def rows(self) -> Iterator[Row]:
        """The rows below the header, without empty ones. Raises `LeadError` where nothing more can be read."""
        return (row for row in self._rows() if row.error or any(cell.strip() for cell in row.cells))

    def _rows(self) -> Iterator[Row]:
        while True:
            line = self._lines.begin_row()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._misquoted(line, error)
                continue
            yield Row(line, cells)

    def _misquoted(self, line: int, error: csv.Error) -> Row:
        unread = tuple(self._lines.of_row)
        why = f"a quotation mark is in the wrong place ({error})"
        if self._lines.ended:
            why = "a quotation mark of this row is never closed"
        which = f"lines {line} to {line + len(unread) - 1} were" if len(unread) > 1 else "this line was"
        return Row(line, [], f"{why}, so {which} not read.", unread)

    def _find_separator(self) -> str:
        first = self._lines.peek()
        outside = "".join(first.split('"')[::2])
        return max(SEPARATORS, key=outside.count)


class _Lines:
    """The lines of a stream as text, counted; a row that goes on and on is refused.

    `of_row`: the lines of the row that is being read. `ended`: there are no more."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: str | None = None
        self._number = 0
        self._row_began, self._row_size = 1, 0
        self.bytes_read = 0
        self.of_row: list[str] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text, self._ahead = (self._ahead, None) if self._ahead is not None else (self._read(), None)
        if not text:
            self.ended = True
            raise StopIteration
        self._row_size += len(text)
        if self._row_size > MAX_ROW:
            raise LeadError(
                f"Line {self._row_began}: this row has more than {MAX_ROW // 1000} kB; perhaps a quotation mark is "
                "missing. What stands above it was read, nothing below it."
            )
        self.of_row.append(text)
        return text

    def begin_row(self) -> int:
        """A new row begins; returns the number of its first line, from 1 on."""
        self._row_began, self._row_size = self._number + (0 if self._ahead is not None else 1), 0
        self.of_row = []
        return self._row_began

    def peek(self) -> str:
        """The first line, which stays unread."""
        self._ahead = self._read()
        return self._ahead

    def _read(self) -> str:
        data = self._stream.readline(MAX_ROW + 1)
        if self._number == 0 and (code := _OTHER_CODES.get(data[:2])):
            raise LeadError(f"The file is {code}, not UTF-8; save it as CSV UTF-8.")
        if self._number == 0:
            data = data.removeprefix(b"\xef\xbb\xbf")
        self._number += 1
        self.bytes_read += len(data)
        if b"\0" in data:
            raise LeadError(f"Line {self._number}: this is not text; save the table as CSV UTF-8.")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            if len(data) > MAX_ROW and error.end >= len(data) - 4:
                raise LeadError(f"Line {self._number}: this line has more than {MAX_ROW // 1000} kB.") from None
            wrong = data[error.start : error.start + 1].decode("latin-1")
            raise LeadError(
                f"Line {self._number}: this is not UTF-8; with {wrong!r} in it, it is perhaps latin-1 (Windows-1252). "
                "Save the table as CSV UTF-8 and import that."
            ) from None


def written(cells: list[str], separator: str = ",") -> str:
    """One row as text, with its end of line."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerow(cells)
    return text.getvalue()
