"""Listings: counts, labels and incidents by themselves, in the formats that other commands and programs read."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.counts import Gap, SeriesKey
from spikewatch.core.timegrid import bucket_number, bucket_start
from spikewatch.coverage import Coverage
from spikewatch.errors import Fault
from spikewatch.lab.reporting import incident_json
from spikewatch.ports import Store

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Counted:
    """A counts file: its lines, and the lines of a gaps file beside it; no gap, no line but the header.

    `backtest` makes of both what it makes of the store: the first and the last bucket stand in the file, with a row of
    no ticket where none came, and so does every series.
    """

    lines: Iterator[str]
    gaps: Sequence[str]


def counts(config: Config, *, on_progress: Callable[[float], None] = lambda _: None) -> Counted:
    """Return what the store counted, late tickets left out, under the names of today; a day in memory at a time.

    Raises Fault where the store holds no counts yet.
    """
    store = store_of(config, exclusive=False)
    try:
        coverage, oldest = Coverage.of(store), store.stats().oldest
        known_until, services = coverage.until, store.roster().services
    finally:
        store.close()
    if oldest is None or known_until is None:
        raise Fault(f"store {config.store} holds no counts yet: let `spikewatch run` read the help desk once")
    first, stop = (bucket_number(instant, config.bucket) for instant in (oldest, known_until))
    end = bucket_start(stop, config.bucket)
    gaps = coverage.gaps(services, start=oldest, end=end)
    return Counted(_count_lines(config, first, stop, on_progress), [*_gap_lines(gaps)])


def labels(config: Config) -> Iterator[str]:
    """Yield the lines of a labels file, which `labels import` and `backtest --labels` read."""
    store = store_of(config, exclusive=False)
    try:
        kept = store.labels()
    finally:
        store.close()
    yield "start,end,service,category,kind,recorded_at,author,note,incident"
    for noted in kept:
        label = noted.label
        recorded = "" if label.recorded_at is None else label.recorded_at.isoformat()
        yield _line(
            label.span.start.isoformat(),
            label.span.end.isoformat(),
            label.service or "",
            label.category or "",
            label.kind.value,
            recorded,
            noted.author,
            noted.note or "",
            noted.incident or "",
        )


def incidents(config: Config) -> Iterator[str]:
    """Yield one JSON object an incident, in order of opening: the lines of `backtest --format jsonl`, and its label."""
    store = store_of(config, exclusive=False)
    try:
        kept = store.incidents(since=datetime(1970, 1, 1, tzinfo=UTC))
    finally:
        store.close()
    for incident in kept:
        verdict = incident.handling.verdict
        said = incident_json(incident, zone=config.timezone)
        said["label"] = None if verdict is None else verdict.kind.value
        yield json.dumps(said, ensure_ascii=False)


def _count_lines(
    config: Config, first: int, stop: int, on_progress: Callable[[float], None]
) -> Iterator[str]:
    yield "timestamp,service,category,count"
    store = store_of(config, exclusive=False)
    try:
        keys = store.roster()
        leaves = keys.keys[: keys.n_leaves]
        for series in leaves:
            yield _count_line(first, series, 0, config=config)
        for left in range(first, stop, _DAY // config.bucket):
            yield from _day(store, left, min(stop, left + _DAY // config.bucket), config=config)
            on_progress((left - first) / (stop - first))
        if leaves and stop > first:
            yield _count_line(stop - 1, leaves[0], 0, config=config)
    finally:
        store.close()


def _day(store: Store, first: int, stop: int, *, config: Config) -> Iterator[str]:
    cells = store.counts(first=first, stop=stop)
    keys, tickets = cells.roster.keys, cells.tickets - cells.late
    for bucket, row, number in zip(cells.bucket.tolist(), cells.row.tolist(), tickets.tolist(), strict=True):
        if number:
            yield _count_line(bucket, keys[row], number, config=config)


def _count_line(bucket: int, series: SeriesKey, tickets: int, *, config: Config) -> str:
    start = bucket_start(bucket, config.bucket).astimezone(config.timezone)
    return _line(start.isoformat(), series.service, series.category, str(tickets))


def _gap_lines(gaps: Iterator[Gap]) -> Iterator[str]:
    for number, gap in enumerate(gaps):
        if not number:
            yield "start,end,service"
        yield _line(gap.span.start.isoformat(), gap.span.end.isoformat(), gap.service or "")


def _line(*cells: str) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(cells)
    return stream.getvalue()
