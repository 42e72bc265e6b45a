"""A desk whose newsletter makes customers write four times a week: harmless bursts, beside a few labelled incidents."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.core.counts import Roster, SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.settings import DetectionSettings
from spikewatch.core.timegrid import Span
from spikewatch.cycle import Detector
from spikewatch.lab.recordings import detector_for
from spikewatch.lab.replay import Recording, record

STEP = timedelta(minutes=30)
BEGAN = datetime(2026, 4, 5, 15, tzinfo=UTC)
JUDGED = BEGAN + timedelta(days=14)
WEEKS = 3
LOGIN, NEWS, PARCEL = SeriesKey("pay", "login"), SeriesKey("mail", "news"), SeriesKey("shop", "parcel")
RATES = {LOGIN: 3.0, NEWS: 0.4, PARCEL: 60.0}
"""Tickets a bucket."""

BURST = 22
BURSTS = ((0, 20), (2, 31), (3, 12), (5, 40))
"""Day of the week and bucket of the day."""

DETECTION = DetectionSettings(windows=(STEP, timedelta(hours=1), timedelta(hours=3)))


def counts(*, weeks: int = WEEKS) -> dict[SeriesKey, np.ndarray]:
    """Tickets of each series by bucket; the same every time."""
    rng = np.random.default_rng(5)
    n = (timedelta(weeks=2 + weeks)) // STEP
    found = {key: rng.poisson(rate, n) for key, rate in RATES.items()}
    for week in range(2, 2 + weeks):
        for day, bucket in BURSTS:
            found[NEWS][(week * 7 + day) * 48 + bucket] += BURST
    for label in real(weeks=weeks):
        first = (label.span.start - BEGAN) // STEP
        found[LOGIN][first : first + 4] += 25
    return found


def real(*, weeks: int = WEEKS) -> list[Label]:
    """Two labelled incidents a week."""
    starts = [JUDGED + timedelta(weeks=week, days=day, hours=5) for week in range(weeks) for day in (1, 4)]
    return [Label(Span(start, start + timedelta(hours=2)), *LOGIN, LabelKind.INCIDENT) for start in starts]


def recording(*, weeks: int = WEEKS) -> Recording:
    """The counts on their grid."""
    roster, found = Roster.of(RATES), counts(weeks=weeks)
    places = [
        (roster.rows[key], place, row[place]) for key, row in found.items() for place in np.flatnonzero(row)
    ]
    rows, buckets, tickets = (np.array(column) for column in zip(*places, strict=True))
    stamps = int(BEGAN.timestamp()) + buckets * int(STEP.total_seconds())
    return record(roster, series_rows=rows, stamps=stamps, counts=tickets, step=STEP)


def detector(of: Recording, *, labels: list[Label] | None = None) -> Detector:
    """The detector that judges it."""
    masks = tuple(mask for label in labels or () if (mask := label.mask) is not None)
    plain = detector_for(of, zone=ZoneInfo("Asia/Tokyo"), detection=DETECTION)
    return Detector(plain.calendar, plain.step, plain.history, DETECTION, {}, plain.name, masks)


def write(folder: Path, *, weeks: int = WEEKS) -> tuple[Path, Path]:
    """Write a counts file and a labels file."""
    lines = ["timestamp,service,category,count"]
    for key, row in counts(weeks=weeks).items():
        lines += [
            f"{(BEGAN + int(p) * STEP).isoformat()},{key.service},{key.category},{row[p]}"
            for p in np.flatnonzero(row)
        ]
    said = ["start,end,service,category,kind"]
    said += [
        f"{label.span.start.isoformat()},{label.span.end.isoformat()},{label.service},{label.category},{label.kind}"
        for label in real(weeks=weeks)
    ]
    (folder / "counts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "labels.csv").write_text("\n".join(said) + "\n", encoding="utf-8")
    return folder / "counts.csv", folder / "labels.csv"
