"""`spikewatch prom`: what it writes where, and how the configuration in force shows in it."""

import json
import re
import subprocess
from base64 import b64encode
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from spikewatch.adapters.http.guarding import Guard
from spikewatch.adapters.http.settings import TAKEN_LABELS
from spikewatch.adapters.prometheus.catalogue import CATALOGUE, LabelNames
from spikewatch.app.monitoring import monitored_of
from spikewatch.cli import main
from spikewatch.config import Config
from spikewatch.prom import surges
from spikewatch.prom.access import Access
from spikewatch.prom.dashboards import boards
from spikewatch.prom.files import dashboard_files, rules_files, scrape_files
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.rules import Flavor, all_alerts
from tests.prom.promql import grouped_by, selectors
from tests.servers import require


def config_of(**settings: object) -> Config:
    return Config.model_validate({"timezone": "Asia/Tokyo", **settings})


def printed(*argv: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["prom", *argv]) == 0
    return capsys.readouterr().out


def loaded(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(text))


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with many series, an hourly window first, and a port of its own."""
    file = tmp_path / "watch.yaml"
    file.write_text(
        "timezone: Asia/Tokyo\nbucket: 10m\npoll: {every: 5m}\n"
        'metrics: {listen: "0.0.0.0:9999", windows: [1h], max_series: 9000, stale_after: 20m}\n',
        "utf-8",
    )
    return str(file)


@pytest.mark.parametrize("what", ["rules", "scrape"])
def test_without_a_folder_the_main_file_is_printed(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(what, capsys=capsys)

    assert list(loaded(out)) == [{"rules": "groups", "scrape": "scrape_configs"}[what]]


def test_without_a_folder_the_dashboards_are_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    boards = json.loads(printed("dashboards", capsys=capsys))

    assert [board["title"] for board in boards] == [
        "spikewatch / Overview",
        "spikewatch / Service",
        "spikewatch / Health",
    ]


def test_a_folder_is_made_and_every_file_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "grafana"

    named = printed("dashboards", "--out", str(folder), capsys=capsys).split()

    assert {Path(name) for name in named} == {path for path in folder.rglob("*") if path.is_file()}
    assert len(named) == 5


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    status = main(["prom", "rules", "--out", str(tmp_path / "file" / "below")])

    assert status == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_configuration_in_force_decides_what_is_generated(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = printed("rules", "--config", config, capsys=capsys)
    scraped = loaded(printed("scrape", "--config", config, capsys=capsys))
    boards = json.loads(printed("dashboards", "--config", config, capsys=capsys))

    windows = [one for one in boards[0]["templating"]["list"] if one["name"] == "window"]
    assert 'window="1h"' in rules
    assert "spikewatch_window_end_timestamp_seconds) > 1800" in rules
    assert [one["job_name"] for one in scraped["scrape_configs"]] == ["spikewatch", "spikewatch-series"]
    assert scraped["scrape_configs"][0]["static_configs"] == [{"targets": ["127.0.0.1:9999"]}]
    assert windows[0]["current"]["value"] == "1h"


def test_the_job_stands_in_rules_and_scrape(capsys: pytest.CaptureFixture[str]) -> None:
    rules = printed("rules", "--job", "desk", capsys=capsys)
    scraped = loaded(printed("scrape", "--job", "desk", "--address", "watch.internal:9463", capsys=capsys))

    assert 'absent(up{job="desk"})' in rules
    assert 'job="spikewatch"' not in rules
    assert scraped["scrape_configs"][0]["job_name"] == "desk"
    assert scraped["scrape_configs"][0]["static_configs"] == [{"targets": ["watch.internal:9463"]}]


def test_whoever_is_paged_in_slack_leaves_the_alerts_on_surges_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = printed("rules", capsys=capsys)
    health = printed("rules", "--health-only", capsys=capsys)

    def alerts(text: str) -> set[str]:
        return {
            rule["alert"] for group in loaded(text)["groups"] for rule in group["rules"] if "alert" in rule
        }

    assert alerts(whole) - alerts(health) == {
        "SpikewatchTicketSurge",
        "SpikewatchServiceSurge",
        "SpikewatchCompanySurge",
    }
    assert "service:spikewatch_series_surging:sum" in health


def test_the_reference_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed("metrics", capsys=capsys)
    printed("metrics", "--out", str(tmp_path / "metrics.md"), capsys=capsys)

    assert "| `spikewatch_series_score` | gauge |" in shown
    assert (tmp_path / "metrics.md").read_text("utf-8") == shown


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("0.0.0.0:9463", "127.0.0.1:9463"),
        ("10.0.0.7:9000", "10.0.0.7:9000"),
        ("127.0.0.1:0", "127.0.0.1:9463"),
        ("[::]:9463", "127.0.0.1:9463"),
        ("[::1]:9463", "[::1]:9463"),
    ],
)
def test_prometheus_reads_where_the_daemon_listens(listen: str, address: str) -> None:
    monitored = monitored_of(config_of(metrics={"listen": listen}), job="spikewatch", runbooks="runbooks.md")

    assert monitored.address == address


def test_the_file_of_defaults_says_what_the_defaults_of_the_configuration_say() -> None:
    by_default = monitored_of(None, job="spikewatch", runbooks="runbooks.md")

    assert monitored_of(config_of(), job="spikewatch", runbooks="runbooks.md") == by_default


def test_data_count_as_behind_later_where_polls_are_rare() -> None:
    monitored = monitored_of(config_of(poll={"every": "1h"}), job="spikewatch", runbooks="runbooks.md")

    assert monitored.thresholds.behind.total_seconds() == (3 * 60 + 5) * 60


def test_history_whose_ends_are_swapped_is_a_mistake(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    span = ("--since", "2026-11-02", "--until", "2026-11-01")

    status = main(["prom", "backfill", "--config", config, *span])

    assert status == 2
    assert "--since is not before --until" in capsys.readouterr().err


def test_the_hash_of_a_password_is_one_that_the_server_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("correct horse\n"))

    guard = Guard(user="prometheus", password_hash=printed("password", capsys=capsys))

    assert guard.admits("Basic " + b64encode(b"prometheus:correct horse").decode())


def test_an_empty_password_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("\n"))

    assert main(["prom", "password"]) == 2
    assert "an empty password keeps nobody out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("metrics", "env", "way"),
    [
        (
            "tls: {cert_file: a.crt, key_file: a.key}, password_hash_file: hash, user: reader",
            {},
            {
                "scheme": "https",
                "tls_config": {"ca_file": "/etc/prometheus/spikewatch/ca.crt"},
                "basic_auth": {
                    "username": "reader",
                    "password_file": "/etc/prometheus/spikewatch/password",
                },
            },
        ),
        (
            "tls: {cert_file: a.crt, key_file: a.key, client_ca_file: ca.crt}, bearer_token_file: token",
            {},
            {
                "scheme": "https",
                "tls_config": {
                    "ca_file": "/etc/prometheus/spikewatch/ca.crt",
                    "cert_file": "/etc/prometheus/spikewatch/tls.crt",
                    "key_file": "/etc/prometheus/spikewatch/tls.key",
                },
                "authorization": {"credentials_file": "/etc/prometheus/spikewatch/token"},
            },
        ),
        (
            "max_series: 9000",
            {"SPIKEWATCH_METRICS_PASSWORD_HASH": "x"},
            {
                "basic_auth": {
                    "username": "prometheus",
                    "password_file": "/etc/prometheus/spikewatch/password",
                }
            },
        ),
        (
            "max_series: 9000",
            {"SPIKEWATCH_METRICS_BEARER_TOKEN": "x"},
            {"authorization": {"credentials_file": "/etc/prometheus/spikewatch/token"}},
        ),
        ("max_series: 9000", {}, {}),
    ],
    ids=["password over TLS", "certificate and token", "password of the environment", "token of it", "open"],
)
def test_the_scrape_brings_what_the_port_asks_for(
    metrics: str,
    env: dict[str, str],
    way: dict[str, Any],
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "watch.yaml"
    file.write_text(f"timezone: Asia/Tokyo\nmetrics: {{{metrics}}}\n", "utf-8")

    jobs = loaded(printed("scrape", "--config", str(file), capsys=capsys))["scrape_configs"]

    asked = ("scheme", "tls_config", "basic_auth", "authorization")
    assert [{key: job[key] for key in asked if key in job} for job in jobs] == [way] * len(jobs)


def test_the_operator_takes_what_the_port_asks_for_from_a_secret() -> None:
    access = Access(is_encrypted=True, asks_for_certificate=True, user="prometheus")

    (text,) = scrape_files(Monitored(access=access), flavor=Flavor.PROMETHEUSRULE).values()

    endpoint = loaded(text)["spec"]["endpoints"][0]
    assert "The secret spikewatch-metrics is yours to make" in text
    assert (endpoint["scheme"], endpoint["tlsConfig"]["keySecret"]["key"]) == ("https", "tls.key")
    assert endpoint["tlsConfig"]["ca"] == {"secret": {"name": "spikewatch-metrics", "key": "ca.crt"}}
    assert endpoint["basicAuth"]["password"] == {"name": "spikewatch-metrics", "key": "password"}


def test_promtool_accepts_the_scrape_of_a_closed_port(tmp_path: Path) -> None:
    promtool = require("prometheus", "promtool")
    access = Access(is_encrypted=True, asks_for_certificate=True, takes_token=True)
    file = tmp_path / "prometheus.yaml"
    made = scrape_files(Monitored(access=access), flavor=Flavor.PROMETHEUS)
    file.write_text(made["prometheus.yaml"], "utf-8")

    done = subprocess.run(
        [promtool, "check", "config", "--syntax-only", file], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


NAMED = LabelNames(service="desk_service", category="desk_category")


def all_files(monitored: Monitored) -> dict[str, str]:
    """Every generated file of every flavour, by its name."""
    made = dashboard_files(monitored)
    for flavor in Flavor:
        made |= rules_files(monitored, flavor=flavor) | scrape_files(monitored, flavor=flavor)
    return made


def test_other_names_of_labels_are_all_that_differs_in_what_is_written() -> None:
    usual, named = all_files(Monitored()), all_files(Monitored(labels=NAMED))

    named_back = {
        name: text.replace("desk_service", "service").replace("desk_category", "category")
        for name, text in named.items()
    }

    assert named_back == usual


def test_nothing_that_is_written_asks_for_the_usual_names_of_labels_once_they_have_others() -> None:
    monitored = Monitored(labels=NAMED)
    queries = [
        *(alert.expr for alert in all_alerts(monitored)),
        *(recording.expr for recording in surges.recordings(monitored)),
        *(query.expr for board in boards(monitored) for panel in board.panels for query in panel.queries),
    ]
    written = "\n".join(all_files(monitored).values())

    asked = {label for expr in queries for _, labels in selectors(expr) for label in labels}
    asked |= {label for expr in queries for label in grouped_by(expr)}

    assert {"desk_service", "desk_category"} < asked
    assert not {"service", "category"} & asked
    assert (
        re.findall(r"\$labels\.(?:service|category)\b|{{(?:service|category)}}|exported_service", written)
        == []
    )
    assert re.findall(r"label_values\(.*, (?:service|category)\)", written) == []
    assert re.findall(r"(?m)^ *- (?:service|category)$", written) == []


def test_the_names_of_labels_in_force_stand_in_what_is_written() -> None:
    config = config_of(metrics={"label_names": {"service": "desk_service", "category": "desk_category"}})

    assert monitored_of(config, job="spikewatch", runbooks="runbooks.md").labels == NAMED


def test_no_label_beside_those_of_a_series_may_be_called_like_them() -> None:
    of_series = {"service", "category"}
    beside = {label for metric in CATALOGUE if of_series & set(metric.labels) for label in metric.labels}

    assert beside - of_series <= TAKEN_LABELS
