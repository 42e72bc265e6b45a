"""Commands that a message offers: what a person can paste into a shell, whatever the names hold."""

import shlex
from datetime import datetime

from spikewatch.core.counts import SeriesKey
from spikewatch.core.wording.untrusted import harmless

LONGEST = 300
"""A command that is cut is none; a longer one is not offered."""


def explain_command(series: SeriesKey, *, at: datetime) -> str | None:
    """Return what explains a series at an instant; None where a name cannot be shown as it is.

    >>> explain_command(SeriesKey("payments", "sign in"), at=datetime.fromisoformat("2026-11-02T14:30:00+09:00"))
    "spikewatch explain --at 2026-11-02T14:30:00+09:00 payments 'sign in'"
    """
    names = [series.service] if series.is_rollup else [series.service, series.category]
    if any(name != harmless(name, limit=LONGEST) for name in names):
        return None
    words = ["spikewatch", "explain", "--at", at.isoformat(timespec="seconds")]
    if any(name.startswith("-") for name in names):
        words.append("--")
    command = shlex.join([*words, *names])
    return command if len(command) <= LONGEST else None
