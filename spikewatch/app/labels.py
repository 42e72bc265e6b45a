"""`labels`: what is known about the past; incidents and what was expected are not learnt from."""

import json
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.csv_source import Exported, Form, Range, read_export, read_labels
from spikewatch.app.naming import Names
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.labels import Noted
from spikewatch.core.timegrid import Span, aware
from spikewatch.errors import Mistake

_SOME = 8


def add(
    config: Config,
    *,
    start: datetime,
    end: datetime,
    kind: LabelKind,
    author: str,
    service: str | None = None,
    category: str | None = None,
    note: str | None = None,
    is_new: bool = False,
) -> str:
    """Label a span and return a line that says so; without service or category all are meant.

    is_new  the names may be ones that nothing counts under so far

    Raises Mistake for a span of nothing, and for a name that is strange.
    """
    if end <= start:
        raise Mistake(f"the label would end at {end.isoformat()}, not after {start.isoformat()}; swap them")
    now = SystemClock().now()
    label = Label(Span(aware(start), aware(end)), service, category, kind, recorded_at=now)
    store = store_of(config, exclusive=False, guest=True)
    try:
        if not is_new:
            _require_counted(label, names=Names(config, keys=store.roster().keys))
        store.add_labels([Noted(label, author, note)])
    finally:
        store.close()
    return f"labelled {kind.value}: {_span(label, config.timezone)}; it takes effect within the hour"


def _require_counted(label: Label, *, names: Names) -> None:
    strange = names.unknown(label.service, label.category)
    if strange is not None:
        raise Mistake(f"{strange} (a name that is still to come is kept with --new)")


def bring_in(config: Config, *, file: Path, author: str, say: Callable[[str], None] = lambda _: None) -> str:
    """Keep the labels of a file, all or none, and return a line that says how many are new.

    say  is told of each name that nothing counts under so far: the file may be older than the store, or newer

    A label without `recorded_at` takes effect from its end, as if it had been known then. Raises Mistake with every line
    that is wrong.
    """
    labels = read_labels(file)
    store = store_of(config, exclusive=False, guest=True)
    try:
        names = Names(config, keys=store.roster().keys)
        new = store.add_labels([Noted(label, author, file.name) for label in labels])
    finally:
        store.close()
    strange = (names.unknown(label.service, label.category) for label in labels)
    for line in dict.fromkeys(each for each in strange if each is not None):
        say(f"{file}: {line}")
    return f"{new} of {len(labels)} labels in {file} are new; they take effect within the hour"


def bring_in_export(
    config: Config, *, file: Path, form: Form, author: str, names: Mapping[str, str | None]
) -> Iterator[str]:
    """Keep what a status page or a pager exported, all or none, and yield lines that say how much is new.

    names  what the export's names are called here; None: all services. An empty one leaves out what it is about

    Raises Mistake with every line that is wrong, and with every name that is no service here.
    """
    exported = read_export(file, form=form)
    store = store_of(config, exclusive=False, guest=True)
    try:
        services = set(store.roster().services)
        _require_known(exported, services=services, names=names, file=file)
        labels = [noted for each in exported.ranges for noted in _noted(each, names, author=author)]
        new = store.add_labels(labels)
    finally:
        store.close()
    yield f"{new} of {len(labels)} labels out of {file} are new; they take effect within the hour"
    if exported.lasting:
        yield f"{exported.lasting} left out, for they are not over yet: import the file again later"


def _require_known(
    exported: Exported, *, services: Collection[str], names: Mapping[str, str | None], file: Path
) -> None:
    given = {name for each in exported.ranges for name in each.names}
    odd = sorted(name for name in given - names.keys() if name not in services)
    wrong = sorted(service for service in names.values() if service and service not in services)
    some = ", ".join(sorted(services)[:_SOME]) or "none yet"
    problems = [
        f"{file}: {name!r} is no service here; say --map {shlex.quote(f'{name}=SERVICE')}, with * for all of them or"
        " nothing to leave it out"
        for name in odd
    ]
    problems += [f"--map: {service!r} is no service here; these are: {some}" for service in wrong]
    if problems:
        raise Mistake(*problems)


def _noted(each: Range, names: Mapping[str, str | None], *, author: str) -> Iterator[Noted]:
    """Yield a label for each service that a range is about."""
    services = [names.get(name, name) for name in each.names] if each.names else [None]
    for service in dict.fromkeys(services):
        if service != "":
            yield Noted(Label(each.span, service, None, each.kind), author, each.note)


def listed(config: Config, *, as_json: bool) -> Iterator[str]:
    """Yield a line a label, in the order in which they begin."""
    store = store_of(config, exclusive=False)
    try:
        labels = store.labels()
    finally:
        store.close()
    if as_json:
        yield json.dumps([_object(each, config.timezone) for each in labels], ensure_ascii=False)
        return
    if not labels:
        yield "no labels"
    for noted in labels:
        label, of = noted.label, f" ({noted.incident})" if noted.incident else ""
        note = f": {noted.note}" if noted.note else ""
        series = f"{label.service or '*'}/{label.category or '*'}"
        yield (
            f"{noted.number:>4}  {label.kind.value:<11}  {_span(label, config.timezone)}"
            f"  {series}{of}, by {noted.author}{note}"
        )


def remove(config: Config, *, number: int) -> str:
    """Drop a label and return a line that says so. Raises Mistake where there is none, or where it is a verdict."""
    store = store_of(config, exclusive=False, guest=True)
    try:
        gone = store.remove_label(number)
        found = next((each for each in store.labels() if each.number == number), None)
    finally:
        store.close()
    if found is not None:
        raise Mistake(
            f"label {number} is the verdict on {found.incident}: say another one with"
            f" spikewatch confirm, expected or false-alarm {found.incident}"
        )
    if not gone:
        raise Mistake(f"label {number}: there is none of that number; spikewatch labels list shows all")
    return f"label {number} is removed; it ceases to take effect within the hour"


def _span(label: Label, zone: ZoneInfo) -> str:
    begin, end = label.span.start.astimezone(zone), label.span.end.astimezone(zone)
    return f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M %Z}"


def _object(noted: Noted, zone: ZoneInfo) -> dict[str, object]:
    label = noted.label
    recorded = label.recorded_at
    return {
        "label": noted.number,
        "kind": label.kind.value,
        "start": label.span.start.astimezone(zone).isoformat(),
        "end": label.span.end.astimezone(zone).isoformat(),
        "service": label.service,
        "category": label.category,
        "incident": noted.incident,
        "author": noted.author,
        "note": noted.note,
        "recorded_at": None if recorded is None else recorded.astimezone(zone).isoformat(),
    }
