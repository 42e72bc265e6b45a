"""The lookout: a source that is not read any more is told once, by a message that later says what was missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter, MemorySource, MemoryStore
from spikewatch.core import outbox
from spikewatch.core.blindness import BlindNotice, Cause
from spikewatch.core.counts import Ticket
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.settings import Language
from spikewatch.delivery import Deliverer
from spikewatch.ingest import Ingest
from spikewatch.lookout import Lookout, blind_after
from spikewatch.ports import CredentialsRefused, Page, PortError, Quota, Unavailable
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, STEP, Desk, Live, Surge
from tests.test_catching_up import Two

LIMIT = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
CHANNEL = "#ops"


def plan(notices: Sequence[Notice | BlindNotice], now: datetime) -> Sequence[Delivery]:
    """Everything is told in one channel."""
    return outbox.plan(notices, receiver="memory", channel_of=lambda _: CHANNEL, now=now)


class Watched:
    """A desk with a lookout, and a channel in which it is heard."""

    def __init__(self, *surges: Surge) -> None:
        self.live = Live(Desk.steady(*surges)).begin()
        self.cause: Cause | None = Cause.UNREACHABLE
        self.messenger = MemoryMessenger()
        self.restart()

    def restart(self) -> None:
        self.live.restart()
        self.lookout = Lookout(
            self.live.store, limit=LIMIT, step=STEP, causes={"desk": lambda: self.cause}, plan=plan
        )

    def look(self, minutes: float) -> Sequence[BlindNotice]:
        return self.lookout.look(now=JUDGED + minutes * MINUTE)

    def poll(self, minutes: float) -> None:
        self.live.poll(JUDGED + minutes * MINUTE)
        self.live.judge()

    def deliver(self, minutes: float) -> list[str]:
        Deliverer(
            store=self.live.store,
            messenger=self.messenger,
            clock=ManualClock(JUDGED + minutes * MINUTE),
            meter=MemoryMeter(),
            language=Language.EN,
            zone=ZoneInfo("Asia/Tokyo"),
        ).drain()
        return [posted.message.text for posted in self.messenger.messages(CHANNEL)]


@pytest.mark.parametrize(("every", "limit"), [(2, 15), (5, 15), (10, 30), (60, 180)])
def test_blindness_is_three_polls_and_at_least_a_quarter_of_an_hour(every: int, limit: int) -> None:
    assert blind_after(every * MINUTE) == limit * MINUTE


def test_a_watermark_is_too_old_only_beyond_the_limit() -> None:
    watched = Watched()

    assert list(watched.look(15)) == []
    assert [notice.facts.since for notice in watched.look(15.1)] == [JUDGED]


def test_a_blindness_is_told_once_however_long_it_lasts_and_whatever_its_cause_becomes() -> None:
    watched = Watched()

    told = [*watched.look(16), *watched.look(17)]
    watched.cause = Cause.REFUSED
    told += watched.look(300)

    assert [notice.facts.cause for notice in told] == [Cause.UNREACHABLE]
    assert len(watched.deliver(301)) == 1


def test_nothing_is_said_before_anybody_knows_why() -> None:
    watched = Watched()
    watched.cause = None

    assert list(watched.look(300)) == []


def test_a_restart_neither_repeats_it_nor_forgets_to_say_that_it_is_over() -> None:
    watched = Watched()
    watched.look(16)
    watched.deliver(16)

    watched.restart()
    again = list(watched.look(60))
    watched.poll(75)
    watched.restart()
    over = list(watched.look(76))
    texts = watched.deliver(76)

    assert again == []
    assert [notice.facts.until for notice in over] == [JUDGED + 75 * MINUTE]
    assert len(texts) == 1
    assert texts[0].startswith("Seeing again: desk.")
    watched.restart()
    assert list(watched.look(77)) == []


def test_a_blindness_of_a_source_that_is_configured_no_more_is_over() -> None:
    watched = Watched()
    watched.live.store.commit_page(
        "mail", Page((), "1", caught_up=True, watermark=JUDGED), since=BEGAN, seen_at=JUDGED
    )
    watched.look(16)
    watched.deliver(16)

    watched.live.store.use_sources(["mail"])
    watched.restart()
    (over,) = watched.look(30)
    again = list(watched.look(31))
    texts = watched.deliver(31)

    assert (over.facts.source, over.facts.until, over.facts.removed) == ("desk", JUDGED + 30 * MINUTE, True)
    assert again == []
    assert len(texts) == 1
    assert texts[0].startswith("No longer watched: desk. Blind since")


def test_a_second_blindness_is_a_message_of_its_own() -> None:
    watched = Watched()
    watched.look(16)
    watched.deliver(16)
    watched.poll(30)
    watched.look(31)
    watched.deliver(31)

    watched.look(60)
    texts = watched.deliver(60)

    assert [text.partition(":")[0] for text in texts] == ["Seeing again", "Blind"]


def test_a_source_that_was_never_read_up_to_the_present_is_not_blind() -> None:
    watched = Watched()
    watched.live.store.commit_page("new", Page((), "c", caught_up=False), since=BEGAN, seen_at=JUDGED)
    watched.lookout = Lookout(
        watched.live.store, limit=LIMIT, step=STEP, causes={"new": lambda: Cause.BEHIND}, plan=plan
    )

    assert list(watched.look(300)) == []


def test_a_surge_in_the_time_of_blindness_is_told_late_rather_than_never() -> None:
    surge = Surge(LOGIN, JUDGED + HOUR, tickets=40, buckets=3)
    watched = Watched(surge)
    watched.look(16)
    watched.deliver(16)

    watched.poll(180)
    over = watched.look(181)
    blind_texts = watched.deliver(181)

    surges = [each.notice for each in watched.live.store.deliveries() if isinstance(each.notice, Notice)]
    assert surges[0].facts.opened_at == surge.start + STEP
    assert surges[0].facts.started_at == surge.start
    assert sum(row.late for row in watched.live.store.counts(first=0, stop=2**40)) == 0
    normal = (3 + 1 + 5 + 1) * (3 * HOUR // STEP)
    assert [(notice.facts.tickets, notice.facts.incidents) for notice in over] == [(normal + 3 * 40, 1)]
    assert "One surge began in it" in blind_texts[0]


def test_a_blindness_is_over_only_once_what_was_missed_has_been_judged() -> None:
    """A long time is judged in parts; the message that it is over counts the surges in all of it."""
    surges = [Surge(LOGIN, JUDGED + hours * HOUR, tickets=40, buckets=3) for hours in (3, 26)]
    two = Two(*surges)
    lookout = Lookout(
        two.store, limit=LIMIT, step=STEP, causes={"bank": lambda: Cause.UNREACHABLE}, plan=plan
    )
    two.live_through(JUDGED + 30 * HOUR, "desk", every=10 * HOUR)
    assert [notice.facts.until for notice in lookout.look(now=two.now)] == [None]

    two.live_through(JUDGED + 30 * HOUR + STEP)
    early = list(lookout.look(now=two.now))
    two.judge()
    (over,) = lookout.look(now=two.now)

    assert early == []
    assert (over.facts.until, over.facts.incidents) == (two.now, 2)


# what reading knows of the cause


def reading(*script: Page | PortError) -> Ingest:
    """Return who reads this script."""
    return Ingest(
        MemorySource(script),
        MemoryStore(step=STEP),
        clock=ManualClock(JUDGED),
        meter=MemoryMeter(),
        since=BEGAN,
    )


def trouble(*script: Page | PortError) -> Cause | None:
    """Return the cause after one poll of this script."""
    ingest = reading(*script)
    ingest.poll()
    return ingest.cause()


def page(*, caught_up: bool, quota: Quota | None = None) -> Page:
    ticket = Ticket("1", JUDGED, "shop", "login", version=1)
    return Page([ticket], "c", caught_up=caught_up, quota=quota)


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ((CredentialsRefused("no"),), Cause.REFUSED),
        ((Unavailable("429", reason="rate_limited"),), Cause.LIMITED),
        ((page(caught_up=False, quota=Quota(10, 0)),), Cause.LIMITED),
        ((Unavailable("502"),), Cause.UNREACHABLE),
        ((page(caught_up=False), Unavailable("502")), Cause.UNREACHABLE),
        ((page(caught_up=True),), Cause.CLOCK),
    ],
)
def test_reading_knows_why_the_watermark_is_behind(script: Sequence[Page | PortError], cause: Cause) -> None:
    assert trouble(*script) is cause


def test_reading_knows_nothing_before_its_first_poll() -> None:
    assert reading().cause() is None


def test_what_was_missed_is_counted_in_the_services_of_the_blind_source_alone() -> None:
    watched = Watched()
    letters = [Ticket(str(number), JUDGED + 2 * MINUTE, "letters", "post", version=1) for number in range(7)]
    watched.live.store.commit_page(
        "mail", Page(letters, "1", caught_up=True, watermark=JUDGED + HOUR), since=BEGAN, seen_at=JUDGED
    )
    watched.look(16)

    watched.poll(30)
    (seeing,) = watched.look(31)

    expected = watched.live.desk.tickets(JUDGED, JUDGED + 30 * MINUTE)
    assert seeing.facts.source == "desk"
    assert seeing.facts.tickets == len(expected)
