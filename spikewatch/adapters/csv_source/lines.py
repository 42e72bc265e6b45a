"""The lines of a CSV file, plain or gzip, and a list of what is wrong with them.

What a column means is not known here. A file that cannot be read to its end raises Mistake at once; mistakes in single
lines are collected, so that all can be mended in one go.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from spikewatch.adapters.csv_source import fields
from spikewatch.errors import Mistake

MOST_TOLD = 20
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True)
class Complaints:
    """What is wrong with single lines of one file; the first twenty are kept, the rest is counted."""

    file: Path
    told: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, line: int, text: str) -> None:
        """Take note of a mistake on a line, counted from 1."""
        if len(self.told) < MOST_TOLD:
            self.told.append(f"{self.file}:{line}: {text}")
        else:
            self.more += 1

    def settle(self) -> None:
        """Raise Mistake if there is anything to complain about."""
        if self.more:
            self.told.append(f"{self.file}: and {self.more} more")
        if self.told:
            raise Mistake(*self.told)


@dataclass(frozen=True, slots=True)
class Table:
    """An open file past its header: its columns, and its rows as they come."""

    file: Path
    columns: Sequence[str]
    lines: Iterator[tuple[int, list[str]]]

    def rows(self, complaints: Complaints) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, fields) of every row that has as many fields as the header; blank lines are skipped."""
        for line, row in self.lines:
            if not row:
                continue
            try:
                self._check(row)
            except ValueError as error:
                complaints.add(line, str(error))
            else:
                yield line, row

    def _check(self, row: Sequence[str]) -> None:
        width = len(self.columns)
        if len(row) != width:
            few = "too few fields" if len(row) < width else "too many fields"
            message = f"{few}: {len(row)} instead of {width} ({','.join(self.columns)})"
            raise ValueError(message)
        fields.require_text(row, columns=self.columns)


@contextmanager
def opened(file: Path, *, expected: str) -> Iterator[Table]:
    """Open a file and read its header; `expected` says which header would be right.

    Raises Mistake, on opening and while rows are taken, when the file is missing, empty, cut off or not UTF-8 CSV.
    """
    try:
        with _bytes_of(file) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            lines = _lines(text, file)
            _, header = next(lines, (1, None))
            if header is None:
                raise Mistake(f"{file}: the file is empty; expected a header, {expected}, and rows below it")
            yield Table(file, [column.strip() for column in header], lines)
    except UnicodeDecodeError:
        raise Mistake(not_utf8(file)) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Mistake(
            f"{file}: the gzip data are cut off or damaged ({error}); copy the file again"
        ) from None


def _lines(text: TextIO, file: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise Mistake(
            f"{file}:{reader.line_num}: this is no CSV ({error}); look for a quote left open"
        ) from None


@contextmanager
def _bytes_of(file: Path) -> Iterator[BinaryIO]:
    with _raw(file) as raw:
        if raw.peek(len(_GZIP))[: len(_GZIP)] == _GZIP:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield raw


def _raw(file: Path) -> io.BufferedReader:
    try:
        return file.open("rb")
    except FileNotFoundError:
        raise Mistake(f"{file}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise Mistake(f"{file}: this is a folder; name the file in it") from None
    except OSError as error:
        raise Mistake(f"{file}: cannot be read ({error.strerror}); make it readable for this user") from None


def not_utf8(file: Path) -> str:
    """Say where a file stops being UTF-8: the decoder works in blocks and does not know."""
    with _bytes_of(file) as stream:
        for line, content in enumerate(stream, start=1):
            try:
                content.decode()
            except UnicodeDecodeError:
                found = "UTF-16" if content.startswith(_UTF16) else "another encoding, such as Shift_JIS"
                return f"{file}:{line}: this is not UTF-8 but {found}; save the file as UTF-8 (in Excel: CSV UTF-8)"
    return f"{file}: this is not UTF-8; save the file as UTF-8"
