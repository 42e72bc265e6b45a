"""Dashboards by the rules of Grafana's dashboard linter, and against the metrics that there are."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spikewatch.adapters.prometheus.catalogue import CATALOGUE, Part
from spikewatch.prom.dashboards import boards
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.rules import rules
from tests.prom.promql import counters_outside_rates, grouped_by, unknowns

BOARDS: list[Any] = [json.loads(json.dumps(board.node())) for board in boards(Monitored())]
PANELS: list[Any] = [panel for board in BOARDS for panel in board["panels"]]
each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["uid"])
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def filled(expr: str) -> str:
    """A panel's query as Prometheus gets it."""
    for name, value in (("$__rate_interval", "2m"), ("$__range", "1h")):
        expr = expr.replace(name, value)
    return re.sub(r"\$\w+", ".+", expr)


def queries(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def recorded() -> Iterator[Any]:
    groups: Any = rules(Monitored())["groups"]
    return itertools.chain.from_iterable(group["rules"] for group in groups)


@each_board
def test_a_dashboard_can_be_found_linked_and_provisioned(board: dict[str, Any]) -> None:
    assert board["uid"].startswith("spikewatch-")
    assert board["tags"] == ["spikewatch"]
    assert not board["editable"]
    assert board["refresh"] == "1m"
    assert board["links"][0]["keepTime"]
    assert board["links"][0]["includeVars"]


@each_board
def test_a_dashboard_lets_choose_data_source_and_job(board: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["datasource"]["label"] == "Data source"
    assert variables["job"]["multi"]
    assert variables["job"]["allValue"] == ".+"
    assert [name for name, one in variables.items() if one["type"] == "query" and one["refresh"] != 2] == []


@each_board
def test_a_dashboard_asks_for_metrics_and_labels_that_there_are(board: dict[str, Any]) -> None:
    asked = [
        variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"
    ]
    asked += [annotation["expr"] for annotation in board["annotations"]["list"]]

    assert [unknown for each in asked for unknown in unknowns(each)] == []


@each_board
def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@each_panel
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "$datasource"}


@each_panel
def test_a_panel_asks_the_chosen_job_and_counts_by_rates_of_the_chosen_resolution(
    panel: dict[str, Any],
) -> None:
    for expr in queries(panel):
        assert 'job=~"$job"' in expr
        assert counters_outside_rates(expr) == []
        assert set(re.findall(r"(?:rate|increase)\([^[]*\[([^]]*)\]", expr)) <= {
            "$__rate_interval",
            "$__range",
        }
        assert unknowns(expr) == []


@each_panel
def test_a_panel_counts_two_daemons_on_one_desk_once(panel: dict[str, Any]) -> None:
    of_the_desk = "|".join(metric.name for metric in CATALOGUE if metric.part is Part.SERIES)

    twice = [
        expr
        for expr in queries(panel)
        if re.search(rf"sum[^(]*\((?:rate\(|increase\()?(?:{of_the_desk})\b", expr)
    ]

    assert twice == []


@each_panel
def test_a_unit_of_time_is_for_the_column_of_times_alone(panel: dict[str, Any]) -> None:
    of_all_columns = panel["fieldConfig"]["defaults"]["unit"]

    # Grafana reads names as dates where a date is the unit of all columns: SW-7 would be shown as the 7th of a month.
    assert panel["type"] != "table" or not of_all_columns.startswith("dateTime")


@each_panel
def test_what_every_target_has_is_asked_of_our_own_targets(panel: dict[str, Any]) -> None:
    of_everybody = r"(?<!\w)(?:up|process_\w+|scrape_\w+)\{"

    strange = [
        expr
        for expr in queries(panel)
        if re.search(of_everybody, expr) and "and on (cluster, instance)" not in expr
    ]

    assert strange == []


@each_panel
def test_rates_of_rare_events_are_not_drawn_finer_than_the_events_come(panel: dict[str, Any]) -> None:
    has_rates = any("$__rate_interval" in expr for expr in queries(panel))

    assert panel.get("interval") == ("10m" if has_rates else None)


@each_panel
def test_lines_have_colours_of_their_own(panel: dict[str, Any]) -> None:
    if panel["type"] == "timeseries":
        assert panel["fieldConfig"]["defaults"]["color"]["mode"] == "palette-classic"


@each_panel
def test_a_panel_over_windows_looks_at_one(panel: dict[str, Any]) -> None:
    for expr in queries(panel):
        for selector in re.findall(
            r"spikewatch_(?:series|service|fleet)_(?:tickets\w*|score)\{[^}]*\}", expr
        ):
            assert 'window="$window"' in selector


@each_panel
def test_looks_that_go_by_a_name_find_it(panel: dict[str, Any]) -> None:
    legends = {target["legendFormat"] for target in panel["targets"]}
    grouped = set().union(*(grouped_by(target["expr"]) for target in panel["targets"]))

    named = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}

    columns = [each["options"].get("renameByName", {}).values() for each in panel.get("transformations", ())]

    assert named <= legends.union(grouped, *columns)


def test_rules_ask_for_metrics_and_labels_that_there_are() -> None:
    names = {rule["record"] for rule in recorded() if "record" in rule}

    found = {
        rule.get("alert") or rule["record"]: unknowns(rule["expr"])
        for rule in recorded()
        if not any(name in rule["expr"] for name in names)
    }

    assert {name: unknown for name, unknown in found.items() if unknown} == {}


def test_promtool_understands_every_query(tmp_path: Path, promtool: str) -> None:
    asked = [filled(expr) for panel in PANELS for expr in queries(panel)]
    asked += [filled(annotation["expr"]) for board in BOARDS for annotation in board["annotations"]["list"]]
    file = tmp_path / "queries.json"
    members = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(asked)]
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": members}]}), "utf-8")

    done = subprocess.run(
        [promtool, "check", "rules", str(file)], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
