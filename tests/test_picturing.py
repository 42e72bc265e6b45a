"""Courses from a store: the last hours beside what is usual and the week before, for messages and for `explain`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from spikewatch.app.explaining import look
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.timegrid import WEEK, bucket_number
from spikewatch.cycle import load_history
from spikewatch.picturing import Album, with_courses
from tests.factories import notice
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, STEP, Desk, Live, Surge, detector

BURST = Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=3)
UNTIL = JUDGED + timedelta(hours=3)
QUARTER = timedelta(minutes=15)


@pytest.fixture(scope="module")
def live() -> Live:
    """A desk on which the login surged."""
    simulated = Live(Desk.simulated(BURST)).begin()
    simulated.live_through(UNTIL)
    return simulated


@pytest.fixture(scope="module")
def album(live: Live) -> Album:
    judging = detector()
    epoch = judging.epoch_of(bucket_number(UNTIL, STEP) - 1)
    baseline = judging.fit(load_history(live.store, judging, epoch=epoch), epoch=epoch)
    return Album(live.store, baseline, STEP, since=BEGAN, until=UNTIL)


def course(album: Album, series: SeriesKey = LOGIN) -> Course:
    found = album.course(series, stop=bucket_number(UNTIL, STEP), window=QUARTER)
    assert found is not None
    return found


def test_a_course_shows_what_was_counted_up_to_the_bucket_and_a_week_before(live: Live, album: Album) -> None:
    shown = course(album)

    row, last = live.desk.counts[LOGIN], (UNTIL - BEGAN) // STEP
    assert shown.start + len(shown) * shown.width == UNTIL
    assert list(shown.observed) == row[last - len(shown) : last].tolist()
    assert list(shown.week_ago) == row[last - len(shown) - WEEK // STEP : last - WEEK // STEP].tolist()


def test_a_surge_stands_out_of_the_band_and_quiet_hours_lie_in_it(album: Album) -> None:
    shown = course(album)

    out = [
        start
        for start, tickets, high in zip(shown.starts, shown.observed, shown.high, strict=True)
        if tickets is not None and tickets > high
    ]
    assert set(out) >= {BURST.start + place * STEP for place in range(3)}
    assert len(out) <= 6


def test_the_course_of_a_service_is_the_sum_of_its_categories(album: Album) -> None:
    whole, login, refund = (course(album, SeriesKey("payments", name)) for name in (ALL, "login", "refund"))

    added = [(a or 0) + (b or 0) for a, b in zip(login.observed, refund.observed, strict=True)]
    assert list(whole.observed) == added


def test_what_was_not_read_is_a_gap(album: Album) -> None:
    since, until = BEGAN + timedelta(days=15), UNTIL - timedelta(hours=1)
    late = Album(album.store, album.baseline, STEP, since=since, until=until)

    shown = course(late)

    assert shown.observed[-4:] == (None,) * 4
    assert None not in shown.observed[:-4]
    assert set(shown.week_ago) == {None}


def test_a_series_that_the_baseline_does_not_know_has_no_course(album: Album) -> None:
    stop = bucket_number(UNTIL, STEP)

    assert album.course(SeriesKey("nobody", "nothing"), stop=stop, window=QUARTER) is None


def test_only_the_newest_notice_of_an_incident_takes_a_course_along(album: Album) -> None:
    told = [
        notice(reason, key=key, incident=incident, data_until=UNTIL, lead_series=LOGIN, started_at=UNTIL)
        for reason, key, incident in (
            (Reason.OPENED, "1", "INC-1"),
            (Reason.CHANGED, "2", "INC-1"),
            (Reason.OPENED, "3", "INC-2"),
        )
    ]

    shown = with_courses(told, album)

    assert [each.facts.course is not None for each in shown] == [False, True, True]
    assert [replace(each.facts, course=None) for each in shown] == [each.facts for each in told]


def test_what_the_daemon_tells_takes_a_course_along(live: Live) -> None:
    told = [delivery.notice for delivery in live.store.deliveries()]

    assert told
    assert all(isinstance(each, Notice) and each.facts.course is not None for each in told)


def test_what_explain_draws_ends_with_the_count_that_it_explains(live: Live) -> None:
    found = look(live.store, detector(), service="payments", category="login", at=UNTIL, now=UNTIL)

    assert found.course is not None
    assert found.course.start + len(found.course) * found.course.width == UNTIL
    if found.course.width == timedelta(minutes=found.explanation.leading.reading.window_minutes):
        assert found.course.observed[-1] == found.explanation.leading.reading.observed
