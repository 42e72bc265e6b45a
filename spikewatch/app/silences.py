"""`silence`: times in which nobody is told about some incidents; they are judged and recorded all the same."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from spikewatch.adapters.clock import SystemClock
from spikewatch.app.naming import Names
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.muting import Matcher, Silence, maintenance
from spikewatch.core.oncall import LONGEST_MUTE
from spikewatch.core.timegrid import Span, aware
from spikewatch.errors import Mistake


def add(
    config: Config,
    *,
    matcher: Matcher,
    author: str,
    reason: str,
    lasts: timedelta | None = None,
    start: datetime | None = None,
    until: datetime | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Begin a silence and return a line that says so; it ends at `until`, or so long after its beginning.

    say  is told where it matches nothing so far: it may be for a service that is still to come

    Raises Mistake where it would be over before it begins, or last for more than a year.
    """
    now = SystemClock().now()
    begin = now if start is None else aware(start)
    end = begin + (lasts or timedelta(0)) if until is None else aware(until)
    if end <= max(begin, now):
        local = end.astimezone(config.timezone)
        raise Mistake(
            f"the silence would end at {local:%Y-%m-%d %H:%M %Z}, before it begins; name a later time"
        )
    if end - begin > LONGEST_MUTE:
        local = end.astimezone(config.timezone)
        raise Mistake(
            f"the silence would end at {local:%Y-%m-%d %H:%M %Z}, more than a year after it begins; name an earlier time,"
            " or set enabled: false for what is never to be told"
        )
    store = store_of(config, exclusive=False, guest=True)
    try:
        names = Names(config, keys=store.roster().keys)
        kept = store.save_silence(Silence(matcher, Span(begin, end), author, reason))
    finally:
        store.close()
    strange = names.unmatched(matcher)
    if strange is not None:
        say(strange)
    return f"silence {kept.number}: {_line(kept, config, now=now)}"


def listed(config: Config, *, as_json: bool) -> Iterator[str]:
    """Yield a line a silence that is not over, and one a maintenance window that holds now."""
    now = SystemClock().now()
    store = store_of(config, exclusive=False)
    try:
        kept = list(store.silences(ending_after=now))
    finally:
        store.close()
    windows = maintenance(config.maintenance, zone=config.timezone, at=now)
    if as_json:
        yield json.dumps([_object(each, config, now=now) for each in (*kept, *windows)], ensure_ascii=False)
        return
    if not kept and not windows:
        yield "no silences"
    for each in kept:
        yield f"{each.number:>4}  {_line(each, config, now=now)}"
    for each in windows:
        yield f"   –  maintenance {_line(each, config, now=now)}"


def remove(config: Config, *, number: int) -> str:
    """End a silence now and return a line that says so. Raises Mistake where there is none of that number."""
    now = SystemClock().now()
    store = store_of(config, exclusive=False, guest=True)
    try:
        found = {each.number: each for each in store.silences(ending_after=now)}
        if number not in found:
            known = ", ".join(str(each) for each in found) or "none"
            raise Mistake(f"silence {number}: there is none of that number that lasts; there is {known}")
        silence = found[number]
        begin = min(silence.span.start, now)
        store.save_silence(replace(silence, span=Span(begin, max(begin, now))))
    finally:
        store.close()
    return f"silence {number} is over; what still surges is told within a minute"


def _line(silence: Silence, config: Config, *, now: datetime) -> str:
    zone = config.timezone
    begin, end = silence.span.start.astimezone(zone), silence.span.end.astimezone(zone)
    since = "" if silence.span.start <= now else f"from {begin:%Y-%m-%d %H:%M} "
    return f"{silence.matcher}  {since}until {end:%Y-%m-%d %H:%M %Z}, by {silence.author}: {silence.reason}"


def _object(silence: Silence, config: Config, *, now: datetime) -> dict[str, object]:
    zone, matcher = config.timezone, silence.matcher
    return {
        "silence": silence.number,
        "kind": silence.why.value,
        "service": matcher.service,
        "category": matcher.category,
        "severity": None if matcher.severity is None else matcher.severity.value,
        "start": silence.span.start.astimezone(zone).isoformat(),
        "end": silence.span.end.astimezone(zone).isoformat(),
        "author": silence.author,
        "reason": silence.reason,
        "in_force": silence.span.holds(now),
    }
