"""Notices: why something is told, and the copy of the facts that it states."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.calibration import Peaks, fit_tail
from spikewatch.core.counts import ALL, FLEET, Roster, SeriesKey
from spikewatch.core.incidents import Change, Incident, Phase, Severity
from spikewatch.core.notices import (
    MOST_CHANCE_WEEKS,
    MOST_PARTS,
    Notice,
    Reason,
    chance_weeks,
    is_worth_a_reply,
    notice_of,
    why_tell,
)
from spikewatch.core.scoring import Assessment, Reading, assess
from spikewatch.core.surges import Surge
from tests.core_factories import (
    LOGIN,
    NOON,
    PARCEL,
    PAYMENTS,
    REFUND,
    SHOP,
    baseline,
    incident,
    limits,
    panel,
    quiet,
    reading,
    surge,
)

WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
REMEMBERED = 24
"""The hour that is judged, and the longest window before it."""
BEFORE = incident(surge())
RESOLVED = replace(BEFORE, phase=Phase.RESOLVED, surges=(quiet(surge()),), resolved_at=NOON)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, BEFORE, Reason.OPENED),
        (BEFORE, replace(BEFORE, severity=Severity.CRITICAL), Reason.RAISED),
        (BEFORE, replace(BEFORE, surges=(surge(), surge(REFUND))), Reason.JOINED),
        (BEFORE, replace(BEFORE, severity=Severity.CRITICAL, surges=(surge(), surge(REFUND))), Reason.RAISED),
        (BEFORE, replace(BEFORE, surges=(replace(surge(), excess=12.0),)), Reason.CHANGED),
        (BEFORE, RESOLVED, Reason.RESOLVED),
        (RESOLVED, replace(BEFORE, revision=3), Reason.REOPENED),
        (
            RESOLVED,
            replace(BEFORE, surges=(surge(), surge(REFUND)), severity=Severity.CRITICAL),
            Reason.REOPENED,
        ),
        (RESOLVED, replace(RESOLVED, phase=Phase.CLOSED, closed_at=NOON), None),
        (
            BEFORE,
            replace(BEFORE, phase=Phase.CLOSED, merged_into="9", severity=Severity.CRITICAL),
            Reason.MERGED,
        ),
    ],
    ids=[
        "opened",
        "raised",
        "joined",
        "raised by who joined",
        "changed",
        "resolved",
        "reopened",
        "reopened and raised",
        "closed in silence",
        "merged",
    ],
)  # fmt: skip -- the ids would take ten lines
def test_why_a_change_is_told(before: Incident | None, after: Incident, reason: Reason | None) -> None:
    assert why_tell(Change(before, after)) is reason


@given(st.floats(0, 100), st.floats(3, 12), st.floats(0.01, 1000))
def test_a_chance_is_told_in_weeks_from_more_than_none_to_ten_years(
    score: float, cutoff: float, budget: float
) -> None:
    assert 0 < chance_weeks(score, cutoff=cutoff, budget=budget) <= MOST_CHANCE_WEEKS


@pytest.mark.parametrize(("budget", "weeks"), [(1.0, 1.0), (2.0, 0.5), (0.25, 4.0)])
def test_at_the_threshold_chance_strikes_as_often_as_the_budget_allows(budget: float, weeks: float) -> None:
    assert chance_weeks(1.0, cutoff=5.0, budget=budget) == weeks


def test_where_the_past_has_a_tail_the_chance_follows_it() -> None:
    rng = np.random.default_rng(1)
    tail = fit_tail(Peaks(4.0 + rng.exponential(1.0, 500), rng.integers(0, 35, 500), 35))
    assert tail is not None
    cutoff = tail.threshold(false_alarms_per_week=2.0)

    at_threshold = chance_weeks(1.0, cutoff=cutoff, budget=2.0, tail=tail)
    beyond = chance_weeks(1.2, cutoff=cutoff, budget=2.0, tail=tail)

    assert at_threshold == pytest.approx(0.5)
    assert beyond == pytest.approx(1 / tail.per_week(1.2 * cutoff))
    assert chance_weeks(50.0, cutoff=cutoff, budget=2.0, tail=tail) == MOST_CHANCE_WEEKS


# -- facts

SERIES = [SeriesKey("payments", f"c{number:02}") for number in range(14)]


def assessed(newest: dict[SeriesKey, int], *, an_hour: float = 12.0) -> Assessment:
    """The newest quarter of an hour holds these tickets in each of its buckets; before it, all was normal."""
    normal = int(an_hour / 12)
    seen = panel({key: [normal] * (REMEMBERED - 3) + [tickets] * 3 for key, tickets in newest.items()})
    roster = Roster.of(newest)
    bounds = replace(
        limits(roster), runbook=tuple(f"https://wiki.example.com/{key.service}" for key in roster.keys)
    )
    return assess(
        seen,
        baseline(roster, dict.fromkeys(newest, an_hour)),
        bounds,
        first=seen.grid.stop - 1,
        windows=WINDOWS,
    )


def rising(key: SeriesKey, assessment: Assessment) -> Surge:
    """The surge of a series as it is read there."""
    seen = assessment.reading(assessment.limits.roster.rows[key], 0)
    assert seen is not None
    return replace(surge(key), joined=seen, now=seen, peak=seen)


def told(
    newest: dict[SeriesKey, int], surging: Sequence[SeriesKey], *, company: bool = False, revision: int = 4
) -> Notice:
    assessment = assessed(newest)
    given_incident = incident(*(rising(key, assessment) for key in surging), id="SW-7")
    after = replace(given_incident, revision=revision, service=None if company else given_incident.service)
    return notice_of(Change(None, after), Reason.OPENED, assessment=assessment, column=0, at=NOON, budget=1.0)


def test_a_notice_copies_the_incident() -> None:
    notice = told({LOGIN: 20, REFUND: 1, PARCEL: 1}, [LOGIN])

    facts = notice.facts
    assert (notice.key, notice.incident, notice.reason, notice.at) == ("SW-7.4", "SW-7", Reason.OPENED, NOON)
    assert (facts.incident, facts.service, facts.revision) == ("SW-7", "payments", 4)
    assert (facts.phase, facts.severity, facts.merged_into) == (Phase.OPEN, Severity.WARNING, None)
    assert (facts.opened_at, facts.started_at, facts.resolved_at) == (
        NOON,
        NOON - timedelta(minutes=15),
        None,
    )
    assert facts.data_until == NOON
    assert facts.excess == 9.0
    assert facts.runbook == "https://wiki.example.com/payments"
    assert 0 < facts.chance_weeks <= MOST_CHANCE_WEEKS


def test_keys_differ_from_revision_to_revision() -> None:
    assert told({LOGIN: 20}, [LOGIN], revision=1).key != told({LOGIN: 20}, [LOGIN], revision=2).key


def test_one_category_leads_with_its_own_reading() -> None:
    facts = told({LOGIN: 20, REFUND: 1, PARCEL: 1}, [LOGIN, PAYMENTS]).facts

    assert facts.lead_series == LOGIN
    assert facts.lead.observed == 60
    assert facts.lead.expected == pytest.approx(3.0)
    assert [(part.series, part.surging) for part in facts.parts] == [(LOGIN, True)]


def test_several_categories_are_led_by_their_service() -> None:
    facts = told({LOGIN: 20, REFUND: 15, PARCEL: 1}, [LOGIN, REFUND]).facts

    assert facts.lead_series == PAYMENTS
    assert facts.lead.observed == 105
    assert [part.series for part in facts.parts] == [LOGIN, REFUND]
    assert [part.share for part in facts.parts] == [pytest.approx(57 / 99), pytest.approx(42 / 99)]


def test_a_rise_of_the_sum_alone_lists_the_categories_that_drive_it() -> None:
    facts = told({LOGIN: 4, REFUND: 4, PARCEL: 1}, [PAYMENTS]).facts

    assert facts.lead_series == PAYMENTS
    assert [(part.series, part.surging) for part in facts.parts] == [(LOGIN, False), (REFUND, False)]


def test_a_company_wide_incident_is_led_by_the_fleet_and_lists_services() -> None:
    facts = told({LOGIN: 20, REFUND: 9, PARCEL: 30}, [LOGIN, PARCEL], company=True).facts

    assert facts.lead_series == FLEET
    assert facts.service is None
    assert facts.lead.observed == 177
    assert [(part.series, part.surging) for part in facts.parts] == [(SHOP, True), (PAYMENTS, True)]


def test_a_category_with_little_share_is_listed_only_if_it_surges() -> None:
    newest = {LOGIN: 60, REFUND: 3, SeriesKey("payments", "card"): 2}

    assert [part.series for part in told(newest, [LOGIN]).facts.parts] == [LOGIN]
    assert [part.series for part in told(newest, [LOGIN, REFUND]).facts.parts] == [LOGIN, REFUND]


def test_at_most_ten_parts_are_listed_by_share_and_the_rest_is_counted() -> None:
    newest = {key: 30 + place for place, key in enumerate(SERIES)}

    facts = told(newest, SERIES).facts

    assert [part.series for part in facts.parts] == SERIES[:3:-1]
    assert len(facts.parts) == MOST_PARTS
    assert facts.more == 4


@given(st.lists(st.integers(0, 60), min_size=1, max_size=14))
def test_shares_are_in_order_and_never_exceed_the_whole(tickets: list[int]) -> None:
    newest = dict(zip(SERIES, tickets, strict=False))

    facts = told(newest, [SERIES[0]]).facts

    listed = [part.share or 0.0 for part in facts.parts]
    assert listed == sorted(listed, reverse=True)
    assert sum(listed) <= 1 + 1e-12
    assert all(0 <= share <= 1 for share in listed)


def test_the_peak_is_that_of_the_series_that_went_highest() -> None:
    assessment = assessed({LOGIN: 20, REFUND: 15})
    high = reading(99.0)
    surges = (rising(LOGIN, assessment), replace(rising(REFUND, assessment), peak=high))

    notice = notice_of(
        Change(None, incident(*surges)), Reason.OPENED, assessment=assessment, column=0, at=NOON, budget=1.0
    )

    assert notice.facts.peak == high


@pytest.mark.parametrize(
    ("change", "ebbing"),
    [({"quiet": timedelta(0)}, False), ({"quiet": timedelta(minutes=5)}, True)],
    ids=["above", "below for five minutes"],
)
def test_a_rise_ebbs_once_every_series_is_below_the_level_at_which_it_would_go_on(
    change: dict[str, timedelta], *, ebbing: bool
) -> None:
    assessment = assessed({LOGIN: 20, REFUND: 15})
    low = replace(rising(LOGIN, assessment), quiet=timedelta(minutes=10))
    other = replace(rising(REFUND, assessment), quiet=change["quiet"])
    lasting = incident(low, other)

    notice = notice_of(
        Change(lasting, lasting), Reason.CHANGED, assessment=assessment, column=0, at=NOON, budget=1.0
    )

    assert notice.facts.ebbing is ebbing


def test_once_it_ebbs_the_window_that_said_most_at_the_peak_leads() -> None:
    assessment = assessed({LOGIN: 20, REFUND: 1})
    peak = Reading(60, 70, 12.0, 30, 9.0)
    now = Reading(5, 1, 1.0, 5, 0.1)
    ebbing = replace(surge(LOGIN), peak=peak, now=now, quiet=timedelta(minutes=5))

    notice = notice_of(
        Change(None, incident(ebbing)), Reason.CHANGED, assessment=assessment, column=0, at=NOON, budget=1.0
    )

    assert notice.facts.lead.window_minutes == 60


def test_facts_of_a_resolved_incident_say_when() -> None:
    assessment = assessed({LOGIN: 1, REFUND: 1})
    over = replace(RESOLVED, surges=(quiet(surge()),))

    facts = notice_of(
        Change(BEFORE, over), Reason.RESOLVED, assessment=assessment, column=0, at=NOON, budget=1.0
    ).facts

    assert (facts.phase, facts.resolved_at, facts.ebbing) == (Phase.RESOLVED, NOON, False)
    assert facts.lead_series == LOGIN
    assert facts.parts == ()


def test_an_incident_of_several_categories_keeps_its_service_in_front_when_one_lasts_longer() -> None:
    assessment = assessed({LOGIN: 20, REFUND: 1})
    over = replace(surge(REFUND), ended=NOON)

    facts = notice_of(
        Change(None, incident(surge(LOGIN), over)),
        Reason.CHANGED,
        assessment=assessment,
        column=0,
        at=NOON,
        budget=1.0,
    ).facts

    assert facts.lead_series == PAYMENTS


def test_what_is_over_is_told_over_its_whole_length_not_by_its_newest_minutes() -> None:
    assessment = assessed({LOGIN: 4, REFUND: 1})
    short, long = (
        replace(RESOLVED, surges=(quiet(surge()),), started_at=NOON - timedelta(minutes=minutes))
        for minutes in (15, 60)
    )

    windows = [
        notice_of(Change(BEFORE, over), Reason.RESOLVED, assessment=assessment, column=0, at=NOON, budget=1.0)
        .facts.parts[0]
        .reading.window_minutes
        for over in (short, long)
    ]

    assert windows == [15, 60]


def test_the_same_change_gives_the_same_notice() -> None:
    assert told({LOGIN: 20, REFUND: 9}, [LOGIN]) == told({LOGIN: 20, REFUND: 9}, [LOGIN])


def test_a_service_that_surges_as_a_whole_counts_as_surging_in_a_company_wide_list() -> None:
    facts = told({LOGIN: 20, PARCEL: 30}, [SeriesKey("payments", ALL), SHOP], company=True).facts

    assert np.all([part.surging for part in facts.parts])


def changed(before: Incident, after: Incident, assessment: Assessment) -> Notice:
    change = Change(before, replace(after, revision=before.revision + 1))
    return notice_of(change, Reason.CHANGED, assessment=assessment, column=0, at=NOON, budget=1.0)


def test_a_change_names_the_categories_that_it_drew_in_and_no_others() -> None:
    assessment = assessed({LOGIN: 40, REFUND: 30})
    before = incident(rising(LOGIN, assessment))
    refund, whole = rising(REFUND, assessment), rising(PAYMENTS, assessment)

    wider = changed(before, replace(before, surges=(*before.surges, refund, whole)), assessment)
    louder = changed(before, replace(before, surges=(*before.surges, whole)), assessment)

    assert (wider.facts.joined, louder.facts.joined) == ((REFUND,), ())
    assert (is_worth_a_reply(wider), is_worth_a_reply(louder)) == (True, False)


def test_a_company_wide_change_names_services() -> None:
    assessment = assessed({LOGIN: 40, PARCEL: 40})
    fleet = replace(incident(rising(LOGIN, assessment)), service=None)

    wider = changed(fleet, replace(fleet, surges=(*fleet.surges, rising(PARCEL, assessment))), assessment)

    assert wider.facts.joined == (SHOP,)


@pytest.mark.parametrize(
    ("now", "peak", "last_surging", "growing"),
    [
        (1.5, 1.5, NOON + timedelta(minutes=5), True),
        (1.4, 1.5, NOON + timedelta(minutes=5), False),
        (1.5, 1.5, NOON, False),
    ],
)
def test_it_grows_while_it_has_never_scored_higher_since_it_opened(
    now: float, peak: float, last_surging: datetime, *, growing: bool
) -> None:
    assessment = assessed({LOGIN: 40})
    rise = replace(surge(), now=reading(now), peak=reading(peak), last_surging=last_surging)

    found = changed(incident(surge()), replace(incident(surge()), surges=(rise,)), assessment)

    assert found.facts.growing is growing
