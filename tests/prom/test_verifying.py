"""The questions to a Prometheus: what each answer comes to, and what is said where there is none."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.app.monitoring import verified
from spikewatch.cli import main
from spikewatch.errors import Fault, Mistake
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.rules import all_alerts, rules


def loaded_rules() -> list[dict[str, str]]:
    groups: Any = rules(Monitored())["groups"]
    members = [rule for group in groups for rule in group["rules"]]
    return [{"name": rule.get("alert") or rule["record"], "health": "ok"} for rule in members]


@dataclass
class Answers:
    """What the Prometheus of a test answers: by page, and for queries by a word in them."""

    url: str
    status: int = 200
    authorization: str | None = None
    targets: list[Mapping[str, Any]] = field(default_factory=list)
    rules: list[dict[str, str]] = field(default_factory=loaded_rules)
    queries: dict[str, float] = field(default_factory=dict)

    def to(self, path: str) -> object:
        """Return the data of an answer."""
        parts = urlsplit(path)
        match parts.path.rpartition("/")[2]:
            case "targets":
                return {"activeTargets": self.targets}
            case "rules":
                return {"groups": [{"rules": self.rules}]}
            case _:
                asked = parse_qs(parts.query)["query"][0]
                found = [value for word, value in self.queries.items() if word in asked]
                labels = {"job": "spikewatch", "source": "desk"}
                return {"result": [{"metric": labels, "value": [0, str(value)]} for value in found]}


def target(job: str = "spikewatch", *, health: str = "up", error: str = "") -> dict[str, Any]:
    return {"labels": {"job": job}, "scrapeUrl": "http://a:1/metrics", "health": health, "lastError": error}


@pytest.fixture
def server() -> Iterator[Answers]:
    """A Prometheus that sees us well."""
    answers = Answers(
        "", targets=[target()], queries={"window_end": 60.0, "scrape_samples": 0.0, "hidden": 0.0}
    )

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.authorization = self.headers["Authorization"]
            self.send_response(answers.status)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "success", "data": answers.to(self.path)}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    answers.url = f"http://127.0.0.1:{httpd.server_port}/"
    yield answers
    httpd.shutdown()
    httpd.server_close()
    thread.join(timeout=5)


def bad(server: Answers, *, job: str = "spikewatch") -> dict[str, str]:
    """What is not well, by the check that found it."""
    findings = verified(server.url, Monitored(job=job))
    return {finding.check: finding.line for finding in findings if not finding.is_good}


def test_all_is_well_and_the_command_says_so(server: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["prom", "verify", "--url", server.url])

    shown = capsys.readouterr().out.splitlines()
    assert status == 0
    assert len(shown) == 6
    assert all(line.startswith("ok   ") for line in shown)


def test_a_bad_finding_ends_the_command_with_a_gate_not_met(
    server: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    server.targets = []

    status = main(["prom", "verify", "--url", server.url])

    assert status == 3
    assert (
        "BAD  up: no target of the job spikewatch; add what `spikewatch prom scrape` prints"
        in capsys.readouterr().out
    )


def test_a_target_that_is_down_is_named_with_its_error(server: Answers) -> None:
    server.targets = [target(), target("spikewatch-series", health="down", error="sample limit exceeded")]

    assert "http://a:1/metrics: sample limit exceeded" in bad(server)["up"]


def test_a_target_of_another_job_is_none_of_ours(server: Answers) -> None:
    server.targets = [target("node")]

    assert "no target of the job spikewatch" in bad(server)["up"]
    assert "up" not in bad(server, job="node")


def test_a_label_clash_is_found(server: Answers) -> None:
    server.queries["exported_service"] = 5

    assert list(bad(server)) == ["label clash"]


@pytest.mark.parametrize(("age", "found"), [(900, []), (901, ["fresh"])])
def test_data_that_are_too_old_are_found(server: Answers, age: float, found: list[str]) -> None:
    server.queries["window_end"] = age

    assert list(bad(server)) == found


def test_nothing_judged_yet_is_said(server: Answers) -> None:
    del server.queries["window_end"]

    assert "nothing was judged yet" in bad(server)["fresh"]


def test_rules_that_are_not_loaded_are_counted(server: Answers) -> None:
    server.rules = [
        rule for rule in loaded_rules() if rule["name"] not in {"SpikewatchDown", "SpikewatchSourceStale"}
    ]

    assert "2 not loaded (SpikewatchDown, SpikewatchSourceStale)" in bad(server)["rules"]


def test_alerts_on_surges_are_not_missed_where_they_are_not_wanted(server: Answers) -> None:
    server.rules = [rule for rule in loaded_rules() if not rule["name"].endswith("Surge")]

    assert "3 not loaded" in bad(server)["rules"]
    assert main(["prom", "verify", "--url", server.url, "--health-only"]) == 0


def test_no_rules_at_all_are_told_in_a_few_words(server: Answers) -> None:
    server.rules = []

    said = bad(server)["rules"]

    assert f"{len(all_alerts(Monitored()))} not loaded" in said
    assert "..." in said


def test_a_rule_that_fails_is_named_with_its_error(server: Answers) -> None:
    server.rules = [
        *loaded_rules()[1:],
        {**loaded_rules()[0], "health": "err", "lastError": "many-to-many matching"},
    ]

    assert "service:spikewatch_series_tickets:sum: many-to-many matching" in bad(server)["rules"]


@pytest.mark.parametrize(
    ("word", "check"), [("scrape_samples", "dropped series"), ("hidden", "hidden series")]
)
def test_what_is_dropped_or_hidden_is_found(server: Answers, word: str, check: str) -> None:
    server.queries[word] = 12

    assert "12" in bad(server)[check]


def test_a_server_that_fails_is_a_fault_that_says_what_to_check(server: Answers) -> None:
    server.status = 503

    with pytest.raises(Fault, match=r"no answer of a Prometheus .*503.*check the address"):
        verified(server.url, Monitored())


def test_a_password_in_the_address_is_used_and_never_shown(server: Answers) -> None:
    server.status = 401

    with pytest.raises(Fault) as failed:
        verified(server.url.replace("http://", "http://me:g%40heim@"), Monitored())

    assert server.authorization == f"Basic {b64encode(b'me:g@heim').decode()}"
    assert "401" in str(failed.value)
    assert "heim" not in str(failed.value)


@pytest.mark.parametrize("url", ["127.0.0.1:9090", "ftp://a", "http://", "http://me@"])
def test_what_is_no_address_is_a_mistake(url: str) -> None:
    with pytest.raises(Mistake, match="no address"):
        PrometheusServer(url)
