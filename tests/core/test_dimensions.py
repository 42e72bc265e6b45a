import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spikewatch.core.counts import ALL, Cells, CountRow, Roster, SeriesKey
from spikewatch.core.dimensions import added_up, renamed
from spikewatch.core.settings import RenameSettings

RENAMES = RenameSettings(
    services={"Shop (old)": "Shop", "Shop": "shop"},
    categories={"log-in": "login", "shop/lost": "parcel", "Shop (old)/odd": "even", "parcel": "post"},
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pay/refund", "pay/refund"),
        ("pay/log-in", "pay/login"),
        ("pay/lost", "pay/lost"),
        ("shop/lost", "shop/post"),
        ("Shop (old)/lost", "shop/post"),
        ("Shop (old)/odd", "shop/even"),
        ("shop/odd", "shop/odd"),
        ("Shop (old)/*", "shop/*"),
        ("*/*", "*/*"),
    ],
)
def test_a_series_has_one_name_now(before: str, after: str) -> None:
    assert str(renamed(SeriesKey(*before.split("/", 1)), RENAMES)) == after


words = st.sampled_from("abcd")


@given(st.dictionaries(words, words), st.dictionaries(words, words), st.builds(SeriesKey, words, words))
def test_what_was_renamed_is_not_renamed_again(
    services: dict[str, str], categories: dict[str, str], key: SeriesKey
) -> None:
    try:
        renames = RenameSettings(services=services, categories=categories)
    except ValidationError as error:
        assert "round in a circle" in str(error)  # noqa: PT017 -- either legal or told why not
        return

    assert renamed(renamed(key, renames), renames) == renamed(key, renames)


def test_a_circle_is_told_as_it_runs() -> None:
    with pytest.raises(ValidationError, match="a -> b -> a: leads round in a circle"):
        RenameSettings(services={"a": "b", "b": "a"})


def test_counts_that_share_a_name_are_added_up() -> None:
    roster = Roster.of([SeriesKey("shop", "a"), SeriesKey("shop", "b")])
    columns = np.array([[0, 5, 2, 0], [0, 5, 3, 1], [1, 5, 4, 4], [0, 6, 1, 0]]).T

    found = added_up(Cells(roster, *columns))

    assert set(found) == {
        CountRow(5, SeriesKey("shop", "a"), 5, 1),
        CountRow(5, SeriesKey("shop", "b"), 4, 4),
        CountRow(6, SeriesKey("shop", "a"), 1, 0),
    }
    assert len(found) == 3


def test_a_roster_takes_in_what_it_does_not_know() -> None:
    roster = Roster.of([SeriesKey("shop", "a")])

    more = roster.with_([SeriesKey("gone", ALL), SeriesKey("shop", "b"), SeriesKey(ALL, ALL)])

    assert roster.with_([SeriesKey("shop", "a"), SeriesKey("shop", ALL)]) is roster
    assert {"gone/*", "shop/a", "shop/b"} < {str(key) for key in more.keys}
