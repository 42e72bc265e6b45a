"""`spikewatch silence`: times in which nobody is told."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.acts import user
from spikewatch.cli.options import Subparsers, add_actions, add_command, add_config, duration, instant

_DETAILS = """\
A silence mutes messages, never detection: incidents are judged, recorded and counted, and what still surges at its end
is told then. It needs an end and a reason. Works beside a running daemon.

MATCHER is SERVICE or SERVICE/CATEGORY, each a name or a glob; all that surges must match it, so that a silence for one
category never hides another. '*' is everything."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "silence",
        shared=shared,
        summary="mute messages about some incidents for a while",
        details=_DETAILS,
        example='spikewatch silence add --config spikewatch.yaml "payments/login*" --for 2h --reason "bank maintenance"',
    )
    actions = add_actions(parser)
    new = add_command(
        actions,
        "add",
        shared=shared,
        summary="begin a silence",
        example='spikewatch silence add --config spikewatch.yaml "payments/login*" --for 2h --reason "bank maintenance"',
    )
    add_config(new)
    new.add_argument("matcher", metavar="MATCHER", help="SERVICE or SERVICE/CATEGORY, names or globs")
    end = new.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="lasts", type=duration, metavar="SPAN", help="so long, such as 2h")
    end.add_argument("--until", metavar="T", help="until then: a time with its offset, or a date")
    new.add_argument("--from", dest="start", metavar="T", help="begin later (default: now)")
    new.add_argument("--reason", required=True, metavar="TEXT", help="why, for whoever wonders")
    new.add_argument("--severity", choices=("warning", "critical"), help="only incidents as severe as this")
    new.add_argument("--by", metavar="NAME", help="who says so (default: the user of this shell)")
    shown = add_command(
        actions,
        "list",
        shared=shared,
        summary="show silences that are not over",
        example="spikewatch silence list --config spikewatch.yaml --json",
    )
    add_config(shown)
    shown.add_argument("--json", action="store_true", help="one JSON array instead of text")
    gone = add_command(
        actions,
        "remove",
        shared=shared,
        summary="end a silence now",
        example="spikewatch silence remove --config spikewatch.yaml 1",
    )
    add_config(gone)
    gone.add_argument("number", metavar="NUMBER", type=int, help="its number, as list shows it")
    return parser


def call(args: argparse.Namespace) -> int:
    """Begin, show or end silences."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
    from spikewatch.app import silences
    from spikewatch.core.incidents import Severity
    from spikewatch.core.muting import Matcher

    if args.action == "list":
        files.write(silences.listed(config, as_json=args.json), out=None)
        return 0
    if args.action == "remove":
        print(silences.remove(config, number=args.number))
        return 0
    service, _, category = args.matcher.partition("/")
    severity = None if args.severity is None else Severity(args.severity)
    print(
        silences.add(
            config,
            matcher=Matcher(service or "*", category or "*", severity),
            author=args.by or user(),
            reason=args.reason,
            lasts=args.lasts,
            start=instant(args.start, option="--from", zone=config.timezone),
            until=instant(args.until, option="--until", zone=config.timezone),
            say=files.note,
        )
    )
    return 0
