"""Remedies: what would have had to be different, in tickets, in a floor, in the budget and in the weight."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spikewatch.app.explaining.letter import Letter
from spikewatch.app.explaining.phrases import last, span, tickets
from spikewatch.core.explanations import GateName, Turning
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import MOST_BUDGET, MOST_WEIGHT
from spikewatch.core.turning import LEAST

_FLOORS = frozenset({WhyNot.MIN_TICKETS, WhyNot.MIN_RATIO})


def remedies(letter: Letter) -> Iterator[tuple[str, str]]:
    """Yield the count that would have changed it, then the settings."""
    remedy = _remedy(letter)
    if remedy is not None:
        yield ("to stay quiet" if letter.of.why is WhyNot.ALERTS else "to alert"), remedy
    yield from (("", said) for said in _turning(letter))


def _remedy(letter: Letter) -> str | None:
    needed, reading, met = letter.of.needed, letter.of.leading.reading, letter.of.rule_met
    if met is not None:
        return f"{tickets(met.tickets - 1)} or fewer in {last(met.within_minutes)}"
    if letter.of.why is WhyNot.ALERTS:
        return f"{tickets(reading.upper)} or fewer in {last(reading.window_minutes)}"
    if needed is None:
        return None
    count = f"{tickets(needed.tickets)} or more in {last(needed.window_minutes)}"
    if letter.of.why is WhyNot.SUBSIDED:
        return f"{count}, with the rise going on"
    return f"{count}{_or_lower(letter)}"


def _or_lower(letter: Letter) -> str:
    """Return which floor would have let it through, where a floor alone held it back."""
    failed = [gate.name for gate in letter.of.gates if not gate.holds]
    reading = letter.of.leading.reading
    if failed == [GateName.MIN_TICKETS]:
        return f", or min_tickets {reading.observed} or lower"
    if failed == [GateName.MIN_RATIO] and reading.observed >= reading.expected:
        return f", or min_ratio {reading.observed / reading.expected:.2g} or lower"
    return ""


def _turning(letter: Letter) -> Iterator[str]:
    """Yield from which budget, and from which weight on it alerts."""
    turning, alerts = letter.of.turning, letter.of.why is WhyNot.ALERTS
    if turning is None:
        return
    settings = _settings(letter, turning)
    if turning.window_minutes is None and letter.of.why in _FLOORS:
        yield f"a floor holds it back: {_each('no {0}', settings)} would have alerted"
    elif all(each.value is None for each in settings):
        yield f"{_each('no {0} up to {1}', settings)} would have"
    elif alerts and all(each.value == LEAST for each in settings):
        yield f"{_each('every {0}', settings)} from {LEAST:g} on would have alerted"
    else:
        yield from (each.told(alerts=alerts) + _elsewhere(letter, turning) for each in settings)


@dataclass(frozen=True, slots=True)
class _Setting:
    """A setting with the value at which the decision turns."""

    name: str
    value: float | None
    now: str
    most: int

    def told(self, *, alerts: bool) -> str:
        if self.value is None:
            return f"no {self.name} up to {self.most} would have"
        if alerts and self.value == LEAST:
            return f"every {self.name} from {LEAST:g} on would have alerted"
        way = f"below {self.value:g}" if alerts else f"{self.value:g} or more"
        return f"or {self.name} {way} (now {self.now})"


def _settings(letter: Letter, turning: Turning) -> Sequence[_Setting]:
    budget = _Setting(
        "false_alarms_per_week", turning.false_alarms_per_week, f"{letter.budget:g}", MOST_BUDGET
    )
    if letter.of.series.is_fleet:
        return [budget]
    now = f"{letter.of.rule.weight:g}, {letter.origin('weight')}"
    return [budget, _Setting("weight", turning.weight, now, MOST_WEIGHT)]


def _each(phrase: str, settings: Sequence[_Setting]) -> str:
    return " and ".join(phrase.format(each.name, each.most) for each in settings)


def _elsewhere(letter: Letter, turning: Turning) -> str:
    """Return which window decides then, where it is another one."""
    window = turning.window_minutes
    if window is None or window == letter.of.leading.reading.window_minutes:
        return ""
    return f", in its window of {span(window)}"
