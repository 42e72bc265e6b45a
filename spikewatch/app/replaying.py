"""`backtest`: recorded counts through the live code."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from spikewatch.adapters.csv_source import read_gaps, read_input, read_labels, require_step
from spikewatch.app.assembly import detector_of
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.counts import ALL, Gap, Roster, SeriesKey
from spikewatch.core.dimensions import renamed, renamed_service
from spikewatch.core.events import Label
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import bucket_number, bucket_start, seconds
from spikewatch.coverage import Coverage
from spikewatch.errors import Fault
from spikewatch.lab import reporting
from spikewatch.lab.replay import Recording, record, replay, replay_name


def backtest(
    source: str,
    *,
    config: Config,
    since: datetime | None = None,
    until: datetime | None = None,
    gaps: Path | None = None,
    labels: Path | None = None,
    output_format: str = "table",
    say: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Iterable[str]:
    """Replay a counts file, a tickets file or the store, and return the lines of the result.

    since, until  where judging begins and the input ends; None leaves it to the data
    labels        file of what was said about the past; incidents and what was expected are not learnt from, and neither
                  is what the store holds of that kind where the store is replayed
    say           is told what a person should know about the result
    """
    # thousands of small matrix products: a second BLAS thread costs more than it brings, and moves the last digits
    threadpool_limits(limits=1, user_api="blas")
    said = _kept_labels(config) if source == "store" else []
    said += [] if labels is None else read_labels(labels)
    labelled = [_said_of(label, config.renames) for label in said]
    masks = tuple(mask for label in labelled if (mask := label.mask) is not None)
    recording = _recorded(source, config=config, until=until, gaps=gaps, say=say)
    detector = detector_of(config, at=recording.until, name=replay_name, masks=masks)
    if since is None:
        say(
            f"judging begins once 14 days are known: {recording.warm_at.astimezone(config.timezone).isoformat()}"
        )
    replayed = replay(recording, detector, since=since, on_hour=on_progress)
    if output_format == "jsonl":
        return reporting.json_lines(replayed, zone=config.timezone)
    return reporting.table(replayed, zone=config.timezone)


def _recorded(
    source: str, *, config: Config, until: datetime | None, gaps: Path | None, say: Callable[[str], None]
) -> Recording:
    if source == "store":
        return _recorded_store(config, until=until)
    recorded = read_input(source)
    require_step(recorded, step=config.bucket, file=source)
    if recorded.flatters:
        say("tickets are known from creation and under their final category: this flatters")
    names = [renamed(key, config.renames) for key in recorded.series]
    roster = Roster.of(names)
    rows = np.array([roster.rows[key] for key in names], dtype=np.int64)
    return record(
        roster,
        series_rows=rows[recorded.series_of],
        stamps=recorded.stamp,
        counts=recorded.count,
        step=config.bucket,
        until=until,
        gaps=[_present(gap, config.renames) for gap in (() if gaps is None else read_gaps(gaps))],
    )


def _present(gap: Gap, renames: RenameSettings) -> Gap:
    return gap if gap.service is None else replace(gap, service=renamed_service(gap.service, renames))


def _said_of(label: Label, renames: RenameSettings) -> Label:
    """Return a label about what is called otherwise now."""
    if label.service is None:
        return (
            label
            if label.category is None
            else replace(label, category=renames.categories.get(label.category, label.category))
        )
    key = renamed(SeriesKey(label.service, label.category or ALL), renames)
    return replace(label, service=key.service, category=None if label.category is None else key.category)


def _kept_labels(config: Config) -> list[Label]:
    store = store_of(config, exclusive=False)
    try:
        return [noted.label for noted in store.labels()]
    finally:
        store.close()


def _recorded_store(config: Config, *, until: datetime | None) -> Recording:
    store = store_of(config, exclusive=False)
    try:
        coverage = Coverage.of(store)
        known_until, oldest = coverage.until, store.stats().oldest
        if oldest is None or known_until is None:
            raise Fault(
                f"store {config.store} holds no counts yet: let `spikewatch run` read the help desk once"
            )
        end = known_until if until is None else min(until, known_until)
        stop = bucket_number(end, config.bucket)
        cells = store.counts(first=bucket_number(oldest, config.bucket), stop=stop)
    finally:
        store.close()
    return record(
        cells.roster,
        series_rows=cells.row,
        stamps=cells.bucket * seconds(config.bucket),
        counts=cells.tickets - cells.late,
        step=config.bucket,
        until=bucket_start(stop, config.bucket),
        gaps=list(coverage.gaps(cells.roster.services, start=oldest, end=bucket_start(stop, config.bucket))),
    )
