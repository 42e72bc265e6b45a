"""Events and labels: what is expected, what is not judged, and what nothing is learnt from, in every model."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.core.baseline import Baseline, History, fit
from spikewatch.core.calendars import SLOTS, build_calendar
from spikewatch.core.counts import FLEET, Panel, Roster, SeriesKey
from spikewatch.core.events import Event, Label, LabelKind, Mask, masked_hours
from spikewatch.core.scoring import Assessment, WhyNot, assess, why_not
from spikewatch.core.settings import CalendarSettings, DetectionSettings, ModelName, Mute
from spikewatch.core.timegrid import HOUR, Grid, Span, bucket_number, bucket_start
from spikewatch.cycle import Detector, said_aloud
from tests.core_factories import (
    LOGIN,
    NOON,
    PARCEL,
    PAYMENTS,
    REFUND,
    SHOP,
    STEP,
    UTC_CALENDAR,
    baseline,
    limits,
    panel,
)

WEEKS = 6
END = bucket_number(NOON, HOUR)
FIRST = END - WEEKS * SLOTS
WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
QUARTER = timedelta(minutes=15)
LAST_WEEK = Span(NOON - timedelta(days=6), NOON - timedelta(days=5, hours=12))
"""Twelve hours of last Tuesday and its night."""

TEN_MINUTES = timedelta(minutes=10)


def drawn(an_hour: float, seed: int) -> np.ndarray:
    hour = np.arange(FIRST, END) % 24
    rate = an_hour * np.where((hour >= 9) & (hour < 18), 2.0, 0.4)
    return np.random.default_rng(seed).poisson(rate).astype(np.int64)


def history(*, times: int = 1, span: Span = LAST_WEEK, key: SeriesKey = LOGIN) -> History:
    """Six weeks up to noon, with so many times the tickets of a series in a span."""
    leaves = {LOGIN: drawn(20, 1), REFUND: drawn(6, 2), PARCEL: drawn(12, 3)}
    roster = Roster.of(leaves)
    grid = Grid(HOUR, FIRST, END - FIRST)
    leaves[key][grid.column(span.start) : grid.column(span.end)] *= times
    counts = np.asarray(
        roster.roll_up(np.array([leaves[key] for key in roster.keys[: roster.n_leaves]])), dtype=np.int64
    )
    services = np.repeat(counts[roster.n_leaves : -1], 4, axis=1)
    hourly = Panel(roster, grid, counts, np.ones((2, grid.length), dtype=np.bool_))
    return History(hourly, Grid(QUARTER, FIRST * 4, grid.length * 4), services)


def fitted(past: History, model: ModelName = ModelName.PROFILE) -> Baseline:
    return fit(past, calendar=UTC_CALENDAR, model=model, epoch=END, learn_until=END - 3)


def event(
    factor: float | None,
    *,
    service: str | None = "payments",
    category: str | None = None,
    start: datetime = NOON,
    lasts: timedelta = HOUR,
) -> Event:
    return Event("sale", Span(start, start + lasts), service, category, factor)


# -- learning


@pytest.mark.parametrize("model", ModelName)
@pytest.mark.parametrize("category", ["login", None])
def test_what_was_labelled_does_not_bend_what_is_normal(model: ModelName, category: str | None) -> None:
    mask = Mask(LAST_WEEK, "payments", category, NOON)

    usual, bent = fitted(history(), model), fitted(history(times=9), model)
    masked, masked_bent = (fitted(history(times=times).without([mask]), model) for times in (1, 9))

    assert not np.array_equal(usual.slot_mean, bent.slot_mean)
    for name in ("slot_mean", "slot_variance", "dispersion", "within"):
        np.testing.assert_array_equal(getattr(masked, name), getattr(masked_bent, name))
    assert masked.learned.all()


@pytest.mark.parametrize("model", ModelName)
def test_an_event_of_the_last_hours_says_nothing_about_how_busy_it_is(model: ModelName) -> None:
    span = Span(NOON - timedelta(hours=4), NOON)
    mask = Mask(span, "payments", None, span.start)

    calm, busy = (fitted(history(times=times, span=span).without([mask]), model) for times in (1, 5))

    np.testing.assert_array_equal(calm.slot_mean, busy.slot_mean)


@pytest.mark.parametrize(
    ("service", "category", "masked"),
    [
        ("payments", "login", {LOGIN, PAYMENTS, FLEET}),
        ("payments", None, {LOGIN, REFUND, PAYMENTS, FLEET}),
        (None, "parcel", {PARCEL, SHOP, FLEET}),
        (None, None, {LOGIN, REFUND, PARCEL, PAYMENTS, SHOP, FLEET}),
    ],
)
def test_a_mask_reaches_whatever_it_bends(
    service: str | None, category: str | None, masked: set[SeriesKey]
) -> None:
    hourly = history().hourly
    span = Span(NOON - timedelta(hours=30, minutes=30), NOON - timedelta(hours=29))

    hours = masked_hours([Mask(span, service, category, NOON)], hourly)

    assert hours is not None
    assert {key for key, row in zip(hourly.roster.keys, hours, strict=True) if row.any()} == masked
    assert np.flatnonzero(hours[-1]).tolist() == [hourly.grid.length - 31, hourly.grid.length - 30]


def test_a_mask_is_cut_with_its_history_and_replaced_by_the_next() -> None:
    past = history().without([Mask(LAST_WEEK, None, None, NOON)])

    assert past.before(END - 3, hours=SLOTS).hourly.masked is not None
    assert past.before(END, hours=SLOTS).hourly.learnt_rows.sum() == 6 * (SLOTS - 12)
    assert past.without([]).hourly.masked is None
    assert past.without([Mask(Span(NOON, NOON + HOUR), None, None, NOON)]).hourly.masked is None


def test_a_false_alarm_masks_nothing_and_other_labels_from_when_they_were_recorded() -> None:
    later = LAST_WEEK.end + HOUR

    assert Label(LAST_WEEK, None, None, LabelKind.FALSE_ALARM).mask is None
    for kind in (LabelKind.INCIDENT, LabelKind.EXPECTED):
        ended, recorded = Label(LAST_WEEK, None, None, kind), Label(LAST_WEEK, None, None, kind, later)
        assert ended.mask == Mask(LAST_WEEK, None, None, LAST_WEEK.end)
        assert recorded.mask == Mask(LAST_WEEK, None, None, later)


# -- when it is known


def detector(*masks: Mask, events: tuple[Event, ...] = ()) -> Detector:
    return Detector(
        replace(UTC_CALENDAR, events=events),
        QUARTER,
        timedelta(weeks=5),
        DetectionSettings(windows=(QUARTER, HOUR)),
        {},
        said_aloud,
        masks=masks,
    )


def test_a_label_takes_effect_with_the_hour_after_it_was_recorded_and_not_before() -> None:
    label = Label(LAST_WEEK, "payments", None, LabelKind.INCIDENT, NOON - timedelta(minutes=90))
    assert label.mask is not None
    past, epoch = history(times=9), END - 1

    plain = [detector().fit(past, epoch=hour).slot_mean for hour in (epoch - 1, epoch)]
    labelled = [detector(label.mask).fit(past, epoch=hour).slot_mean for hour in (epoch - 1, epoch)]

    np.testing.assert_array_equal(labelled[0], plain[0])
    assert not np.array_equal(labelled[1], plain[1])


def test_an_event_is_known_when_it_begins() -> None:
    announced = event(1.6, start=bucket_start(END, HOUR))
    judging = detector(events=(announced,))

    assert judging.masks_known(END - 1) == ()
    assert judging.masks_known(END) == (announced.mask,)


def test_thresholds_are_measured_anew_when_an_event_comes_and_wait_for_next_week_when_a_label_does() -> None:
    mask = Mask(LAST_WEEK, None, None, NOON)

    assert detector(events=(event(1.6),)).standing != detector().standing
    assert detector(mask).standing == detector().standing


# -- what is expected


def expected(*events: Event, minutes: int = 0) -> dict[SeriesKey, float]:
    """What is expected in the bucket that begins so many minutes after noon, against the same without events."""
    roster = Roster.of([LOGIN, REFUND, PARCEL])
    plain = baseline(roster, {LOGIN: 30, REFUND: 10, PARCEL: 60})
    bucket = bucket_number(NOON + timedelta(minutes=minutes), STEP)
    found = replace(plain, calendar=replace(UTC_CALENDAR, events=events)).expect(bucket, bucket + 1, STEP)
    usual = plain.expect(bucket, bucket + 1, STEP)
    np.testing.assert_allclose(found.variance / usual.variance, found.mean / usual.mean)
    return dict(zip(roster.keys, (found.mean / usual.mean)[:, 0].round(9).tolist(), strict=True))


def test_a_factor_holds_for_a_service_and_its_parts_and_the_fleet_follows() -> None:
    assert expected(event(1.6)) == {
        LOGIN: 1.6,
        REFUND: 1.6,
        PARCEL: 1.0,
        PAYMENTS: 1.6,
        SHOP: 1.0,
        FLEET: 1.24,
    }


def test_a_factor_of_a_category_raises_its_service_by_its_part() -> None:
    found = expected(event(3.0, category="refund"))

    assert (found[LOGIN], found[REFUND], found[PAYMENTS], found[FLEET]) == (1.0, 3.0, 1.5, 1.2)


def test_factors_of_events_at_the_same_time_multiply() -> None:
    assert expected(event(2.0), event(0.5, category="refund"))[REFUND] == 1.0
    assert expected(event(2.0), event(1.5, service=None))[LOGIN] == 3.0


@pytest.mark.parametrize(("minutes", "factor"), [(-5, 1.0), (0, 2.0), (55, 2.0), (60, 1.0)])
def test_a_factor_holds_from_start_until_before_end(minutes: int, factor: float) -> None:
    assert expected(event(2.0), minutes=minutes)[LOGIN] == factor


# -- what is not judged


def judged(*events: Event) -> Assessment:
    """The newest bucket, up to noon, when login and parcels come ten times as often as usual."""
    quiet, crowd = [1] * 48, [10] * 12
    counts = panel({LOGIN: quiet + crowd, REFUND: quiet + [1] * 12, PARCEL: quiet + crowd})
    plain = baseline(counts.roster, {LOGIN: 12, REFUND: 12, PARCEL: 12})
    normal = replace(plain, calendar=replace(UTC_CALENDAR, events=events))
    return assess(counts, normal, limits(counts.roster), first=counts.grid.stop - 1, windows=WINDOWS)


def reasons(found: Assessment, key: SeriesKey) -> set[WhyNot]:
    return {why_not(found, found.limits.roster.rows[key], place, 0) for place in range(len(WINDOWS))}


def score(found: Assessment, key: SeriesKey) -> float:
    return float(found.peaks(0)[found.limits.roster.rows[key]])


def test_a_muted_service_is_not_judged_and_the_others_are() -> None:
    found = judged(event(None, start=NOON - HOUR))

    for key in (LOGIN, REFUND, PAYMENTS):
        assert reasons(found, key) == {WhyNot.EVENT}
        assert score(found, key) == 0
    assert score(found, PARCEL) == score(judged(), PARCEL) > 1
    assert found.counts[found.limits.roster.rows[FLEET], -1] == 10


def test_a_muted_category_is_left_out_of_its_service() -> None:
    found = judged(event(None, category="login", start=NOON - HOUR))
    row = found.limits.roster.rows[PAYMENTS]

    assert reasons(found, LOGIN) == {WhyNot.EVENT}
    assert reasons(found, PAYMENTS) == {WhyNot.NORMAL}
    assert found.observed[row, -1, 0] == 12
    assert found.expected[row, -1, 0] == pytest.approx(12)
    assert score(judged(), PAYMENTS) > 1


def test_the_first_muted_bucket_is_not_judged_although_the_windows_reach_further_back() -> None:
    assert reasons(judged(event(None, start=NOON - STEP)), LOGIN) == {WhyNot.EVENT}


def test_what_a_muted_hour_brought_does_not_alert_once_it_is_over() -> None:
    found = judged(event(None, start=NOON - HOUR, lasts=HOUR - TEN_MINUTES))

    row = found.limits.roster.rows[LOGIN]
    assert found.observed[row, :, 0].tolist() == [10, 20, 20]
    assert found.judged[row, :, 0].tolist() == [True, True, False]
    assert why_not(found, row, 2, 0) is WhyNot.EVENT


def test_an_event_at_another_time_changes_nothing() -> None:
    found = judged(event(None, start=NOON + HOUR), event(None, start=NOON - timedelta(days=1)))

    np.testing.assert_array_equal(found.score, judged().score)
    assert found.muted is None


# -- from the settings


def test_a_bare_date_of_an_event_is_local_midnight() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    noon = datetime(2026, 12, 1, 12, tzinfo=tokyo)
    sale_given = {
        "name": "sale",
        "start": "2026-12-01",
        "end": noon.isoformat(),
        "service": "shop",
        "expect": 1.6,
    }
    move_given = {"name": "move", "start": "2026-12-01", "end": "2026-12-02", "expect": "mute"}
    settings = CalendarSettings.model_validate({"events": [sale_given, move_given]})

    sale, move = build_calendar(settings, zone=tokyo, years=[2026]).events

    midnight = datetime(2026, 12, 1, tzinfo=tokyo)
    assert sale == Event("sale", Span(midnight, noon), "shop", None, 1.6)
    assert move == Event("move", Span(midnight, midnight + timedelta(days=1)), None, None, None)
    assert settings.events[1].expect is Mute.MUTE
