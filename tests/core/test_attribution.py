"""Attribution: who can drive an incident, and by how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.attribution import candidates, shares
from spikewatch.core.counts import Roster, SeriesKey
from tests.core_factories import LOGIN, PARCEL, PAYMENTS, REFUND, SHOP

ROSTER = Roster.of([LOGIN, REFUND, PARCEL])


@pytest.mark.parametrize(
    ("service", "keys"),
    [("payments", [LOGIN, REFUND]), ("shop", [PARCEL]), (None, [PAYMENTS, SHOP]), ("unheard of", [])],
    ids=["a service's categories", "its only category", "the company's services", "no such service"],
)
def test_an_incident_is_driven_by_what_it_is_made_of(service: str | None, keys: list[SeriesKey]) -> None:
    assert [ROSTER.keys[row] for row in candidates(ROSTER, service=service)] == keys


@pytest.mark.parametrize("service", [None, "payments"])
def test_an_empty_fleet_has_no_candidates(service: str | None) -> None:
    assert len(candidates(Roster.of([]), service=service)) == 0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(1e-9, 10**6)), max_size=30))
def test_shares_of_the_excess_add_up_to_one_or_there_is_none(series: list[tuple[int, float]]) -> None:
    found = shares([observed for observed, _ in series], [expected for _, expected in series])

    assert ((found >= 0) & (found <= 1)).all()
    assert found.sum() == pytest.approx(1.0 if any(o > e for o, e in series) else 0.0)
    assert all(share == 0 for share, (o, e) in zip(found, series, strict=True) if o <= e)


def test_a_fall_elsewhere_takes_nothing_from_who_rose() -> None:
    assert shares([30, 0], [10.0, 500.0]).tolist() == [1.0, 0.0]
