"""The figures of a week: pure values, made once and never looked up later, and the notice that tells them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from math import sqrt

from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.timegrid import Span
from spikewatch.core.weekly.weeks import Week

MOST_LISTED = 10
"""So many rows of a list are told in a message; a page has them all."""

CHANCE = 2.0
"""A week differs from the week before by more than chance from so many standard deviations on."""

LEAST_CHANGE = 0.1
"""Growth below a tenth is not worth a line, however sure it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """An incident as the report lists it.

    told_at   when its first message was out; None where nobody was told
    series    what rose, strongest first, at most three; `more` are left out
    observed, expected, window_minutes  of its highest-scoring reading
    label     what it was said to be; None: nobody said
    """

    incident: str
    service: str | None
    severity: Severity
    started_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    told_at: datetime | None
    series: tuple[SeriesKey, ...]
    more: int
    observed: int
    expected: float
    window_minutes: int
    excess: float
    label: LabelKind | None

    @property
    def delay(self) -> timedelta:
        """From the beginning of the rise until it was told, or known where nobody was told."""
        return (self.told_at or self.opened_at) - self.started_at


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often incidents were right, as far as people said so.

    real, expected, false_alarms, unlabelled  incidents that were opened, by what they were said to be
    known, found  incidents that people know of, and how many of them were told
    """

    real: int = 0
    expected: int = 0
    false_alarms: int = 0
    unlabelled: int = 0
    known: int = 0
    found: int = 0

    @property
    def opened(self) -> int:
        """How many were opened."""
        return self.labelled + self.unlabelled

    @property
    def labelled(self) -> int:
        """How many somebody said something about."""
        return self.real + self.expected + self.false_alarms

    @property
    def spent(self) -> int:
        """What they took of the budget: those that nobody called real."""
        return self.opened - self.real

    @property
    def precision(self) -> float | None:
        """The share of the labelled ones that were real; None where none is labelled."""
        return self.real / self.labelled if self.labelled else None

    @property
    def recall(self) -> float | None:
        """The share of the known ones that were told; None where none is known."""
        return self.found / self.known if self.known else None


@dataclass(frozen=True, slots=True)
class Volume:
    """How much came of one series; roll-ups are series too.

    expected  what the baseline expected in the time that is known; None while it has not learnt enough
    before    tickets of the week before; None where not all of that week is known
    """

    series: SeriesKey
    tickets: int
    expected: float | None
    before: int | None

    @property
    def growth(self) -> int:
        """Tickets more than the week before; 0 where that is not known."""
        return 0 if self.before is None else self.tickets - self.before

    @property
    def has_grown(self) -> bool:
        """Tell whether it grew by more than chance and by enough to matter."""
        if self.before is None or self.growth <= 0:
            return False
        return self.growth >= max(CHANCE * sqrt(self.tickets + self.before), LEAST_CHANGE * self.before)


@dataclass(frozen=True, slots=True)
class Noise:
    """How often a series was part of an incident; `not_real`: of how many that nobody called real."""

    series: SeriesKey
    incidents: int
    not_real: int


@dataclass(frozen=True, slots=True)
class Blind:
    """Some of the week in which a source was not read; `until` is None while it lasts."""

    source: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Unlisted:
    """How much of each list a shorter form of a week leaves out."""

    incidents: int = 0
    noisiest: int = 0
    services: int = 0
    categories: int = 0
    grown: int = 0


@dataclass(frozen=True, slots=True)
class Weekly:
    """All that the report of a week states.

    until        how far the week is known: its end, or less while it lasts or a source is behind
    incidents    by opening; one that became part of another is left out
    budget       false alarms that were asked for
    slowest      the longest delay, and `typical` the median; None where nothing was told
    volumes      every series of which something came or came before, most tickets first
    unlisted     how much a shorter form leaves out
    """

    week: Week
    span: Span
    until: datetime
    incidents: tuple[Line, ...]
    accuracy: Accuracy
    budget: float
    typical: timedelta | None
    slowest: timedelta | None
    noisiest: tuple[Noise, ...]
    volumes: tuple[Volume, ...]
    blind: tuple[Blind, ...]
    unlisted: Unlisted = Unlisted()

    @property
    def is_whole(self) -> bool:
        """Tell whether all of the week is known."""
        return self.until >= self.span.end

    @property
    def fleet(self) -> Volume | None:
        """How much came in all."""
        return next((volume for volume in self.volumes if volume.series.is_fleet), None)

    @property
    def services(self) -> tuple[Volume, ...]:
        """How much came of each service."""
        return tuple(each for each in self.volumes if each.series.is_rollup and not each.series.is_fleet)

    @property
    def categories(self) -> tuple[Volume, ...]:
        """How much came of each category."""
        return tuple(each for each in self.volumes if not each.series.is_rollup)

    @property
    def grown(self) -> tuple[Volume, ...]:
        """Categories that grew by more than chance, the most tickets first."""
        return tuple(
            sorted(
                (each for each in self.categories if each.has_grown),
                key=lambda each: (-each.growth, each.series),
            )
        )

    @property
    def brief(self) -> "Weekly":
        """The same with no more than a message shows of it."""
        shown = dict.fromkeys(
            chain(
                (each for each in self.volumes if each.series.is_fleet),
                self.services[:MOST_LISTED],
                self.categories[:MOST_LISTED],
                self.grown[:MOST_LISTED],
            )
        )
        short = replace(
            self,
            incidents=self.incidents[-MOST_LISTED:],
            noisiest=self.noisiest[:MOST_LISTED],
            volumes=tuple(each for each in self.volumes if each in shown),
            blind=self.blind[-MOST_LISTED:],
        )
        unlisted = Unlisted(
            incidents=len(self.incidents) - len(short.incidents),
            noisiest=len(self.noisiest) - len(short.noisiest),
            services=len(self.services) - len(short.services),
            categories=len(self.categories) - len(short.categories),
            grown=len(self.grown) - len(short.grown),
        )
        return replace(short, unlisted=unlisted)

    # what is delivered as a message stands somewhere, as an incident does

    @property
    def revision(self) -> int:
        """A week is told once."""
        return 1

    @property
    def phase(self) -> Phase:
        """Over."""
        return Phase.RESOLVED

    @property
    def severity(self) -> Severity:
        """Nobody has to look at once."""
        return Severity.WARNING


@dataclass(frozen=True, slots=True)
class WeeklyNotice:
    """A week to be told; `incident` names its message, `key` is unique for ever."""

    key: str
    incident: str
    at: datetime
    facts: Weekly


def message_of(week: Week) -> str:
    """Return the name of the message that tells a week."""
    return f"report-{week}"


def notice_of_week(weekly: Weekly, *, at: datetime) -> WeeklyNotice:
    """Return what is told of a week."""
    name = message_of(weekly.week)
    return WeeklyNotice(f"{name}.1", name, at, weekly.brief)
