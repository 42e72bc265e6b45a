"""One process that does what the daemon does, on a real store, and measures itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.client import HTTPConnection
from statistics import median
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Panel, Ticket
from spikewatch.core.incidents import Incidents
from spikewatch.core.settings import DetectionSettings, ModelName
from spikewatch.core.timegrid import bucket_number
from spikewatch.cycle import Cycle, Detector, judge, load_history, load_panel, said_aloud
from spikewatch.ports import Page, Store
from tests.bench.desk import AN_HOUR, BEGINS, STEP, Desk, simulated
from tests.bench.stopwatch import peak_mb, timed

WEEKS = 8
_TICKETS_AN_HOUR = 0.06
_PAGE = 20_000
_FILLED = (WEEKS * 168 + 4) * AN_HOUR
"""Buckets in the store before anything is measured: the history, the longest window and an hour."""

_REPEATS = 9
_SURGE_AFTER = 3
_SURGING = 3
_SURGE_TICKETS = 40
_BUSY = 60


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
    desk = _desk(n_series)
    store = open_store(url, step=STEP)
    detector = _detector(ModelName.SEASONAL_ZSCORE)
    epoch = detector.epoch_of(bucket_number(BEGINS, STEP) + _FILLED)
    found: dict[str, float] = {}
    found["reading"], history = timed(lambda: load_history(store, detector, epoch=epoch))
    del history
    for model in ModelName:
        cycle = _cycle(store, _detector(model))
        found[f"refit {model}"], _ = timed(lambda cycle=cycle: cycle.refit(epoch=epoch))
    found |= _cycles(desk, store, detector)
    found["peak"] = peak_mb()
    store.close()
    return found


def measure_busy(url: str, *, n_series: int) -> dict[str, float]:
    """Return what the STL model takes where every series is busy enough for it, the store's reading left out."""
    store = open_store(url, step=STEP)
    detector = _detector(ModelName.STL)
    epoch = detector.epoch_of(bucket_number(BEGINS, STEP) + _FILLED)
    history = load_history(store, detector, epoch=epoch)
    store.close()
    busy = replace(history, hourly=_busier(history.hourly))
    return {"busy stl": timed(lambda: detector.fit(busy, epoch=epoch))[0], "series": n_series}


def _desk(n_series: int) -> Desk:
    return simulated(n_series, weeks=WEEKS + 1, tickets_an_hour=_TICKETS_AN_HOUR)


def _detector(model: ModelName) -> Detector:
    return Detector(
        calendar=Calendar(ZoneInfo("Asia/Tokyo")),
        step=STEP,
        history=WEEKS * 168 * AN_HOUR * STEP,
        detection=DetectionSettings(model=model),
        services={},
        name=said_aloud,
    )


def _cycle(store: Store, detector: Detector) -> Cycle:
    return Cycle(store, detector, plan=lambda _notices, _now: ())


def _taking(store: Store, page: Sequence[Ticket], *, until: int | None) -> Callable[[], object]:
    mark = None if until is None else BEGINS + until * STEP
    told = Page(page, "cursor", caught_up=until is not None, watermark=mark)
    return lambda: store.commit_page("desk", told, since=BEGINS, seen_at=BEGINS)
