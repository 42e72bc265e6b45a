"""`ports.Source` on files that another program writes to: tickets as they are, counts as a census of their buckets.

A new row of counts adds to those of its bucket, wherever they stand, so the buckets that new rows touch are summed up
again over all files; how far each stretch of a file reaches in time is remembered, so that few are opened for that.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spikewatch.adapters.csv_source import fields
from spikewatch.adapters.csv_source.headers import Kind, kind_of
from spikewatch.adapters.csv_source.pieces import (
    PIECE,
    Mark,
    Piece,
    header,
    holds,
    is_incomplete,
    line_at,
    mark_at,
    next_piece,
)
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.core.census import Census, Tallied
from spikewatch.core.counts import Ticket
from spikewatch.core.timegrid import Span, aware, bucket_number, bucket_start
from spikewatch.errors import Mistake
from spikewatch.ports import Clock, CursorRefused, Page, Position, Unavailable

_DELETED = "deleted"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Bytes `[start, stop)` of a counts file, and its newest row."""

    start: int
    stop: int
    newest: datetime


@dataclass(slots=True)
class _File:
    """A file past its header."""

    path: Path
    kind: Kind
    columns: Mapping[str, int]
    begins: int
    stretches: list[_Stretch] = field(default_factory=list)


class CsvSource:
    """A file that grows, or a folder of them; for one thread."""

    def __init__(self, settings: CsvSettings, *, clock: Clock, step: timedelta, piece: int = PIECE) -> None:
        """Open nothing yet.

        step   of the buckets of a census
        piece  bytes read for one page
        """
        self._settings = settings
        self._clock = clock
        self._step = step
        self._piece = piece
        self._files: dict[str, _File] = {}

    @property
    def name(self) -> str:
        """The configured name."""
        return self._settings.name

    def fetch_page(self, position: Position) -> Page:
        """Return what the next lines say; a line that is not whole yet is waited for."""
        marks = _marks_of(position.cursor)
        try:
            paths = self._paths()
            changed = max(
                path.stat().st_mtime for path in paths
            )  # before reading: what comes later is not in it
            files = {path.name: found for path in paths if (found := self._opened(path)) is not None}
            marks = self._still_valid(files, marks)
            for name, file in files.items():
                piece = next_piece(file.path, start=marks[name].offset, size=self._piece)
                if piece is not None:
                    marks[name] = mark_at(file.path, piece.stop)
                    return self._told(file, piece, files, marks, position=position, changed=changed)
            return self._nothing_new(files, marks, changed=changed)
        except OSError as error:
            raise Unavailable(f"{error.filename}: {error.strerror}", reason="connect") from error
        except Mistake as error:
            raise Unavailable(str(error), reason="parse") from error

    def close(self) -> None:
        """Do nothing: no file is held open between two pages."""

    def _told(
        self,
        file: _File,
        piece: Piece,
        files: Mapping[str, _File],
        marks: Mapping[str, Mark],
        *,
        position: Position,
        changed: float,
    ) -> Page:
        is_end = all(
            next_piece(other.path, start=marks[name].offset, size=self._piece) is None
            for name, other in files.items()
        )
        cursor = _cursor_of(marks)
        mark = self._mark(files, marks, changed) if is_end else None
        if file.kind is Kind.TICKETS:
            tickets = list(self._tickets(file, piece, since=position.since))
            newest = max((_version_at(ticket) for ticket in tickets), default=None)
            return Page(tickets, cursor, caught_up=is_end, watermark=mark, newest=newest)
        census = self._census(file, piece, files, marks, since=position.since)
        newest = None if census is None else census.span.end
        return Page((), cursor, caught_up=is_end, watermark=mark, newest=newest, census=census)

    def _nothing_new(self, files: Mapping[str, _File], marks: Mapping[str, Mark], *, changed: float) -> Page:
        settled = self._clock.now().timestamp() - changed > self._settings.lag.total_seconds()
        for name, file in files.items():
            if settled and is_incomplete(file.path, offset=marks[name].offset):
                line = line_at(file.path, marks[name].offset)
                message = f"{file.path}:{line}: the last line has no end; whoever writes it has to finish it"
                raise Unavailable(message, reason="parse")
        return Page((), _cursor_of(marks), caught_up=True, watermark=self._mark(files, marks, changed))

    def _mark(self, files: Mapping[str, _File], marks: Mapping[str, Mark], changed: float) -> datetime | None:
        """Return until when everything is read; None while a line is being written."""
        if any(is_incomplete(file.path, offset=marks[name].offset) for name, file in files.items()):
            return None
        newest = datetime.fromtimestamp(changed, tz=UTC)
        return min(newest, self._clock.now()) - self._settings.lag

    def changed_at(self) -> datetime:
        """Return when anything was written to the files last. Raises Unavailable where there are none."""
        try:
            return datetime.fromtimestamp(max(path.stat().st_mtime for path in self._paths()), tz=UTC)
        except OSError as error:
            raise Unavailable(f"{error.filename}: {error.strerror}", reason="connect") from error

    # -- which files

    def _paths(self) -> Sequence[Path]:
        path = self._settings.path
        if not path.is_dir():
            path.stat()
            return [path]
        found = sorted(each for each in path.glob(self._settings.pattern) if each.is_file())
        if not found:
            raise Unavailable(f"{path}: no file matches {self._settings.pattern}", reason="connect")
        return found

    def _opened(self, path: Path) -> _File | None:
        """Return the file past its header; None while the header is not whole."""
        first = header(path)
        if first is None:
            return None
        columns = [column.strip() for column in first.text.strip().split(",")]
        kind = kind_of(path, columns)
        known = self._files.get(path.name)
        if known is None or list(known.columns) != columns:
            known = _File(path, kind, {name: place for place, name in enumerate(columns)}, first.stop)
            self._files[path.name] = known
        return known

    def _still_valid(self, files: Mapping[str, _File], marks: Mapping[str, Mark]) -> dict[str, Mark]:
        """Return the marks of the files that are there; a file that is another one now begins anew."""
        valid = {}
        for name, file in files.items():
            mark = marks.get(name)
            if mark is not None and not holds(file.path, mark):
                log.warning("csv_file_began_anew", extra={"source": self.name, "file": str(file.path)})
                file.stretches.clear()
                mark = None
            valid[name] = mark or mark_at(file.path, file.begins)
        return valid

    # -- what rows say

    def _rows(self, file: _File, piece: Piece) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, fields); a line that is wrong stops all reading, for nothing may be half-loaded."""
        columns, line = list(file.columns), -1
        try:
            for line, row in piece.rows():
                if len(row) != len(file.columns):
                    said = f"{len(row)} fields instead of {len(file.columns)} ({','.join(file.columns)})"
                    raise ValueError(said)  # noqa: TRY301 -- told with its line like all the others
                fields.require_text(row, columns=columns)
                yield line, row
        except ValueError as error:
            raise self._wrong(file, piece, line, error) from error

    def _wrong(self, file: _File, piece: Piece, line: int, error: ValueError) -> Unavailable:
        return Unavailable(
            f"{file.path}:{line_at(file.path, piece.start) + max(0, line)}: {error}", reason="parse"
        )

    def _tickets(self, file: _File, piece: Piece, *, since: datetime) -> Iterator[Ticket]:
        for line, row in self._rows(file, piece):
            try:
                ticket = _ticket(row, file.columns)
            except ValueError as error:
                raise self._wrong(file, piece, line, error) from error
            if ticket.created_at >= since:
                yield ticket

    def _counts(self, file: _File, piece: Piece) -> Iterator[Tallied]:
        place = file.columns
        for line, row in self._rows(file, piece):
            try:
                at = aware(fields.instant(row[place["timestamp"]], column="timestamp"))
                key = fields.series(row[place["service"]], row[place["category"]])
                yield Tallied(at, key, fields.tickets(row[place["count"]]))
            except ValueError as error:
                raise self._wrong(file, piece, line, error) from error

    def _census(
        self,
        file: _File,
        piece: Piece,
        files: Mapping[str, _File],
        marks: Mapping[str, Mark],
        *,
        since: datetime,
    ) -> Census | None:
        """Return all that the files count in the buckets that new rows touch; None where these are all too old."""
        new = [row.at for row in self._counts(file, piece) if row.at >= since]
        if not new:
            return None
        first, last = (bucket_number(instant, self._step) for instant in (min(new), max(new)))
        span = Span(bucket_start(first, self._step), bucket_start(last + 1, self._step))
        rows = [
            row
            for name, other in files.items()
            if other.kind is Kind.COUNTS
            for row in self._since(other, span.start, stop=marks[name].offset)
            if span.holds(row.at)
        ]
        return Census(span, rows)

    def _since(self, file: _File, since: datetime, *, stop: int) -> Iterator[Tallied]:
        """Yield the rows of the stretches that reach to that instant."""
        at = file.stretches[-1].stop if file.stretches else file.begins
        while (
            at < stop and (piece := next_piece(file.path, start=at, stop=stop, size=self._piece)) is not None
        ):
            newest = max((row.at for row in self._counts(file, piece)), default=_EPOCH)
            file.stretches.append(_Stretch(at, piece.stop, newest))
            at = piece.stop
        for stretch in file.stretches:
            if stretch.newest < since or stretch.start >= stop:
                continue
            piece = next_piece(
                file.path, start=stretch.start, stop=stretch.stop, size=stretch.stop - stretch.start
            )
            if piece is not None:
                yield from self._counts(file, piece)


def _ticket(row: Sequence[str], place: Mapping[str, int]) -> Ticket:
    key = fields.series(row[place["service"]], row[place["category"]])
    updated = row[place["updated_at"]].strip() if "updated_at" in place else ""
    version = aware(fields.instant(updated, column="updated_at")) if updated else _EPOCH
    return Ticket(
        fields.ident(row[place["id"]]),
        fields.instant(row[place["created_at"]], column="created_at"),
        *key,
        version=(version - _EPOCH) // _MICROSECOND,
        counted="status" not in place or row[place["status"]].strip().lower() != _DELETED,
    )


def _version_at(ticket: Ticket) -> datetime:
    """Return when a ticket came to be as it is: when it was updated, else when it was created."""
    return _EPOCH + ticket.version * _MICROSECOND if ticket.version else ticket.created_at


def _cursor_of(marks: Mapping[str, Mark]) -> str:
    return json.dumps({name: [mark.offset, mark.head] for name, mark in sorted(marks.items())})


def _marks_of(cursor: str | None) -> dict[str, Mark]:
    if not cursor:
        return {}
    try:
        return {name: Mark(int(offset), str(head)) for name, (offset, head) in json.loads(cursor).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise CursorRefused(f"cursor {cursor!r} is none that this source gave") from error
