"""Explanations from a store that a cycle filled: the same numbers as live, and a remedy for whatever cannot be told."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.app.explaining import Look, facts, look, text
from spikewatch.app.explaining.origins import DEFAULT, Origins
from spikewatch.core.counts import ALL, SeriesKey, Ticket
from spikewatch.core.explanations import GateName
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import (
    CategorySettings,
    DetectionSettings,
    ModelName,
    RuleSeverity,
    ServiceSettings,
    StaticRule,
)
from spikewatch.core.timegrid import bucket_number
from spikewatch.cycle import Cycle, Detector
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import Page, Store
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, STEP, Desk, Live, Surge, detector, plan

TOKYO = ZoneInfo("Asia/Tokyo")
BURST = Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=3)
WINDOWS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3))
NEVER = Origins({})


@pytest.fixture(scope="module")
def live() -> Live:
    """A desk on which the login surged, and nothing else."""
    simulated = Live(Desk.simulated(BURST)).begin()
    simulated.live_through(JUDGED + timedelta(hours=5))
    return simulated


def seen(
    store: Store,
    series: SeriesKey = LOGIN,
    *,
    at: datetime | None = None,
    judging: Detector | None = None,
    now: datetime = JUDGED + timedelta(hours=5),
    kept_for: timedelta | None = None,
) -> Look:
    return look(
        store,
        judging or detector(),
        service=series.service,
        category=series.category,
        at=at,
        now=now,
        kept_for=kept_for,
    )


def lines(found: Look) -> list[str]:
    return list(text.lines(found, zone=TOKYO, origins=NEVER, budget=1.0))


def with_services(**services: ServiceSettings) -> Detector:
    kept = detector()
    return Detector(kept.calendar, kept.step, kept.history, kept.detection, services=services, name=kept.name)


@pytest.mark.parametrize("model", ModelName)
def test_every_series_reads_at_its_joining_as_it_was_judged_live(model: ModelName) -> None:
    judging = detector(detection=DetectionSettings(windows=WINDOWS, model=model))
    store = MemoryStore(step=STEP)
    simulated = Live(Desk.simulated(BURST), store=store)
    simulated.cycle = Cycle(store, judging, plan=plan)
    simulated.begin().live_through(JUDGED + timedelta(hours=4))
    (told,) = store.incidents(since=BEGAN)

    for surge in told.surges:
        found = seen(store, surge.series, at=surge.opened_at, judging=judging)
        assert found.explanation.leading.reading == surge.joined
        assert (found.explanation.at, found.explanation.why) == (surge.opened_at, WhyNot.ALERTS)
        assert found.incidents == ((told, surge),)
        assert found.calibration is True


def test_the_newest_bucket_judged_is_explained_without_a_time(live: Live) -> None:
    found = seen(live.store)

    assert found.explanation.at == JUDGED + timedelta(hours=5)
    assert found.is_judged
    assert found.explanation.why is not WhyNot.ALERTS


def test_a_time_between_two_buckets_is_that_of_the_earlier_one(live: Live) -> None:
    at = JUDGED + timedelta(hours=3)

    assert seen(live.store, at=at + timedelta(minutes=14)).explanation.at == at


def test_the_verdict_comes_first_then_the_reason_and_what_would_have_changed_it(live: Live) -> None:
    told = lines(seen(live.store, at=BURST.start + STEP))

    assert told[0].startswith("payments/login at 2026-04-29 11:15 JST: alerts: 2")
    assert told[0].endswith(" alert")
    assert told[1].startswith("  why            every gate is passed: score ")
    assert told[2].startswith("  to stay quiet  ")
    assert told[3].endswith("every weight from 0.001 on would have alerted")
    assert told[4].startswith("  incident       SW-1 (")


def test_a_floor_that_held_is_named_with_its_setting(live: Live) -> None:
    floor = ServiceSettings(categories={"log*": CategorySettings(min_tickets=500)})

    found = seen(live.store, at=BURST.start + STEP, judging=with_services(payments=floor))

    assert found.explanation.why is WhyNot.MIN_TICKETS
    told = lines(found)
    assert "held back by min_tickets 500 (services.payments.categories.log*.min_tickets" in told[1]
    assert "500 tickets or more in " in told[2]
    assert any(line.startswith("  NO  min_tickets") for line in told)
    assert found.calibration is False


def test_the_facts_for_programs_are_those_of_the_explanation(live: Live) -> None:
    found = seen(live.store, at=BURST.start + STEP)

    told = json.loads(facts.as_json(found, zone=TOKYO, origins=NEVER, budget=1.0))

    assert (told["service"], told["category"], told["reason"]) == ("payments", "login", "alerts")
    assert told["at"] == "2026-04-29T11:15:00+09:00"
    assert [gate["gate"] for gate in told["gates"] if gate["holds"]] == [
        gate["gate"] for gate in told["gates"]
    ]
    assert {gate["gate"] for gate in told["gates"]} >= {name.value for name in GateName} - {"still_rising"}
    joined = told["incidents"][0]["joined"]
    assert joined.items() <= next(
        window.items() for window in told["windows"] if window["window_minutes"] == joined["window_minutes"]
    )


def test_a_whole_service_and_the_whole_fleet_have_no_category(live: Live) -> None:
    told = [
        json.loads(facts.as_json(found, zone=TOKYO, origins=NEVER, budget=1.0))
        for found in (seen(live.store, SeriesKey("payments", ALL)), seen(live.store, SeriesKey(ALL, ALL)))
    ]

    assert [(each["service"], each["category"]) for each in told] == [("payments", None), (None, None)]


def test_what_moved_away_since_is_said() -> None:
    at = BURST.start + STEP
    changed = Live(Desk.simulated(BURST)).begin()
    changed.live_through(JUDGED + timedelta(hours=5))
    moved = [
        Ticket(ticket.id, ticket.created_at, "payments", "refund", version=2)
        for ticket in changed.desk.tickets(BURST.start, BURST.start + STEP)
        if ticket.series == LOGIN
    ]
    changed.store.commit_page(
        "desk", Page(moved, "moved", caught_up=True, watermark=changed.read_until), since=BEGAN, seen_at=at
    )

    told = lines(seen(changed.store, at=at))

    assert "did not alert" in told[0]
    assert any("tickets have been moved or removed since" in line for line in told)
    (kept,) = [line for line in told if line.strip().startswith("as judged")]
    assert "25 tickets in 15 min" in kept or "more than" in kept


def test_the_incident_keeps_the_judgement_that_opened_it(live: Live) -> None:
    at = BURST.start + STEP

    found = seen(live.store, at=at)

    (incident,) = [incident for incident, _ in found.incidents]
    assert incident.explained == found.explanation == found.kept
    assert not [line for line in lines(found) if line.strip().startswith("as judged")]
    told = json.loads(facts.as_json(found, zone=TOKYO, origins=NEVER, budget=1.0))
    assert told["as_judged"]["windows"] == told["windows"]
    assert told["as_judged"]["normal"] == told["normal"]


def test_what_an_earlier_version_did_not_keep_is_nothing_that_moved(live: Live) -> None:
    found = seen(live.store, at=BURST.start + STEP)
    assert found.kept is not None

    earlier = replace(found, kept=replace(found.kept, turning=None))

    assert not [line for line in lines(earlier) if line.strip().startswith("as judged")]


def test_what_an_incident_kept_is_told_after_its_history_was_dropped() -> None:
    old = Live(Desk.simulated(BURST)).begin()
    old.live_through(JUDGED + timedelta(hours=5))
    at = BURST.start + STEP
    before = seen(old.store, at=at)
    old.store.forget(tickets_before=BEGAN, counts_before=JUDGED - timedelta(days=7))

    after = seen(old.store, at=at, kept_for=timedelta(days=7))

    assert after.explanation == before.explanation
    assert lines(after)[0] == lines(before)[0]


def test_a_static_rule_is_told_with_its_count() -> None:
    rule = StaticRule(tickets=20, within=timedelta(minutes=30), severity=RuleSeverity.CRITICAL)
    judging = with_services(payments=ServiceSettings(categories={"login": CategorySettings(rules=(rule,))}))
    ruled = Live(Desk.simulated(BURST), judged_by=judging).begin()
    ruled.live_through(JUDGED + timedelta(hours=5))

    found = seen(ruled.store, at=BURST.start + STEP, judging=judging)

    told = lines(found)
    assert found.explanation.rule_met is not None
    assert "a static rule alerts from 20 on" in told[0]
    assert any(line.split()[:1] == ["ALERTS"] and "critical" in line for line in told)
    named = json.loads(facts.as_json(found, zone=TOKYO, origins=NEVER, budget=1.0))["rules"]
    assert [(part["tickets"], part["within_minutes"], part["met"]) for part in named] == [(20, 30, True)]


def test_late_tickets_are_left_out_and_told() -> None:
    late = Live(Desk.simulated()).begin()
    late.live_through(JUDGED + timedelta(hours=1))
    old = Ticket("late-1", JUDGED + timedelta(minutes=1), *LOGIN, version=1)
    late.poll(JUDGED + timedelta(hours=1, minutes=15), extra=[old])
    late.judge()

    found = seen(late.store)

    assert found.explanation.late == 1
    assert any("1 ticket of it too late to count" in line for line in lines(found))


def test_names_that_would_steer_a_terminal_are_shown_harmless() -> None:
    evil = SeriesKey("pay\x1b[31m", "lo\x07gin")
    store = MemoryStore(step=STEP)
    ticket = Ticket("1", BEGAN + timedelta(days=1), *evil, version=1)
    page = Page([ticket], "c", caught_up=True, watermark=JUDGED)
    store.commit_page("desk", page, since=BEGAN, seen_at=JUDGED)

    told = "\n".join(lines(seen(store, evil)))

    assert "\x1b" not in told
    assert "\x07" not in told


def test_an_empty_store_says_what_to_do() -> None:
    with pytest.raises(Fault, match="holds no tickets yet: start `spikewatch run`"):
        seen(MemoryStore(step=STEP))


def test_a_store_that_was_never_read_to_the_end_says_so() -> None:
    store = MemoryStore(step=STEP)
    page = Page([Ticket("1", BEGAN, *LOGIN, version=1)], "c", caught_up=False)
    store.commit_page("desk", page, since=BEGAN, seen_at=BEGAN)

    with pytest.raises(Fault, match="not been read to the end yet"):
        seen(store)


@pytest.mark.parametrize(
    ("service", "category", "said"),
    [
        ("paymets", None, "service 'paymets' was never counted; did you mean 'payments'?"),
        ("zzz", None, "service 'zzz' was never counted; there is 'app', 'payments', 'shop'"),
        ("payments", "logn", "'payments' never had a ticket of category 'logn'; did you mean 'login'?"),
        ("payments/login", None, "write 'payments' 'login', in words of their own"),
        ("*", "login", "category 'login' belongs to a service: name the service in place of '*'"),
    ],
)
def test_a_series_that_was_never_counted_names_those_near(
    live: Live, service: str, category: str | None, said: str
) -> None:
    with pytest.raises(Mistake) as told:
        look(live.store, detector(), service=service, category=category, at=None, now=JUDGED)

    assert said in str(told.value)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (
            JUDGED + timedelta(days=9),
            "lies in the future; the newest bucket that is known ended at 2026-04-29T14:00",
        ),
        (JUDGED + timedelta(hours=5, minutes=15), "has not been read from the help desk yet"),
        (BEGAN, "history begins at 2026-04-13T09:00+09:00; name a later time"),
    ],
)
def test_a_time_that_the_store_does_not_know_is_refused(live: Live, at: datetime, said: str) -> None:
    with pytest.raises(Mistake) as told:
        seen(live.store, at=at, now=JUDGED + timedelta(days=1))

    assert said in str(told.value)


def test_a_time_whose_history_was_dropped_is_refused() -> None:
    old = Live(Desk.simulated()).begin()
    old.store.forget(tickets_before=BEGAN, counts_before=JUDGED - timedelta(days=7))
    earlier, kept_for = JUDGED - timedelta(days=2), timedelta(days=7)

    with pytest.raises(Mistake, match=r"dropped \(retention\.counts\); name a time from 2026-"):
        seen(old.store, at=earlier, now=JUDGED, kept_for=kept_for)


def test_a_bucket_that_the_daemon_has_not_judged_would_alert() -> None:
    unjudged = Live(Desk.simulated(BURST)).begin()
    unjudged.poll(JUDGED + timedelta(hours=4))

    found = seen(unjudged.store, at=BURST.start + STEP)

    assert not found.is_judged
    told = lines(found)
    assert ": would alert: " in told[0]
    assert "  incident       none: the daemon has not judged this bucket" in told


def test_a_setting_is_told_with_its_line() -> None:
    origins = Origins({"detection.min_tickets": "watch.yaml:5"})

    assert origins.told("detection.min_tickets") == "detection.min_tickets, watch.yaml:5"
    assert origins.told("detection.min_ratio") == "detection.min_ratio, default"
    assert origins.told(DEFAULT) == "default"


def test_the_explained_bucket_is_the_one_that_ended_at_the_time(live: Live) -> None:
    at = BURST.start + STEP

    found = seen(live.store, at=at).explanation

    assert bucket_number(found.at - found.step, STEP) == bucket_number(BURST.start, STEP)
