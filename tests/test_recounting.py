"""Counting anew in life: nothing is judged meanwhile, all is learnt anew, and an open incident ends as any other."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from spikewatch import recounting
from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryStore
from spikewatch.core.counts import Attributes, SeriesKey, Ticket
from spikewatch.core.incidents import Phase
from spikewatch.core.labels import Noted
from spikewatch.core.timegrid import bucket_number
from spikewatch.ports import Naming, Page
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, STEP, Desk, Live, Surge


def by_name(attributes: Attributes) -> SeriesKey:
    return SeriesKey(*attributes)


def renamed(attributes: Attributes) -> SeriesKey:
    service, category = by_name(attributes)
    return SeriesKey("pay", category) if service == "payments" else SeriesKey(service, category)


OLD, NEW = Naming("old", {}, by_name), Naming("new", {"brand:1": "pay"}, renamed)


@dataclass
class NamedLive(Live):
    """The daemon's side of a desk whose tickets come with their attributes."""

    naming: Naming = OLD

    def poll(self, until: datetime, *, extra: Sequence[Ticket] = ()) -> None:
        """Read what was created since the last poll, by the naming of the moment."""
        tickets = [self.named(each) for each in (*self.desk.tickets(self.read_until, until), *extra)]
        page = Page(tickets, "c", caught_up=True, watermark=until, naming=self.naming)
        self.store.commit_page(self.source, page, since=BEGAN, seen_at=until)
        self.read_until = until

    def begin(self, *, at: datetime = JUDGED) -> "NamedLive":
        super().begin(at=at)
        return self

    def named(self, ticket: Ticket) -> Ticket:
        series = self.naming.series_of(ticket.series)
        return replace(
            ticket, service=series.service, category=series.category, attributes=tuple(ticket.series)
        )


def test_an_incident_outlives_the_name_of_its_service_and_ends_in_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = NamedLive(Desk.steady(Surge(LOGIN, JUDGED, 40, buckets=3))).begin()
    live.live_through(JUDGED + 2 * STEP)
    before = live.cycle.snapshot
    assert before is not None
    assert [each.service for each in before.incidents] == ["payments"]

    with caplog.at_level(logging.INFO):
        live.naming = NEW
        assert recounting.take_up(live.store, "desk", NEW)
    live.poll(JUDGED + 3 * STEP)
    while_pending = live.judge()
    done = recounting.finish(live.store, "desk", clock=ManualClock(JUDGED), step=500)
    judged = live.judge()
    live.live_through(JUDGED + timedelta(hours=3))

    after = live.cycle.snapshot
    assert (while_pending, done, judged) == (0, True, 1)
    assert after is not None
    assert SeriesKey("pay", "login") in after.roster.rows
    ended = {each.service: each.phase for each in live.store.incidents(since=BEGAN)}
    assert ended["payments"] in {Phase.RESOLVED, Phase.CLOSED}
    assert "recount_began" in caplog.text
    assert not recounting.take_up(live.store, "desk", NEW)


def test_what_is_stopped_goes_on_later() -> None:
    live = NamedLive(Desk.steady()).begin()
    recounting.take_up(live.store, "desk", NEW)
    stopped = ManualClock(JUDGED)
    stopped.stop()

    assert not recounting.finish(live.store, "desk", clock=stopped)
    assert live.store.recounts().is_pending
    assert live.cycle.next_epoch() is None
    assert not live.cycle.calibrate_ahead()
    assert recounting.finish(live.store, "desk", clock=ManualClock(JUDGED))
    assert "payments" not in live.store.roster().services


class Interrupted(MemoryStore):
    """A store in which something happens while a calibration is made: right after the counts were read."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def labels(self) -> Sequence[Noted]:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().labels()


def test_a_calibration_made_while_all_was_counted_anew_is_not_kept() -> None:
    store = Interrupted(step=STEP)
    live = NamedLive(Desk.steady(), store=store).begin()
    week = live.judged_by.week_of(live.judged_by.epoch_of(bucket_number(JUDGED, STEP))) + 1

    def count_anew() -> None:
        recounting.take_up(store, "desk", NEW)
        recounting.finish(store, "desk", clock=ManualClock(JUDGED))

    store.meanwhile = count_anew
    live.cycle.calibrated(week=week)
    assert store.calibration(week=week) is None

    live.cycle.calibrated(week=week)
    assert store.calibration(week=week) is not None
