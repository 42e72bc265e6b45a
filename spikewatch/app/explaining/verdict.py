"""The verdict: whether it alerts and why, and what would have had to be different."""

from collections.abc import Iterator
from typing import assert_never

from spikewatch.app.explaining.letter import Letter
from spikewatch.app.explaining.phrases import name, number, span, tickets
from spikewatch.app.explaining.remedies import remedies
from spikewatch.core.explaining import NOT_JUDGED
from spikewatch.core.explanations import GateName
from spikewatch.core.scoring import WhyNot


def verdict(letter: Letter) -> str:
    """Return the sentence that answers the question."""
    reading = letter.of.leading.reading
    when = f"{name(letter.of.series)} at {letter.local(letter.of.at)}"
    count = (
        f"{tickets(reading.observed)} in {span(reading.window_minutes)}, {number(reading.expected)} expected"
    )
    rule = letter.of.rule_met
    if rule is not None:
        met = f"{tickets(rule.observed)} in {span(rule.within_minutes)}"
        return f"{when}: {_alerts(letter)}: {met}, and a static rule alerts from {rule.tickets} on"
    if letter.of.why is WhyNot.ALERTS:
        return f"{when}: {_alerts(letter)}: {count}, more than {reading.upper} alert"
    if letter.of.why in NOT_JUDGED:
        return f"{when}: {_stays_quiet(letter)}: not judged"
    return f"{when}: {_stays_quiet(letter)}: {count}"


def _alerts(letter: Letter) -> str:
    return "alerts" if letter.covering else "would alert"


def _stays_quiet(letter: Letter) -> str:
    return "did not alert" if letter.look.is_judged else "would not alert"


def reasons(letter: Letter) -> Iterator[tuple[str, str]]:
    """Yield why, and what would have had to be different."""
    yield "why", _why(letter) if letter.of.rule_met is None else _why_ruled(letter)
    yield from remedies(letter)


def _why(letter: Letter) -> str:
    part, rule = letter.of.leading, letter.of.rule
    held = f"unusual enough (score {_unheld(letter):.2f}), but held back"
    match letter.of.why:
        case WhyNot.ALERTS:
            why = f"every gate is passed: score {part.reading.score:.2f}, and 1 alerts"
        case WhyNot.NORMAL:
            why = f"not unusual enough: score {part.reading.score:.2f} of 1"
        case WhyNot.MIN_TICKETS:
            why = f"{held} by min_tickets {rule.min_tickets} ({letter.origin('min_tickets')})"
        case WhyNot.MIN_RATIO:
            ratio = f"{number(part.reading.observed / part.reading.expected)} times the expected count"
            why = f"{held} by min_ratio {rule.min_ratio:g} ({letter.origin('min_ratio')}): it is {ratio}"
        case WhyNot.SUBSIDED:
            why = f"{held}: the rise is over, for the newest tickets are normal again"
        case WhyNot.LEARNING:
            why = _why_learning(letter)
        case WhyNot.EVENT:
            why = f"muted by the calendar: {letter.events(muting=True)}"
        case WhyNot.UNKNOWN:
            why = (
                f"too little is known: {part.known_share:.0%} of what the window expects, and 50% are needed"
            )
        case WhyNot.DISABLED:
            why = f"never judged by itself: enabled is false ({letter.origin('enabled')})"
        case _:
            assert_never(letter.of.why)
    return why


def _why_ruled(letter: Letter) -> str:
    said = letter.of.leading.why.value
    return f"a static rule is met ({letter.origin('rules')}); the windows by themselves say: {said}"


def _why_learning(letter: Letter) -> str:
    learned = letter.of.learned
    for gate in letter.of.gates:
        if gate.name is GateName.HISTORY and not gate.holds:
            return f"still learning: {learned.known_days:.1f} days are known, and {gate.limit:g} are needed"
        if gate.name is GateName.LEARNED and not gate.holds:
            first = learned.first_ticket
            seen = "no ticket yet" if first is None else f"the first ticket came {letter.local(first)}"
            return f"still learning: {seen}, and {gate.limit:g} days from there are needed"
    return "still learning: this series is too new"


def _unheld(letter: Letter) -> float:
    gate = next(gate for gate in letter.of.gates if gate.name is GateName.UNUSUAL)
    return gate.value / gate.limit
