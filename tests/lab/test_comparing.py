"""What other settings change: every incident is lost, gained, moved, told within another, or the same, and only once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.counts import ALL, FLEET, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.lab.comparing import Shift, compare
from spikewatch.lab.replay import Replayed
from tests.core_factories import LOGIN, NOON, incident, surge

REFUND = SeriesKey(LOGIN.service, "refund")
WHOLE = SeriesKey(LOGIN.service, ALL)
ELSEWHERE = SeriesKey("elsewhere", "other")


def at(minute: int, *series: SeriesKey, lasts: int = 60, name: str | None = None) -> Incident:
    """An incident that opens so many minutes after noon and has resolved after a while."""
    opened = NOON + timedelta(minutes=minute)
    surges = [surge(each, at=opened) for each in series or (LOGIN,)]
    opens = incident(*surges, id=name or f"{minute}-{'+'.join(map(str, series))}")
    return replace(opens, resolved_at=opened + timedelta(minutes=lasts))


def of(*incidents: Incident) -> Replayed:
    return Replayed(incidents, NOON - timedelta(days=7), NOON + timedelta(days=7))


def shifts(before: Sequence[Incident], after: Sequence[Incident]) -> list[Shift]:
    return [pair.shift for pair in compare(of(*before), of(*after)).pairs]


@pytest.mark.parametrize(
    ("before", "after", "shift"),
    [
        pytest.param([at(0)], [], Shift.LOST, id="nothing there"),
        pytest.param([], [at(0)], Shift.GAINED, id="nothing before"),
        pytest.param([at(0)], [at(0)], Shift.SAME, id="the same"),
        pytest.param([at(10)], [at(5)], Shift.EARLIER, id="sooner"),
        pytest.param([at(5)], [at(10)], Shift.LATER, id="later"),
        pytest.param([at(0, LOGIN)], [at(0, WHOLE)], Shift.SAME, id="a roll-up has its parts"),
        pytest.param([at(0, LOGIN)], [at(5, FLEET)], Shift.LATER, id="the fleet has everything"),
    ],
)
def test_one_incident_is_told_by_what_became_of_it(
    before: Sequence[Incident], after: Sequence[Incident], shift: Shift
) -> None:
    assert shifts(before, after) == [shift]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(at(0, ELSEWHERE), id="another service"),
        pytest.param(at(0, REFUND), id="another category"),
        pytest.param(at(75), id="begins as the first ends"),
    ],
)
def test_what_does_not_overlap_in_time_and_series_is_lost_and_gained(other: Incident) -> None:
    assert sorted(shifts([at(0)], [other])) == [Shift.GAINED, Shift.LOST]


def test_of_several_that_overlap_the_nearest_is_the_counterpart_and_the_rest_lose_nothing() -> None:
    found = compare(of(at(0, lasts=200), at(100)), of(at(95, lasts=200)))

    assert [pair.shift for pair in found.pairs] == [Shift.JOINED, Shift.EARLIER]
    assert (found.count(Shift.LOST), found.whole.before, found.whole.after) == (0, 2, 1)


def test_an_incident_with_two_where_there_was_one_is_split_and_gains_nothing() -> None:
    assert shifts([at(0, lasts=200)], [at(0), at(90)]) == [Shift.SAME, Shift.SPLIT]


def test_an_incident_was_told_when_the_first_that_was_merged_into_it_was() -> None:
    child = replace(at(0), merged_into="company", resolved_at=None)
    company = at(20, LOGIN, ELSEWHERE, name="company")

    found = compare(of(child, company), of(at(10)))

    (pair,) = found.pairs
    assert (pair.shift, pair.delay) == (Shift.LATER, timedelta(minutes=10))


def test_the_effect_is_told_for_each_service_and_the_whole_company_last() -> None:
    company = replace(at(300, FLEET), service=None)

    found = compare(of(at(0), at(0, ELSEWHERE), company), of(at(10), at(20, ELSEWHERE)))

    assert [effect.service for effect in found.services] == ["elsewhere", LOGIN.service, None]
    assert [effect.delay for effect in found.services] == [20.0, 10.0, None]
    assert (found.whole.before, found.whole.after, found.whole.delay) == (3, 2, 15.0)


SOME = st.lists(
    st.builds(
        at,
        st.integers(0, 600),
        st.sampled_from([LOGIN, REFUND, WHOLE, ELSEWHERE]),
        lasts=st.integers(10, 200),
    ),
    max_size=6,
)


@given(SOME, SOME)
def test_the_other_way_round_lost_is_gained_and_every_incident_stands_once(
    before: list[Incident], after: list[Incident]
) -> None:
    there, back = compare(of(*before), of(*after)), compare(of(*after), of(*before))

    assert (there.count(Shift.LOST), there.count(Shift.GAINED)) == (
        back.count(Shift.GAINED),
        back.count(Shift.LOST),
    )
    assert sum(pair.before is not None for pair in there.pairs) == len(before)
    assert sum(pair.after is not None for pair in there.pairs) == len(after)


@given(SOME)
def test_a_record_compared_with_itself_changes_nothing(told: list[Incident]) -> None:
    assert set(shifts(told, told)) <= {Shift.SAME}
