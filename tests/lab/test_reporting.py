"""Tables and lines: incidents, series with their labels, the budget, and what two replays differ in."""

import json
from zoneinfo import ZoneInfo

from spikewatch.lab import reporting
from spikewatch.lab.comparing import Shift, compare
from tests.lab.pages.reviews import LABELS, RECORDING, of, seen, strict

TOKYO = ZoneInfo("Asia/Tokyo")


def test_the_table_shows_each_series_that_alerted_its_labels_and_the_budget() -> None:
    replayed, _ = seen()

    lines = [*reporting.table(replayed, of(replayed, RECORDING, LABELS), zone=TOKYO)]

    text = "\n".join(lines)
    assert sum("RP-" in line for line in lines) == len(replayed.incidents)
    assert "right   expected   wrong   unlabelled" in text
    assert "1 labelled incidents without an alert" in text
    assert lines[-2].startswith("budget: 1 false alarms a week")
    assert lines[-1].startswith(f"{len(replayed.incidents)} incidents in 0.2 weeks")


def test_without_labels_each_incident_counts() -> None:
    replayed, _ = seen()

    lines = [*reporting.table(replayed, of(replayed, RECORDING, ()), zone=TOKYO)]

    assert f"{len(replayed.incidents)} spent (no labels, so each counts)" in lines[-2]
    assert not any("unlabelled" in line for line in lines)


def test_an_incident_of_either_side_is_one_line() -> None:
    comparison = compare(seen()[0], seen(strict())[0])

    lines = [json.loads(line) for line in reporting.diff_json_lines(comparison, zone=TOKYO)]

    assert [line["change"] for line in lines] == [pair.shift.value for pair in comparison.pairs]
    lost = next(line for line in lines if line["change"] == "lost")
    assert (lost["after"], lost["delay_minutes"]) == (None, None)
    assert lost["before"]["incident"].startswith("RP-")


def test_the_table_of_a_difference_ends_with_what_it_comes_to() -> None:
    before, after = seen()[0], seen(strict())[0]
    comparison = compare(before, after)
    sides = (of(before, RECORDING, ()), of(after, RECORDING, ()))

    lines = [*reporting.diff_table(comparison, sides, names=("old.yaml", "new.yaml"), zone=TOKYO)]

    assert lines[0] == "A = old.yaml, B = new.yaml"
    assert lines[-1].startswith(f"{comparison.whole.before} -> {comparison.whole.after} incidents")
    assert f"{comparison.count(Shift.LOST)} lost" in lines[-1]
    assert [line[:10] for line in lines[-3:-1]] == ["A: budget:", "B: budget:"]
