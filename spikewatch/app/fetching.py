"""`backfill`: the history of every source, fetched at once instead of beside the daemon's polls."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from spikewatch.adapters import log as logs
from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.app.reading import Reader, readers, wanted_since
from spikewatch.app.signals import relayed
from spikewatch.app.storing import store_of
from spikewatch.app.waiting import in_words
from spikewatch.asking import Outcome
from spikewatch.config import Config, Purpose, load
from spikewatch.core.settings import format_duration
from spikewatch.errors import Fault, Mistake
from spikewatch.ingest import PollResult, Progress
from spikewatch.ports import Clock, Store

TRIES = 3
"""So often a source may fail before anything was read; one that has answered before is waited for, a night long."""

TELLS_EVERY = timedelta(seconds=10)
"""Between two log lines about how far it is, where no bar is shown."""

log = logging.getLogger(__name__)


def backfill(
    path: str | Path,
    *,
    env: Mapping[str, str],
    weeks: int | None,
    on_progress: Callable[[str, Progress], None] | None = None,
    clock: Clock | None = None,
) -> tuple[bool, list[str]]:
    """Fetch the history of every source; return whether all is there, and a line about each.

    weeks        how far back; None is what the configuration says
    on_progress  told after each page, with the source; without it log lines say how far it is
    clock        None: the machine's

    SIGINT and SIGTERM end it after the page under way. Raises Fault where a source refuses the credentials or
    cannot be reached from the start, or where a daemon is at work on the store.
    """
    config = load(path, env=env, purpose=Purpose.RUN)
    history = config.history if weeks is None else timedelta(weeks=weeks)
    _require_kept(config, history)
    secrets = [secret.get_secret_value() for secret in config.secrets.values()]
    logs.configure(sys.stderr, level="WARNING" if on_progress else "INFO", secrets=secrets)
    clock = clock or SystemClock()
    store = store_of(config)
    try:
        with _stopped_by_signals(clock) as is_stopped:
            meter = HealthMetrics(new_registry(), clock=clock, version="")
            lines, is_all = [], True
            for reader in readers(config, store=store, clock=clock, meter=meter, history=history):
                tell = on_progress or _Log(clock).tell
                is_done, more = _fetch(reader, clock=clock, stop=is_stopped, tell=tell)
                reader.retire()
                is_all &= is_done
                since = wanted_since(config, now=clock.now(), history=history)
                lines.append(_line(reader.name, store, config, is_done=is_done, wanted=since, more=more))
        held = store.stats()
        return is_all, [*lines, f"the store holds {held.tickets} tickets and {held.count_rows} counts"]
    finally:
        store.close()


def _require_kept(config: Config, history: timedelta) -> None:
    longest = config.retention.tickets - timedelta(weeks=1)
    if history > longest:
        kept = format_duration(config.retention.tickets)
        raise Mistake(
            f"--weeks: {format_duration(history)} is more than retention.tickets keeps, {kept} with a week to spare;"
            f" use --weeks {longest // timedelta(weeks=1)}, or raise retention.tickets (and retention.counts)"
        )


def _fetch(
    reader: Reader, *, clock: Clock, stop: Callable[[], bool], tell: Callable[[str, Progress], None]
) -> tuple[bool, int]:
    """Read the source up to the present, then as far back as is wanted.

    Return whether all is there, and how many tickets more count.
    """
    failures, has_answered, more = 0, False, 0

    def on_page(progress: Progress) -> None:
        nonlocal has_answered
        has_answered = True
        tell(reader.name, progress)

    for read in (reader.ingest.poll, reader.backfilling.run):
        result: PollResult | None = None
        while result is None or result.outcome is not Outcome.CAUGHT_UP:
            if stop():
                return False, more
            result = read(stop=stop, on_page=on_page)
            more += result.changes.added - result.changes.removed
            if result.outcome is Outcome.HALTED:
                raise Fault(f"source {reader.name}: {result.detail}")
            failures += result.outcome is Outcome.RETRY
            if failures >= TRIES and not has_answered:
                raise Fault(
                    f"source {reader.name}: {result.detail}; put it right (spikewatch doctor looks at it), and run the"
                    " same command again"
                )
            if result.next_due is not None:
                clock.wait(max(timedelta(0), result.next_due - clock.now()))
    return True, more


def _line(name: str, store: Store, config: Config, *, is_done: bool, wanted: datetime, more: int) -> str:
    state = store.source_state(name)
    if state is None:
        return f"source {name}: nothing was read"
    said = f"source {name}: {more if more > 0 else 'no'} {'ticket' if more <= 1 else 'tickets'} more"
    if not is_done:
        return f"{said}; stopped before the end, run the same command again to go on"
    since = min(state.since, wanted)
    return f"{said}, all that has changed since {since.astimezone(config.timezone):%Y-%m-%d %H:%M %Z} is read"


class _Log:
    """Says how far it is, now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: datetime | None = None

    def tell(self, source: str, progress: Progress) -> None:
        now = self._clock.now()
        if self._next is not None and now < self._next and progress.fraction < 1:
            return
        self._next = now + TELLS_EVERY
        fields = {
            "source": source,
            "done": f"{progress.fraction * 100:.0f} %{in_words(progress.left)}",
            "pages": progress.pages,
            "tickets": progress.tickets,
            "tickets_per_minute": round(progress.tickets_per_minute),
        }
        log.info("backfill_progress", extra=fields)


@contextmanager
def _stopped_by_signals(clock: Clock) -> Iterator[Callable[[], bool]]:
    """Yield what tells whether a signal came; the first one ends every wait, a second one the program."""
    came, end_waits = False, relayed(clock.stop, name="stop")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        end_waits()
        restore()

    for number in before:
        signal.signal(number, stop)
    try:
        yield lambda: came
    finally:
        restore()
