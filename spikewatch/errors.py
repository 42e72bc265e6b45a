"""What a user is told when something cannot go on: each type is one exit status.

Messages hold the value and the remedy, never a secret. Failures of a vendor are in `ports`; they lead to reactions, these
lead to a person.
"""

import errno
from collections.abc import Sequence
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
"""How writing fails where a disk is full, or a limit is reached."""


class SpikewatchError(Exception):
    """Something a person has to put right; printed without a traceback."""

    exit_status = 1


class Fault(SpikewatchError):
    """The surroundings failed at run time: a port in use, an unwritable path, a store from a newer version."""


class Mistake(SpikewatchError):
    """The command line, the configuration or an input file is wrong; all that is wrong is listed at once."""

    exit_status = 2

    def __init__(self, *problems: str) -> None:
        """Hold each problem as a line of its own."""
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems


class GateNotMet(SpikewatchError):
    """A check that was asked for as a gate did not pass."""

    exit_status = 3


def unwritten(place: Path, error: OSError) -> Fault:
    """Return what is told where a file or a folder cannot be written: why, and what to do about it."""
    remedy = (
        "make room there, or name a place elsewhere"
        if error.errno in NO_ROOM
        else "choose a folder that exists and is writable"
    )
    return Fault(f"{place}: cannot be written ({error.strerror or error}); {remedy}")
