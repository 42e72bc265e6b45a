"""What every store promises about forgetting, sizes, and what it keeps beside."""

from datetime import timedelta, timezone

import numpy as np

from spikewatch.core.calibration import KEPT_WEEKS, Calibration, Peaks
from spikewatch.core.counts import CountRow
from spikewatch.core.outbox import Stage
from spikewatch.ports import InForce, PageOutcome, SourceState
from tests.contract.oncall import delivery
from tests.contract.stores import (
    CARDS,
    FIRST,
    LOGIN,
    T0,
    Opened,
    commit,
    counts,
    every_store,
    page,
    ticket,
)


@every_store
def test_forgetting_drops_what_is_older_and_tells_how_much(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2", minute=5), ticket("3", minute=10))
        store.save_delivery(delivery("settled", stage=Stage.SENT))
        store.save_delivery(delivery("queued"))
        store.save_delivery(delivery("newer", minute=5, stage=Stage.SENT))

        gone = store.forget(
            tickets_before=T0 + timedelta(minutes=5), counts_before=T0 + timedelta(minutes=10)
        )

        assert gone == 1 + 2 + 1
        assert counts(store) == {CountRow(FIRST + 2, LOGIN, 1)}
        assert store.stats().tickets == 2
        assert store.stats().oldest == T0 + timedelta(minutes=10)
        assert {each.key for each in store.deliveries()} == {"queued", "newer"}
        assert store.roster().keys[0] == LOGIN


@every_store
def test_a_forgotten_ticket_seen_again_does_not_count_twice(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))
        store.forget(tickets_before=T0 + timedelta(hours=1), counts_before=T0)

        outcome = commit(store, ticket("1", version=2, series=CARDS))

        assert outcome == PageOutcome(ignored=1)
        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}


@every_store
def test_a_forgotten_bucket_takes_no_more_counts(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))
        store.forget(tickets_before=T0, counts_before=T0 + timedelta(minutes=5))

        commit(store, ticket("1", version=2, series=CARDS))

        assert counts(store) == set()
        assert set(store.roster().keys[:2]) == {CARDS, LOGIN}


@every_store
def test_what_was_forgotten_is_not_remembered_by_forgetting_less(opened: Opened) -> None:
    with opened() as store:
        store.forget(tickets_before=T0 + timedelta(hours=1), counts_before=T0 + timedelta(hours=1))
        store.forget(tickets_before=T0, counts_before=T0)

        assert commit(store, ticket("1")) == PageOutcome(ignored=1)


@every_store
def test_an_empty_store_has_no_oldest_bucket(opened: Opened) -> None:
    with opened() as store:
        stats = store.stats()

        assert (stats.tickets, stats.count_rows, stats.oldest) == (0, 0, None)


@every_store
def test_instants_from_elsewhere_are_understood(opened: Opened) -> None:
    tokyo = timezone(timedelta(hours=9))
    with opened() as store:
        store.commit_page(
            "desk", page(ticket(), watermark=T0.astimezone(tokyo)), since=T0.astimezone(tokyo), seen_at=T0
        )

        assert store.source_state("desk") == SourceState(T0, "c", watermark=T0)


@every_store
def test_the_configuration_in_force_is_kept_in_place_of_the_one_before(opened: Opened) -> None:
    first = InForce({"poll.every": "2m", "services.ショップ.min_tickets": "5"}, T0)
    second = InForce({"poll.every": "1m"}, T0, ("watch.yaml:3: polll: is no known key",), T0)
    with opened() as store:
        assert store.in_force() is None
        store.save_in_force(first)
        assert store.in_force() == first
        store.save_in_force(second)
        assert store.in_force() == second


@every_store
def test_a_calibration_comes_back_as_it_was_and_long_past_ones_go(opened: Opened) -> None:
    known = Calibration(2950, "abc", Peaks(np.array([5.25, 1 / 3]), np.array([0, 13]), 14))
    with opened() as store:
        assert store.calibration(week=2950) is None
        store.save_calibration(known)
        store.save_calibration(Calibration(2951, "abc", None))

        kept, none = store.calibration(week=2950), store.calibration(week=2951)
        assert kept is not None
        assert kept.peaks is not None
        assert known.peaks is not None
        assert (kept.settings, kept.peaks.n_days) == ("abc", 14)
        assert kept.peaks.score.tolist() == known.peaks.score.tolist()
        assert kept.peaks.day.tolist() == [0, 13]
        assert none == Calibration(2951, "abc", None)
        store.save_calibration(Calibration(2950 + KEPT_WEEKS, "def", None))
        assert store.calibration(week=2950) is None
        assert store.calibration(week=2951) == none


@every_store
def test_every_series_that_a_page_names_is_on_the_roster_however_the_page_is_cut(opened: Opened) -> None:
    versions = ticket(version=1), ticket(version=2, series=CARDS)
    with opened() as at_once, opened() as one_by_one:
        for store in (at_once, one_by_one):
            store.forget(tickets_before=T0, counts_before=T0 + timedelta(minutes=5))
        commit(at_once, *versions)
        for version in versions:
            commit(one_by_one, version)

        assert set(at_once.roster().keys[:2]) == {CARDS, LOGIN}
        assert at_once.roster().keys == one_by_one.roster().keys
