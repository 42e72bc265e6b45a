"""`backtest`: recorded counts through the live code."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from spikewatch.adapters.csv_source import read_gaps, read_input, read_labels, require_step
from spikewatch.adapters.sql_store import open_store
from spikewatch.app.assembly import detector_of
from spikewatch.config import Config
from spikewatch.core.counts import Roster
from spikewatch.core.timegrid import bucket_number, bucket_start, seconds
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
    labels        file of what was said about the past; incidents and what was expected are not learnt from
    say           is told what a person should know about the result
    """
    # thousands of small matrix products: a second BLAS thread costs more than it brings, and moves the last digits
    threadpool_limits(limits=1, user_api="blas")
    labelled = () if labels is None else read_labels(labels)
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
    roster = Roster.of(recorded.series)
    rows = np.array([roster.rows[key] for key in recorded.series], dtype=np.int64)
    return record(
        roster,
        series_rows=rows[recorded.series_of],
        stamps=recorded.stamp,
        counts=recorded.count,
        step=config.bucket,
        until=until,
        gaps=() if gaps is None else read_gaps(gaps),
    )


def _recorded_store(config: Config, *, until: datetime | None) -> Recording:
    store = open_store(config.store, step=config.bucket, exclusive=False)
    try:
        sources = store.source_states().values()
        marks = [state.watermark for state in sources if state.watermark is not None]
        oldest = store.stats().oldest
        if oldest is None or not marks:
            raise Fault(
                f"store {config.store} holds no counts yet: let `spikewatch run` read the help desk once"
            )
        end = min(marks) if until is None else min(until, *marks)
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
    )
