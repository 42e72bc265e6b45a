"""Recordings: from a file to what can be replayed, and from a few choices to the detector that judges it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from os import PathLike
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.adapters.csv_source import Recorded, read_gaps, read_input, read_labels, require_step
from spikewatch.core.baseline import Baseline
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.counts import ALL, Gap, Roster, SeriesKey
from spikewatch.core.dimensions import renamed, renamed_service
from spikewatch.core.events import Label
from spikewatch.core.settings import (
    CalendarSettings,
    DetectionSettings,
    GridSettings,
    RenameSettings,
    ServiceSettings,
)
from spikewatch.core.timegrid import bucket_number, bucket_start
from spikewatch.cycle import Detector
from spikewatch.errors import Mistake
from spikewatch.lab.replay import Recording, history_of, record, replay_name

BUCKET = GridSettings().bucket
HISTORY = GridSettings().history

_AS_THEY_ARE = RenameSettings()


@dataclass(frozen=True, slots=True, eq=False)
class CountsFile:
    """A counts or tickets file that was read once, whole, with its gaps; recordings on several grids are made of it."""

    path: str | PathLike[str]
    recorded: Recorded
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def read(
        cls,
        path: str | PathLike[str],
        *,
        gaps: str | PathLike[str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> "CountsFile":
        """Read a file.

        gaps  a gaps file: spans that are unknown, not zero
        say   is told what a person should know about the file

        Raises Mistake where a file cannot be understood.
        """
        recorded = read_input(path)
        if recorded.flatters:
            say("tickets are known from creation and under their final category: this flatters")
        return cls(path, recorded, () if gaps is None else read_gaps(gaps))

    def recording(
        self,
        *,
        bucket: timedelta = BUCKET,
        until: datetime | None = None,
        renames: RenameSettings = _AS_THEY_ARE,
    ) -> Recording:
        """Return the recording on a grid, under the names that services and categories have now.

        until  ends the input; without it, the end of the last row's bucket

        Raises Mistake where the file is coarser than the bucket, or holds nothing before `until`.
        """
        require_step(self.recorded, step=bucket, file=self.path)
        begins = bucket_start(int(self.recorded.stamp.min()), timedelta(seconds=1))
        if until is not None and until <= begins:
            raise Mistake(
                f"{self.path}: there is nothing before {until.isoformat()};"
                f" it begins on {begins.astimezone(until.tzinfo).isoformat()}"
            )
        names = [renamed(key, renames) for key in self.recorded.series]
        roster = Roster.of(names)
        rows = np.array([roster.rows[key] for key in names], dtype=np.int64)
        return record(
            roster,
            series_rows=rows[self.recorded.series_of],
            stamps=self.recorded.stamp,
            counts=self.recorded.count,
            step=bucket,
            until=until,
            gaps=gaps_now(self.gaps, renames),
        )


def gaps_now(gaps: Sequence[Gap], renames: RenameSettings) -> Sequence[Gap]:
    """Return gaps of services as they are called now."""
    return [
        gap if gap.service is None else replace(gap, service=renamed_service(gap.service, renames))
        for gap in gaps
    ]


def read_recording(
    path: str | PathLike[str],
    *,
    bucket: timedelta = BUCKET,
    until: datetime | None = None,
    gaps: str | PathLike[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Recording:
    """Return the recording of a counts or tickets file; arguments and errors as those of `CountsFile`."""
    return CountsFile.read(path, gaps=gaps, say=say).recording(bucket=bucket, until=until)


def labels_in(path: str | PathLike[str]) -> tuple[Label, ...]:
    """Return the labels of a labels file, in file order. Raises Mistake where it cannot be understood."""
    return read_labels(path)


def detector_for(
    recording: Recording,
    *,
    zone: ZoneInfo,
    calendar: CalendarSettings | None = None,
    detection: DetectionSettings | None = None,
    services: Mapping[str, ServiceSettings] | None = None,
    history: timedelta = HISTORY,
) -> Detector:
    """Return the detector of these settings for a recording; what is not given is the default of the daemon.

    history  how far back normal is learnt from, whole weeks
    """
    days = build_calendar(calendar or CalendarSettings(), zone=zone, years=years_around(recording.until))
    return Detector(
        calendar=days,
        step=recording.panel.grid.step,
        history=history,
        detection=detection or DetectionSettings(),
        services=dict(services or {}),
        name=replay_name,
    )


def baseline_at(recording: Recording, detector: Detector, *, at: datetime) -> Baseline:
    """Return what the detector held for normal at an instant, learnt from earlier hours alone."""
    epoch = detector.epoch_of(bucket_number(at, detector.step))
    return detector.fit(history_of(recording.panel), epoch=epoch)


def series_row(roster: Roster, *, service: str | None = None, category: str | None = None) -> int:
    """Return the row of a series: of a whole service without a category, of the whole fleet without both.

    Raises Mistake with the nearest known names where there is no such series.

    >>> roster = Roster.of([SeriesKey("shop", "parcel"), SeriesKey("shop", "refund")])
    >>> [series_row(roster), series_row(roster, service="shop", category="refund")]
    [3, 1]
    """
    if service is None and category is not None:
        raise Mistake(f"category {category!r} belongs to a service: name the service too")
    key = SeriesKey(service or ALL, category or ALL)
    if key not in roster.rows:
        names = {str(known): None for known in roster.keys}
        near = get_close_matches(str(key), names, n=3, cutoff=0.4) or list(names)[:3]
        raise Mistake(f"{key} was never counted; there is {', '.join(near)}")
    return roster.rows[key]
