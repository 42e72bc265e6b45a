"""`spikewatch prom`: what Prometheus, Alertmanager and Grafana need of us."""

import argparse
import os
import sys
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from spikewatch.cli import files
from spikewatch.cli.options import (
    CONFIG_VARIABLE,
    Subparsers,
    add_command,
    add_config,
    instant,
    named_by_environment,
)
from spikewatch.errors import Mistake

if TYPE_CHECKING:
    from spikewatch.config import Config
    from spikewatch.prom.monitored import Monitored

_RULES = """\
Recording and alerting rules with a runbook for each, and an example for Alertmanager. Without --out the rules alone
go to standard output. --flavor vmalert leaves out keep_firing_for; prometheusrule is for the Prometheus operator."""
_DASHBOARDS = """\
Three Grafana dashboards (overview, one service, health of the daemon) with the files that make Grafana load them.
Without --out the dashboards go to standard output as one JSON list."""
_SCRAPE = """\
How Prometheus reads the daemon: one job, or two where there are many series, so that a sample limit never costs us
the health metrics. --flavor prometheusrule writes a ServiceMonitor for the Prometheus operator."""
_BACKFILL = """\
The stored counts of the past as OpenMetrics, so that graphs have a past on the first day:

  spikewatch prom backfill --config F --out history.om
  promtool tsdb create-blocks-from openmetrics history.om /var/lib/prometheus/

The labels job and instance must be those of the scrape. Prometheus has to keep data that long, and takes the blocks in
within some minutes. The newest hours are left out, for Prometheus refuses what overlaps with them."""
_VERIFY = """\
Asks a Prometheus whether it sees us well: scraped, fresh, no label clash, rules loaded and healthy, nothing dropped.
Each finding comes with its remedy. Ends with status 3 if one of them is bad."""

_HASH = """\
Asks for a password, or reads it from standard input, and prints the hash that the daemon compares with: put it into
SPIKEWATCH_METRICS_PASSWORD_HASH or a file that metrics.password_hash_file names. Prometheus is given the password itself
(basic_auth in its scrape configuration), with the name of metrics.user."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command and what it can write or ask."""
    parser = add_command(
        subparsers,
        "prom",
        shared=shared,
        summary="write rules, dashboards and scrape configuration; fill history; check a Prometheus",
        details="Everything is generated from the configuration in force, or from the defaults without --config.",
        example="spikewatch prom rules --config spikewatch.yaml --out /etc/prometheus/spikewatch",
    )
    made = parser.add_subparsers(title="what", metavar="WHAT", dest="what", required=True)
    _add_rules(made, shared)
    _add_dashboards(made, shared)
    _add_scrape(made, shared)
    _add_metrics(made, shared)
    _add_backfill(made, shared)
    _add_verify(made, shared)
    add_command(
        made,
        "password",
        shared=shared,
        summary="the hash of a password for those who read the metrics",
        details=_HASH,
        example="openssl rand -base64 24 | tee password | spikewatch prom password > password.hash",
    )
    return parser


def _add_rules(made: Subparsers, shared: argparse.ArgumentParser) -> None:
    parser = add_command(
        made,
        "rules",
        shared=shared,
        summary="recording and alerting rules, with runbooks",
        details=_RULES,
        example="spikewatch prom rules --config spikewatch.yaml --runbooks https://wiki.example.com/spikewatch",
    )
    _add_common(parser)
    parser.add_argument(
        "--runbooks",
        metavar="URL",
        default="runbooks.md",
        help="where you publish runbooks.md; each alert links to its heading (default: %(default)s)",
    )
    parser.add_argument(
        "--health-only",
        action="store_true",
        help="no alerts on surges: for those whom spikewatch pages by itself, in Slack",
    )
    _add_flavor(parser)


def _add_dashboards(made: Subparsers, shared: argparse.ArgumentParser) -> None:
    parser = add_command(
        made,
        "dashboards",
        shared=shared,
        summary="Grafana dashboards and their provisioning",
        details=_DASHBOARDS,
        example="spikewatch prom dashboards --config spikewatch.yaml --out grafana",
    )
    _add_common(parser)


def _add_scrape(made: Subparsers, shared: argparse.ArgumentParser) -> None:
    parser = add_command(
        made,
        "scrape",
        shared=shared,
        summary="how Prometheus reads the daemon",
        details=_SCRAPE,
        example="spikewatch prom scrape --config spikewatch.yaml --address spikewatch.internal:9463",
    )
    _add_common(parser)
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="where Prometheus reaches the daemon (default: metrics.listen)"
    )
    _add_flavor(parser)


def _add_metrics(made: Subparsers, shared: argparse.ArgumentParser) -> None:
    parser = add_command(
        made,
        "metrics",
        shared=shared,
        summary="the reference of all metrics, in Markdown",
        details="Name, type, labels and meaning of everything the daemon exposes.",
        example="spikewatch prom metrics > metrics.md",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="default: standard output")


def _add_backfill(made: Subparsers, shared: argparse.ArgumentParser) -> None:
    parser = add_command(
        made,
        "backfill",
        shared=shared,
        summary="stored history as OpenMetrics for promtool",
        details=_BACKFILL,
        example="spikewatch prom backfill --config spikewatch.yaml --since 2026-10-01 --out history.om",
    )
    add_config(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, help="default: standard output")
    _add_job(parser)
    parser.add_argument(
        "--instance",
        metavar="NAME",
        help="label instance of the scrape (default: the address of metrics.listen)",
    )
    parser.add_argument("--since", metavar="T", help="default: the beginning of what is stored")
    parser.add_argument("--until", metavar="T", help="default: three hours before the newest judged bucket")


def _add_verify(made: Subparsers, shared: argparse.ArgumentParser) -> None:
    parser = add_command(
        made,
        "verify",
        shared=shared,
        summary="ask a Prometheus whether it sees us well",
        details=_VERIFY,
        example="spikewatch prom verify --url http://127.0.0.1:9090",
    )
    parser.add_argument("--url", required=True, metavar="URL", help="address of the Prometheus")
    parser.add_argument(
        "--health-only", action="store_true", help="want no alerts on surges: the rules were written without"
    )
    _add_optional_config(parser)
    _add_job(parser)


def _add_optional_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="F",
        type=Path,
        default=named_by_environment(),
        help=f"the configuration, a YAML file (default: {CONFIG_VARIABLE} of the environment, else the defaults)",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    _add_optional_config(parser)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="write files into this folder, made if it is missing"
    )
    _add_job(parser)


def _add_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--job", metavar="NAME", default="spikewatch", help="label job of the scrape (default: %(default)s)"
    )


def _add_flavor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--flavor",
        choices=("prometheus", "vmalert", "prometheusrule"),
        default="prometheus",
        help="who reads it (default: %(default)s)",
    )


def call(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    if args.what == "verify":
        return _verify(args)
    if args.what == "backfill":
        return _backfill(args)
    if args.what == "password":
        return _password()
    if args.what == "metrics":
        from spikewatch.prom.reference import metrics_page

        files.write(metrics_page().splitlines(), out=args.out)
        return 0
    return _generate(args)


def _generate(args: argparse.Namespace) -> int:
    from spikewatch.prom import files as generated
    from spikewatch.prom.rules import Flavor

    monitored = _monitored(args)
    flavor = Flavor(getattr(args, "flavor", "prometheus"))
    match args.what:
        case "rules":
            made = generated.rules_files(monitored, flavor=flavor, health_only=args.health_only)
        case "scrape":
            made = generated.scrape_files(monitored, flavor=flavor)
        case _:
            made = generated.dashboard_files(monitored)
    if args.out is not None:
        _write_all(made, args.out)
    elif args.what == "dashboards":
        files.write([generated.as_one_list(made)], out=None)
    else:
        files.write(next(iter(made.values())).splitlines(), out=None)
    return 0


def _monitored(args: argparse.Namespace) -> "Monitored":
    from spikewatch.app.monitoring import monitored_of

    return monitored_of(
        None if args.config is None else _config(args.config),
        job=args.job,
        runbooks=getattr(args, "runbooks", "runbooks.md"),
        address=getattr(args, "address", None),
        env=os.environ if args.config is not None else {},
    )


def _config(path: Path) -> "Config":
    from spikewatch.config import Purpose, load

    return load(path, env=os.environ, purpose=Purpose.REPLAY)


def _write_all(made: Mapping[str, str], folder: Path) -> None:
    from spikewatch.app.monitoring import place

    for path, text in place(made, folder).items():
        files.write(text.splitlines(), out=path)
        print(path)


def _backfill(args: argparse.Namespace) -> int:
    from spikewatch.app import monitoring

    config = _config(args.config)
    since = instant(args.since, option="--since", zone=config.timezone)
    until = instant(args.until, option="--until", zone=config.timezone)
    if since is not None and until is not None and since >= until:
        raise Mistake("--since is not before --until; swap them")
    lines = monitoring.history_of(config, since=since, until=until, job=args.job, instance=args.instance)
    files.write(lines, out=args.out)
    return 0


def _password() -> int:
    from spikewatch.adapters.http.guarding import hashed

    text = getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline()
    password = text.rstrip("\r\n")
    if not password:
        raise Mistake("an empty password keeps nobody out; give one on standard input")
    print(hashed(password))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from spikewatch.app import monitoring

    findings = monitoring.verified(args.url, _monitored(args), health_only=args.health_only)
    files.write((finding.line for finding in findings), out=None)
    return 0 if all(finding.is_good for finding in findings) else 3
