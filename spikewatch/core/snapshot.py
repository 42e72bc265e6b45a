"""A snapshot: the state of the fleet after one cycle, as metrics, the status page and `status` show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spikewatch.core.counts import Bools, Floats, Ints, Roster, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.notices import Facts


@dataclass(frozen=True)
class WindowReadings:
    """All series in one window.

    observed, expected, upper, score  (n_series,)
    judged                            (n_series,) False where there is no reading: learning, unknown or disabled
    """

    window: timedelta
    observed: Ints
    expected: Floats
    upper: Ints
    score: Floats
    judged: Bools


@dataclass(frozen=True)
class Snapshot:
    """The fleet after one cycle; immutable, swapped whole.

    judged_until  end of the newest bucket judged; None before the first
    readings      by window in minutes
    surging       (n_series,) True while an open incident covers the series
    learned       (n_series,) False while a series has too little history to be judged
    incidents     all that are not closed
    facts         what a message would state of each of them
    opened_total, closed_total  since the store began, by severity
    tickets_total (n_series,) tickets counted in judged buckets since the store began
    watermarks    by source
    active        (n_series,) True where tickets came within the past week; None: nobody asked
    muted         (n_series,) True where a silence or the configuration keeps the series from alerting; None: nowhere
    """

    roster: Roster
    judged_until: datetime | None
    readings: Mapping[int, WindowReadings]
    surging: Bools
    learned: Bools
    incidents: tuple[Incident, ...] = ()
    facts: tuple[Facts, ...] = ()
    opened_total: Mapping[str, int] = field(default_factory=dict)
    closed_total: Mapping[str, int] = field(default_factory=dict)
    tickets_total: Ints | None = None
    watermarks: Mapping[str, datetime | None] = field(default_factory=dict)
    muted: Bools | None = None
    active: Bools | None = None

    def row(self, series: SeriesKey) -> int | None:
        """Return the row of a series; None where it is not known."""
        return self.roster.rows.get(series)
