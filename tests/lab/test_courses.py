"""Courses: one series or several over time, joined, and picked from."""

import numpy as np
import pytest

from spikewatch.lab.courses import Course


def course(start: int, length: int, *, series: int | None = None) -> Course:
    shape = (length,) if series is None else (series, length)
    values = np.arange(np.prod(shape)).reshape(shape) + start
    return Course(
        at=np.arange(start, start + length),
        observed=values,
        expected=(values + 0.5).astype(np.float64),
        deviation=(values * 0.1).astype(np.float64),
        upper=values + 10,
        score=values / 7.0,
        judged=values % 3 > 0,
    )


def same(one: Course, other: Course) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in Course.__dataclass_fields__
    )


def test_hours_are_joined_in_order() -> None:
    joined = Course.joined([course(0, 4), course(4, 3)])

    assert same(joined, course(0, 7))


def test_one_of_several_series_is_taken_with_the_instants_of_all() -> None:
    several = course(0, 4, series=3)

    one = several.of(1)

    assert one.at.tolist() == [0, 1, 2, 3]
    assert one.observed.tolist() == [4, 5, 6, 7]
    assert one.judged.tolist() == several.judged[1].tolist()


@pytest.mark.parametrize("places", [[0, 2], [3]])
def test_entries_are_picked_from_every_line(places: list[int]) -> None:
    picked = course(5, 4).at_places(np.array(places))

    assert picked.at.tolist() == [5 + place for place in places]
    assert picked.upper.tolist() == [15 + place for place in places]
    assert picked.score.tolist() == [(5 + place) / 7.0 for place in places]
