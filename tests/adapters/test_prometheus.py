"""What Prometheus is told: every name, every label, both forms, and what happens at the limits."""

import gzip
import math
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.prometheus.catalogue import CATALOGUE, METRICS, Kind, LabelNames, Part, clean_label
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer, Rendered
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.adapters.prometheus.ranking import SHOWN_FOR
from spikewatch.core.counts import Roster, SeriesKey
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Change, Incident, Phase, Severity
from spikewatch.core.notices import Facts, Notice, Reason
from spikewatch.core.outbox import Delivery
from spikewatch.core.scoring import Reading
from spikewatch.core.snapshot import Snapshot, WindowReadings
from spikewatch.core.surges import Surge
from spikewatch.core.weekly import Accuracy
from spikewatch.errors import Fault
from spikewatch.ports import Meter, PageOutcome, Quota, StoreStats

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ODD = ('say "hi"', "back\\slash", "new\nline", "決済・ログイン", "  padded ", "\x00", "x" * 200)

Scraped: TypeAlias = Literal["all", "series", "health"]
Samples: TypeAlias = dict[tuple[str, frozenset[tuple[str, str]]], float]


def snapshot_of(
    leaves: Iterable[tuple[str, str]], *, windows: Iterable[int] = (15,), surging: Iterable[str] = ()
) -> Snapshot:
    """A snapshot in which row r counts r tickets, expects r + 0.25, allows r + 3, scores r / 10 and counted 100 r in all."""
    roster = Roster.of(SeriesKey(*leaf) for leaf in leaves)
    row = np.arange(len(roster))
    readings = {
        minutes: WindowReadings(
            window=timedelta(minutes=minutes),
            observed=row,
            expected=row.astype(np.float64) + 0.25,
            upper=row + 3,
            score=row.astype(np.float64) / 10,
            judged=np.ones(len(roster), dtype=np.bool_),
        )
        for minutes in windows
    }
    return Snapshot(
        roster=roster,
        judged_until=NOW,
        readings=readings,
        surging=np.array([key.category in set(surging) for key in roster.keys], dtype=np.bool_),
        learned=np.ones(len(roster), dtype=np.bool_),
        tickets_total=row * 100,
        watermarks={"desk": NOW + MINUTE},
    )


def incident(
    number: int,
    *,
    series: Iterable[SeriesKey],
    service: str | None = "pay",
    severity: Severity = Severity.WARNING,
) -> Incident:
    """An incident that opened so many minutes after NOW."""
    reading = Reading(15, 40, 6.0, 17, 2.5)
    surges = tuple(Surge(key, NOW, NOW, reading, reading, reading, NOW) for key in series)
    opened = NOW + number * MINUTE
    return Incident(f"INC-{number}", service, opened, opened, severity, surges)


def parsed(text: bytes, *, openmetrics: bool = False) -> list[Metric]:
    if openmetrics:
        return list(parse_openmetrics(text.decode()))  # type: ignore[no-untyped-call]  # the library's
    return list(parse_text(text.decode()))


def samples(text: bytes, *, openmetrics: bool = False) -> Samples:
    """Every sample by name and labels; a duplicate or a number that is none fails."""
    found: Samples = {}
    for family in parsed(text, openmetrics=openmetrics):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            assert math.isfinite(sample.value), key
            found[key] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def series_shown(found: Samples) -> set[str]:
    return {dict(labels)["category"] for name, labels in found if name == "spikewatch_series_surging"}


def text_of(rendered: Rendered) -> bytes:
    return rendered.readings.plain + rendered.text.plain


def exposition(*, clock: ManualClock | None = None) -> tuple[Exposition, HealthMetrics]:
    registry, ticking = new_registry(), clock or ManualClock(NOW)
    health = HealthMetrics(registry, clock=ticking, version="1.2.3", sources=("desk",), channels=("#ops",))
    renderer = FleetRenderer()
    return Exposition(renderer, registry=registry, clock=ticking, stale_after=10 * MINUTE), health


def used_in_full() -> Exposition:
    """An exposition in which every metric of the catalogue has a sample."""
    shown, health = exposition()
    health.poll("desk", seconds=1.5, tickets=3, outcome=PageOutcome(added=1, moved=1, removed=2, late=4))
    health.request("desk", code="200")
    health.poll_skipped("desk", reason="budget")
    health.backfilled("desk", fraction=0.5, left=2 * MINUTE)
    health.reconciled("desk", check="sweep", missed=1)
    health.reconciled("desk", check="brand", difference=-2)
    health.waits("backfill", known=timedelta(days=3))
    health.quota("desk", Quota(limit=700, remaining=699, resets_at=NOW + MINUTE))
    health.clock_skew("desk", ahead=-MINUTE)
    health.throttled("desk", duration=timedelta(seconds=2.5))
    health.poll_interval("desk", interval=2 * MINUTE)
    health.heartbeat(worked=True)
    health.cycle(seconds=0.2, buckets=2)
    health.refit(seconds=3)
    health.delivered("#ops", seconds=0.4)
    health.backlog([waiting("#ops", since=NOW)])
    health.store(sizes(free=90, volume=400))
    health.accuracy(Accuracy(real=3, false_alarms=1, unlabelled=2, known=4, found=3))
    health.configured(digest="abc", schema="1")
    health.unjudged({"learning": 3})
    with health.store_write():
        pass
    lead = SeriesKey("pay", "login")
    health.incident_changed(Change(None, incident(1, series=[lead])), now=NOW + 2 * MINUTE)
    snapshot = snapshot_of([("pay", "login")], surging=["login"])
    shown.publish(replace(snapshot, incidents=(incident(1, series=[lead]),)))
    return shown


def waiting(channel: str, *, since: datetime) -> Delivery:
    reading = Reading(15, 40, 6.0, 17, 2.5)
    facts = Facts(
        incident="INC-1",
        service="pay",
        phase=Phase.OPEN,
        severity=Severity.WARNING,
        opened_at=NOW,
        started_at=NOW,
        resolved_at=None,
        merged_into=None,
        lead_series=SeriesKey("pay", "*"),
        lead=reading,
        peak=reading,
        parts=(),
        more=0,
        excess=1.0,
        chance_weeks=1.0,
        data_until=NOW,
        revision=1,
    )
    notice = Notice(f"key-{since}", "INC-1", Reason.OPENED, since, facts)
    return Delivery(notice.key, "slack", channel, notice, created_at=since, due=since)


class Oracle:
    """The library's own way, one series at a time; slow and plain. Holds for names that stay apart when cleaned."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        levels: dict[str, Callable[[SeriesKey], bool]] = {
            "series": lambda key: not key.is_rollup,
            "service": lambda key: key.is_rollup and not key.is_fleet,
            "fleet": lambda key: key.is_fleet,
        }
        for level, belongs in levels.items():
            rows = [row for row, key in enumerate(self._snapshot.roster.keys) if belongs(key)]
            yield from self._level(level, rows)
        total = CounterMetricFamily(
            "spikewatch_tickets", METRICS["spikewatch_tickets_total"].help, labels=("service", "category")
        )
        assert self._snapshot.tickets_total is not None
        for row, key in enumerate(self._snapshot.roster.keys):
            if not key.is_rollup:
                total.add_metric([clean_label(name) for name in key], self._snapshot.tickets_total[row])
        yield total

    def _level(self, level: str, rows: list[int]) -> Iterator[Metric]:
        readings = self._snapshot.readings[15]
        fields: dict[str, Any] = {
            "tickets": readings.observed,
            "tickets_expected": readings.expected,
            "tickets_upper": readings.upper,
            "score": readings.score,
            "surging": self._snapshot.surging,
        }
        for name, numbers in fields.items():
            metric = METRICS[f"spikewatch_{level}_{name}"]
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for row in rows:
                key = self._snapshot.roster.keys[row]
                names = [clean_label(part) for part in key[: {"series": 2, "service": 1, "fleet": 0}[level]]]
                family.add_metric([*names, "15m"][: len(metric.labels)], float(numbers[row]))
            yield family


def families(text: bytes, *, openmetrics: bool) -> dict[str, tuple[str, str, Samples]]:
    """Type, help and samples of each family."""
    return {
        family.name: (
            family.type,
            family.documentation,
            {(one.name, frozenset(one.labels.items())): one.value for one in family.samples},
        )
        for family in parsed(text, openmetrics=openmetrics)
    }


@pytest.mark.parametrize("openmetrics", [False, True])
def test_our_renderer_says_what_the_library_would_say_odd_names_included(openmetrics: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
    snapshot = snapshot_of([(service, category) for service in ODD for category in ODD])
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Oracle(snapshot))
    theirs = generate_openmetrics(registry) if openmetrics else generate_latest(registry)  # type: ignore[no-untyped-call]  # the library's
    rendered = FleetRenderer().render(snapshot, now=NOW)

    states = rendered.openmetrics.plain + b"# EOF\n" if openmetrics else rendered.text.plain
    ours = families(rendered.readings.plain + states, openmetrics=openmetrics)
    expected = families(theirs, openmetrics=openmetrics)

    assert {name: ours[name] for name in expected} == expected


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize("part", ["all", "series", "health"])
def test_a_scrape_in_joined_gzip_members_is_the_plain_scrape(part: Scraped, openmetrics: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
    shown = used_in_full()

    plain = shown.scrape(part, openmetrics=openmetrics, gzipped=False)
    unpacked = gzip.decompress(shown.scrape(part, openmetrics=openmetrics, gzipped=True))

    assert without_process(unpacked) == without_process(plain)
    assert samples(plain, openmetrics=openmetrics)


def without_process(text: bytes) -> list[bytes]:
    return [line for line in text.splitlines() if not line.startswith((b"process_", b"python_"))]


def test_an_exposition_before_the_first_snapshot_is_empty_but_whole() -> None:
    shown, _ = exposition()

    assert shown.scrape("series", openmetrics=True, gzipped=False) == b"# EOF\n"
    assert gzip.decompress(shown.scrape("series", openmetrics=False, gzipped=True)) == b""
    assert (
        value(
            samples(shown.scrape("all", openmetrics=False, gzipped=False)),
            "spikewatch_polls_total",
            source="desk",
        )
        == 0
    )


def test_what_is_exposed_is_what_the_catalogue_says() -> None:
    shown = used_in_full()
    library = {Kind.INFO: "gauge"}

    parts: tuple[tuple[Scraped, Part], ...] = (("series", Part.SERIES), ("health", Part.HEALTH))
    for scraped, part in parts:
        text = shown.scrape(scraped, openmetrics=False, gzipped=False)
        exposed = {
            (
                family.name,
                family.type,
                family.documentation,
                tuple(sorted(family.samples[0].labels.keys() - {"le"})),
            )
            for family in parsed(text)
            if family.name.startswith("spikewatch_")
        }
        documented = {
            (
                metric.family if metric.kind is Kind.COUNTER else metric.name,
                library.get(metric.kind, metric.kind.value),
                metric.help,
                tuple(sorted(metric.labels)),
            )
            for metric in CATALOGUE
            if metric.part is part
        }
        assert exposed == documented


def test_names_follow_the_conventions_of_prometheus() -> None:
    assert len(METRICS) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert metric.name.endswith("_info") == (metric.kind is Kind.INFO), metric.name
        assert "type" not in metric.labels
        assert metric.help
        assert not metric.help.endswith(".")


@pytest.mark.parametrize("part", ["series", "health"])
def test_nothing_is_created_and_nothing_carries_a_timestamp(part: Scraped) -> None:
    shown = used_in_full()

    text = shown.scrape(part, openmetrics=True, gzipped=False)

    assert b"_created" not in text
    assert all(one.timestamp is None for family in parsed(text, openmetrics=True) for one in family.samples)


def test_promtool_finds_nothing_to_mend(absent: Callable[[str, str], NoReturn]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        absent("prometheus", "apt-get install prometheus")
    text = used_in_full().scrape("all", openmetrics=False, gzipped=False)

    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_rollups_have_names_of_their_own_and_no_star_is_ever_shown() -> None:
    snapshot = snapshot_of([("pay", "login"), ("pay", "refund")], surging=["login"])

    found = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))

    assert value(found, "spikewatch_series_tickets", service="pay", category="refund", window="15m") == 1
    assert value(found, "spikewatch_service_tickets", service="pay", window="15m") == 2
    assert value(found, "spikewatch_fleet_tickets", window="15m") == 3
    assert value(found, "spikewatch_service_surging", service="pay") == 0
    assert value(found, "spikewatch_fleet_surging") == 0
    assert "*" not in {shown for _, labels in found for _, shown in labels}


def test_only_the_primary_window_is_exposed_unless_more_are_asked_for() -> None:
    snapshot = snapshot_of([("pay", "login")], windows=(5, 15, 180))

    few = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))
    asked = (timedelta(minutes=5), timedelta(hours=3))
    more = samples(text_of(FleetRenderer(windows=asked).render(snapshot, now=NOW)))

    assert windows_in(few) == {"15m"}
    assert windows_in(more) == {"5m", "3h"}
    assert value(more, "spikewatch_window_duration_seconds", window="3h") == 10800


def test_the_shortest_window_stands_in_where_none_that_was_asked_for_is_judged() -> None:
    snapshot = snapshot_of([("pay", "login")], windows=(60, 180))

    found = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))

    assert windows_in(found) == {"1h"}


def windows_in(found: Samples) -> set[str]:
    return {shown for _, labels in found for key, shown in labels if key == "window"}


def test_a_series_without_a_reading_has_a_state_and_no_numbers() -> None:
    snapshot = snapshot_of([("pay", "blind"), ("pay", "login"), ("pay", "nan")])
    odd = np.array([True, False, True, False, False])
    score = np.array([0, 0.4, np.nan, 0, 0])
    readings = {
        15: replace(
            snapshot.readings[15], judged=~odd | np.array([False, False, True, False, False]), score=score
        )
    }

    found = samples(text_of(FleetRenderer().render(replace(snapshot, readings=readings), now=NOW)))

    assert {dict(labels)["category"] for name, labels in found if name == "spikewatch_series_score"} == {
        "login"
    }
    assert series_shown(found) == {"blind", "login", "nan"}
    assert value(found, "spikewatch_series", state="no_data") == 1


def test_every_series_is_in_exactly_one_state() -> None:
    names = ["blind", "calm", "muted", "new", "surging"]
    snapshot = snapshot_of([("pay", name) for name in names], surging=["surging"])
    flags = np.array([False] * len(snapshot.roster))
    state_of = {name: flags.copy() for name in names}
    for row, name in enumerate(names):
        state_of[name][row] = True
    readings = {15: replace(snapshot.readings[15], judged=~state_of["blind"] & ~state_of["new"])}
    snapshot = replace(snapshot, readings=readings, learned=~state_of["new"], muted=state_of["muted"])

    found = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))

    states = {
        dict(labels)["state"]: number
        for (name, labels), number in found.items()
        if name == "spikewatch_series"
    }
    assert states == {"learning": 1, "normal": 1, "surging": 1, "no_data": 1, "muted": 1}


def test_a_score_below_the_threshold_is_never_shown_as_the_threshold() -> None:
    snapshot = snapshot_of([("pay", "login"), ("pay", "refund")])
    score = np.array([0.99999999, 1.0, 0, 0])
    readings = {15: replace(snapshot.readings[15], score=score)}

    found = samples(text_of(FleetRenderer().render(replace(snapshot, readings=readings), now=NOW)))

    below = value(found, "spikewatch_series_score", service="pay", category="login", window="15m")
    assert below is not None
    assert below < 1
    assert value(found, "spikewatch_series_score", service="pay", category="refund", window="15m") == 1


names = st.text(st.characters(exclude_characters="*"), min_size=1, max_size=6)


@given(st.sets(st.tuples(names, names), min_size=1, max_size=12))
def test_no_two_samples_share_their_labels_whatever_the_names(leaves: set[tuple[str, str]]) -> None:
    snapshot = snapshot_of(leaves)

    found = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))

    assert snapshot.tickets_total is not None
    counted = sum(number for (name, _), number in found.items() if name == "spikewatch_tickets_total")
    assert counted == snapshot.tickets_total[: snapshot.roster.n_leaves].sum()


@example("x" * 127 + " y")
@given(st.text(max_size=300))
def test_a_cleaned_label_is_clean_for_good(name: str) -> None:
    cleaned = clean_label(name)

    assert clean_label(cleaned) == cleaned
    assert 1 <= len(cleaned) <= 128
    assert "\n" not in cleaned
    cleaned.encode()


def test_names_that_become_equal_once_cleaned_are_one_series() -> None:
    snapshot = snapshot_of([("pay", "login"), ("pay", "login "), ("pay\n", "login")], surging=["login "])

    found = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))

    merged = {"service": "pay", "category": "login"}
    assert value(found, "spikewatch_series_tickets", **merged, window="15m") == 0 + 1 + 2
    assert value(found, "spikewatch_series_score", **merged, window="15m") == pytest.approx(0.2)
    assert value(found, "spikewatch_series_surging", **merged) == 1
    assert value(found, "spikewatch_series", state="normal") == 2


def leaves(count: int) -> list[tuple[str, str]]:
    return [("pay", f"c{number}") for number in range(count)]


def test_over_the_limit_surging_comes_first_then_the_score_and_the_rest_is_counted() -> None:
    snapshot = snapshot_of(leaves(6), surging=["c0"])

    found = samples(text_of(FleetRenderer(max_series=3).render(snapshot, now=NOW)))

    assert series_shown(found) == {"c0", "c5", "c4"}
    assert value(found, "spikewatch_series_hidden", reason="limit") == 3
    assert value(found, "spikewatch_series_hidden", reason="filter") == 0
    assert value(found, "spikewatch_series_limit") == 3
    assert value(found, "spikewatch_fleet_tickets", window="15m") == 7


def test_between_equal_scores_the_busier_series_is_shown() -> None:
    snapshot = replace(snapshot_of(leaves(3)), tickets_total=np.array([5, 9, 1, 15, 15]))
    readings = {15: replace(snapshot.readings[15], score=np.zeros(5))}

    found = samples(
        text_of(FleetRenderer(max_series=1).render(replace(snapshot, readings=readings), now=NOW))
    )

    assert series_shown(found) == {"c1"}


def scoring(count: int, scores: Mapping[str, float], *, surging: Iterable[str] = ()) -> Snapshot:
    snapshot = snapshot_of(leaves(count), surging=surging)
    score = np.array([scores.get(key.category, 0.0) for key in snapshot.roster.keys])
    return replace(snapshot, readings={15: replace(snapshot.readings[15], score=score)})


def test_an_exposed_series_stays_for_an_hour_after_its_rank_last_earned_it() -> None:
    renderer = FleetRenderer(max_series=1)
    first = scoring(2, {"c0": 0.5})
    then = scoring(2, {"c1": 0.9})

    shown = [
        series_shown(samples(text_of(renderer.render(snapshot, now=NOW + after))))
        for snapshot, after in [
            (first, 0 * MINUTE),
            (then, MINUTE),
            (then, SHOWN_FOR - MINUTE),
            (then, SHOWN_FOR),
        ]
    ]

    assert shown == [{"c0"}, {"c0"}, {"c0"}, {"c1"}]


def test_the_hour_survives_a_series_that_joins_the_roster() -> None:
    renderer = FleetRenderer(max_series=1)
    renderer.render(scoring(2, {"c1": 0.5}), now=NOW)

    found = samples(text_of(renderer.render(scoring(3, {"c2": 0.9}), now=NOW + MINUTE)))

    assert series_shown(found) == {"c1"}


def test_a_surge_displaces_what_merely_stays() -> None:
    renderer = FleetRenderer(max_series=1)
    renderer.render(scoring(2, {"c0": 0.5}), now=NOW)

    found = samples(text_of(renderer.render(scoring(2, {}, surging=["c1"]), now=NOW + MINUTE)))

    assert series_shown(found) == {"c1"}


def test_with_detail_surging_a_series_is_seen_to_calm_down_before_it_goes() -> None:
    renderer = FleetRenderer(detail="surging")
    surge, calm = snapshot_of(leaves(3), surging=["c1"]), snapshot_of(leaves(3))

    found = [
        samples(text_of(renderer.render(snapshot, now=NOW + after)))
        for snapshot, after in [(surge, 0 * MINUTE), (calm, MINUTE), (calm, SHOWN_FOR)]
    ]

    surging = [value(each, "spikewatch_series_surging", service="pay", category="c1") for each in found]
    assert surging == [1, 0, None]
    assert [value(each, "spikewatch_series_hidden", reason="filter") for each in found] == [2, 2, 3]


def test_with_detail_active_a_series_without_tickets_for_a_week_goes_unless_it_surges() -> None:
    renderer = FleetRenderer(detail="active")
    snapshot = snapshot_of(leaves(3), surging=["c2"])
    alive = np.array([key.category == "c1" for key in snapshot.roster.keys])

    found = samples(text_of(renderer.render(replace(snapshot, active=alive), now=NOW)))
    unknown = samples(text_of(FleetRenderer(detail="active").render(snapshot, now=NOW)))

    assert series_shown(found) == {"c1", "c2"}
    assert value(found, "spikewatch_series_hidden", reason="filter") == 1
    assert series_shown(unknown) == {"c0", "c1", "c2"}


def test_with_detail_none_only_rollups_are_shown() -> None:
    found = samples(text_of(FleetRenderer(detail="none").render(snapshot_of(leaves(3)), now=NOW)))

    assert series_shown(found) == set()
    assert value(found, "spikewatch_service_surging", service="pay") == 0
    assert value(found, "spikewatch_series_hidden", reason="filter") == 3


def test_the_ticket_counter_never_falls_even_when_tickets_move_away() -> None:
    renderer = FleetRenderer()
    snapshot = snapshot_of([("pay", "login")])
    renderer.render(replace(snapshot, tickets_total=np.array([9, 9, 9])), now=NOW)

    found = samples(text_of(renderer.render(replace(snapshot, tickets_total=np.array([7, 7, 7])), now=NOW)))

    assert value(found, "spikewatch_tickets_total", service="pay", category="login") == 9


def test_the_window_of_a_source_that_lags_ends_at_its_own_watermark() -> None:
    marks = {"desk": NOW + MINUTE, "slow": NOW - MINUTE, "new": None}

    found = samples(
        text_of(FleetRenderer().render(replace(snapshot_of(leaves(1)), watermarks=marks), now=NOW))
    )

    name = "spikewatch_window_end_timestamp_seconds"
    assert value(found, name, source="desk", window="15m") == NOW.timestamp()
    assert value(found, name, source="slow", window="15m") == (NOW - MINUTE).timestamp()
    assert value(found, name, source="new", window="15m") is None


def test_an_incident_names_its_category_only_while_there_is_one() -> None:
    login, refund = SeriesKey("pay", "login"), SeriesKey("pay", "refund")
    incidents = (
        incident(1, series=[SeriesKey("pay", "*"), login]),
        incident(2, series=[login, refund]),
        incident(3, series=[login], service=None, severity=Severity.CRITICAL),
        replace(incident(4, series=[login]), phase=Phase.RESOLVED),
    )

    found = samples(
        text_of(FleetRenderer().render(replace(snapshot_of(leaves(1)), incidents=incidents), now=NOW))
    )

    starts = [dict(labels) for name, labels in found if name == "spikewatch_incident_start_timestamp_seconds"]
    assert sorted((one["incident"], one["service"], one["category"], one["severity"]) for one in starts) == [
        ("INC-1", "pay", "login", "warning"),
        ("INC-2", "pay", "", "warning"),
        ("INC-3", "", "", "critical"),
    ]
    assert value(found, "spikewatch_incidents_open", severity="warning") == 2


def test_an_incident_that_nobody_has_taken_is_counted_apart() -> None:
    login = [SeriesKey("pay", "login")]
    taken = Handling(acknowledged_by="sato", acknowledged_at=NOW)
    incidents = (
        incident(1, series=login),
        replace(incident(2, series=login), handling=taken),
        replace(incident(3, series=login), phase=Phase.RESOLVED),
    )

    found = samples(
        text_of(FleetRenderer().render(replace(snapshot_of(leaves(1)), incidents=incidents), now=NOW))
    )

    assert value(found, "spikewatch_incidents_open", severity="warning") == 2
    assert value(found, "spikewatch_incidents_unacknowledged", severity="warning") == 1
    assert value(found, "spikewatch_incidents_unacknowledged", severity="critical") == 0


def test_at_most_a_hundred_incidents_are_shown_the_loudest_and_newest() -> None:
    login = [SeriesKey("pay", "login")]
    many = [incident(number, series=login) for number in range(120)]
    loud = replace(incident(999, series=login, severity=Severity.CRITICAL), opened_at=NOW - MINUTE)

    found = samples(
        text_of(FleetRenderer().render(replace(snapshot_of(leaves(1)), incidents=(*many, loud)), now=NOW))
    )

    shown = {
        dict(labels)["incident"]
        for name, labels in found
        if name == "spikewatch_incident_start_timestamp_seconds"
    }
    assert shown == {"INC-999"} | {f"INC-{number}" for number in range(21, 120)}
    assert value(found, "spikewatch_incidents_open", severity="warning") == 120


def test_incident_totals_are_there_before_the_first_incident() -> None:
    found = samples(
        text_of(FleetRenderer().render(replace(snapshot_of(leaves(1)), opened_total={"warning": 3}), now=NOW))
    )

    opened = [
        value(found, "spikewatch_incidents_opened_total", severity=str(severity)) for severity in Severity
    ]
    assert opened == [3, 0]
    assert value(found, "spikewatch_incidents_closed_total", severity="critical") == 0


def test_an_empty_fleet_renders_too() -> None:
    rendered = FleetRenderer().render(replace(snapshot_of([]), judged_until=None), now=NOW)

    assert value(samples(text_of(rendered)), "spikewatch_series", state="normal") == 0
    assert samples(rendered.openmetrics.plain + b"# EOF\n", openmetrics=True)


def test_stale_readings_vanish_and_states_stay() -> None:
    clock = ManualClock(NOW)
    shown, _ = exposition(clock=clock)
    shown.publish(snapshot_of([("pay", "login")], surging=["login"]))

    clock.advance(10 * MINUTE)
    fresh = samples(shown.scrape("series", openmetrics=False, gzipped=False))
    clock.advance(timedelta(seconds=1))
    stale = samples(shown.scrape("series", openmetrics=False, gzipped=False))

    gone = {name for name, _ in fresh} - {name for name, _ in stale}
    readings = ("tickets", "tickets_expected", "tickets_upper", "score")
    assert gone == {
        f"spikewatch_{level}_{name}" for level in ("series", "service", "fleet") for name in readings
    }
    assert value(stale, "spikewatch_series_surging", service="pay", category="login") == 1
    assert value(stale, "spikewatch_tickets_total", service="pay", category="login") == 0


def test_a_scrape_while_snapshots_change_is_of_one_snapshot() -> None:
    shown, _ = exposition()
    plain = snapshot_of(leaves(50))
    even, odd = (
        replace(
            plain,
            readings={15: replace(plain.readings[15], observed=np.full(52, number))},
            opened_total={"warning": number},
        )
        for number in (0, 7)
    )
    shown.publish(even)
    scraped, done = threading.Semaphore(0), threading.Event()

    def publish() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            shown.publish(odd if turn % 2 else even)
            scraped.release()

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        for _ in range(20):
            assert scraped.acquire(timeout=10)
            found = samples(shown.scrape("series", openmetrics=True, gzipped=False), openmetrics=True)
            seen = {number for (name, _), number in found.items() if name == "spikewatch_series_tickets"}
            opened = value(found, "spikewatch_incidents_opened_total", severity="warning")
            assert seen == {opened}
            assert len(series_shown(found)) == 50
    finally:
        done.set()
        publisher.join(timeout=10)


# -- health


def healthy() -> tuple[HealthMetrics, Callable[[], Samples], ManualClock]:
    clock = ManualClock(NOW)
    shown, health = exposition(clock=clock)
    return (
        health,
        lambda: samples(shown.scrape("health", openmetrics=True, gzipped=False), openmetrics=True),
        clock,
    )


def test_health_metrics_are_a_meter() -> None:
    meter: Meter = healthy()[0]

    meter.dropped("#ops")


def test_closed_label_sets_exist_before_anything_happened() -> None:
    _, read, _ = healthy()

    found = read()

    assert value(found, "spikewatch_poll_failures_total", source="desk", reason="rate_limited") == 0
    assert value(found, "spikewatch_notification_failures_total", channel="#ops", reason="channel") == 0
    assert value(found, "spikewatch_api_requests_total", source="desk", code="429") == 0
    assert value(found, "spikewatch_detection_failures_total", reason="other") == 0
    assert value(found, "spikewatch_poll_last_success_timestamp_seconds", source="desk") == 0
    assert value(found, "spikewatch_api_limit_requests", source="desk") is None


def test_a_poll_that_failed_counts_twice_and_leaves_the_last_success() -> None:
    health, read, clock = healthy()
    health.poll("desk", seconds=1, tickets=5, outcome=PageOutcome(moved=1, removed=1, late=1))
    clock.advance(MINUTE)
    health.poll_failed("desk", seconds=1, reason="timeout")

    found = read()

    assert value(found, "spikewatch_polls_total", source="desk") == 2
    assert value(found, "spikewatch_poll_failures_total", source="desk", reason="timeout") == 1
    assert value(found, "spikewatch_source_up", source="desk") == 0
    assert value(found, "spikewatch_poll_last_success_timestamp_seconds", source="desk") == NOW.timestamp()
    assert (
        value(found, "spikewatch_poll_last_attempt_timestamp_seconds", source="desk")
        == (NOW + MINUTE).timestamp()
    )
    assert value(found, "spikewatch_ticket_corrections_total", source="desk") == 2
    assert value(found, "spikewatch_poll_duration_seconds_count", source="desk") == 2


@pytest.mark.parametrize(
    ("code", "label"), [("200", "200"), ("503", "503"), ("error", "error"), ("half\nway", "error")]
)
def test_only_codes_and_error_become_labels_of_requests(code: str, label: str) -> None:
    health, read, _ = healthy()

    health.request("desk", code=code)

    assert value(read(), "spikewatch_api_requests_total", source="desk", code=label) == 1


def test_a_reason_nobody_foresaw_counts_as_other() -> None:
    health, read, _ = healthy()
    health.poll_failed("desk", seconds=0, reason="Connection to 10.0.0.1 lost")
    health.delivery_failed("#ops", reason="surprise")
    health.cycle_failed(reason="surprise")

    found = read()

    assert value(found, "spikewatch_poll_failures_total", source="desk", reason="other") == 1
    assert value(found, "spikewatch_notification_failures_total", channel="#ops", reason="other") == 1
    assert value(found, "spikewatch_notifications_total", channel="#ops") == 1
    assert value(found, "spikewatch_detection_failures_total", reason="other") == 1
    assert value(found, "spikewatch_detection_runs_total") == 1


def test_the_age_of_the_queue_goes_when_the_queue_is_empty() -> None:
    health, read, _ = healthy()
    health.backlog(
        [waiting("#ops", since=NOW), waiting("#ops", since=NOW - MINUTE), waiting("#new", since=NOW)]
    )
    full = read()
    health.backlog([])
    empty = read()

    oldest = "spikewatch_notification_oldest_pending_timestamp_seconds"
    assert value(full, "spikewatch_notifications_pending", channel="#ops") == 2
    assert value(full, oldest, channel="#ops") == (NOW - MINUTE).timestamp()
    assert value(empty, "spikewatch_notifications_pending", channel="#new") == 0
    assert value(empty, oldest, channel="#ops") is None


def test_the_time_that_reading_history_still_takes_is_absent_while_nobody_can_tell() -> None:
    health, read, _ = healthy()
    health.backfilled("desk", fraction=0.0, left=None)
    unknown = read()
    health.backfilled("desk", fraction=0.5, left=2 * MINUTE)
    known = read()
    health.backfilled("desk", fraction=0.5, left=None)
    again_unknown = read()

    left = "spikewatch_backfill_left_seconds"
    assert [value(found, left, source="desk") for found in (unknown, known, again_unknown)] == [
        None,
        120,
        None,
    ]


def test_a_refused_reload_keeps_the_configuration_in_force() -> None:
    health, read, clock = healthy()
    health.configured(digest="abc", schema="1")
    clock.advance(MINUTE)
    health.reload_failed()

    found = read()

    assert value(found, "spikewatch_config_info", hash="abc", schema="1") == 1
    assert value(found, "spikewatch_config_last_reload_successful") == 0
    assert value(found, "spikewatch_config_last_reload_success_timestamp_seconds") == NOW.timestamp()


def test_a_clock_that_went_back_does_not_stop_the_count_of_waiting() -> None:
    health, read, _ = healthy()

    health.throttled("desk", duration=timedelta(seconds=-3))

    assert value(read(), "spikewatch_api_throttled_seconds_total", source="desk") == 0


def test_a_page_counts_as_success_long_before_the_first_reading_is_over() -> None:
    health, read, _ = healthy()

    health.page_read("desk")

    found = read()
    assert value(found, "spikewatch_poll_last_success_timestamp_seconds", source="desk") == NOW.timestamp()
    assert value(found, "spikewatch_polls_total", source="desk") == 0


def test_an_incident_is_timed_when_it_opens_and_when_it_closes_and_at_no_other_change() -> None:
    health, read, _ = healthy()
    opened = incident(0, series=[SeriesKey("pay", "login")])
    resolved = replace(opened, phase=Phase.RESOLVED, resolved_at=NOW + 40 * MINUTE)
    closed = replace(resolved, phase=Phase.CLOSED, closed_at=NOW + 100 * MINUTE)

    for before, after in ((None, opened), (opened, resolved), (resolved, closed)):
        health.incident_changed(Change(before, after), now=NOW + 3 * MINUTE)

    found = read()
    assert value(found, "spikewatch_incident_detection_delay_seconds_count") == 1
    assert value(found, "spikewatch_incident_detection_delay_seconds_sum") == 180
    assert value(found, "spikewatch_incident_duration_seconds_count", severity="warning") == 1
    assert value(found, "spikewatch_incident_duration_seconds_sum", severity="warning") == 2400
    assert value(found, "spikewatch_incident_duration_seconds_count", severity="critical") == 0


def test_a_write_that_the_store_refuses_counts_as_failed_and_is_not_swallowed() -> None:
    health, read, _ = healthy()

    with health.store_write():
        pass
    with pytest.raises(Fault, match="disk"), health.store_write():
        raise Fault("the disk is full")

    found = read()
    assert value(found, "spikewatch_store_writes_total") == 2
    assert value(found, "spikewatch_store_write_failures_total") == 1
    assert value(found, "spikewatch_store_write_duration_seconds_count") == 2


def test_other_names_of_labels_are_all_that_differs_in_an_exposition() -> None:
    snapshot = replace(
        snapshot_of([("pay", "login"), ("pay", "refund")], surging=["login"]),
        incidents=(incident(1, series=[SeriesKey("pay", "login")]),),
    )
    names = LabelNames(service="desk", category="kind")

    usual = samples(text_of(FleetRenderer().render(snapshot, now=NOW)))
    named = samples(text_of(FleetRenderer(label_names=names).render(snapshot, now=NOW)))

    assert named == {
        (metric, frozenset((names.of(label), value) for label, value in labels)): number
        for (metric, labels), number in usual.items()
    }
    assert named.keys() != usual.keys()


def sizes(*, free: int | None, volume: int | None) -> StoreStats:
    return StoreStats(
        size_bytes=10, free_bytes=free, volume_bytes=volume, tickets=5, count_rows=6, oldest=NOW
    )


def test_space_that_nobody_sees_is_absent_rather_than_no_number() -> None:
    health, read, _ = healthy()

    def seen() -> list[float | None]:
        return [value(read(), f"spikewatch_store_{name}_bytes") for name in ("size", "free", "volume")]

    health.store(sizes(free=None, volume=None))
    unseen = seen()
    health.store(sizes(free=90, volume=400))

    assert unseen == [10, None, None]
    assert seen() == [10, 90, 400]


def test_series_that_a_pass_left_out_are_counted_by_reason() -> None:
    health, read, _ = healthy()

    health.unjudged({"learning": 2, "no_data": 1, "normal": 5})
    health.unjudged({"learning": 1})

    found = read()
    reasons = ("learning", "no_data", "muted")
    assert [value(found, "spikewatch_detection_skipped_total", reason=reason) for reason in reasons] == [
        3,
        1,
        0,
    ]


def test_precision_and_recall_are_absent_while_nobody_said_anything() -> None:
    health, read, _ = healthy()

    health.accuracy(Accuracy(unlabelled=2))
    nothing_said = read()
    health.accuracy(Accuracy(real=3, false_alarms=1, unlabelled=2, known=4, found=2))
    said = read()
    health.accuracy(Accuracy(unlabelled=1))
    forgotten = read()

    assert value(nothing_said, "spikewatch_incidents_precision_ratio") is None
    assert value(nothing_said, "spikewatch_incidents_labelled", label="none") == 2
    assert value(said, "spikewatch_incidents_precision_ratio") == 0.75
    assert value(said, "spikewatch_incidents_recall_ratio") == 0.5
    assert value(said, "spikewatch_incidents_labelled", label="false_alarm") == 1
    assert value(forgotten, "spikewatch_incidents_recall_ratio") is None


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_few_metrics_by_name_come_with_their_help_and_nothing_else(
    *, openmetrics: bool, gzipped: bool
) -> None:
    names = frozenset({"spikewatch_series_surging", "spikewatch_polls_total", "no_such_metric"})

    body = used_in_full().scrape("all", openmetrics=openmetrics, gzipped=gzipped, names=names)
    text = gzip.decompress(body) if gzipped else body
    families = [family for family in parsed(text, openmetrics=openmetrics) if family.samples]

    assert {sample.name for family in families for sample in family.samples} == names - {"no_such_metric"}
    assert all(family.documentation and family.type != "unknown" for family in families)
    assert text.endswith(b"# EOF\n") is openmetrics
