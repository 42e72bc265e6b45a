"""Every alert by promtool: it fires, not just below, survives a gap, and is over in the end.

Every threshold is moved as well, to see that these tests can fail.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from spikewatch.prom.monitored import Monitored, Thresholds
from spikewatch.prom.rules import all_alerts, rules

CASES = Path(__file__).with_name("alerts.test.yaml")
USUAL = Thresholds()
SHARES = {"learning_after"}
"""Durations that are moved by a tenth, as shares are: the tests know them more exactly than by half."""


@cache
def cases() -> Mapping[str, Any]:
    return dict(YAML(typ="safe").load(CASES))


def moved(name: str) -> Iterator[tuple[str, Thresholds]]:
    """A threshold a little lower, and a little higher."""
    usual = getattr(USUAL, name)
    for direction, by in (("lower", -1), ("higher", 1)):
        match usual:
            case int():
                value: Any = usual + by
            case timedelta() if name not in SHARES:
                value = usual * 2.0**by
            case _:
                value = usual * (1 + by * 0.1)
        yield f"{name}-{direction}", replace(USUAL, **{name: value})


def alerts_by_name(thresholds: Thresholds) -> dict[str, Any]:
    groups: Any = rules(Monitored(thresholds=thresholds))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def touched_by(thresholds: Thresholds) -> set[str]:
    """The alerts that differ from the usual ones."""
    usual = alerts_by_name(USUAL)
    return {name for name, rule in alerts_by_name(thresholds).items() if rule != usual[name]}


def written(folder: Path, name: str, thresholds: Thresholds, *, of: set[str] | None = None) -> Path:
    """The rules of these thresholds, and the tests beside them; those of some alerts alone, or all."""
    rules_file, tests_file = folder / f"{name}.rules.yaml", folder / f"{name}.test.yaml"
    rules_file.write_text(json.dumps(rules(Monitored(thresholds=thresholds))), "utf-8")
    chosen = [each for each in cases()["tests"] if of is None or each["name"].split()[0] in of]
    tests_file.write_text(json.dumps({**cases(), "rule_files": [rules_file.name], "tests": chosen}), "utf-8")
    return tests_file


def verdicts(promtool: str, files: list[Path]) -> tuple[Mapping[str, bool], str]:
    """Whether the tests of each file hold, and what promtool says of those that do not."""
    done = subprocess.run(
        [promtool, "test", "rules", *map(str, files)],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    said = done.stdout.split("Unit Testing:")[1:]
    assert len(said) == len(files), done.stderr
    return {path.name: "SUCCESS" in part for path, part in zip(files, said, strict=True)}, done.stderr


def test_every_alert_has_a_test_that_it_fires_and_one_that_it_does_not() -> None:
    alerts = {alert.name for alert in all_alerts(Monitored())}
    checks = [check for each in cases()["tests"] for check in each["alert_rule_test"]]

    fires = {check["alertname"] for check in checks if check["exp_alerts"]}
    silent = {check["alertname"] for check in checks if not check["exp_alerts"]}

    assert fires == alerts
    assert silent == alerts - {"SpikewatchWatchdog"}


def test_every_alert_behaves_as_its_tests_say(tmp_path: Path, promtool: str) -> None:
    file = written(tmp_path, "usual", USUAL)

    holds, failures = verdicts(promtool, [file])

    assert holds == {file.name: True}, failures


def test_every_threshold_that_is_moved_fails_a_test(tmp_path: Path, promtool: str) -> None:
    mutants = [mutant for each in fields(Thresholds) for mutant in moved(each.name)]
    files = [written(tmp_path, name, mutant, of=touched_by(mutant)) for name, mutant in mutants]

    holds, _ = verdicts(promtool, files)

    assert [name for name, unnoticed in holds.items() if unnoticed] == []


@pytest.mark.parametrize("name", [each.name for each in fields(Thresholds)])
def test_every_threshold_belongs_to_an_alert(name: str) -> None:
    assert all(touched_by(thresholds) for _, thresholds in moved(name))
