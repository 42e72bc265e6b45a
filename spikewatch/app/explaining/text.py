"""An explanation for people: the verdict and what decided it first, then every number behind it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from spikewatch.app.explaining.looking import Look
from spikewatch.app.explaining.origins import Origins
from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import Event
from spikewatch.core.explaining import NOT_JUDGED
from spikewatch.core.explanations import Explanation, Gate, GateName, Likeness, RulePart, WindowPart
from spikewatch.core.incidents import Incident
from spikewatch.core.muting import Silence
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import ModelName
from spikewatch.core.surges import QUIET_FOR, QUIET_SCORE
from spikewatch.core.timegrid import HOUR
from spikewatch.core.wording.untrusted import harmless

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAME_LIMIT = 80
_MINUTES_AN_HOUR = 60
_MINUTE = timedelta(minutes=1)
_WHOLE_FROM = 100
_EPSILON = 0.005
_WINDOW_HEAD = ("", "window", "observed", "expected", "alerts above", "surprise", "+ evidence", "score", "")


def lines(look: Look, *, zone: ZoneInfo, origins: Origins, budget: float) -> Iterator[str]:
    """Yield the lines; `budget` is the fleet's false alarms a week."""
    letter = _Letter(look, zone, origins, budget)
    yield letter.verdict()
    yield from _labelled(letter.reasons())
    yield ""
    yield from _table(_WINDOW_HEAD, letter.windows())
    score = f"score = (surprise + evidence) / {look.explanation.cutoff:.1f}, and 1 alerts"
    yield f"  {score}; a surprise of 3 is a chance of 1 in 1,000"
    yield ""
    yield f"every gate, for the window of {_span(look.explanation.leading.reading.window_minutes)}:"
    yield from _columns([letter.gate(gate) for gate in look.explanation.gates], indent="  ")
    if look.explanation.rules:
        yield ""
        yield "static rules, each of which alerts by itself:"
        yield from _columns([letter.rule(part) for part in look.explanation.rules], indent="  ")
    yield ""
    yield from _labelled(letter.background())


class _Letter:
    """One explanation being put into words."""

    def __init__(self, look: Look, zone: ZoneInfo, origins: Origins, budget: float) -> None:
        self._look = look
        self._of = look.explanation
        self._zone = zone
        self._origins = origins
        self._budget = budget

    # -- the verdict

    def verdict(self) -> str:
        """Return the sentence that answers the question."""
        reading = self._of.leading.reading
        when = f"{_name(self._of.series)} at {self._local(self._of.at)}"
        count = f"{_tickets(reading.observed)} in {_span(reading.window_minutes)}, {_number(reading.expected)} expected"
        rule = self._of.rule_met
        if rule is not None:
            met = f"{_tickets(rule.observed)} in {_span(rule.within_minutes)}"
            return f"{when}: {self._alerts()}: {met}, and a static rule alerts from {rule.tickets} on"
        if self._of.why is WhyNot.ALERTS:
            return f"{when}: {self._alerts()}: {count}, more than {reading.upper} alert"
        if self._of.why in NOT_JUDGED:
            return f"{when}: {self._stays_quiet()}: not judged"
        return f"{when}: {self._stays_quiet()}: {count}"

    def _alerts(self) -> str:
        return "alerts" if self._covering() else "would alert"

    def _stays_quiet(self) -> str:
        return "did not alert" if self._look.is_judged else "would not alert"

    def _covering(self) -> str | None:
        """Return the incident in which the series surges at the time."""
        for incident, surge in self._look.incidents:
            if (
                surge is not None
                and surge.opened_at <= self._of.at
                and (surge.ended is None or self._of.at < surge.ended)
            ):
                return incident.id
        return None

    def reasons(self) -> Iterator[tuple[str, str]]:
        """Yield why, and what would have had to be different."""
        yield "why", self._why() if self._of.rule_met is None else self._why_ruled()
        remedy = self._remedy()
        if remedy is not None:
            yield ("to stay quiet" if self._of.why is WhyNot.ALERTS else "to alert"), remedy
        yield from self._told()
        yield from self._joining()
        for silence in self._look.silences:
            yield "silenced", self._silenced(silence)

    def _why(self) -> str:
        part, rule = self._of.leading, self._of.rule
        held = f"unusual enough (score {self._unheld():.2f}), but held back"
        match self._of.why:
            case WhyNot.ALERTS:
                why = f"every gate is passed: score {part.reading.score:.2f}, and 1 alerts"
            case WhyNot.NORMAL:
                why = f"not unusual enough: score {part.reading.score:.2f} of 1"
            case WhyNot.MIN_TICKETS:
                why = f"{held} by min_tickets {rule.min_tickets} ({self._origin('min_tickets')})"
            case WhyNot.MIN_RATIO:
                ratio = f"{_number(part.reading.observed / part.reading.expected)} times the expected count"
                why = f"{held} by min_ratio {rule.min_ratio:g} ({self._origin('min_ratio')}): it is {ratio}"
            case WhyNot.SUBSIDED:
                why = f"{held}: the rise is over, for the newest tickets are normal again"
            case WhyNot.LEARNING:
                why = self._why_learning()
            case WhyNot.EVENT:
                why = f"muted by the calendar: {self._events(muting=True)}"
            case WhyNot.UNKNOWN:
                why = f"too little is known: {part.known_share:.0%} of what the window expects, and 50% are needed"
            case WhyNot.DISABLED:
                why = f"never judged by itself: enabled is false ({self._origin('enabled')})"
            case _:
                assert_never(self._of.why)
        return why

    def _why_ruled(self) -> str:
        said = self._of.leading.why.value
        return f"a static rule is met ({self._origin('rules')}); the windows by themselves say: {said}"

    def _events(self, *, muting: bool) -> str:
        return ", ".join(
            f"{harmless(event.name, limit=_NAME_LIMIT)},"
            f" {self._near(event.span.start)} to {self._near(event.span.end)}{_learnt(event)}"
            for event in self._of.events
            if (event.factor is None) is muting
        )

    def _why_learning(self) -> str:
        learned = self._of.learned
        for gate in self._of.gates:
            if gate.name is GateName.HISTORY and not gate.holds:
                return (
                    f"still learning: {learned.known_days:.1f} days are known, and {gate.limit:g} are needed"
                )
            if gate.name is GateName.LEARNED and not gate.holds:
                first = learned.first_ticket
                seen = "no ticket yet" if first is None else f"the first ticket came {self._local(first)}"
                return f"still learning: {seen}, and {gate.limit:g} days from there are needed"
        return "still learning: this series is too new"

    def _unheld(self) -> float:
        gate = next(gate for gate in self._of.gates if gate.name is GateName.UNUSUAL)
        return gate.value / gate.limit

    def _remedy(self) -> str | None:
        needed, reading, met = self._of.needed, self._of.leading.reading, self._of.rule_met
        if met is not None:
            return f"{_tickets(met.tickets - 1)} or fewer in {_last(met.within_minutes)}"
        if self._of.why is WhyNot.ALERTS:
            return f"{_tickets(reading.upper)} or fewer in {_last(reading.window_minutes)}"
        if needed is None:
            return None
        count = f"{_tickets(needed.tickets)} or more in {_last(needed.window_minutes)}"
        if self._of.why is WhyNot.SUBSIDED:
            return f"{count}, with the rise going on"
        return f"{count}{self._or_lower()}"

    def _or_lower(self) -> str:
        """Return which floor would have let it through, where a floor alone held it back."""
        failed = [gate.name for gate in self._of.gates if not gate.holds]
        reading = self._of.leading.reading
        if failed == [GateName.MIN_TICKETS]:
            return f", or min_tickets {reading.observed} or lower"
        if failed == [GateName.MIN_RATIO] and reading.observed >= reading.expected:
            return f", or min_ratio {reading.observed / reading.expected:.2g} or lower"
        return ""

    def _told(self) -> Iterator[tuple[str, str]]:
        for incident, surge in self._look.incidents:
            opened = self._near(incident.opened_at)
            handled = _handled(incident)
            stands = f"{incident.id} ({incident.severity.value}, now {incident.phase.value}{handled}) opened {opened}"
            if surge is None:
                yield "incident", f"{stands}, without this series"
                continue
            joined = surge.joined
            count = (
                f"{joined.observed} in {_span(joined.window_minutes)}, {_number(joined.expected)} expected"
            )
            yield "incident", f"{stands}; this series joined {self._near(surge.opened_at)} with {count}"
            if surge.opened_at == self._of.at and self._of.why is not WhyNot.ALERTS:
                yield "", "its counts were other ones then: tickets have been moved or removed since"
        if self._look.kept is not None and self._look.kept != self._of:
            yield "as judged", self._as_judged(self._look.kept)
        if self._of.why is WhyNot.ALERTS and not self._covering():
            yield "incident", self._why_none()

    def _joining(self) -> Iterator[tuple[str, str]]:
        """Yield where a rise would have belonged, or when the series' own surge is over."""
        found = self._look.joining
        if self._covering():
            if self._of.why is not WhyNot.ALERTS:
                minutes = QUIET_FOR // _MINUTE
                yield (
                    "cool-down",
                    f"its surge goes on until it scores below {QUIET_SCORE:g} for {minutes} known minutes",
                )
        elif found is not None:
            incident = found.incident
            belongs = (
                f"join {incident.id}, which was open"
                if found.until is None
                else f"reopen {incident.id}, as until {self._near(found.until)} at the latest"
            )
            yield "cool-down", f"a rise would {belongs}, and open no incident of its own"

    def _silenced(self, silence: Silence) -> str:
        """Return who wanted no messages, and until when."""
        who = "" if silence.number is None else f" {silence.number} by {silence.author}"
        named = harmless(f"{silence.why.value}{who}: {silence.reason}", limit=_NAME_LIMIT)
        only = "" if silence.matcher.severity is None else f" that is {silence.matcher.severity.value}"
        until = self._near(silence.span.end)
        return f"{named}; nobody is told of an incident of this series alone{only} until {until}"

    def _as_judged(self, kept: Explanation) -> str:
        """Return what the incident kept of its first judgement, where counts, settings or the baseline have moved since."""
        part = kept.leading
        reading, normal = part.reading, kept.normal
        return (
            f"{_tickets(reading.observed)} in {_span(reading.window_minutes)},"
            f" {_number(reading.expected)} ± {_number(part.deviation)} expected ({normal.level:.2f} x lately,"
            f" {normal.today:.2f} x today), more than {reading.upper} alerted, score {reading.score:.2f}"
        )

    def _why_none(self) -> str:
        if not self._look.is_judged:
            return "none: the daemon has not judged this bucket"
        if self._of.series.is_fleet:
            return "none of its own: a rise of the whole fleet is told by the services that rise"
        return "none: what was counted or configured then was different, or the daemon began later"

    # -- windows and gates

    def windows(self) -> Sequence[Sequence[str]]:
        """Return the cells of each window; the one that decided is marked."""
        return [
            (">" if place == self._of.lead else "", *_window_row(part))
            for place, part in enumerate(self._of.windows)
        ]

    def gate(self, gate: Gate) -> Sequence[str]:
        """Return mark, name, value, limit and origin of a gate."""
        value, limit = self._measured(gate)
        return ("ok" if gate.holds else "NO", gate.name.value, value, limit, self._set_by(gate))

    def rule(self, part: RulePart) -> Sequence[str]:
        """Return mark, value, limit, severity and origin of a static rule."""
        counted = part.counted
        value = f"{_tickets(counted.observed)} in {_span(counted.within_minutes)}"
        severity = "critical" if counted.critical else "warning"
        mark = "ALERTS" if part.is_met else "quiet"
        return (mark, value, f"alerts from {counted.tickets} on", severity, self._origins.told(part.origin))

    def _measured(self, gate: Gate) -> tuple[str, str]:
        least = f"at least {gate.limit:.4g}"
        match gate.name:
            case GateName.HISTORY:
                measured = f"{gate.value:.0f} known days", least
            case GateName.LEARNED:
                measured = f"first ticket {gate.value:.0f} days ago", least
            case GateName.ENABLED:
                measured = ("yes" if gate.value else "no"), "yes"
            case GateName.KNOWN:
                rest = ", less what is muted" if self._of.why is WhyNot.EVENT else ""
                measured = f"{gate.value:.0%} of the window{rest}", f"at least {gate.limit:.0%}"
            case GateName.UNUSUAL:
                measured = f"surprise + evidence {gate.value:.1f}", f"at least {gate.limit:.1f}"
            case GateName.MIN_TICKETS:
                measured = _tickets(int(gate.value)), least
            case GateName.MIN_RATIO:
                measured = f"{_number(gate.value)} times expected", least
            case GateName.STILL_RISING:
                shorter = self._of.windows[self._of.lead - 1].reading.window_minutes
                measured = f"surprise {gate.value:.1f} in {_span(shorter)}", f"at least {gate.limit:.1f}"
            case _:
                assert_never(gate.name)
        return measured

    def _set_by(self, gate: Gate) -> str:
        if gate.origin is None:
            return ""
        if gate.name is not GateName.UNUSUAL:
            return self._origins.told(gate.origin)
        kept = "measured on this desk's past" if self._of.calibrated else "provisional"
        weight = self._of.rule.weight
        weighed = "" if weight == 1 else f", weight {weight:g} ({self._origin('weight')})"
        alarms = "alarm" if self._budget == 1 else "alarms"
        return f"{self._budget:g} false {alarms} a week ({self._origins.told(gate.origin)}), {kept}{weighed}"

    def _origin(self, key: str) -> str:
        return self._origins.told(self._of.rule.origin[key])

    # -- the background

    def background(self) -> Iterator[tuple[str, str]]:
        """Yield what was expected and why, and how complete the data are."""
        yield "expected", self._expected()
        yield "", self._made_of()
        yield "spread", self._spread()
        yield "model", self._model()
        yield "data", self._data()
        yield "learnt from", self._learnt()

    def _expected(self) -> str:
        normal, begin = self._of.normal, self._of.at - self._of.step
        weekday = _WEEKDAYS[normal.like_weekday]
        like = {
            Likeness.ORDINARY: weekday,
            Likeness.DAY_OFF: f"a day off, like {weekday}",
            Likeness.AFTER_DAYS_OFF: f"after days off, like {weekday}",
        }[normal.kind]
        bucket = f"{begin.astimezone(self._zone):%H:%M} to {self._of.at.astimezone(self._zone):%H:%M}"
        return f"{_number(normal.bucket)} in the newest bucket, {bucket} ({like}, {normal.hour:02d}:00)"

    def _made_of(self) -> str:
        normal = self._of.normal
        parts = [
            f"= {_number(normal.shape)} an hour usually",
            f"x {normal.level:.2f} lately",
            f"x {normal.today:.2f} today",
        ]
        if abs(normal.of_day - 1) >= _EPSILON:
            parts.append(f"x {normal.of_day:.2f} kind of day")
        if abs(normal.event - 1) >= _EPSILON:
            parts.append(f"x {normal.event:.2f} announced ({self._events(muting=False)})")
        parts.append(f"x {normal.within:.2f} within the hour")
        per_hour = int(HOUR / self._of.step)
        return " ".join(parts) + (f" / {per_hour} buckets" if per_hour > 1 else "")

    def _spread(self) -> str:
        part, normal = self._of.leading, self._of.normal
        return (
            f"{_number(part.reading.expected)} ± {_number(part.deviation)} in {_span(part.reading.window_minutes)}"
            f" (variance {normal.dispersion:.2f} times the mean, and {normal.day_spread:.0%} that a day shares)"
        )

    def _model(self) -> str:
        normal = self._of.normal
        if normal.modelled:
            return normal.model.value
        return f"{ModelName.SEASONAL_ZSCORE.value}, for this series is too sparse for {normal.model.value}"

    def _data(self) -> str:
        read = ", ".join(
            f"{name} read up to {'?' if state.watermark is None else self._near(state.watermark)}"
            for name, state in self._look.sources.items()
        )
        judged = self._look.judged_until
        upto = "nothing judged" if judged is None else f"judged up to {self._near(judged)}"
        longest = self._of.windows[-1]
        span = _last(longest.reading.window_minutes)
        unknown = longest.unknown_buckets
        gaps = f"{unknown} buckets of {span} unknown" if unknown else f"{span} known"
        late = f"{_tickets(self._of.late)} of it too late to count" if self._of.late else "no late tickets"
        return f"{read}; {upto}; {gaps}; {late}"

    def _learnt(self) -> str:
        learned = self._of.learned
        if learned.first_ticket is None:
            return f"{learned.known_days:.0f} known days without a ticket"
        begin = f"{learned.first_ticket.astimezone(self._zone):%Y-%m-%d}"
        text = f"{learned.known_days:.0f} known days, the first ticket on {begin}"
        if self._look.calibration is False:
            return f"{text}; the week's cut-offs were measured under other settings"
        if self._look.calibration is None:
            return f"{text}; this week's cut-offs are not kept, so the score may have been another then"
        return text

    def _near(self, instant: datetime) -> str:
        """Return local time, with the date where it is another than the explained one."""
        local = instant.astimezone(self._zone)
        same_day = local.date() == self._of.at.astimezone(self._zone).date()
        return f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}"

    def _local(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._zone):%Y-%m-%d %H:%M %Z}"


def _handled(incident: Incident) -> str:
    """Return what people did to an incident, to stand after its state."""
    handling = incident.handling
    did = (
        ("acknowledged", handling.acknowledged_by),
        ("snoozed", handling.snoozed_by),
        ("dismissed", handling.dismissed_by),
    )
    return "".join(f", {what} by {harmless(who, limit=_NAME_LIMIT)}" for what, who in did if who is not None)


def _learnt(event: Event) -> str:
    """Return how much is behind a factor that is learnt."""
    if not event.learns:
        return ""
    return (
        f", learnt from {event.learnt_from} h"
        if event.learnt_from
        else ", to be learnt: nothing seen of it yet"
    )


def _window_row(part: WindowPart) -> Sequence[str]:
    reading = part.reading
    if part.why in NOT_JUDGED:
        return (
            _span(reading.window_minutes),
            str(reading.observed),
            _number(reading.expected),
            "-",
            "-",
            "-",
            "-",
            part.why.value,
        )
    return (
        _span(reading.window_minutes),
        str(reading.observed),
        _number(reading.expected),
        str(reading.upper),
        f"{part.surprise:.1f}"
        if part.counted == part.surprise
        else f"{part.surprise:.1f} -> {part.counted:.1f}",
        f"+ {part.evidence:.1f}",
        f"{reading.score:.2f}",
        part.why.value,
    )


def _name(series: SeriesKey) -> str:
    if series.is_fleet:
        return "the whole fleet"
    service = harmless(series.service, limit=_NAME_LIMIT)
    if series.is_rollup:
        return f"{service} (whole service)"
    return f"{service}/{harmless(series.category, limit=_NAME_LIMIT)}"


def _tickets(number: int) -> str:
    return "1 ticket" if number == 1 else f"{number:,} tickets"


def _span(minutes: int) -> str:
    if minutes % _MINUTES_AN_HOUR:
        return f"{minutes} min"
    return f"{minutes // _MINUTES_AN_HOUR} h"


def _last(minutes: int) -> str:
    return "the last hour" if minutes == _MINUTES_AN_HOUR else f"the last {_span(minutes)}"


def _number(number: float) -> str:
    """Return a number as short as its size allows.

    >>> [_number(number) for number in (0.0213, 0.52, 6.24, 1234.5)]
    ['0.021', '0.52', '6.2', '1,234']
    """
    if number >= _WHOLE_FROM:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 1 else f"{number:.2g}"


def _labelled(pairs: Iterator[tuple[str, str]]) -> Iterator[str]:
    listed = list(pairs)
    width = max(len(label) for label, _ in listed)
    for label, text in listed:
        yield f"  {label:<{width}}  {text}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows with numbers to the right; the first and the last column are words."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    last = len(head) - 1
    for row in (head, *rows):
        cells = [
            f"{cell:<{width}}" if place == last else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def _columns(rows: Sequence[Sequence[str]], *, indent: str) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield (
            indent + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        ).rstrip()
