"""What tuning came to, in words: each proposal with its effect and its reason, and the change as a unified diff."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import unified_diff
from zoneinfo import ZoneInfo

from spikewatch.config import Config
from spikewatch.config.reading import dotted
from spikewatch.core.settings import format_duration
from spikewatch.core.timegrid import WEEK
from spikewatch.core.wording.untrusted import harmless
from spikewatch.lab.knobs import Value
from spikewatch.lab.searching import Proposal
from spikewatch.lab.tuning import Tuned
from spikewatch.lab.yardstick import Effect, Outcome, Yardstick

_NAME_LIMIT = 160


def lines(tuned: Tuned, *, config: Config, diff: Sequence[str]) -> Iterator[str]:
    """Yield the lines for a terminal."""
    yield from summary(tuned, config=config)
    if not tuned.proposals:
        return
    yield ""
    yield "proposals, the noisiest first; each effect comes on top of those above it:"
    for number, proposal in enumerate(tuned.proposals, start=1):
        yield f"{number:>3}  {setting(proposal)}"
        yield f"       effect  {told_effect(proposal.effect)}"
        yield f"       why     {why(proposal, tuned)}"
    yield ""
    yield "nothing was changed; review this, and take over what convinces you (the whole file: --format yaml --out NEW):"
    yield ""
    yield from diff


def summary(tuned: Tuned, *, config: Config) -> Iterator[str]:
    """Yield what was looked at, what it was worth, and what cannot be said."""
    stick = tuned.yardstick
    if stick is not None:
        yield _judged(stick, config.timezone)
    if tuned.before is not None and stick is not None:
        budget = f"the budget allows {config.detection.false_alarms_per_week:g}"
        yield f"as it is: {_outcome(tuned.before, stick)}; {budget}"
        if stick.is_cautious:
            yield "hardly any incident is labelled real, so every alert that nobody called false counts as real"
    if tuned.after is not None and stick is not None and tuned.effect is not None:
        yield f"proposed: {_outcome(tuned.after, stick)}: {told_effect(tuned.effect)} (by a replay of its own)"
    yield from tuned.silent
    if tuned.before is not None and not tuned.proposals:
        tried = f"{tuned.tried} settings were tried"
        yield f"nothing to propose: {tried}, and none is better on weeks on which it was not chosen"


def _judged(stick: Yardstick, zone: ZoneInfo) -> str:
    weeks = (stick.judged_until - stick.judged_from) / WEEK
    span = f"{_local(stick.judged_from, zone)} to {_local(stick.judged_until, zone)}"
    labels = f"{stick.said_real} incidents are labelled real, {stick.said_false} alerts false or expected"
    return f"judged: {weeks:.1f} weeks, {span}; {labels}"


def _outcome(outcome: Outcome, stick: Yardstick) -> str:
    weeks = (stick.judged_until - stick.judged_from) / WEEK
    alarms = _number(outcome.false_alarms, "false alarm")
    told = f"{outcome.told} of {len(stick.real)} real incidents told"
    return f"{alarms} ({outcome.false_alarms / weeks:.1f} a week), {told}"


def setting(proposal: Proposal) -> str:
    """Return the setting as it is and as it would be: `detection.min_tickets: 5 -> 9`."""
    change = proposal.change
    return f"{harmless(dotted(change.path), limit=_NAME_LIMIT)}: {_value(change.before)} -> {_value(change.after)}"


def told_effect(effect: Effect) -> str:
    """Return an effect as `saves 3 false alarms, loses no incident, tells 5 min later`."""
    verb = "saves" if effect.saved >= 0 else "adds"
    parts = [
        f"{verb} {_number(abs(effect.saved), 'false alarm')}",
        f"loses {_number(effect.lost, 'incident')}" if effect.lost else "loses no incident",
    ]
    if effect.found:
        parts.append(f"finds {_number(effect.found, 'more incident')}")
    if effect.delay is not None:
        parts.append(_delay(effect.delay))
    return ", ".join(parts)


def why(proposal: Proposal, tuned: Tuned) -> str:
    """Return why a setting is proposed, and how well it held where it was not chosen."""
    held = (
        f"wins {proposal.wins} of {proposal.weeks} weeks on which it was not chosen"
        f" (worth {_short(proposal.gain)} false alarms there)"
    )
    return f"{_reason(proposal, tuned)}; {held}"


def _reason(proposal: Proposal, tuned: Tuned) -> str:
    change, target = proposal.change, proposal.target
    alarms = 0 if tuned.before is None else tuned.before.false_alarms
    began = f"{target.alarms} of {_number(alarms, 'false alarm')} began here"
    peaks = [surge.peak for surge in target.surges]
    after = change.after
    if isinstance(after, tuple):
        return "what only that window tells was false, and the others tell the rest"
    if change.name == "false_alarms_per_week":
        return "every threshold follows from the budget, and nothing narrower helps as much"
    if change.is_looser:
        return f"{_number(target.missed, 'real incident')} of it went untold" if target.missed else began
    if change.name == "min_tickets":
        below = sum(reading.observed < after for reading in peaks)
        return f"{began}; {below} of {_number(len(peaks), 'rise')} never held {after:g} tickets in a window"
    if change.name == "min_ratio":
        below = sum(reading.observed < after * reading.expected for reading in peaks)
        return f"{began}; {below} of {_number(len(peaks), 'rise')} never came to {after:g} times the usual"
    return f"{began}; less weight raises its threshold whatever its size"


def diff(before: str, after: str, *, name: str) -> Sequence[str]:
    """Return a unified diff, ready for `patch`; empty where nothing changes."""
    found = unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return [line.rstrip("\n") for line in found]


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(format_duration, value)) + "]"
    return f"{value:g}"


def _delay(minutes: float) -> str:
    if minutes == 0:
        return "tells the others as soon"
    return f"tells the others {_short(abs(minutes))} min {'later' if minutes > 0 else 'sooner'} (median)"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"
