"""Everything that can happen to a desk, by name: what a person may play, and what the tests play in full."""

from collections.abc import Mapping
from dataclasses import dataclass

from spikewatch.sandbox.helpdesk.histories import HISTORIES
from spikewatch.sandbox.helpdesk.omissions import OMISSIONS
from spikewatch.sandbox.helpdesk.script import Play, Script, Stock
from spikewatch.sandbox.helpdesk.troubles import TROUBLES


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that can happen; `says` is one line for a list."""

    name: str
    says: str
    play: Play

    def script(self, stock: Stock) -> Script:
        """Return what will happen to the desk as it stands."""
        return self.play(stock)


SCENARIOS: Mapping[str, Scenario] = {
    name: Scenario(name, says, play)
    for name, (says, play) in sorted({**HISTORIES, **OMISSIONS, **TROUBLES}.items())
}
"""All scenarios, by name."""
