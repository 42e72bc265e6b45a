"""Whole lines of a file that another program is still writing to, piece by piece.

A line without its end is not there yet. A file is the same one as long as it begins the same and has not become shorter;
one that was rotated or cut off begins anew.
"""

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from spikewatch.adapters.csv_source.lines import not_utf8
from spikewatch.errors import Mistake

PIECE = 1 << 20
"""Bytes taken at once."""

_HEAD = 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file has been read.

    offset  of the first byte that was not
    head    a digest of how the file begins
    """

    offset: int
    head: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines in `[start, stop)`, as text."""

    start: int
    stop: int
    text: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows with the number of the line in this piece, counted from 0; blank lines are left out.

        Raises ValueError for what is no CSV.
        """
        reader = csv.reader(io.StringIO(self.text, newline=""), strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num - 1, row
        except csv.Error as error:
            message = f"this is no CSV ({error}); look for a quote left open"
            raise ValueError(message) from error


def header(file: Path) -> Piece | None:
    """Return the first line; None while it is not whole. Raises Mistake where it is not UTF-8."""
    with file.open("rb") as stream:
        line = stream.readline(PIECE)
    if not line.endswith(b"\n"):
        return None
    return Piece(0, len(line), _text(file, line).removeprefix("\ufeff"))


def next_piece(file: Path, *, start: int, stop: int | None = None, size: int = PIECE) -> Piece | None:
    """Return whole lines from `start` on, up to about `size` bytes and never beyond `stop`; None where there are none.

    Raises Mistake where the bytes are not UTF-8.
    """
    most = (sys.maxsize if stop is None else stop) - start
    with file.open("rb") as stream:
        stream.seek(start)
        taken = stream.read(min(size, most))
        while not (end := _whole(taken)):
            more = stream.read(min(len(taken), most - len(taken)))
            if not more:
                return None
            taken += more
    return Piece(start, start + end, _text(file, taken[:end]))


def is_incomplete(file: Path, *, offset: int) -> bool:
    """Tell whether there is something behind the last whole line."""
    return file.stat().st_size > offset


def mark_at(file: Path, offset: int) -> Mark:
    """Return the mark of a file that was read up to there."""
    return Mark(offset, _digest(file, min(offset, _HEAD)))


def holds(file: Path, mark: Mark) -> bool:
    """Tell whether the file is still the one of which the mark was made."""
    return file.stat().st_size >= mark.offset and _digest(file, min(mark.offset, _HEAD)) == mark.head


def line_at(file: Path, offset: int) -> int:
    """Return the number of the line that begins at that byte, from 1."""
    with file.open("rb") as stream:
        return stream.read(offset).count(b"\n") + 1


def _text(file: Path, lines: bytes) -> str:
    try:
        return lines.decode()
    except UnicodeDecodeError as error:
        raise Mistake(not_utf8(file)) from error


def _whole(taken: bytes) -> int:
    """Return how many bytes are whole lines: a line end inside quotes ends no line."""
    end = taken.rfind(b"\n") + 1
    quotes = taken.count(b'"', 0, end)
    while end and quotes % 2:
        before = taken.rfind(b"\n", 0, end - 1) + 1
        quotes -= taken.count(b'"', before, end)
        end = before
    return end


def _digest(file: Path, length: int) -> str:
    with file.open("rb") as stream:
        return sha256(stream.read(length)).hexdigest()[:16]
