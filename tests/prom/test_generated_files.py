"""The generated files under config/: they are what the commands write now, and the tools that read them accept them."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from spikewatch.adapters.prometheus.catalogue import METRICS
from spikewatch.cli.frame import command_line
from spikewatch.prom.files import dashboard_files, rules_files, scrape_files
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.reference import metrics_page
from spikewatch.prom.rules import Flavor, all_alerts
from tests.servers import require

CONFIG = Path(__file__).parents[2] / "config"
USUAL = Monitored()


def expected() -> dict[Path, str]:
    """Every generated file of the repository, with what it has to hold."""
    files = {CONFIG / "metrics.md": metrics_page()}
    for flavor in Flavor:
        made = rules_files(USUAL, flavor=flavor) | scrape_files(USUAL, flavor=flavor)
        files |= {CONFIG / "prometheus" / name: text for name, text in made.items()}
    return files | {CONFIG / "grafana" / name: text for name, text in dashboard_files(USUAL).items()}


def checked(*command: str) -> str:
    """What a tool says of a file that it accepts."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(text))


@pytest.mark.parametrize("path", expected(), ids=lambda path: str(path.relative_to(CONFIG)))
def test_a_generated_file_is_what_its_command_writes_now(path: Path) -> None:
    assert path.read_text("utf-8") == expected()[path], "write it anew with the command of `spikewatch prom`"


def test_no_file_stands_beside_the_generated_ones() -> None:
    found = {
        path
        for folder in ("prometheus", "grafana")
        for path in (CONFIG / folder).rglob("*")
        if path.is_file()
    }

    assert found <= expected().keys()


@pytest.mark.parametrize("flavor", [Flavor.PROMETHEUS, Flavor.VMALERT])
def test_promtool_accepts_the_rules(flavor: Flavor, promtool: str) -> None:
    name = next(iter(rules_files(USUAL, flavor=flavor)))

    assert "SUCCESS" in checked(
        promtool, "check", "rules", "--lint=all", "--lint-fatal", str(CONFIG / "prometheus" / name)
    )


def test_promtool_accepts_the_configuration_of_prometheus(promtool: str) -> None:
    assert "SUCCESS" in checked(promtool, "check", "config", str(CONFIG / "prometheus/prometheus.yaml"))


def test_amtool_accepts_the_example_and_it_routes_by_severity() -> None:
    amtool, file = str(require("alertmanager", "amtool")), str(CONFIG / "prometheus/alertmanager.yaml")

    def routed(severity: str) -> str:
        return checked(
            amtool, "config", "routes", "test", f"--config.file={file}", f"severity={severity}"
        ).strip()

    assert "SUCCESS" in checked(amtool, "check-config", file)
    assert {alert.urgency.value: routed(alert.urgency.value) for alert in all_alerts(USUAL)} == {
        "critical": "on-call",
        "warning": "chat",
        "info": "nobody",
        "none": "dead-mans-switch",
    }


def test_every_alert_that_is_held_back_or_holds_back_exists() -> None:
    named = set(
        re.findall(r"Spikewatch[A-Z]\w+", (CONFIG / "prometheus/alertmanager.yaml").read_text("utf-8"))
    )

    assert named <= {alert.name for alert in all_alerts(USUAL)}


def test_every_alert_links_to_a_runbook_that_is_there() -> None:
    page = (CONFIG / "prometheus/runbooks.md").read_text("utf-8")
    anchors = {heading.lower() for heading in re.findall(r"^## (\w+)$", page, re.MULTILINE)}
    text = rules_files(Monitored(runbooks="https://wiki.example.com/spikewatch"), flavor=Flavor.PROMETHEUS)

    groups = loaded(next(iter(text.values())))["groups"]
    links = [
        rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"] if "alert" in rule
    ]

    assert {link.partition("#")[0] for link in links} == {"https://wiki.example.com/spikewatch"}
    assert {link.partition("#")[2] for link in links} == anchors


def commands_in_runbooks() -> list[str]:
    """What the page tells people to type; `[X]` may be left out."""
    page = (CONFIG / "prometheus/runbooks.md").read_text("utf-8")
    found = dict.fromkeys(re.findall(r"`spikewatch ([^`]*)`", page))
    return [command for command in found if " --" in command]


@pytest.mark.parametrize("command", commands_in_runbooks())
@pytest.mark.parametrize("shorter", [False, True])
def test_every_command_in_a_runbook_can_be_typed_as_it_stands(command: str, *, shorter: bool) -> None:
    words = shlex.split(re.sub(r" \[\w+\]" if shorter else r"[\[\]]", "", command))

    said = command_line().parse_args(words)

    assert callable(said.call)
    assert str(said.config) == "F"


def test_every_metric_that_a_runbook_names_exists() -> None:
    page = (CONFIG / "prometheus/runbooks.md").read_text("utf-8")

    named = set(re.findall(r"`(spikewatch_\w+)`", page))

    assert "spikewatch_series_limit" in named
    assert named <= METRICS.keys()


def test_vmalert_gets_no_keyword_that_it_refuses() -> None:
    made = next(iter(rules_files(USUAL, flavor=Flavor.VMALERT).values()))

    assert "keep_firing_for" not in made
    assert "keep_firing_for" in next(iter(rules_files(USUAL, flavor=Flavor.PROMETHEUS).values()))


def test_the_operator_gets_the_same_groups_in_a_resource() -> None:
    resource = loaded(next(iter(rules_files(USUAL, flavor=Flavor.PROMETHEUSRULE).values())))
    plain = loaded(next(iter(rules_files(USUAL, flavor=Flavor.PROMETHEUS).values())))

    assert (resource["kind"], resource["spec"]["groups"]) == ("PrometheusRule", plain["groups"])


def test_many_series_are_scraped_apart_from_health() -> None:
    few = loaded(scrape_files(Monitored(max_series=2000), flavor=Flavor.PROMETHEUS)["scrape.yaml"])
    many = loaded(scrape_files(Monitored(max_series=10_000), flavor=Flavor.PROMETHEUS)["scrape.yaml"])

    def endpoints(made: dict[str, Any]) -> list[tuple[str, str]]:
        return [(one["job_name"], one["metrics_path"]) for one in made["scrape_configs"]]

    assert endpoints(few) == [("spikewatch", "/metrics")]
    assert endpoints(many) == [("spikewatch", "/metrics/health"), ("spikewatch-series", "/metrics/series")]
    assert many["scrape_configs"][1]["sample_limit"] > 10_000 * 6


def test_the_dashboards_are_json_and_grafana_is_told_where_they_lie() -> None:
    made = dashboard_files(USUAL)
    provisioning = loaded(made["provisioning/dashboards/spikewatch.yaml"])

    assert provisioning["providers"][0]["type"] == "file"
    assert [json.loads(text)["uid"] for name, text in made.items() if name.endswith(".json")] == [
        "spikewatch-overview",
        "spikewatch-service",
        "spikewatch-health",
    ]
