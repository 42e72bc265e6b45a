"""The cycle on a store in memory: counts in, incidents out, once and only once, whatever fails in between."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.core.counts import ALL, FLEET, Gap, SeriesKey, Ticket
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Change, Incident, Phase, Severity
from spikewatch.core.labels import Noted
from spikewatch.core.timegrid import HOUR, Span, bucket_number
from spikewatch.cycle import Cycle, load_history, load_panel, said_aloud
from spikewatch.errors import Fault
from spikewatch.lab.replay import replay
from spikewatch.ports import CycleCommit, Page
from tests.simulated_desk import (
    BEGAN,
    CRASH,
    JUDGED,
    LOGIN,
    PARCEL,
    REFUND,
    STEP,
    Desk,
    Live,
    Surge,
    backtester,
    detector,
    end_of,
    plan,
)

POST = SeriesKey("letters", "post")
BURST = Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=3)
STORM = [
    Surge(REFUND, JUDGED + timedelta(hours=2), tickets=14, buckets=2),
    Surge(PARCEL, JUDGED + timedelta(hours=5), tickets=40, buckets=2),
    Surge(CRASH, JUDGED + timedelta(hours=5, minutes=15), tickets=20, buckets=2),
    Surge(LOGIN, JUDGED + timedelta(hours=5, minutes=15), tickets=25, buckets=2),
]


class FrailStore(MemoryStore):
    """A store whose commits fail while it is told to, and which counts those that do not."""

    def __init__(self) -> None:
        super().__init__(step=STEP)
        self.is_broken = False
        self.commits: list[CycleCommit] = []

    def commit_cycle(self, commit: CycleCommit) -> None:
        if self.is_broken:
            raise Fault("the disk is full")
        super().commit_cycle(commit)
        self.commits.append(commit)


def everything(live: Live) -> Sequence[Incident]:
    return live.store.incidents(since=BEGAN)


def outcome(live: Live) -> Sequence[object]:
    """All that a cycle leaves behind."""
    state = live.store.judge_state()
    deliveries = [(each.key, each.stage, each.notice) for each in live.store.deliveries()]
    return [state, everything(live), deliveries, live.store.incident_totals()]


def late_ticket(number: int, created_at: datetime, series: SeriesKey = LOGIN) -> Ticket:
    return Ticket(f"late-{number}", created_at, *series, version=1)


def test_a_quiet_desk_has_no_incidents() -> None:
    live = Live(Desk.steady()).begin()

    live.live_through(JUDGED + timedelta(hours=12))

    assert everything(live) == []
    assert live.store.deliveries() == []


def test_counts_go_in_and_an_incident_comes_out() -> None:
    live = Live(Desk.steady(BURST)).begin()

    live.live_through(end_of(BURST.start))

    (incident,) = everything(live)
    assert (incident.id, incident.service, incident.phase) == ("SW-1", "payments", Phase.OPEN)
    assert incident.opened_at == end_of(BURST.start)
    assert incident.started_at == BURST.start
    assert incident.surges[0].series == LOGIN
    assert incident.surges[0].joined.observed >= 25
    (delivery,) = live.store.deliveries()
    assert delivery.notice.incident == "SW-1"
    assert delivery.created_at == live.read_until


def test_it_resolves_and_closes_by_itself() -> None:
    live = Live(Desk.steady(BURST)).begin()

    live.live_through(BURST.start + timedelta(hours=5))

    (incident,) = everything(live)
    assert incident.phase is Phase.CLOSED
    assert incident.resolved_at is not None
    over = BURST.start + BURST.buckets * STEP
    assert over + timedelta(minutes=30) <= incident.resolved_at <= over + timedelta(hours=2)
    assert incident.closed_at == incident.resolved_at + timedelta(minutes=75)
    assert live.store.incident_totals() == ({incident.severity: 1}, {incident.severity: 1})


def test_three_services_become_one_company_wide_incident() -> None:
    live = Live(Desk.steady(*STORM)).begin()

    live.live_through(JUDGED + timedelta(hours=7))

    wide = [each for each in everything(live) if each.is_company_wide]
    assert len(wide) == 1
    assert wide[0].severity is Severity.CRITICAL
    merged = [each for each in everything(live) if each.merged_into is not None]
    assert {each.merged_into for each in merged} == {wide[0].id}
    assert {surge.series.service for surge in wide[0].surges} - {ALL} == {"payments", "shop", "app"}


def test_a_cycle_commits_once_and_only_if_there_was_something_to_judge() -> None:
    store = FrailStore()
    live = Live(Desk.steady(BURST), store).begin()
    assert len(store.commits) == 1

    live.poll(JUDGED + timedelta(hours=4))
    assert live.judge() == 16
    assert live.judge() == 0

    assert len(store.commits) == 2
    assert store.commits[1].state.judged_until == bucket_number(JUDGED + timedelta(hours=4), STEP)


def test_a_crash_in_the_commit_changes_nothing_and_the_next_run_comes_to_the_same() -> None:
    smooth = Live(Desk.simulated(*STORM)).begin()
    store = FrailStore()
    rough = Live(Desk.simulated(*STORM), store).begin()

    while smooth.read_until < JUDGED + timedelta(hours=8):
        for live in (smooth, rough):
            live.poll(live.read_until + STEP)
        smooth.judge()
        before, snapshot = outcome(rough), rough.cycle.snapshot
        store.is_broken = True
        with pytest.raises(Fault, match="the disk is full"):
            rough.judge()
        assert outcome(rough) == before
        assert rough.cycle.snapshot is snapshot
        store.is_broken = False
        rough.restart()
        assert rough.judge() == 1

    assert len(everything(smooth)) > 1
    assert outcome(rough) == outcome(smooth)


def test_a_backlog_judged_at_once_comes_to_the_same_as_bucket_by_bucket() -> None:
    patient = Live(Desk.simulated(*STORM)).begin()
    away = Live(Desk.simulated(*STORM)).begin()

    patient.live_through(JUDGED + timedelta(hours=9))
    away.live_through(JUDGED + timedelta(hours=9), every=timedelta(hours=9))

    assert everything(away) == everything(patient)
    assert away.store.judge_state() == patient.store.judge_state()


def test_late_tickets_never_alert_but_are_history() -> None:
    live = Live(Desk.steady()).begin()
    live.live_through(JUDGED + timedelta(hours=2))
    created_at = live.read_until - timedelta(minutes=45)
    flood = [late_ticket(number, created_at) for number in range(200)]

    live.poll(live.read_until + STEP, extra=flood)
    live.judge()
    live.live_through(live.read_until + timedelta(hours=4))

    assert everything(live) == []
    fitted = load_history(live.store, detector(), epoch=bucket_number(live.read_until, HOUR) + 1)
    row, hour = fitted.hourly.roster.rows[LOGIN], fitted.hourly.grid.column(created_at)
    assert fitted.hourly.counts[row, hour] >= 200


@pytest.mark.parametrize(("minutes", "counted"), [(30, 33), (31, 3)], ids=["on the line", "late"])
def test_tickets_count_in_the_live_window_until_their_bucket_is_a_quarter_of_an_hour_below_the_watermark(
    minutes: int, counted: int
) -> None:
    live = Live(Desk.steady()).begin()
    live.live_through(JUDGED + timedelta(hours=2))
    created_at = live.read_until - timedelta(minutes=minutes)

    live.poll(live.read_until + STEP, extra=[late_ticket(number, created_at) for number in range(30)])

    until = bucket_number(live.read_until, STEP)
    panel = load_panel(
        live.store, detector(), first=until - 1, until=until, sources=live.store.source_states()
    )
    assert panel.counts[panel.roster.rows[LOGIN], panel.grid.column(created_at)] == counted


def test_a_burst_that_is_read_a_little_late_alerts_while_it_lasts() -> None:
    live = Live(Desk.steady()).begin()
    live.live_through(JUDGED + timedelta(hours=2))
    burst = [late_ticket(number, live.read_until - timedelta(minutes=20 - number)) for number in range(30)]

    live.poll(live.read_until + STEP, extra=burst)
    live.judge()

    assert [each.service for each in everything(live)] == ["payments"]


def letters(live: Live, *, until: datetime, caught_up: bool = True) -> None:
    """Read the other source, which feeds a service of its own, up to then."""
    ticket = Ticket("1", BEGAN + timedelta(days=1), *POST, version=1)
    page = Page([ticket], cursor="1", caught_up=caught_up, watermark=until if caught_up else None)
    live.store.commit_page("mail", page, since=BEGAN, seen_at=until)


def test_a_source_that_is_a_little_behind_is_waited_for() -> None:
    live = Live(Desk.steady(BURST))
    letters(live, until=JUDGED)
    live.begin()

    live.poll(JUDGED + timedelta(hours=3))
    letters(live, until=live.read_until - timedelta(minutes=5))
    assert live.judge() == 11

    letters(live, until=live.read_until)
    assert live.judge() == 1


def test_a_source_that_is_down_blinds_its_own_services_and_no_others() -> None:
    live = Live(Desk.steady(BURST))
    letters(live, until=JUDGED)
    live.begin()

    live.live_through(JUDGED + timedelta(hours=3))

    assert [each.opened_at for each in everything(live)] == [end_of(BURST.start)]
    newest = bucket_number(live.read_until, STEP) - 1
    panel = load_panel(
        live.store, detector(), first=newest, until=newest + 1, sources=live.store.source_states()
    )
    known = dict(zip(panel.roster.services, panel.known[:, -1].tolist(), strict=True))
    assert known == {service: service != POST.service for service in panel.roster.services}
    assert POST.service in known
    fleet, shown = panel.counts[-1, -1], panel.counts[panel.roster.n_leaves : -1, -1]
    assert fleet == shown.sum() > 0


def test_while_a_source_is_down_life_and_the_backtest_of_its_store_agree() -> None:
    live = Live(Desk.steady(BURST))
    letters(live, until=JUDGED)
    live.begin()
    live.live_through(JUDGED + timedelta(hours=4))
    down = Gap(Span(JUDGED, live.read_until), POST.service)
    counts = {**live.desk.counts, POST: np.zeros_like(live.desk.counts[LOGIN])}
    counts[POST][(timedelta(days=1)) // STEP] = 1

    replayed = replay(
        Desk(counts).recording(until=live.read_until, gaps=[down]), backtester(), since=JUDGED
    ).incidents

    told = [(each.opened_at, each.started_at, each.severity, each.peak_score) for each in everything(live)]
    assert told == [(each.opened_at, each.started_at, each.severity, each.peak_score) for each in replayed]
    assert told


def test_before_anything_was_judged_every_source_is_waited_for() -> None:
    live = Live(Desk.simulated())
    letters(live, until=JUDGED, caught_up=False)
    live.poll(JUDGED)

    assert live.judge() == 0
    letters(live, until=JUDGED)
    assert live.judge() == 1


def test_a_source_that_is_new_makes_nobody_wait_and_is_unknown_until_it_is_caught_up() -> None:
    live = Live(Desk.simulated()).begin()
    letters(live, until=JUDGED, caught_up=False)

    live.poll(JUDGED + timedelta(hours=1))

    assert live.judge() == 4
    until = bucket_number(live.read_until, STEP)
    panel = load_panel(
        live.store, detector(), first=until - 1, until=until, sources=live.store.source_states()
    )
    place = panel.roster.services.index(POST.service)
    assert not panel.known[place].any()
    assert panel.known.any(axis=1).sum() == len(panel.roster.services) - 1


def test_a_source_that_was_read_later_makes_earlier_buckets_of_its_services_unknown() -> None:
    live = Live(Desk.simulated()).begin()
    since = JUDGED - timedelta(hours=1)
    late = Ticket("1", since, *POST, version=1)
    live.store.commit_page(
        "mail", Page([late], cursor="1", caught_up=True, watermark=JUDGED), since=since, seen_at=JUDGED
    )

    until = bucket_number(JUDGED, STEP)
    panel = load_panel(
        live.store, detector(), first=until - 1, until=until, sources=live.store.source_states()
    )

    known = dict(zip(panel.roster.services, panel.known.sum(axis=1).tolist(), strict=True))
    assert known.pop(POST.service) == 4
    assert set(known.values()) == {panel.grid.length}


def test_without_any_source_nothing_happens() -> None:
    live = Live(Desk.simulated())

    assert live.judge() == 0
    assert live.cycle.snapshot is None
    assert live.cycle.next_epoch() is None


def test_nothing_alerts_before_two_weeks_are_known() -> None:
    early = BEGAN + timedelta(days=13)
    live = Live(Desk.simulated(Surge(LOGIN, early + timedelta(hours=1), 90, 4))).begin(at=early)

    live.live_through(early + timedelta(hours=3))

    assert everything(live) == []
    assert live.cycle.snapshot is not None
    assert not live.cycle.snapshot.learned.any()


def test_the_first_ticket_of_an_empty_desk_is_taken_in_the_middle_of_an_hour() -> None:
    live = Live(Desk()).begin()
    live.poll(JUDGED + STEP, extra=[late_ticket(1, JUDGED)])

    assert live.judge() == 1

    assert live.cycle.snapshot is not None
    assert live.cycle.snapshot.roster.keys == (LOGIN, SeriesKey("payments", ALL), FLEET)
    assert not live.cycle.snapshot.learned.any()


def test_a_series_that_is_new_within_the_hour_is_counted_and_not_judged() -> None:
    new = SeriesKey("payments", "new card")
    live = Live(Desk.simulated()).begin()

    live.poll(JUDGED + STEP, extra=[late_ticket(number, JUDGED, new) for number in range(30)])
    live.judge()

    snapshot = live.cycle.snapshot
    assert snapshot is not None
    row = snapshot.row(new)
    assert row is not None
    assert snapshot.readings[15].observed[row] == 30
    assert not snapshot.learned[row]
    assert snapshot.learned[snapshot.roster.rows[LOGIN]]
    (incident,) = everything(live)
    assert [surge.series for surge in incident.surges] == [SeriesKey("payments", ALL)]


def test_the_snapshot_shows_the_fleet_after_the_newest_bucket() -> None:
    live = Live(Desk.steady(BURST)).begin()
    live.live_through(end_of(BURST.start))

    snapshot = live.cycle.snapshot

    assert snapshot is not None
    row = snapshot.roster.rows[LOGIN]
    quarter = snapshot.readings[15]
    assert snapshot.judged_until == live.read_until
    assert set(snapshot.readings) == {15, 60, 180}
    assert quarter.window == timedelta(minutes=15)
    assert quarter.observed[row] > quarter.upper[row] > quarter.expected[row]
    assert quarter.score[row] >= 1
    assert quarter.judged.all()
    assert snapshot.surging[row]
    assert not snapshot.surging[snapshot.roster.rows[PARCEL]]
    assert snapshot.incidents == tuple(everything(live))
    assert (sum(snapshot.opened_total.values()), sum(snapshot.closed_total.values())) == (1, 0)
    assert snapshot.tickets_total is not None
    assert snapshot.tickets_total[row] == live.desk.counts[LOGIN][: (live.read_until - BEGAN) // STEP].sum()
    assert snapshot.watermarks == {"desk": live.read_until}


def test_after_a_restart_the_snapshot_is_there_again_without_judging_anew() -> None:
    live = Live(Desk.steady(BURST)).begin()
    live.live_through(end_of(BURST.start))
    before, left = live.cycle.snapshot, outcome(live)

    live.restart()
    assert live.judge() == 0

    after = live.cycle.snapshot
    assert before is not None
    assert after is not None
    assert (after.judged_until, after.incidents) == (before.judged_until, before.incidents)
    np.testing.assert_array_equal(after.surging, before.surging)
    np.testing.assert_array_equal(after.readings[60].score, before.readings[60].score)
    assert outcome(live) == left


def test_a_store_that_was_read_and_never_judged_has_no_snapshot_to_restore() -> None:
    live = Live(Desk.simulated())
    live.poll(BEGAN)

    assert live.judge() == 1
    assert live.cycle.snapshot is not None


def test_the_baseline_of_the_next_hour_can_be_fitted_ahead() -> None:
    live = Live(Desk.simulated()).begin()
    epoch = live.cycle.next_epoch()
    assert epoch == bucket_number(JUDGED, HOUR) + 1
    assert not live.cycle.is_fitted(epoch)

    ahead = live.cycle.refit(epoch=epoch)

    assert live.cycle.is_fitted(epoch)
    assert live.cycle.refit(epoch=epoch) is ahead
    live.live_through(JUDGED + timedelta(hours=1, minutes=30))
    assert live.cycle.refit(epoch=epoch) is ahead
    assert not live.cycle.is_fitted(epoch - 2)


def test_a_baseline_fitted_ahead_is_the_one_fitted_in_time() -> None:
    live = Live(Desk.simulated()).begin()
    epoch = live.cycle.next_epoch()
    assert epoch is not None
    ahead = live.cycle.refit(epoch=epoch)
    live.poll(JUDGED + timedelta(hours=1, minutes=30))
    live.restart()

    in_time = live.cycle.refit(epoch=epoch)

    assert ahead is not in_time
    np.testing.assert_array_equal(ahead.slot_mean, in_time.slot_mean)
    np.testing.assert_array_equal(ahead.within, in_time.within)


@pytest.mark.parametrize("kind", [LabelKind.INCIDENT, LabelKind.FALSE_ALARM])
def test_from_the_hour_after_a_label_on_the_next_baseline_does_not_learn_from_it(kind: LabelKind) -> None:
    live = Live(Desk.simulated()).begin()
    epoch = live.cycle.next_epoch()
    assert epoch is not None
    plain = live.cycle.refit(epoch=epoch)
    span = Span(JUDGED - timedelta(days=7), JUDGED - timedelta(days=6))
    live.store.add_labels([Noted(Label(span, None, None, kind, recorded_at=JUDGED), "sato")])
    live.restart()

    labelled = live.cycle.refit(epoch=epoch)

    is_same = np.array_equal(plain.slot_mean, labelled.slot_mean)
    assert is_same is (kind is LabelKind.FALSE_ALARM)


def test_tickets_of_a_surge_are_not_told_twice_when_it_comes_back() -> None:
    again = Surge(LOGIN, BURST.start + timedelta(hours=2), tickets=25, buckets=2)
    live = Live(Desk.steady(BURST, again)).begin()

    live.live_through(again.start + timedelta(minutes=30))

    (incident,) = everything(live)
    (login,) = [surge for surge in incident.surges if surge.series == LOGIN]
    written = live.desk.counts[LOGIN][(BURST.start - BEGAN) // STEP : (live.read_until - BEGAN) // STEP].sum()
    assert incident.phase is Phase.OPEN
    assert login.opened_at < again.start
    assert 25 * 5 * 0.8 < login.excess < written


def test_every_change_that_is_told_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    live = Live(Desk.steady(BURST)).begin()

    with caplog.at_level(logging.INFO, logger="spikewatch.cycle"):
        live.live_through(end_of(BURST.start))

    (record,) = caplog.records
    assert record.getMessage() == "incident_opened"
    assert vars(record)["incident"] == "SW-1"
    assert vars(record)["service"] == "payments"


def test_an_incident_is_named_so_that_it_can_be_said_aloud() -> None:
    assert said_aloud(17, "payments", JUDGED) == "SW-17"


def test_each_change_of_an_incident_is_told_once_it_is_committed() -> None:
    live = Live(Desk.steady(BURST), store=FrailStore()).begin()
    told: list[Change] = []
    live.cycle = Cycle(live.store, live.judged_by, plan=plan, on_change=told.append)
    assert isinstance(live.store, FrailStore)

    live.live_through(BURST.start)
    live.store.is_broken = True
    with pytest.raises(Fault):
        live.live_through(BURST.start + HOUR)
    told_of_what_failed = list(told)
    live.store.is_broken = False
    live.judge()
    live.live_through(BURST.start + 6 * HOUR)

    phases = [(change.before is None, change.after.phase) for change in told]
    assert told_of_what_failed == []
    assert phases[0] == (True, Phase.OPEN)
    assert phases[-1] == (False, Phase.CLOSED)
    assert [opened for opened, _ in phases].count(True) == 1
