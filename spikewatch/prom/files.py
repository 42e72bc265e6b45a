"""The generated files by their names: text that is written, printed or compared with what stands there."""

import io
import json
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from spikewatch.prom import scraping
from spikewatch.prom.access import SECRET
from spikewatch.prom.dashboards import boards
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.nodes import Node
from spikewatch.prom.rules import Flavor, rules, runbooks

_MADE = "Written by `spikewatch prom {}`; change the configuration and write it anew rather than this file."
_NEVER_WRAPPED = 1_000_000

_PROVISIONING: dict[str, Node] = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "spikewatch",
            "folder": "spikewatch",
            "type": "file",
            "allowUiUpdates": False,
            "updateIntervalSeconds": 60,
            "options": {"path": "/etc/grafana/dashboards/spikewatch"},
        }
    ],
}

_DATASOURCES: dict[str, Node] = {
    "apiVersion": 1,
    "datasources": [
        {
            "name": "Prometheus",
            "type": "prometheus",
            "access": "proxy",
            "url": "http://127.0.0.1:9090",
            "isDefault": True,
            "jsonData": {"timeInterval": "30s", "httpMethod": "POST"},
        }
    ],
}


def rules_files(monitored: Monitored, *, flavor: Flavor, health_only: bool = False) -> dict[str, str]:
    """Return the rules, their runbooks and the Alertmanager example; the rules come first."""
    comment = _MADE.format("rules" if flavor is Flavor.PROMETHEUS else f"rules --flavor {flavor}")
    return {
        _named("spikewatch.rules", flavor): to_yaml(
            rules(monitored, flavor=flavor, health_only=health_only), comment=comment
        ),
        "runbooks.md": runbooks(monitored),
        "alertmanager.yaml": to_yaml(
            scraping.alertmanager(monitored),
            comment="An example: put the receivers of your own in. If Slack is told by spikewatch itself, give\n"
            "Spikewatch...Surge alerts no receiver here: one incident, one page.",
        ),
    }


def scrape_files(monitored: Monitored, *, flavor: Flavor) -> dict[str, str]:
    """Return the scrape configuration first, and a whole configuration of Prometheus beside it."""
    comment = _access_comment(monitored, flavor=flavor)
    named = to_yaml(scraping.scrape(monitored, flavor=flavor), comment=comment)
    if flavor is Flavor.PROMETHEUSRULE:
        return {"servicemonitor.yaml": named}
    whole = to_yaml(
        scraping.prometheus(monitored), comment="An example of a whole configuration of Prometheus."
    )
    return {"scrape.yaml": named, "prometheus.yaml": whole}


def _access_comment(monitored: Monitored, *, flavor: Flavor) -> str:
    said = "An example of how Prometheus reads spikewatch. "
    if monitored.access.is_open:
        return (
            f"{said}The port is open: with `metrics.tls`, a password or a\n"
            "token in the configuration, write this anew, and it says how Prometheus is let in."
        )
    if flavor is Flavor.PROMETHEUSRULE:
        return f"{said}The secret {SECRET} is yours to make, with the keys named here."
    return (
        f"{said}Put the files named here where Prometheus may read them. The\n"
        "certificate of a public authority needs no ca_file, and a password file holds the password, not its hash."
    )


def dashboard_files(monitored: Monitored) -> dict[str, str]:
    """Return the dashboards, the overview first, and what makes Grafana load them."""
    made = {
        f"dashboards/{board.uid}.json": json.dumps(board.node(), indent=2, ensure_ascii=False) + "\n"
        for board in boards(monitored)
    }
    return made | {
        "provisioning/dashboards/spikewatch.yaml": to_yaml(
            _PROVISIONING,
            comment="Copy dashboards/*.json to `path`; this file goes to Grafana's provisioning folder.",
        ),
        "provisioning/datasources/prometheus.yaml": to_yaml(
            _DATASOURCES, comment="Only where Grafana does not know your Prometheus yet."
        ),
    }


def _named(stem: str, flavor: Flavor) -> str:
    middle = "" if flavor is Flavor.PROMETHEUS else f".{flavor}"
    return f"{stem}{middle}.yaml"


def to_yaml(document: Mapping[str, Node], *, comment: str = "") -> str:
    """Return a document as YAML, with a comment above it; texts of several lines stay so."""
    dumper = YAML()
    dumper.width = _NEVER_WRAPPED
    dumper.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    dumper.dump(_literal(document), stream)
    above = "".join(f"# {line}\n" for line in comment.splitlines())
    return above + stream.getvalue()


def _literal(node: Node) -> object:
    """Return the same with lists for tuples, and with texts of several lines marked to be written as such."""
    if isinstance(node, str):
        return LiteralScalarString(node) if "\n" in node else node
    if isinstance(node, Mapping):
        return {key: _literal(value) for key, value in node.items()}
    if isinstance(node, bool | int | float) or node is None:
        return node
    return [_literal(value) for value in node]


def as_one_list(files: Mapping[str, str]) -> str:
    """Return the JSON files among them as one JSON list."""
    return json.dumps([json.loads(text) for name, text in files.items() if name.endswith(".json")], indent=2)
