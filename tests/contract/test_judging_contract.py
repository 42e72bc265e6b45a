"""What every store promises about incidents, and about where judging stands."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from spikewatch.core.incidents import Incidents, Phase, Severity
from spikewatch.core.outbox import Delivery
from spikewatch.ports import CycleCommit, JudgeState
from tests.contract.oncall import cycle, delivery, incident
from tests.contract.stores import (
    FIRST,
    T0,
    Opened,
    every_store,
)


@every_store
def test_judging_begins_with_nothing(opened: Opened) -> None:
    with opened() as store:
        assert store.judge_state() == JudgeState()


@every_store
def test_where_judging_stands_comes_back_as_it_was(opened: Opened) -> None:
    newer, older = incident("INC-2", minute=5), incident("INC-1")
    with opened() as store:
        store.commit_cycle(cycle(older, changed=[older]))

        store.commit_cycle(cycle(newer, older, changed=[newer], until=FIRST + 1))

        assert store.judge_state() == JudgeState(FIRST + 1, Incidents((newer, older), next_number=7))
        assert all(
            each.opened_at.utcoffset() == timedelta(0) for each in store.judge_state().incidents.active
        )


@every_store
def test_who_is_behind_comes_back_as_it_was_and_goes_when_nobody_is(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(CycleCommit(JudgeState(FIRST, behind={"payments": FIRST - 7, "カード": 12})))
        behind = store.judge_state().behind

        store.commit_cycle(cycle())

        assert behind == {"payments": FIRST - 7, "カード": 12}
        assert store.judge_state().behind == {}


@every_store
def test_an_active_incident_is_kept_even_where_nothing_worth_telling_changed(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(incident()))
        moved = replace(incident(), revision=9)

        store.commit_cycle(cycle(moved))

        assert store.judge_state().incidents.active == (moved,)


@every_store
def test_a_closed_incident_is_active_no_more_and_stays_in_the_record(opened: Opened) -> None:
    closed = incident(phase=Phase.CLOSED)
    with opened() as store:
        store.commit_cycle(cycle(incident(), changed=[incident()]))

        store.commit_cycle(cycle(changed=[closed]))

        assert store.judge_state().incidents.active == ()
        assert list(store.incidents(since=T0)) == [closed]


@every_store
def test_incidents_are_listed_by_opening_with_old_ones_only_while_not_closed(opened: Opened) -> None:
    old_closed, old_open = incident("a", minute=-9, phase=Phase.CLOSED), incident("b", minute=-8)
    edge, new = incident("c", phase=Phase.CLOSED), incident("d", minute=1, phase=Phase.RESOLVED)
    with opened() as store:
        store.commit_cycle(cycle(new, old_open, changed=[edge, old_closed]))

        listed = store.incidents(since=T0)

        assert list(listed) == [old_open, edge, new]


@every_store
def test_incident_totals_count_each_incident_once_by_the_severity_of_that_moment(opened: Opened) -> None:
    raised = incident("a", severity=Severity.CRITICAL)
    with opened() as store:
        store.commit_cycle(cycle(incident("a"), incident("b")))
        store.commit_cycle(cycle(raised, incident("b")))
        store.commit_cycle(cycle(incident("b"), changed=[replace(raised, phase=Phase.CLOSED)]))

        assert store.incident_totals() == ({"warning": 2}, {"critical": 1})


@every_store
def test_a_cycle_that_breaks_off_leaves_nothing(opened: Opened) -> None:
    def torn() -> Iterator[Delivery]:
        yield delivery()
        raise ConnectionError

    with opened() as store:
        broken = CycleCommit(JudgeState(FIRST, Incidents((incident(),), 2)), (), torn())  # type: ignore[arg-type]  # breaks off

        with pytest.raises(ConnectionError):
            store.commit_cycle(broken)

        assert store.judge_state() == JudgeState()
        assert list(store.deliveries()) == []


@every_store
def test_an_incident_is_found_by_its_name_closed_or_not(opened: Opened) -> None:
    closed = incident("INC-2", phase=Phase.CLOSED)
    with opened() as store:
        store.commit_cycle(cycle(incident(), changed=[closed]))

        assert store.incident("INC-1") == incident()
        assert store.incident("INC-2") == closed
        assert store.incident("INC-3") is None
