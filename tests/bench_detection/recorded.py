"""Recorded counts as backgrounds: two thirds are history, surges are planted into the rest."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from spikewatch.adapters.csv_source import finest_step, read_gaps, read_input
from spikewatch.config import Purpose, load
from spikewatch.core.settings import CalendarSettings
from spikewatch.core.timegrid import HOUR, Span, bucket_number, bucket_start
from spikewatch.errors import Mistake
from spikewatch.lab.alarms import planted
from spikewatch.lab.recordings import BUCKET, detector_for, read_recording
from spikewatch.lab.replay import Recording
from tests.bench_detection.contestants import Runs, on_trial

VARIABLE: Final = "SPIKEWATCH_RECORDED_DATA"
FILES: Final = ("counts.csv", "counts.csv.gz", "tickets.csv", "tickets.csv.gz")
HOW: Final = (
    f"recorded data: SKIPPED. Set {VARIABLE} to a folder; each {FILES[0]} or {FILES[2]} below it (.gz too) becomes "
    f"a background, with gaps.csv and spikewatch.yaml (timezone, calendar) beside it where there are any"
)
SURGES: Final = 40
"""Planted into each background, as far as there is room."""

_JUDGED_SHARE: Final = 3
_WIDTHS: Final = tuple(timedelta(minutes=width) for width in (5, 10, 15, 30, 60))


@dataclass(frozen=True, slots=True)
class Background:
    """One recorded file and where it comes from; `spikewatch.yaml` beside it wins over zone and country."""

    file: Path
    name: str
    zone: str
    country: str | None
    seed: int
    surges: int
    names: Sequence[str]


@dataclass(frozen=True)
class OnBackground:
    """Everybody's run on one background; none where it could not be judged, and then why."""

    name: str
    runs: Runs
    why_not: str = ""


def backgrounds(
    folder: Path, *, zone: str, country: str | None, surges: int, names: Sequence[str]
) -> tuple[Background, ...]:
    """Return every recorded file below the folder, by path."""
    found = sorted(path for name in FILES for path in folder.rglob(name))
    return tuple(
        Background(
            path,
            str(path.parent.relative_to(folder)),
            zone,
            country,
            seed=number,
            surges=surges,
            names=names,
        )
        for number, path in enumerate(found)
    )


def folder_named() -> Path | None:
    """Return the folder of recorded data that the environment names, if any."""
    named = os.environ.get(VARIABLE, "")
    return Path(named) if named else None


def on_background(background: Background) -> OnBackground:
    """Plant surges into a background and return everybody's run on it."""
    try:
        return _planted_and_run(background)
    except (Mistake, ValueError) as error:
        return OnBackground(background.name, {}, why_not=str(error))


def _planted_and_run(background: Background) -> OnBackground:
    beside = background.file.with_name("gaps.csv")
    gaps = beside if beside.exists() else None
    recording = read_recording(background.file, bucket=_bucket(background.file), gaps=gaps)
    trial = planted(
        recording,
        judged=_last_third(recording),
        surges=background.surges,
        seed=background.seed,
        gaps=() if gaps is None else read_gaps(gaps),
    )
    if not trial.surges:
        raise ValueError("no surge would have been clear: it is too short or has too few tickets")
    zone, calendar = _calendar(background)
    detector = detector_for(trial.recording, zone=zone, calendar=calendar)
    return OnBackground(background.name, on_trial(trial, detector, names=background.names))


def _bucket(file: Path) -> timedelta:
    """Return five minutes, or the least width that suits coarser counts."""
    finest = finest_step(read_input(file)) or BUCKET
    return next((width for width in _WIDTHS if width >= max(finest, BUCKET)), BUCKET)


def _last_third(recording: Recording) -> Span:
    grid = recording.panel.grid
    begin = grid.start + (recording.until - grid.start) * (_JUDGED_SHARE - 1) / _JUDGED_SHARE
    return Span(bucket_start(bucket_number(begin, HOUR), HOUR), recording.until)


def _calendar(background: Background) -> tuple[ZoneInfo, CalendarSettings]:
    beside = background.file.with_name("spikewatch.yaml")
    if not beside.exists():
        return ZoneInfo(background.zone), CalendarSettings(country=background.country)
    config = load(beside, env={}, purpose=Purpose.REPLAY)
    return config.timezone, config.calendar
