"""One process that runs the backtest command's code on a counts file, and measures itself."""

import csv
from datetime import timedelta
from pathlib import Path

import numpy as np

from spikewatch.app.replaying import backtest
from spikewatch.config import Purpose, load
from spikewatch.core.counts import Ints
from tests.bench.desk import A_WEEK, AN_HOUR, BEGINS, STEP, simulated
from tests.bench.stopwatch import peak_mb, timed

WEEKS_BEFORE = 8
WEEKS = 4
_TICKETS_AN_HOUR = 1.0
_SURGE_TICKETS = 10


def write_counts(folder: Path, *, n_series: int) -> dict[str, float]:
    """Write the counts file of a desk, the weeks before and those to be judged, and return how many rows it has."""
    desk = simulated(n_series, weeks=WEEKS_BEFORE + WEEKS, tickets_an_hour=_TICKETS_AN_HOUR)
    cells, tickets = np.unique(
        np.concatenate([desk.bucket * n_series + desk.row, _surges(n_series)]), return_counts=True
    )
    with _counts_file(folder, n_series).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "service", "category", "count"])
        for cell, count in zip(cells.tolist(), tickets.tolist(), strict=True):
            bucket, row = divmod(cell, n_series)
            writer.writerow([(BEGINS + bucket * STEP).isoformat(), *desk.roster.keys[row], count])
    return {"rows": len(cells)}


def measure(folder: Path, *, n_series: int, weeks: float = WEEKS) -> dict[str, float]:
    """Return what a backtest of the last weeks takes, reading the file included, in seconds and megabytes."""
    settings = folder / "spikewatch.yaml"
    settings.write_text("timezone: Asia/Tokyo\n", encoding="utf-8")
    config = load(settings, env={}, purpose=Purpose.REPLAY)
    until = BEGINS + (WEEKS_BEFORE + WEEKS) * A_WEEK * STEP
    since = until - timedelta(weeks=weeks)
    counts = str(_counts_file(folder, n_series))
    took, lines = timed(
        lambda: list(backtest(counts, config=config, since=since, until=until, output_format="jsonl"))
    )
    buckets = timedelta(weeks=weeks) // STEP
    return {"seconds": took, "buckets": buckets, "incidents": len(lines), "peak": peak_mb()}


def _surges(n_series: int) -> Ints:
    """Return the cell of each ticket of a surge every week: an hour in the first category, never at the same time."""
    begins = np.arange(WEEKS_BEFORE + WEEKS) * (A_WEEK + 7 * AN_HOUR) + 36 * AN_HOUR
    buckets = (begins[:, None] + np.arange(AN_HOUR)).ravel()
    return np.repeat(buckets * n_series, _SURGE_TICKETS)


def _counts_file(folder: Path, n_series: int) -> Path:
    return folder / f"counts-{n_series}.csv"
