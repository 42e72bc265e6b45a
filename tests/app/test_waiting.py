"""What detection waits for before it can tell of anything, and when that is said."""

import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.app.detecting import detector_of
from spikewatch.app.waiting import Herald, Reason, Waiting, waiting
from spikewatch.config import Config
from spikewatch.core.counts import Ticket
from spikewatch.ingest import Progress
from spikewatch.ports import Page

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DETECTOR = detector_of(Config(timezone=ZoneInfo("Asia/Tokyo")), at=NOW)


def store_of(*, since: datetime, read_until: datetime, is_live: bool) -> MemoryStore:
    """Return a store whose source was read so far."""
    store = MemoryStore(step=timedelta(minutes=5))
    ticket = Ticket("1", since, "shop", "login", version=int(since.timestamp()))
    mark = NOW if is_live else None
    store.commit_page(
        "desk",
        Page([ticket], "c", caught_up=is_live, watermark=mark, newest=read_until),
        since=since,
        seen_at=NOW,
    )
    return store


def waits(store: MemoryStore, **progress: Progress) -> str | None:
    found = waiting(store, DETECTOR, progress=progress, now=NOW)
    return None if found is None else str(found)


def test_before_anything_was_read_it_waits_for_that() -> None:
    assert (
        waits(MemoryStore(step=timedelta(minutes=5)))
        == "waiting for the first complete read of the help desk"
    )


def test_while_history_is_read_it_says_how_much_and_how_long_where_that_is_known() -> None:
    since = NOW - 100 * DAY
    store = store_of(since=since, read_until=since + 42 * DAY, is_live=False)
    going = Progress(0.42, 9, 9000, None, timedelta(minutes=9), timedelta(minutes=12))

    assert waits(store) == "backfill 42 %"
    assert waits(store, desk=going) == "backfill 42 %, about 12 min"


def test_with_too_few_days_it_says_how_many_it_has() -> None:
    store = store_of(since=NOW - 3 * DAY - timedelta(hours=3), read_until=NOW, is_live=True)

    assert waits(store) == "3 of 14 known days"


def test_older_history_that_is_being_read_comes_before_days_going_by() -> None:
    store = store_of(since=NOW - 3 * DAY, read_until=NOW, is_live=True)
    store.ask_backfill("desk", since=NOW - 60 * DAY)

    assert waits(store) == "backfill 0 %"


@pytest.mark.parametrize(("days", "said"), [(14, None), (13, "13 of 14 known days")])
def test_with_fourteen_days_it_waits_for_nothing(days: int, said: str | None) -> None:
    assert waits(store_of(since=NOW - days * DAY - timedelta(hours=3), read_until=NOW, is_live=True)) == said


def test_only_what_is_news_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    herald = Herald()

    for fraction in (0.40, 0.42, 0.51):
        herald.say(Waiting(Reason.BACKFILL, fraction=fraction))
    for hours in (72, 73, 96):
        herald.say(Waiting(Reason.HISTORY, known=timedelta(hours=hours)))
    herald.say(None)
    herald.say(None)

    told = [vars(record).get("for", record.getMessage()) for record in caplog.records]
    assert told == [
        "backfill 40 %",
        "backfill 51 %",
        "3 of 14 known days",
        "4 of 14 known days",
        "detection_began",
    ]
