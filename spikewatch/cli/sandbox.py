"""`spikewatch sandbox`: the stand-ins alone, to try a configuration against."""

import argparse

from spikewatch.cli.options import Subparsers, add_command
from spikewatch.errors import Mistake

_LAST_PORT = 65535

_DETAILS = """\
Speaks the vendor's protocol, so that a configuration can be tried safely. Serves until Ctrl-C and says where, and which
credentials it takes.

desk  point a source at it by url; --scenario lets it misbehave
chat  point slack.url at it, and set SPIKEWATCH_SLACK_BOT_TOKEN and SPIKEWATCH_SLACK_APP_TOKEN to what it says; a daemon
      with the app token hears of buttons, which are pressed by a POST to /press of the same port, as
      {"ts": "<ts of the message>", "action": "acknowledge", "user": "U1", "name": "sato"}; snooze takes "choice" too"""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "sandbox",
        shared=shared,
        summary="serve a simulated help desk or a simulated Slack on loopback",
        details=_DETAILS,
        example="spikewatch sandbox desk --port 8081 --scenario spam-wave",
    )
    parser.add_argument(
        "which", choices=("desk", "chat"), help="desk: the Zendesk API; chat: the Slack Web API"
    )
    parser.add_argument(
        "--scenario", metavar="NAME", help="what happens to the desk, from --list; begins at once"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios of the desk, and end")
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="default: any free port")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > _LAST_PORT:
        message = f"{text!r} is no port; use 0 to {_LAST_PORT}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def call(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if args.which == "chat" and (args.list or args.scenario):
        raise Mistake("sandbox chat has no scenarios; use them with: spikewatch sandbox desk")
    if args.list:
        list_scenarios()
        return 0
    from spikewatch import demo

    return demo.serve(args.which, port=args.port, scenario=args.scenario)


def list_scenarios() -> None:
    """Print every scenario with a line about it."""
    from spikewatch.sandbox.helpdesk import SCENARIOS

    width = max(map(len, SCENARIOS))
    for scenario in SCENARIOS.values():
        print(f"{scenario.name:{width}}  {scenario.says}")
