"""`spikewatch ack|snooze|expected|confirm|false-alarm|resolve`: what the buttons do, from a shell."""

import argparse
import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass

from spikewatch.cli.options import Subparsers, add_command, add_config, duration, instant
from spikewatch.errors import Mistake

_BESIDE = """\
Works beside a running daemon, which settles it within seconds; where none runs, it is settled here and told as soon
as one does. INCIDENT is its id, as in SW-1042."""

MORNING = "morning"


@dataclass(frozen=True, slots=True)
class ActCommand:
    """One command that acts on an incident.

    kind     the act, as `core.acts.ActKind` spells it
    options  adds further options
    """

    name: str
    kind: str
    summary: str
    details: str
    example: str
    options: Callable[[argparse.ArgumentParser], None]

    def add(self, subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
        """Declare the command."""
        parser = add_command(
            subparsers,
            self.name,
            shared=shared,
            summary=self.summary,
            details=f"{self.details}\n\n{_BESIDE}",
            example=self.example,
        )
        add_config(parser)
        parser.add_argument("incident", metavar="INCIDENT", help="the id of an incident")
        parser.add_argument("--by", metavar="NAME", help="who does it (default: the user of this shell)")
        self.options(parser)
        return parser

    def call(self, args: argparse.Namespace) -> int:
        """Do it, and print what became of it."""
        from spikewatch.config import Purpose, load
        from spikewatch.core.acts import ActKind

        config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
        until = getattr(args, "until", None)
        morning = until is None or until == MORNING
        hand_back = getattr(args, "hand_back", False)
        from spikewatch.app import acts

        print(
            acts.act(
                config,
                kind=ActKind.HAND_BACK if hand_back else ActKind(self.kind),
                incident=args.incident.upper(),
                by=args.by or user(),
                lasts=getattr(args, "lasts", None),
                until=None if morning else instant(until, option="--until", zone=config.timezone),
                note=getattr(args, "note", None),
            )
        )
        return 0


def user() -> str:
    """Return what this machine calls whoever runs the command. Raises Mistake where it knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise Mistake("this machine has no name for you; say it with --by NAME") from None


def _hand_back(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hand-back", action="store_true", help="the other way round: nobody has it any more"
    )


def _snooze(parser: argparse.ArgumentParser) -> None:
    span = parser.add_mutually_exclusive_group(required=True)
    span.add_argument("--for", dest="lasts", type=duration, metavar="SPAN", help="so long, such as 30m or 2h")
    span.add_argument(
        "--until",
        metavar="T",
        help=f"a time with its offset, a date, or {MORNING}: the next business morning",
    )


def _event(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--event", dest="note", metavar="NAME", help="what was announced or planned")


def _note(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--note", metavar="TEXT", help="what to remember about it")


def _nothing(_: argparse.ArgumentParser) -> None:
    """Add no option."""


COMMANDS = (
    ActCommand(
        "ack",
        "acknowledge",
        "take care of an incident, or hand it back",
        "The message then shows who has it. Somebody else who has it already keeps it, and you are told.",
        "spikewatch ack --config spikewatch.yaml SW-1042",
        _hand_back,
    ),
    ActCommand(
        "snooze",
        "snooze",
        "keep an incident quiet for a while",
        "Its messages are neither edited nor repeated until then; detection goes on. It ends early when the severity rises\n"
        "or the surge resolves, and at its end you are told if it still surges.",
        "spikewatch snooze --config spikewatch.yaml SW-1042 --for 2h",
        _snooze,
    ),
    ActCommand(
        "expected",
        "expected",
        "say that an incident was expected, and end its messages",
        "Nothing is learnt from its time as normal. A later verdict replaces it.",
        'spikewatch expected --config spikewatch.yaml SW-1042 --event "autumn sale"',
        _event,
    ),
    ActCommand(
        "confirm",
        "confirm",
        "say that an incident is real",
        "Nothing is learnt from its time as normal, and it does not count against the budget of false alarms. A closed\n"
        "incident can be confirmed too. A later verdict replaces it.",
        "spikewatch confirm --config spikewatch.yaml SW-1042",
        _note,
    ),
    ActCommand(
        "false-alarm",
        "false_alarm",
        "say that an incident is nothing real, and end its messages",
        "You are told again if it spreads or its severity rises. A later verdict replaces it.",
        "spikewatch false-alarm --config spikewatch.yaml SW-1042",
        _note,
    ),
    ActCommand(
        "resolve",
        "resolve",
        "end the messages of an incident without a verdict",
        "You are told again if it spreads or its severity rises.",
        "spikewatch resolve --config spikewatch.yaml SW-1042",
        _nothing,
    ),
)
"""In the order in which an incident needs them."""
