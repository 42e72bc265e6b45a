"""The status page: how the daemon stands, as one plain page that changes nothing and needs nothing but itself.

Only what turns values into that page lives here: no store, no clock, no server.

    standing  what the page shows, gathered once a turn
    page      that, as bytes of HTML in one language
    incident  one incident on it, with its chart and what drives it
    elements  the pieces that it is built of
    words     every phrase, once a language
    style     the one style sheet, and the policy that allows it and nothing else
"""

from spikewatch.statuspage.page import render, starting
from spikewatch.statuspage.standing import Queue, Shown, SourceAge, Spent, Standing, Waits
from spikewatch.statuspage.style import POLICY

__all__ = [
    "POLICY",
    "Queue",
    "Shown",
    "SourceAge",
    "Spent",
    "Standing",
    "Waits",
    "render",
    "starting",
]
