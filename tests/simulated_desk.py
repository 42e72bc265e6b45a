"""A small desk for the tests of judging: four weeks of counts on a quarter-hour grid, with surges where a test puts them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from spikewatch.adapters.memory import MemoryStore
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Gap, Roster, SeriesKey, Ticket
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.settings import DetectionSettings
from spikewatch.core.timegrid import bucket_number, bucket_start, seconds
from spikewatch.cycle import Cycle, Detector, said_aloud
from spikewatch.lab.replay import Recording, record, replay_name
from spikewatch.ports import Page

STEP = timedelta(minutes=15)
BEGAN = datetime(2026, 4, 13, tzinfo=UTC)
"""A Monday; when the desk was first read."""

JUDGED = BEGAN + timedelta(days=16)
"""A Wednesday; by then the baseline is warm."""

HOLDS = timedelta(weeks=4)

NORMAL: Mapping[SeriesKey, float] = {
    SeriesKey("payments", "login"): 3.0,
    SeriesKey("payments", "refund"): 0.6,
    SeriesKey("shop", "parcel"): 5.0,
    SeriesKey("app", "crash"): 1.0,
}
"""Tickets a bucket by day."""

LOGIN, REFUND, PARCEL, CRASH = NORMAL


@dataclass(frozen=True)
class Surge:
    """So many tickets more in each bucket of a series from an instant on."""

    series: SeriesKey
    start: datetime
    tickets: int
    buckets: int


@dataclass
class Desk:
    """What customers write, bucket by bucket."""

    counts: dict[SeriesKey, NDArray[np.int64]] = field(default_factory=dict)

    @classmethod
    def simulated(cls, *surges: Surge, seed: int = 11) -> "Desk":
        """Four weeks of days and nights with these surges on top; the same seed gives the same counts."""
        rng = np.random.default_rng(seed)
        hour = (np.arange(HOLDS // STEP) // 4 + 9) % 24
        day = np.where((hour >= 8) & (hour < 22), 1.0, 0.3)
        return cls({key: rng.poisson(rate * day).astype(np.int64) for key, rate in NORMAL.items()}).with_(
            *surges
        )

    @classmethod
    def steady(cls, *surges: Surge) -> "Desk":
        """Four weeks in which every bucket holds the same, with these surges on top: nothing happens by chance."""
        return cls({key: np.full(HOLDS // STEP, ceil(rate)) for key, rate in NORMAL.items()}).with_(*surges)

    def with_(self, *surges: Surge) -> "Desk":
        """The same with these surges on top."""
        counts = {key: row.copy() for key, row in self.counts.items()}
        for surge in surges:
            first = (surge.start - BEGAN) // STEP
            row = counts.setdefault(surge.series, np.zeros(HOLDS // STEP, dtype=np.int64))
            row[first : first + surge.buckets] += surge.tickets
        return Desk(counts)

    def tickets(self, start: datetime, end: datetime) -> list[Ticket]:
        """The tickets created in `[start, end)`, spread over their buckets."""
        left, right = (start - BEGAN) // STEP, (end - BEGAN) // STEP
        return [
            Ticket(
                f"{key}-{place}-{number}", BEGAN + place * STEP + timedelta(seconds=number), *key, version=1
            )
            for key, row in self.counts.items()
            for place in range(left, right)
            for number in range(int(row[place]))
        ]

    def recording(self, *, until: datetime, gaps: Sequence[Gap] = ()) -> Recording:
        """The same counts as a backtest reads them."""
        keys = [key for key, row in self.counts.items() if row.any()]
        roster = Roster.of(keys)
        places = [(roster.rows[key], place) for key in keys for place in np.flatnonzero(self.counts[key])]
        stop = (until - BEGAN) // STEP
        kept = [(row, place) for row, place in places if place < stop]
        tickets = [self.counts[roster.keys[row]][place] for row, place in kept]
        stamps = [(bucket_number(BEGAN, STEP) + place) * seconds(STEP) for _, place in kept]
        return record(
            roster,
            series_rows=[row for row, _ in kept],
            stamps=np.array(stamps),
            counts=np.array(tickets),
            step=STEP,
            until=until,
            gaps=gaps,
        )


def detector(
    *,
    name: Callable[[int, str | None, datetime], str] = said_aloud,
    detection: DetectionSettings | None = None,
) -> Detector:
    """A detector with three weeks of history, in Tokyo."""
    windows = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3))
    return Detector(
        calendar=Calendar(ZoneInfo("Asia/Tokyo")),
        step=STEP,
        history=timedelta(weeks=3),
        detection=detection or DetectionSettings(windows=windows),
        services={},
        name=name,
    )


def backtester() -> Detector:
    """The same, with the ids of a backtest."""
    return detector(name=replay_name)


def plan(notices: Sequence[Notice], now: datetime) -> list[Delivery]:
    """Everything is told in one channel."""
    return [
        Delivery(f"{notice.key}:chat", "chat", "#desk", notice, created_at=now, due=now) for notice in notices
    ]


@dataclass
class Live:
    """The daemon's side of a desk: a store that polls fill, and the cycle that judges after each."""

    desk: Desk
    store: MemoryStore = field(default_factory=lambda: MemoryStore(step=STEP))
    source: str = "desk"
    read_until: datetime = BEGAN
    judged_by: Detector = field(default_factory=detector)

    def __post_init__(self) -> None:
        """Begin with a cycle of its own."""
        self.restart()

    def restart(self) -> None:
        """Forget all that is not in the store."""
        self.cycle = Cycle(self.store, self.judged_by, plan=plan)

    def poll(self, until: datetime, *, extra: Sequence[Ticket] = ()) -> None:
        """Read what was created since the last poll."""
        page = Page(
            [*self.desk.tickets(self.read_until, until), *extra],
            cursor=until.isoformat(),
            caught_up=True,
            watermark=until,
        )
        self.store.commit_page(self.source, page, since=BEGAN, seen_at=until)
        self.read_until = until

    def judge(self) -> int:
        """Run the cycle now."""
        return self.cycle.run(now=self.read_until)

    def live_through(self, until: datetime, *, every: timedelta = STEP) -> None:
        """Poll and judge until then."""
        while self.read_until < until:
            self.poll(min(self.read_until + every, until))
            self.judge()

    def begin(self, *, at: datetime = JUDGED) -> "Live":
        """Read the history and judge its last bucket."""
        self.poll(at)
        self.judge()
        return self


def end_of(bucket: datetime) -> datetime:
    """The first instant after the bucket of an instant."""
    return bucket_start(bucket_number(bucket, STEP) + 1, STEP)
