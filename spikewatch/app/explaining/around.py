"""What was around it: incidents, where a rise would have belonged, and silences."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from spikewatch.app.explaining.letter import Letter
from spikewatch.app.explaining.phrases import NAME_LIMIT, number, span, tickets
from spikewatch.core.explanations import Explanation
from spikewatch.core.incidents import Incident
from spikewatch.core.muting import Silence
from spikewatch.core.scoring import WhyNot
from spikewatch.core.surges import QUIET_FOR, QUIET_SCORE
from spikewatch.core.wording.untrusted import harmless

_MINUTE = timedelta(minutes=1)


def around(letter: Letter) -> Iterator[tuple[str, str]]:
    """Yield the incidents near it, where a rise would have belonged, and who wanted no messages."""
    yield from _told(letter)
    yield from _joining(letter)
    for silence in letter.look.silences:
        yield "silenced", _silenced(letter, silence)


def _told(letter: Letter) -> Iterator[tuple[str, str]]:
    for incident, surge in letter.look.incidents:
        opened = letter.near(incident.opened_at)
        handled = _handled(incident)
        stands = (
            f"{incident.id} ({incident.severity.value}, now {incident.phase.value}{handled}) opened {opened}"
        )
        if surge is None:
            yield "incident", f"{stands}, without this series"
            continue
        joined = surge.joined
        count = f"{joined.observed} in {span(joined.window_minutes)}, {number(joined.expected)} expected"
        yield "incident", f"{stands}; this series joined {letter.near(surge.opened_at)} with {count}"
        if surge.opened_at == letter.of.at and letter.of.why is not WhyNot.ALERTS:
            yield "", "its counts were other ones then: tickets have been moved or removed since"
    kept = letter.look.kept
    if kept is not None and replace(kept, turning=letter.of.turning) != letter.of:
        yield "as judged", _as_judged(kept)
    if letter.of.why is WhyNot.ALERTS and not letter.covering:
        yield "incident", _why_none(letter)


def _joining(letter: Letter) -> Iterator[tuple[str, str]]:
    """Yield where a rise would have belonged, or when the series' own surge is over."""
    found = letter.look.joining
    if letter.covering:
        if letter.of.why is not WhyNot.ALERTS:
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
            else f"reopen {incident.id}, as until {letter.near(found.until)} at the latest"
        )
        yield "cool-down", f"a rise would {belongs}, and open no incident of its own"


def _silenced(letter: Letter, silence: Silence) -> str:
    """Return who wanted no messages, and until when."""
    who = "" if silence.number is None else f" {silence.number} by {silence.author}"
    named = harmless(f"{silence.why.value}{who}: {silence.reason}", limit=NAME_LIMIT)
    only = "" if silence.matcher.severity is None else f" that is {silence.matcher.severity.value}"
    until = letter.near(silence.span.end)
    return f"{named}; nobody is told of an incident of this series alone{only} until {until}"


def _as_judged(kept: Explanation) -> str:
    """Return what the incident kept of its first judgement, where counts, settings or the baseline have moved since."""
    part = kept.leading
    reading, normal = part.reading, kept.normal
    return (
        f"{tickets(reading.observed)} in {span(reading.window_minutes)},"
        f" {number(reading.expected)} ± {number(part.deviation)} expected ({normal.level:.2f} x lately,"
        f" {normal.today:.2f} x today), more than {reading.upper} alerted, score {reading.score:.2f}"
    )


def _why_none(letter: Letter) -> str:
    if not letter.look.is_judged:
        return "none: the daemon has not judged this bucket"
    if letter.of.series.is_fleet:
        return "none of its own: a rise of the whole fleet is told by the services that rise"
    return "none: what was counted or configured then was different, or the daemon began later"


def _handled(incident: Incident) -> str:
    """Return what people did to an incident, to stand after its state."""
    handling = incident.handling
    did = (
        ("acknowledged", handling.acknowledged_by),
        ("snoozed", handling.snoozed_by),
        ("dismissed", handling.dismissed_by),
    )
    return "".join(f", {what} by {harmless(who, limit=NAME_LIMIT)}" for what, who in did if who is not None)
