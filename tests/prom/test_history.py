"""Stored counts as OpenMetrics: what Prometheus would have read then, up to where its own data begin."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.adapters.sql_store import open_store
from spikewatch.app.monitoring import HEAD, history_of
from spikewatch.config import Config
from spikewatch.core.counts import Cells, Roster, SeriesKey, Ticket
from spikewatch.core.timegrid import Grid, bucket_number
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import CycleCommit, JudgeState, Page
from spikewatch.prom.history import Past, openmetrics

STEP = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
TARGET = {"job": "spikewatch", "instance": "a:1"}
LOGIN, REFUND, PARCEL = SeriesKey("pay", "login"), SeriesKey("pay", "refund"), SeriesKey("shop", "parcel")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

Counts = dict[SeriesKey, list[int]]


def past_of(
    counts: Counts, *, totals: dict[SeriesKey, int] | None = None, lead: int = 0, after: int = 0
) -> Past:
    """A past in which each series has these counts, one a bucket from the first on; the last `after` lie behind the grid."""
    roster = Roster.of(counts)
    entries = [
        (roster.rows[key], bucket, tickets)
        for key, row in counts.items()
        for bucket, tickets in enumerate(row)
        if tickets
    ]
    row, bucket, tickets = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    length = max(len(each) for each in counts.values()) - after
    sums = {key: sum(each) for key, each in counts.items()}
    cells = Cells(roster, row, bucket, tickets, np.zeros_like(row))
    return Past(Grid(STEP, 0, length), cells, sums if totals is None else totals, lead)


def written(past: Past, *, most: int = 100, window: timedelta = QUARTER) -> str:
    return "\n".join(openmetrics(past, window=window, most=most, target=TARGET)) + "\n"


def points(text: str, name: str, **labels: str) -> dict[float, float]:
    """The values of one series by their times."""
    wanted = {**labels, **TARGET}
    return {
        float(sample.timestamp): sample.value
        for family in parse(text)  # type: ignore[no-untyped-call]  # the library's
        for sample in family.samples
        if sample.name == name and sample.labels == wanted
    }


def test_each_point_is_the_window_that_ends_there() -> None:
    text = written(past_of({LOGIN: [1, 2, 4, 8]}))

    found = points(text, "spikewatch_series_tickets", service="pay", category="login", window="15m")

    assert found == {300: 1, 600: 3, 900: 7, 1200: 14}


def test_the_lead_fills_the_first_windows_and_is_not_written_itself() -> None:
    text = written(past_of({LOGIN: [1, 2, 4, 8]}, lead=2))

    found = points(text, "spikewatch_series_tickets", service="pay", category="login", window="15m")

    assert found == {900: 7, 1200: 14}


def test_rollups_have_their_own_names_and_hold_series_that_are_left_out() -> None:
    text = written(past_of({LOGIN: [5, 0], REFUND: [1, 1], PARCEL: [2, 0]}), most=1)

    assert points(text, "spikewatch_series_tickets", service="pay", category="login", window="15m") == {
        300: 5,
        600: 5,
    }
    assert points(text, "spikewatch_series_tickets", service="pay", category="refund", window="15m") == {}
    assert points(text, "spikewatch_service_tickets", service="pay", window="15m") == {300: 6, 600: 7}
    assert points(text, "spikewatch_fleet_tickets", window="15m") == {300: 8, 600: 9}


def test_the_counter_goes_on_to_where_it_stands_now() -> None:
    past = past_of({LOGIN: [1, 2, 4, 8]}, totals={LOGIN: 115}, after=1)

    found = points(written(past), "spikewatch_tickets_total", service="pay", category="login")

    assert found == {300: 101, 600: 103, 900: 107}


def test_names_that_become_equal_once_cleaned_are_one_series() -> None:
    text = written(past_of({LOGIN: [1, 2], SeriesKey("pay", "login "): [3, 0]}))

    assert points(text, "spikewatch_series_tickets", service="pay", category="login", window="15m") == {
        300: 4,
        600: 6,
    }
    assert points(text, "spikewatch_tickets_total", service="pay", category="login") == {300: 4, 600: 6}


def test_labels_of_a_series_are_called_what_they_are_called_in_the_metrics() -> None:
    names = LabelNames(service="desk", category="kind")

    lines = "\n".join(
        openmetrics(past_of({LOGIN: [1, 2]}), window=QUARTER, most=100, target=TARGET, names=names)
    )

    text = f"{lines}\n"
    assert points(text, "spikewatch_series_tickets", desk="pay", kind="login", window="15m") == {
        300: 1,
        600: 3,
    }
    assert points(text, "spikewatch_service_tickets", desk="pay", window="15m") == {300: 1, 600: 3}
    assert points(text, "spikewatch_tickets_total", desk="pay", kind="login") == {300: 1, 600: 3}


def test_a_past_without_series_is_an_empty_exposition() -> None:
    text = written(past_of({LOGIN: [0]}), most=0)

    assert text.endswith("# EOF\n")
    assert points(text, "spikewatch_tickets_total", service="pay", category="login") == {}


@given(
    st.dictionaries(
        st.sampled_from([LOGIN, REFUND, PARCEL]),
        st.lists(st.integers(0, 9), min_size=6, max_size=6),
        min_size=1,
    )
)
def test_counters_never_fall_and_rollups_are_the_sum_of_their_parts(counts: Counts) -> None:
    text = written(past_of(counts))

    totals = [
        list(points(text, "spikewatch_tickets_total", service=key.service, category=key.category).values())
        for key in counts
    ]
    series = [
        points(text, "spikewatch_series_tickets", service=key.service, category=key.category, window="15m")
        for key in counts
    ]
    fleet = points(text, "spikewatch_fleet_tickets", window="15m")
    assert all(each == sorted(each) for each in totals)
    assert fleet == {at: sum(each[at] for each in series) for at in fleet}


# -- from a store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A store with a ticket an hour for two days, all of it judged."""
    made = Config.model_validate({"timezone": "UTC", "store": f"sqlite:///{tmp_path}/store.db"})
    store = open_store(made.store, step=made.bucket)
    tickets = [Ticket(str(hours), NOW - timedelta(hours=hours), *LOGIN, version=1) for hours in range(1, 49)]
    page = Page(tickets, cursor="1", caught_up=True, watermark=NOW)
    store.commit_page("desk", page, since=NOW - timedelta(days=3), seen_at=NOW)
    store.commit_cycle(CycleCommit(state=JudgeState(judged_until=bucket_number(NOW, made.bucket))))
    store.close()
    return made


def lines(config: Config, *, since: datetime | None = None, until: datetime | None = None) -> list[str]:
    return list(history_of(config, since=since, until=until, job="spikewatch", instance="a:1"))


def stamps(found: list[str]) -> list[datetime]:
    return [datetime.fromtimestamp(int(line.split()[-1]), UTC) for line in found if not line.startswith("#")]


def test_all_that_is_stored_is_written_but_what_prometheus_holds_itself(config: Config) -> None:
    found = stamps(lines(config))

    assert min(found) == NOW - timedelta(hours=48) + STEP
    assert max(found) == NOW - HEAD


def test_a_part_can_be_asked_for_and_never_reaches_into_the_newest_hours(config: Config) -> None:
    found = stamps(lines(config, since=NOW - timedelta(hours=9), until=NOW))

    assert (min(found), max(found)) == (NOW - timedelta(hours=9) + STEP, NOW - HEAD)


def test_a_span_without_anything_is_a_mistake_that_says_why(config: Config) -> None:
    with pytest.raises(Mistake, match="newest three hours"):
        lines(config, since=NOW - timedelta(hours=1))


def test_a_store_in_which_nothing_was_judged_says_what_to_do(tmp_path: Path) -> None:
    config = Config.model_validate({"timezone": "UTC", "store": f"sqlite:///{tmp_path}/empty.db"})
    open_store(config.store, step=config.bucket).close()

    with pytest.raises(Fault, match="spikewatch run"):
        lines(config)


def test_promtool_makes_blocks_of_it(config: Config, tmp_path: Path, promtool: str) -> None:
    file = tmp_path / "history.om"
    file.write_text("\n".join(lines(config)) + "\n", "utf-8")

    made = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", str(file), str(tmp_path / "blocks")],
        check=False,
        capture_output=True,
        text=True,
    )

    assert made.returncode == 0, made.stderr
    assert list((tmp_path / "blocks").iterdir())
