"""`ack`, `snooze` and their like: what the buttons do, from a shell.

The act goes into the inbox first, beside a running daemon, which settles it within seconds. Where none runs, it is settled
here and told as soon as one does.
"""

import uuid
from datetime import datetime, timedelta
from threading import Lock

from spikewatch.acting import Acting
from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.memory import MemoryMeter
from spikewatch.app.oncall import acting_of, announcer_of
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.acts import Act, ActKind, ActStage, Entry, Refusal, Via
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.oncall import LONGEST_MUTE
from spikewatch.core.settings import Language
from spikewatch.core.wording.answers import answer
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import Store

PATIENCE = timedelta(seconds=10)
"""How long a running daemon gets to settle an act before the command stops waiting; the act stays in the inbox."""

_LOOK_EVERY = timedelta(milliseconds=200)
_HOLDS_ANYWAY = frozenset({Refusal.ALREADY, Refusal.NOBODY})
"""Refusals after which things are as they were wished."""

_SHOWN = 10


def act(
    config: Config,
    *,
    kind: ActKind,
    incident: str,
    by: str,
    lasts: timedelta | None = None,
    until: datetime | None = None,
    note: str | None = None,
) -> str:
    """Do something to an incident and return what became of it.

    lasts, until  of a snooze; without both it lasts until the next business morning

    Raises Mistake for an unknown incident, a time that is over or more than a year away, and Fault where it is over for
    the incident.
    """
    clock = SystemClock()
    _require_an_end(incident, until or clock.now() + (lasts or timedelta(0)), config=config, now=clock.now())
    wanted = Act(
        key=f"cli:{uuid.uuid4()}",
        kind=kind,
        incident=incident,
        by=by,
        via=Via.SHELL,
        at=clock.now(),
        lasts=lasts,
        until=until,
        note=note,
    )
    store = store_of(config, exclusive=False, guest=True)
    try:
        _require(store, incident)
        store.receive_act(wanted, at=clock.now())
        _settle_here(config, clock=clock)
        settled = _settled(store, wanted.key, clock=clock)
        found = store.incident(incident)
    finally:
        store.close()
    if settled is None:
        return f"{incident}: noted; the daemon has not settled it within {PATIENCE.seconds} s and will as soon as it can"
    return _told(settled, found, config=config)


def _require_an_end(incident: str, end: datetime, *, config: Config, now: datetime) -> None:
    """Raise Mistake where a snooze would last for more than a year."""
    if end - now > LONGEST_MUTE:
        local = end.astimezone(config.timezone)
        raise Mistake(
            f"{incident} would be quiet until {local:%Y-%m-%d %H:%M %Z}, more than a year from now; name an earlier time,"
            f" or end its messages: spikewatch resolve {incident}"
        )


def _require(store: Store, incident: str) -> None:
    """Raise Mistake where there is no such incident, and name those that there are."""
    if store.incident(incident) is not None:
        return
    known = store.judge_state().incidents.active
    names = [each.id for each in known if each.phase is Phase.OPEN] or [each.id for each in known]
    there_is = f"there is {', '.join(names[:_SHOWN])}" if names else "none is open"
    raise Mistake(f"{incident}: there is no such incident; {there_is}")


def _settle_here(config: Config, *, clock: SystemClock) -> None:
    """Settle the inbox where no daemon runs; where one does, the store refuses and the daemon settles it."""
    try:
        store = store_of(config)
    except Fault:
        return
    try:
        _acting(config, store, clock=clock).run()
    finally:
        store.close()


def _acting(config: Config, store: Store, *, clock: SystemClock) -> Acting:
    meter = MemoryMeter()
    announcer = announcer_of(config, store=store, meter=meter, at=clock.now())
    return acting_of(config, store=store, clock=clock, meter=meter, plan=announcer.plan, turn=Lock())


def _settled(store: Store, key: str, *, clock: SystemClock) -> Entry | None:
    """Return the act once it is settled; None where that takes too long."""
    deadline = clock.now() + PATIENCE
    while True:
        entry = store.act(key)
        if entry is not None and entry.stage is not ActStage.RECEIVED:
            return entry
        if clock.now() >= deadline or clock.wait(_LOOK_EVERY):
            return None


def _told(entry: Entry, incident: Incident | None, *, config: Config) -> str:
    text = answer(entry, incident, language=Language.EN, zone=config.timezone)
    refused = entry.refused
    if refused is None or refused.why in _HOLDS_ANYWAY:
        return text
    if refused.why is Refusal.PAST:
        raise Mistake(text)
    raise Fault(text)
