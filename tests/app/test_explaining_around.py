"""What stood around a series at an instant: who had silenced it, which incident a rise would belong to, and all of it."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spikewatch.app.explaining import Look, facts, look, text
from spikewatch.app.explaining.origins import Origins
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.oncall import MaintenanceSettings
from spikewatch.core.timegrid import Span
from spikewatch.ports import CycleCommit
from tests.simulated_desk import JUDGED, LOGIN, REFUND, STEP, Desk, Live, Surge, detector

TOKYO = ZoneInfo("Asia/Tokyo")
GOLDEN = Path(__file__).parent / "golden"
HOUR = timedelta(hours=1)
BURST = Surge(LOGIN, JUDGED + 2 * HOUR, tickets=25, buckets=3)
RESOLVED = JUDGED + 3 * HOUR + STEP
DEPLOY = Silence(Matcher("payments", "log*"), Span(JUDGED + 3 * HOUR, JUDGED + 4 * HOUR), "sato", "deploy")
RELEASE = MaintenanceSettings(name="release", start=JUDGED + 3 * HOUR, end=JUDGED + 5 * HOUR)


@pytest.fixture(scope="module")
def live() -> Live:
    """A desk on which the login surged at eleven, and nothing else; a deploy was silenced from noon to one."""
    return lived()


def lived() -> Live:
    simulated = Live(Desk.steady(BURST)).begin()
    simulated.live_through(JUDGED + 5 * HOUR)
    simulated.store.save_silence(DEPLOY)
    return simulated


def seen(
    live: Live,
    series: SeriesKey = LOGIN,
    *,
    at: datetime,
    windows: Sequence[MaintenanceSettings] = (),
) -> Look:
    return look(
        live.store,
        detector(),
        service=series.service,
        category=None if series.is_rollup else series.category,
        at=at,
        now=JUDGED + 5 * HOUR,
        windows=windows,
    )


def told(found: Look) -> list[str]:
    return list(text.lines(found, zone=TOKYO, origins=Origins({}), budget=1.0))


def as_facts(found: Look) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(facts.as_json(found, zone=TOKYO, origins=Origins({}), budget=1.0))
    return line


def test_a_silence_and_a_maintenance_window_are_named_with_their_end(live: Live) -> None:
    found = seen(live, at=JUDGED + 3 * HOUR + STEP, windows=[RELEASE])

    lines = [line.strip() for line in told(found) if "silenced" in line]
    alone = "nobody is told of an incident of this series alone until"
    assert lines == [
        f"silenced   silence 1 by sato: deploy; {alone} 13:00",
        f"silenced   maintenance: release; {alone} 14:00",
    ]
    assert [(each["kind"], each["number"]) for each in as_facts(found)["silences"]] == [
        ("silence", 1),
        ("maintenance", None),
    ]


@pytest.mark.parametrize(
    ("series", "hours", "count"),
    [
        (LOGIN, 3.0, 1),
        (LOGIN, 4.0, 0),  # it ends at that very instant
        (REFUND, 3.0, 0),
        (SeriesKey("payments", ALL), 3.0, 0),  # a silence of one category hides no whole service
    ],
)
def test_only_what_held_then_and_covers_the_series_is_named(
    live: Live, series: SeriesKey, hours: float, count: int
) -> None:
    assert len(seen(live, series, at=JUDGED + hours * HOUR).silences) == count


def test_a_silence_of_one_severity_says_so() -> None:
    live = lived()
    span = Span(JUDGED + 4 * HOUR, JUDGED + 5 * HOUR)
    live.store.save_silence(Silence(Matcher("payments", "*", Severity.WARNING), span, "sato", "noise"))

    lines = told(seen(live, REFUND, at=JUDGED + 4 * HOUR))

    assert any("of this series alone that is warning until 14:00" in line for line in lines)


def test_a_rise_soon_after_reopens_the_incident_until_its_cool_down_is_over(live: Live) -> None:
    (incident,) = live.store.incidents(since=JUDGED)
    assert incident.resolved_at == RESOLVED

    within, after = (seen(live, REFUND, at=RESOLVED + wait) for wait in (HOUR, HOUR + STEP))

    assert within.joining is not None
    assert (within.joining.incident.id, within.joining.until) == ("SW-1", RESOLVED + HOUR)
    assert any("a rise would reopen SW-1, as until 13:15 at the latest" in line for line in told(within))
    assert after.joining is None
    assert as_facts(after)["joining"] is None


def test_a_rise_beside_an_open_incident_joins_it(live: Live) -> None:
    found = seen(live, REFUND, at=JUDGED + 2 * HOUR + 2 * STEP)

    assert any(
        "a rise would join SW-1, which was open, and open no incident of its own" in line
        for line in told(found)
    )
    assert as_facts(found)["joining"] == {"incident": "SW-1", "reopens_until": None}


def test_before_the_incident_opened_there_was_nothing_to_join(live: Live) -> None:
    assert seen(live, REFUND, at=JUDGED + 2 * HOUR).joining is None


def test_a_series_whose_surge_goes_on_says_when_that_ends(live: Live) -> None:
    lines = told(seen(live, at=JUDGED + 3 * HOUR))

    assert any("its surge goes on until it scores below 0.7 for 30 known minutes" in line for line in lines)


def test_what_people_did_to_the_incident_stands_beside_it() -> None:
    live = lived()
    (incident,) = live.store.incidents(since=JUDGED)
    handled = replace(incident, handling=Handling(acknowledged_by="sato", acknowledged_at=RESOLVED))
    live.store.commit_cycle(CycleCommit(live.store.judge_state(), changed=[handled]))

    found = seen(live, at=RESOLVED)

    assert any("acknowledged by sato) opened 11:15" in line for line in told(found))
    assert as_facts(found)["incidents"][0]["acknowledged_by"] == "sato"


def test_the_whole_text_is_laid_out_as_agreed(live: Live) -> None:
    lines = told(seen(live, at=JUDGED + 3 * HOUR + STEP, windows=[RELEASE]))

    masked = "\n".join(re.sub(r" +", " ", re.sub(r"\d+(?:[.,]\d+)*", "#", line)) for line in lines)
    assert masked + "\n" == (GOLDEN / "explain.txt").read_text(encoding="utf-8")


def test_the_facts_hold_the_agreed_keys(live: Live) -> None:
    found = as_facts(seen(live, at=JUDGED + 3 * HOUR + STEP, windows=[RELEASE]))

    keys = "\n".join(sorted(set(_paths(found))))
    assert keys + "\n" == (GOLDEN / "explain.keys").read_text(encoding="utf-8")


def _paths(value: object, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _paths(inner, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list) and value:
        return [found for inner in value for found in _paths(inner, f"{path}[]")]
    return [path]
