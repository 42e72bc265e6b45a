"""Data frames of what the lab works on, for notebooks: local time as index, one row a bucket, a window or an incident.

A count that is not known is missing (`<NA>`), never zero.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from spikewatch.core.baseline import Baseline
from spikewatch.core.counts import Ints
from spikewatch.core.incidents import Incident
from spikewatch.core.timegrid import seconds
from spikewatch.lab.recordings import series_row
from spikewatch.lab.replay import Recording, Replayed
from spikewatch.lab.synthetic import World
from spikewatch.lab.tracing import Trace


def counts_frame(
    recording: Recording,
    *,
    zone: ZoneInfo,
    service: str | None = None,
    category: str | None = None,
    freq: str | None = None,
) -> pd.DataFrame:
    """Return the counts of a series: of a whole service without a category, of the whole fleet without both.

    freq  a pandas offset such as `1h` or `1D`, of local time; None keeps the buckets of the recording

    The index is the start of the bucket; columns are `observed` (Int64, missing where unknown) and `known`. A longer
    span is known where all of its buckets are, so a day that the recording begins or ends in is not.
    """
    panel = recording.panel
    row = series_row(panel.roster, service=service, category=category)
    width = seconds(panel.grid.step)
    known = panel.known_rows[row]
    frame = pd.DataFrame(
        {"observed": panel.counts[row].astype(np.int64), "known": known},
        index=_local(np.arange(panel.grid.first, panel.grid.stop) * width, zone=zone, name="start"),
    )
    if freq is not None:
        frame = _summed(frame, freq=freq, step=panel.grid.step)
    frame["observed"] = frame["observed"].astype("Int64").where(frame["known"])
    return frame


def course_frame(
    trace: Trace, *, zone: ZoneInfo, service: str | None = None, category: str | None = None
) -> pd.DataFrame:
    """Return what a trace kept of a series, one row a judged bucket.

    The index is the end of the window; columns are `observed`, `expected`, `deviation`, `upper` and `score`, missing
    where the window was not judged.
    """
    course = trace.course(service=service, category=category)
    frame = pd.DataFrame(
        {
            "observed": pd.array(course.observed, dtype="Int64"),
            "expected": course.expected,
            "deviation": course.deviation,
            "upper": pd.array(course.upper, dtype="Int64"),
            "score": course.score,
        },
        index=_local(course.at, zone=zone, name="at"),
    )
    return frame.where(pd.Series(course.judged, index=frame.index))


def incidents_frame(replayed: Replayed, *, zone: ZoneInfo) -> pd.DataFrame:
    """Return one row an incident, in order of opening; what was merged into another is left out.

    The index is the id; `series` to `upper` tell of the series that joined with the highest score, in its window;
    `started`, `opened` and `resolved` are local time, `resolved` missing where the incident is still open.
    """
    kept = [incident for incident in replayed.incidents if incident.merged_into is None]
    frame = pd.DataFrame([_incident_row(incident) for incident in kept], columns=list(_INCIDENT_COLUMNS))
    frame = frame.astype(_INCIDENT_COLUMNS)
    for column in ("started", "opened", "resolved"):
        frame[column] = frame[column].dt.tz_convert(zone)
    frame.index = pd.Index([incident.id for incident in kept], name="incident", dtype="str")
    return frame


def week_shape_frame(
    baseline: Baseline, *, service: str | None = None, category: str | None = None
) -> pd.DataFrame:
    """Return the week that a baseline holds for normal: one row an hour of local time, Monday 00:00 first.

    The index is the slot, 0 to 167; columns are `expected` tickets in that hour and their standard `deviation`.
    """
    row = series_row(baseline.roster, service=service, category=category)
    mean = np.asarray(baseline.slot_mean[row], dtype=np.float64)
    variance = baseline.slot_variance[row] + (baseline.day_spread[row] * mean) ** 2
    return pd.DataFrame(
        {"expected": mean, "deviation": np.sqrt(variance)}, index=pd.RangeIndex(len(mean), name="slot")
    )


def counts_file_frame(world: World, *, zone: ZoneInfo) -> pd.DataFrame:
    """Return the counts of a simulated desk as a counts file holds them: `to_csv(path, index=False)` writes one.

    Columns are `timestamp` (text with its offset), `service`, `category` and `count`; what came nowhere has no row.
    """
    place, row = np.nonzero(world.counts.T)
    starts = _local((world.grid.first + place) * seconds(world.grid.step), zone=zone, name="start")
    return pd.DataFrame(
        {
            "timestamp": [start.isoformat() for start in starts],
            "service": [world.leaves[leaf].service for leaf in row],
            "category": [world.leaves[leaf].category for leaf in row],
            "count": world.counts[row, place],
        }
    )


def _summed(frame: pd.DataFrame, *, freq: str, step: timedelta) -> pd.DataFrame:
    summed = frame.resample(freq).sum()
    starts = pd.DatetimeIndex(summed.index)
    buckets = (starts + to_offset(freq) - starts) / step
    summed["known"] = summed["known"].to_numpy() == buckets
    return summed


_INCIDENT_COLUMNS = {
    "started": "datetime64[us, UTC]",
    "opened": "datetime64[us, UTC]",
    "resolved": "datetime64[us, UTC]",
    "severity": "str",
    "service": "str",
    "series": "str",
    "window": "str",
    "observed": "int64",
    "expected": "float64",
    "upper": "int64",
    "score": "float64",
    "extra": "int64",
}


def _incident_row(incident: Incident) -> tuple[datetime | str | float | None, ...]:
    strongest = max(incident.surges, key=lambda surge: surge.joined.score)
    reading = strongest.joined
    return (
        incident.started_at,
        incident.opened_at,
        incident.resolved_at,
        incident.severity.value,
        incident.service or "*",
        str(strongest.series),
        f"{reading.window_minutes}m",
        reading.observed,
        round(reading.expected, 1),
        reading.upper,
        round(reading.score, 1),
        round(incident.excess),
    )


def _local(epoch_seconds: Ints, *, zone: ZoneInfo, name: str) -> pd.DatetimeIndex:
    return pd.to_datetime(epoch_seconds, unit="s", utc=True).tz_convert(zone).rename(name)
