"""Tracing: what the detector saw in each window while a replay went by, kept for looking at it afterwards."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Ints
from spikewatch.core.explanations import Explanation
from spikewatch.core.scoring import Assessment
from spikewatch.core.timegrid import HOUR, seconds
from spikewatch.cycle import Detector, Verdict
from spikewatch.errors import Mistake
from spikewatch.lab.courses import Course
from spikewatch.lab.recordings import series_row


class Trace:
    """Keeps what a replay judged; hand it over as `on_verdict`."""

    def __init__(self, *, window: timedelta = HOUR, services: Collection[str] | None = None) -> None:
        """Keep one window of every series, or of those of some services: a large fleet takes much memory."""
        self._window = window
        self._services = services
        self._rows: Ints = np.empty(0, dtype=np.int64)
        self._seen: list[Course] = []
        self._last: Assessment | None = None

    def __call__(self, verdict: Verdict) -> None:
        """Keep what a verdict was made of. Raises Mistake where the detector does not judge the window."""
        assessment = verdict.assessment
        if self._last is None:
            self._rows = self._chosen(assessment)
        self._last = assessment
        self._seen.append(_course(assessment, self._rows, _place(assessment, self._window)))

    @property
    def window(self) -> timedelta:
        """The window that is kept."""
        return self._window

    def course(self, *, service: str | None = None, category: str | None = None) -> Course:
        """Return the course of a series: of a whole service without a category, of the whole fleet without both.

        Raises Mistake where the series was not kept, or nothing was judged yet.
        """
        if self._last is None:
            raise Mistake("nothing was traced: hand the trace to a replay as on_verdict")
        row = series_row(self._last.limits.roster, service=service, category=category)
        found = np.flatnonzero(self._rows == row)
        if not len(found):
            raise Mistake(
                f"{self._last.limits.roster.keys[row]} was not traced: name its service in services"
            )
        place = int(found[0])
        return Course.joined([part.of(place) for part in self._seen])

    def _chosen(self, assessment: Assessment) -> Ints:
        keys = assessment.limits.roster.keys
        chosen = [
            row for row, key in enumerate(keys) if self._services is None or key.service in self._services
        ]
        return np.array(chosen, dtype=np.int64)


class Steps:
    """Keeps why a series did or did not alert, bucket by bucket; hand it over as `on_verdict`."""

    def __init__(
        self,
        detector: Detector,
        *,
        since: datetime,
        until: datetime,
        service: str | None = None,
        category: str | None = None,
    ) -> None:
        """Keep the buckets that end in `[since, until)`: each is worked out anew, so choose some hours and not weeks.

        detector  the one that is replayed
        service   without a category the whole service; without both the whole fleet
        """
        self._detector = detector
        self._since, self._until = since, until
        self._series = service, category
        self._kept: list[Explanation] = []
        self._tail: Tail | None = None

    def __call__(self, verdict: Verdict) -> None:
        """Keep what a verdict was made of. Raises Mistake where there is no such series."""
        assessment, (service, category) = verdict.assessment, self._series
        roster = assessment.limits.roster
        series = roster.keys[series_row(roster, service=service, category=category)]
        for column in range(assessment.n_judged):
            if self._since <= assessment.end_of(column) < self._until:
                self._kept.append(self._detector.explain(assessment, verdict.baseline, series, column=column))
                self._tail = assessment.limits.tail

    @property
    def explanations(self) -> tuple[Explanation, ...]:
        """One a judged bucket, oldest first."""
        return tuple(self._kept)

    @property
    def tail(self) -> Tail | None:
        """What the newest thresholds follow from; None while they are provisional."""
        return self._tail

    def at(self, instant: datetime) -> Explanation:
        """Return the explanation of the newest bucket that had ended. Raises Mistake where none was kept."""
        ended = [explanation for explanation in self._kept if explanation.at <= instant]
        if not ended:
            raise Mistake(f"nothing that had ended at {instant.isoformat()} was kept; choose since before it")
        return ended[-1]


def together(*listeners: Callable[[Verdict], None]) -> Callable[[Verdict], None]:
    """Return one `on_verdict` that hands each verdict to all of these."""

    def tell(verdict: Verdict) -> None:
        for listener in listeners:
            listener(verdict)

    return tell


def _place(assessment: Assessment, window: timedelta) -> int:
    width = window / assessment.step
    if width not in assessment.windows:
        minutes = [f"{width * seconds(assessment.step) // 60}m" for width in assessment.windows]
        raise Mistake(
            f"a window of {seconds(window) // 60}m is not judged; choose one of {', '.join(minutes)}"
        )
    return assessment.windows.index(int(width))


def _course(assessment: Assessment, rows: Ints, window: int) -> Course:
    """Return the courses of some rows."""
    columns = range(assessment.n_judged)
    upper = np.stack([assessment.upper(window, column, rows) for column in columns], axis=1)
    return Course.cut(assessment, rows, window=window, upper=upper)
