"""One process that does what the daemon does, on a real store, and measures itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.client import HTTPConnection
from statistics import median

from prometheus_client import CollectorRegistry

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.counts import Panel, Ticket
from spikewatch.core.settings import DetectionSettings, ModelName
from spikewatch.core.timegrid import bucket_number
from spikewatch.cycle import Cycle, Detector, load_history, load_panel
from spikewatch.ports import Page, Store
from tests.bench.desk import AN_HOUR, BEGINS, STEP, Desk, simulated
from tests.bench.judging import REPEATS, TICKETS_AN_HOUR, detector_of, seconds_of_judging
from tests.bench.stopwatch import peak_mb, timed

WEEKS = 8
_PAGE = 20_000
_FILLED = (WEEKS * 168 + 4) * AN_HOUR
"""Buckets in the store before anything is measured: the history, the longest window and an hour."""

_SURGE_AFTER = 3
_SURGING = 3
_SURGE_TICKETS = 40
_BUSY_TICKETS = 3
"""Added to every hour of every series, to bring it above what the STL model calls sparse."""


def fill(url: str, *, n_series: int) -> dict[str, float]:
    """Write the history of a desk into a new store, page by page, and return how fast that went."""
    desk = _desk(n_series)
    store = open_store(url, step=STEP)
    tickets = list(desk.between(0, _FILLED))
    seconds = 0.0
    for left in range(0, len(tickets), _PAGE):
        page = tickets[left : left + _PAGE]
        last = left + _PAGE >= len(tickets)
        seconds += timed(_taking(store, page, until=_FILLED if last else None))[0]
    store.close()
    return {"tickets": len(tickets), "intake": len(tickets) / seconds}


def measure(url: str, *, n_series: int) -> dict[str, float]:
    """Return what a daemon of so many series takes, in seconds and megabytes, on a store that was filled."""
    store = open_store(url, step=STEP)
    found = _cycles(_desk(n_series), store, _detector(DetectionSettings().model))
    found["peak"] = peak_mb()
    store.close()
    return found


def measure_models(url: str, *, n_series: int) -> dict[str, float]:
    """Return what a refit of each model takes, reading included, and of STL where every series is busy enough for it."""
    store = open_store(url, step=STEP)
    detector = _detector(ModelName.STL)
    epoch = detector.epoch_of(bucket_number(BEGINS, STEP) + _FILLED)
    reading, history = timed(lambda: load_history(store, detector, epoch=epoch))
    busy = replace(history, hourly=_busier(history.hourly))
    fitting, _ = timed(lambda: detector.fit(busy, epoch=epoch))
    found = {"series": n_series, "reading": reading, "busy stl": reading + fitting}
    for model in ModelName:
        found[f"refit {model}"] = _refit(store, model, epoch=epoch)
    store.close()
    return found


def _refit(store: Store, model: ModelName, *, epoch: int) -> float:
    cycle = _cycle(store, _detector(model))
    return timed(lambda: cycle.refit(epoch=epoch))[0]


def _cycles(desk: Desk, store: Store, detector: Detector) -> dict[str, float]:
    """Return what cycles and scrapes take through most of an hour in which an incident opens."""
    clock = ManualClock(BEGINS + _FILLED * STEP)
    registry = CollectorRegistry()
    exposition = Exposition(
        FleetRenderer(max_series=len(desk.roster)), registry=registry, clock=clock, stale_after=4 * STEP
    )
    HealthMetrics(registry, clock=clock, version="bench", sources=["desk"])
    cycle = _cycle(store, detector)
    taken, whole = [], []
    for bucket in range(_FILLED, _FILLED + AN_HOUR - 1):
        page = [*desk.between(bucket, bucket + 1), *_surge(desk, bucket)]
        taken.append(timed(_taking(store, page, until=bucket + 1))[0])
        clock.advance(STEP)
        whole.append(timed(lambda: _turn(cycle, exposition, clock))[0])
    snapshot = cycle.snapshot
    if snapshot is None or not snapshot.incidents:  # pragma: no cover -- the surge is there to be found
        message = "the simulated surge opened no incident: the cycles measured are not those of a surge"
        raise AssertionError(message)
    scrapes = _scrapes(exposition)
    return {
        "judging": _judging(store, detector, bucket=_FILLED + AN_HOUR - 2),
        "first cycle": whole[0],
        "cycle": median(whole[1:]),
        "slowest cycle": max(whole[1:]),
        "page": median(taken),
        **scrapes,
    }


def _turn(cycle: Cycle, exposition: Exposition, clock: ManualClock) -> None:
    cycle.run(now=clock.now())
    if cycle.snapshot is not None:
        exposition.publish(cycle.snapshot)


def _surge(desk: Desk, bucket: int) -> Iterator[Ticket]:
    if bucket < _FILLED + _SURGE_AFTER:
        return
    for service, category in desk.roster.keys[:_SURGING]:
        for number in range(_SURGE_TICKETS):
            name = f"surge-{bucket}-{category}-{number}"
            yield Ticket(name, BEGINS + bucket * STEP, service, category, version=1)


def _judging(store: Store, detector: Detector, *, bucket: int) -> float:
    """Return the seconds of judging one bucket: every series in every window, the panel and the baseline at hand."""
    first = bucket_number(BEGINS, STEP) + bucket
    panel = load_panel(store, detector, first=first, until=first + 1, sources=store.source_states())
    epoch = detector.epoch_of(first)
    baseline = detector.fit(load_history(store, detector, epoch=epoch), epoch=epoch).for_roster(panel.roster)
    return seconds_of_judging(panel, baseline, detector, first=first)


def _scrapes(exposition: Exposition) -> dict[str, float]:
    """Return what a scrape of everything takes through the server, plain and gzipped, and how many bytes it brings."""
    well = Condition(ok=True, reason="measuring")
    server = HttpServer(
        "127.0.0.1:0",
        pages=Pages(scrape=exposition.scrape, health=lambda: well, readiness=lambda: well),
    )
    server.start()
    host, _, port = server.address.rpartition(":")
    try:
        plain = [timed(lambda: _get(host, int(port), encoding="identity")) for _ in range(REPEATS)]
        gzipped = [timed(lambda: _get(host, int(port), encoding="gzip")) for _ in range(REPEATS)]
    finally:
        server.stop()
    return {
        "scrape plain": median(seconds for seconds, _ in plain),
        "scrape gzip": median(seconds for seconds, _ in gzipped),
        "plain bytes": plain[0][1],
        "gzip bytes": gzipped[0][1],
    }


def _get(host: str, port: int, *, encoding: str) -> int:
    connection = HTTPConnection(host, port, timeout=30)
    try:
        connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
        return len(connection.getresponse().read())
    finally:
        connection.close()


def _busier(hourly: Panel) -> Panel:
    return Panel(hourly.roster, hourly.grid, hourly.counts + _BUSY_TICKETS, hourly.known)


def _desk(n_series: int) -> Desk:
    return simulated(n_series, weeks=WEEKS + 1, tickets_an_hour=TICKETS_AN_HOUR)


def _detector(model: ModelName) -> Detector:
    return detector_of(DetectionSettings(model=model), weeks=WEEKS)


def _cycle(store: Store, detector: Detector) -> Cycle:
    return Cycle(store, detector, plan=lambda _notices, _now: ())


def _taking(store: Store, page: Sequence[Ticket], *, until: int | None) -> Callable[[], object]:
    mark = None if until is None else BEGINS + until * STEP
    told = Page(page, "cursor", caught_up=until is not None, watermark=mark)
    return lambda: store.commit_page("desk", told, since=BEGINS, seen_at=BEGINS)
