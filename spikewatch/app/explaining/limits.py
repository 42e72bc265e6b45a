"""Windows, gates and static rules, each with its value and its limit."""

from collections.abc import Sequence
from typing import assert_never

from spikewatch.app.explaining.letter import Letter
from spikewatch.app.explaining.phrases import number, span, tickets
from spikewatch.core.explaining import NOT_JUDGED
from spikewatch.core.explanations import Gate, GateName, RulePart, WindowPart
from spikewatch.core.scoring import WhyNot


def window_rows(letter: Letter) -> Sequence[Sequence[str]]:
    """Return the cells of each window; the one that decided is marked."""
    return [
        (">" if place == letter.of.lead else "", *_window_row(part))
        for place, part in enumerate(letter.of.windows)
    ]


def gate_row(letter: Letter, gate: Gate) -> Sequence[str]:
    """Return mark, name, value, limit and origin of a gate."""
    value, limit = _measured(letter, gate)
    return ("ok" if gate.holds else "NO", gate.name.value, value, limit, _set_by(letter, gate))


def rule_row(letter: Letter, part: RulePart) -> Sequence[str]:
    """Return mark, value, limit, severity and origin of a static rule."""
    counted = part.counted
    value = f"{tickets(counted.observed)} in {span(counted.within_minutes)}"
    severity = "critical" if counted.critical else "warning"
    mark = "ALERTS" if part.is_met else "quiet"
    return (mark, value, f"alerts from {counted.tickets} on", severity, letter.origins.told(part.origin))


def _measured(letter: Letter, gate: Gate) -> tuple[str, str]:
    least = f"at least {gate.limit:.4g}"
    match gate.name:
        case GateName.HISTORY:
            measured = f"{gate.value:.0f} known days", least
        case GateName.LEARNED:
            measured = f"first ticket {gate.value:.0f} days ago", least
        case GateName.ENABLED:
            measured = ("yes" if gate.value else "no"), "yes"
        case GateName.KNOWN:
            rest = ", less what is muted" if letter.of.why is WhyNot.EVENT else ""
            measured = f"{gate.value:.0%} of the window{rest}", f"at least {gate.limit:.0%}"
        case GateName.UNUSUAL:
            measured = f"surprise + evidence {gate.value:.1f}", f"at least {gate.limit:.1f}"
        case GateName.MIN_TICKETS:
            measured = tickets(int(gate.value)), least
        case GateName.MIN_RATIO:
            measured = f"{number(gate.value)} times expected", least
        case GateName.STILL_RISING:
            shorter = letter.of.windows[letter.of.lead - 1].reading.window_minutes
            measured = f"surprise {gate.value:.1f} in {span(shorter)}", f"at least {gate.limit:.1f}"
        case _:
            assert_never(gate.name)
    return measured


def _set_by(letter: Letter, gate: Gate) -> str:
    if gate.origin is None:
        return ""
    if gate.name is not GateName.UNUSUAL:
        return letter.origins.told(gate.origin)
    kept = "measured on this desk's past" if letter.of.calibrated else "provisional"
    weight = letter.of.rule.weight
    weighed = "" if weight == 1 else f", weight {weight:g} ({letter.origin('weight')})"
    alarms = "alarm" if letter.budget == 1 else "alarms"
    return f"{letter.budget:g} false {alarms} a week ({letter.origins.told(gate.origin)}), {kept}{weighed}"


def _window_row(part: WindowPart) -> Sequence[str]:
    reading = part.reading
    if part.why in NOT_JUDGED:
        return (
            span(reading.window_minutes),
            str(reading.observed),
            number(reading.expected),
            "-",
            "-",
            "-",
            "-",
            part.why.value,
        )
    return (
        span(reading.window_minutes),
        str(reading.observed),
        number(reading.expected),
        str(reading.upper),
        f"{part.surprise:.1f}"
        if part.counted == part.surprise
        else f"{part.surprise:.1f} -> {part.counted:.1f}",
        f"+ {part.evidence:.1f}",
        f"{reading.score:.2f}",
        part.why.value,
    )
