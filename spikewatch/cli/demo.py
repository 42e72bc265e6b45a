"""`spikewatch demo`: the story on simulated vendors."""

import argparse

from spikewatch.cli import sandbox
from spikewatch.cli.options import Subparsers, add_command


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "demo",
        shared=shared,
        summary="tell the main story on a simulated help desk and a simulated Slack",
        details="Needs no account, no server and no network. At a terminal it goes on serving until Ctrl-C;\n"
        "elsewhere, or with --once, it ends by itself.",
        example="spikewatch demo --once --language en",
    )
    parser.add_argument("--once", action="store_true", help="end when the story is told, also at a terminal")
    parser.add_argument(
        "--speed",
        type=_speed,
        metavar="X",
        help="simulated seconds in one real second (default: as fast as the story allows)",
    )
    parser.add_argument(
        "--language", choices=("ja", "en"), help="of the messages (default: ja)", default="ja"
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="what happens to the desk instead of the outage; `list` names them all",
    )
    return parser


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        message = f"{text!r} is no speed; use a number above 0, such as 60"
        raise argparse.ArgumentTypeError(message)
    return speed


def call(args: argparse.Namespace) -> int:
    """Tell the story."""
    if args.scenario == "list":
        sandbox.list_scenarios()
        return 0
    from spikewatch import demo

    return demo.tell(once=args.once, speed=args.speed, language=args.language, scenario=args.scenario)
