"""Facts as phrases of one language and one time zone: counts, ratios, instants, durations, chances."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import Severity
from spikewatch.core.rules import RuleMet
from spikewatch.core.scoring import Reading
from spikewatch.core.wording.catalogue import Catalogue

RATIO_FROM = 1.0
"""Below this many expected tickets a ratio says nothing."""

ROUND_FROM = 3.0
"""From this many expected tickets on, a fraction of a ticket says nothing."""

WEEKS_A_YEAR = 52
YEARS_FROM = 2 * WEEKS_A_YEAR
HARDLY_EVER_FROM = 10 * WEEKS_A_YEAR
OFTEN_FROM = 20


@dataclass(frozen=True, slots=True)
class Phrases:
    """Says facts in the words of a catalogue, with local time in one zone."""

    words: Catalogue
    zone: ZoneInfo

    def tickets(self, number: float) -> str:
        """Return `42 tickets`, to the nearest whole one."""
        whole = _whole(number)
        return (self.words.ticket if whole == 1 else self.words.tickets).format(n=f"{whole:,}")

    def roughly(self, number: float) -> str:
        """Return `about 42`, to the nearest whole one."""
        return self.words.about.format(n=f"{_whole(number):,}")

    def span(self, minutes: int) -> str:
        """Return a window's length: `15 min`, `3 h`."""
        if minutes % 60:
            return self.words.minutes.format(n=minutes)
        return self.words.hour if minutes == 60 else self.words.hours.format(n=minutes // 60)  # noqa: PLR2004 -- one hour

    def duration(self, duration: timedelta) -> str:
        """Return how long something lasted in its two largest units: `1 h 35 min`, `2 d 3 h`."""
        minutes = max(0, int(duration.total_seconds() // 60))
        days, hours = divmod(minutes // 60, 24)
        large = [self.words.days.format(n=days)] if days else []
        middle = [self.words.hours.format(n=hours)] if hours else []
        small = [] if days or (hours and not minutes % 60) else [self.words.minutes.format(n=minutes % 60)]
        return self.words.duration_joint.join([*large, *middle, *small])

    def usual(self, reading: Reading) -> str:
        """Return what the baseline expects: `about 6`, or `almost none` below one ticket."""
        if not reading.expected >= RATIO_FROM:
            return self.words.almost_none
        rounded = f"{reading.expected:,.0f}" if reading.expected >= ROUND_FROM else f"{reading.expected:.1f}"
        return self.words.about.format(n=rounded.removesuffix(".0"))

    def ratio(self, reading: Reading) -> str | None:
        """Return the multiple of the expected count; None where too little is expected to say one."""
        if not reading.expected >= RATIO_FROM:
            return None
        return self.words.times.format(n=f"{reading.observed / reading.expected:,.1f}")

    def within(self, reading: Reading) -> str:
        """Return a count with its window, as short as the language allows: `42 in 15 min`."""
        return self.words.within.format(
            count=self._counted(reading.observed), span=self.span(reading.window_minutes)
        )

    def usual_range(self, reading: Reading) -> str:
        """Return what is normal in the window, and up to which count nobody is told."""
        usual = self.words.per.format(count=self.usual(reading), span=self.span(reading.window_minutes))
        return self.words.no_alert_up_to.format(usual=usual, count=self._counted(reading.upper))

    def peak(self, reading: Reading) -> str:
        """Return the highest reading with its ratio, where there is one."""
        ratio = self.ratio(reading)
        count = self.within(reading)
        return count if ratio is None else self.words.peak.format(count=count, ratio=ratio)

    def now_count(self, reading: Reading) -> str:
        """Return the count against the usual, as a clause: the first thing a person wants to know."""
        ratio, usual = self.ratio(reading), self.usual(reading)
        against = (
            self.words.usual_only.format(usual=usual)
            if ratio is None
            else self.words.ratio_and_usual.format(usual=usual, ratio=ratio)
        )
        return self.words.now_count.format(
            span=self.span(reading.window_minutes), count=self.tickets(reading.observed), against=against
        )

    def rule(self, rule: RuleMet) -> str:
        """Return the static rule that is met, with its count."""
        return self.words.by_rule.format(
            span=self.span(rule.within_minutes),
            limit=self._counted(rule.tickets),
            count=self.tickets(rule.observed),
        )

    def severity(self, severity: Severity) -> str:
        """Return the severity's name."""
        return self.words.critical if severity is Severity.CRITICAL else self.words.warning

    def time(self, instant: datetime, *, beside: datetime) -> str:
        """Return local time with its zone; the day too where it is another than that of `beside`."""
        local = instant.astimezone(self.zone)
        same_day = local.date() == beside.astimezone(self.zone).date()
        return f"{local:%H:%M}{_zone(local)}" if same_day else _full(local)

    def token(self, instant: datetime, *, style: str = "{date_short_pretty} {time}") -> str:
        """Return a date that Slack shows in each reader's own zone; readers elsewhere see local time with its zone."""
        return f"<!date^{int(instant.timestamp())}^{style}|{_full(instant.astimezone(self.zone))}>"

    def zone_name(self, instant: datetime) -> str:
        """Return what the zone is called at an instant: `JST`, `UTC+04`."""
        return _zone(instant.astimezone(self.zone)).strip()

    def verdict(self, kind: LabelKind | None) -> str:
        """Return what somebody said an incident was; None: nothing but that it is over."""
        return {
            LabelKind.FALSE_ALARM: self.words.false_alarm,
            LabelKind.EXPECTED: self.words.expected_event,
            LabelKind.INCIDENT: self.words.real_incident,
            None: self.words.dismissed,
        }[kind]

    def dismissed(self, kind: LabelKind | None, *, who: str) -> str:
        """Return who closed it, and as what; `who` is said as it is."""
        if kind is None:
            return self.words.reply_closed.format(who=who)
        return self.words.reply_dismissed.format(who=who, kind=self.verdict(kind))

    def chance(self, weeks: float) -> str | None:
        """Return how often so much happens by chance; None where that is no number.

        weeks  about once in so many weeks, > 0; infinite is allowed
        """
        if not weeks > 0:
            return None
        if weeks >= HARDLY_EVER_FROM:
            return self.words.hardly_ever
        if weeks >= YEARS_FROM:
            return self.words.once_in_years.format(n=self._number(round(weeks / WEEKS_A_YEAR)))
        if weeks >= 1.5:  # noqa: PLR2004 -- what rounds to two weeks or more
            return self.words.once_in_weeks.format(n=self._number(round(weeks)))
        if 1 / weeks < 1.5:  # noqa: PLR2004 -- what rounds to once a week
            return self.words.once_a_week
        often = 1 / weeks >= OFTEN_FROM
        return (
            self.words.very_often
            if often
            else self.words.times_a_week.format(n=self._number(round(1 / weeks)))
        )

    def _counted(self, number: int) -> str:
        """Return a number with its counter where the language needs one."""
        return self.tickets(number) if self.words.ticket == self.words.tickets else f"{number:,}"

    def _number(self, number: int) -> str:
        return self.words.numbers[number - 1] if number <= len(self.words.numbers) else str(number)


def _whole(number: float) -> int:
    return round(number) if math.isfinite(number) else 0


def _full(local: datetime) -> str:
    return f"{local:%Y-%m-%d %H:%M}{_zone(local)}"


def _zone(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return f" UTC{name}" if name[0] in "+-" else f" {name}"
