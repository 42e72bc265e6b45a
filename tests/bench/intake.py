"""Taking tickets over: how many a second from a page to committed counts, in how much memory, on how much disk.

A year of a million tickets a month is `python -m tests.bench.intake --tickets 12000000`; the bench runs a tenth of a month.
What is older than the retention is forgotten on the way, as the daemon does it. One ticket in ten changes its category.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from subprocess import PIPE, run
from tempfile import TemporaryDirectory
from time import perf_counter

from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.core.counts import Ticket
from spikewatch.ports import Page
from tests.bench.stopwatch import peak_mb

MONTH = 1_000_000
SAMPLE = MONTH // 10
FEW = 2000
"""Enough to see that the bench runs."""

PER_PAGE = 1000
CEILING_A_MINUTE = 10_000
"""What Zendesk hands out at most: ten pages of a thousand."""

STEP = timedelta(minutes=5)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(days=30) / MONTH
KEPT = timedelta(weeks=13)
SERVICES, CATEGORIES = 10, 40
CHANGED = 0.1


def lines(*, tickets: int = SAMPLE, url: str | None = None) -> Iterator[str]:
    """Measure in a process of its own and yield the lines of the table."""
    command = [sys.executable, "-m", "tests.bench.intake", "--json", "--tickets", str(tickets)]
    ran = run([*command, *(["--url", url] if url else [])], check=True, stdout=PIPE, text=True)
    yield from table(json.loads(ran.stdout))


def table(found: Mapping[str, float]) -> Iterator[str]:
    """Yield the lines of what was measured."""
    yield f"taking over {found['tickets']:,.0f} tickets in pages of {PER_PAGE}, a tenth of them changed later"
    rate = found["a second"]
    ceiling = f"{rate * 60 / CEILING_A_MINUTE:,.0f} x Zendesk's ceiling"
    yield f"  tickets a second, page to committed counts   {rate:>12,.0f}  {ceiling}"
    yield f"  the same over the last tenth                 {found['at the end']:>12,.0f}"
    yield f"  slowest page                                 {found['slowest'] * 1e3:>9,.0f} ms"
    yield f"  peak of memory                               {found['peak']:>9,.0f} MB"
    yield f"  megabytes on disk for a million tickets      {found['bytes'] / 1e6:>9,.0f} MB"


def measure(url: str, *, tickets: int) -> dict[str, float]:
    """Take that many tickets over and return what it took."""
    store = open_store(url, step=STEP)
    try:
        took = [_taken(store, page, number) for number, page in enumerate(pages(tickets))]
        stats = store.stats()
    finally:
        store.close()
    last = took[-max(1, len(took) // 10) :]
    return {
        "tickets": float(tickets),
        "a second": PER_PAGE * len(took) / sum(took),
        "at the end": PER_PAGE * len(last) / sum(last),
        "slowest": max(took),
        "peak": peak_mb(),
        "bytes": stats.size_bytes / max(1, stats.tickets) * 1e6,
    }


def pages(tickets: int) -> Iterator[Page]:
    """Yield pages in the order of time: new tickets, and some of the last page's under another category."""
    dice = Random(11)
    last: list[Ticket] = []
    new = round(PER_PAGE * (1 - CHANGED))
    for first in range(0, tickets, new):
        changed = [_ticket(int(each.id), dice, version=first) for each in last[: PER_PAGE - new]]
        last = [_ticket(number, dice, version=number) for number in range(first, first + new)]
        end = BEGAN + (first + new) * APART
        yield Page([*changed, *last], f"cursor {first}", caught_up=True, watermark=end, newest=end)


def _ticket(number: int, dice: Random, *, version: int) -> Ticket:
    service = min(SERVICES - 1, int(dice.expovariate(0.5)))
    category = min(CATEGORIES - 1, int(dice.expovariate(0.1)))
    attributes = (f"brand:{service}", f"field:{category}")
    names = (f"service {service}", f"category {category}")
    return Ticket(str(number), BEGAN + number * APART, *names, version=version, attributes=attributes)


def _taken(store: SqlStore, page: Page, number: int) -> float:
    now = page.watermark or BEGAN
    began = perf_counter()
    store.commit_page("desk", page, since=BEGAN, seen_at=now)
    took = perf_counter() - began
    if not number % 5000:
        store.forget(tickets_before=now - KEPT, counts_before=now - timedelta(weeks=53))
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.intake", description=__doc__)
    parser.add_argument("--tickets", type=int, default=SAMPLE)
    parser.add_argument("--url", help="an empty store, such as postgresql+psycopg://user@host/database")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="spikewatch-intake-") as folder:
        found = measure(options.url or f"sqlite:///{Path(folder) / 'store.db'}", tickets=options.tickets)
    sys.stdout.writelines([json.dumps(found)] if options.json else [f"{line}\n" for line in table(found)])


if __name__ == "__main__":
    main()
