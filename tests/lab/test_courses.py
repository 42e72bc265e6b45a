"""Courses: one series or several over time, joined, and picked from."""

from dataclasses import fields

import numpy as np
import pytest

from spikewatch.core.budget import limits_of
from spikewatch.core.scoring import assess
from spikewatch.core.settings import DetectionSettings
from spikewatch.lab.courses import Course
from tests.core_factories import LOGIN, REFUND, STEP, baseline, panel


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


def test_what_is_cut_out_holds_on_to_nothing_else() -> None:
    counts = panel({LOGIN: [1, 0] * 15, REFUND: [0, 1] * 15})
    normal = baseline(counts.roster, {LOGIN: 2.0, REFUND: 2.0})
    limits = limits_of(normal, detection=DetectionSettings(windows=(STEP,)), services={})
    assessment = assess(counts, normal, limits, first=counts.grid.stop - 3, windows=(STEP,))

    cut = Course.cut(assessment, 0, window=0, upper=np.zeros(3, dtype=np.int64))

    assert [each.name for each in fields(cut) if getattr(cut, each.name).base is not None] == []
