"""Databases and files: whether they can be read, say what they have to, and are written to."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from spikewatch.adapters.csv_source.growing import CsvSource
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.sql_source.source import SqlSource
from spikewatch.app.doctor.findings import Finding, Part
from spikewatch.app.doctor.scene import Scene
from spikewatch.core.counts import SeriesKey
from spikewatch.errors import Mistake
from spikewatch.ports import Page, PortError, Position

QUIET = timedelta(hours=6)
"""A database or a file in which nothing was written for so long stands still, night or not."""

_DAY = timedelta(days=1)


def database_findings(scene: Scene, settings: SqlSettings) -> Iterator[Finding]:
    """Yield what there is to say of a database that counts: the query is run once, for the newest day."""
    part = Part(f"source {settings.name}")
    hurried = settings.model_copy(
        update={"timeout": min(settings.timeout, scene.answer_within), "at_once": _DAY}
    )
    password = scene.config.secret(f"sources.{settings.name}.password")
    try:
        source = SqlSource(hurried, password=password, clock=scene.clock, step=scene.config.bucket)
    except Mistake as error:
        says, _, remedy = str(error).partition("; ")
        yield part.fail("url", says, remedy=remedy)
        return
    now = scene.clock.now()
    try:
        page = source.fetch_page(Position(None, now - settings.lag - _DAY))
    except PortError as error:
        yield part.failed("query", error, remedy=_SQL_REMEDIES.get(error.reason, _SQL_REMEDIES["server"]))
        return
    finally:
        source.close()
    rows = () if page.census is None else page.census.rows
    scene.seen.update(row.series for row in rows)
    yield part.ok("query", f"runs and returns its four columns; {len(rows)} rows for a day")
    newest = max((row.at for row in rows), default=None)
    yield _newest(part, newest, now=now, usual=settings.lag, who="the query returns rows up to now")


_SQL_REMEDIES = {
    "parse": "let the query return bucket_start, service, category and count",
    "timeout": "make the query faster (an index on its time), or raise timeout",
    "connect": "check the host, the port and the network in url",
    "server": "run the query by hand with :since and :until, and correct it",
}


def file_findings(scene: Scene, settings: CsvSettings) -> Iterator[Finding]:
    """Yield what there is to say of a file that grows, or a folder of them: the first lines are read."""
    part = Part(f"source {settings.name}")
    source = CsvSource(settings, clock=scene.clock, step=scene.config.bucket)
    now = scene.clock.now()
    try:
        changed = source.changed_at()
        page = source.fetch_page(Position(None, now - scene.config.history))
    except PortError as error:
        remedy = "correct the line, or what writes it" if error.reason == "parse" else _FILE_REMEDY
        yield part.failed("file", error, remedy=remedy)
        return
    scene.seen.update(_series(page))
    yield part.ok("file", f"{settings.path} can be read")
    yield _newest(part, changed, now=now, usual=settings.lag, who=f"a program writes to {settings.path}")


_FILE_REMEDY = "check path and pattern, and let the daemon's user read the files"


def _series(page: Page) -> Iterator[SeriesKey]:
    yield from (ticket.series for ticket in page.tickets if ticket.counted)
    yield from (row.series for row in (() if page.census is None else page.census.rows))


def _newest(part: Part, newest: datetime | None, *, now: datetime, usual: timedelta, who: str) -> Finding:
    if newest is None:
        return part.fail("newest", "nothing within the last day", remedy=f"see to it that {who}")
    age = max(now - newest, timedelta(0))
    says = f"the newest is {_spelled(age)} old"
    if age > max(QUIET, 3 * usual):
        return part.fail("newest", f"{says}: it stands still", remedy=f"see to it that {who}")
    return part.ok("newest", says)


def _spelled(age: timedelta) -> str:
    """Return an age in the largest unit of which there are two.

    >>> _spelled(timedelta(minutes=130)), _spelled(timedelta(seconds=5)), _spelled(timedelta(days=3))
    ('2 h', '0 min', '3 days')
    """
    if age >= 2 * _DAY:
        return f"{age // _DAY} days"
    if age >= timedelta(hours=2):
        return f"{age // timedelta(hours=1)} h"
    return f"{age // timedelta(minutes=1)} min"
