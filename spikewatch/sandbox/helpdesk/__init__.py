"""A stand-in for a Zendesk account: OAuth, the incremental ticket export, fields and brands, over HTTP on loopback.

What may be asked is in `questions`, what it answers in `api`, `export` and `lists` (no sockets), which tickets are visible
in `ledger`, how it can misbehave in `faults` and `spells`, and `server` puts it on a port. `scenarios` is all that can
happen to it, by name: `histories` of tickets, `omissions` of the export and `troubles` with answers. It holds the simulated
future too and shows nothing that its clock has not reached.
"""

from spikewatch.sandbox.helpdesk.faults import Fault
from spikewatch.sandbox.helpdesk.ledger import Catalogue, DeskTicket, DropDown, FieldValue
from spikewatch.sandbox.helpdesk.questions import Asked, Endpoint
from spikewatch.sandbox.helpdesk.scenarios import SCENARIOS, Scenario
from spikewatch.sandbox.helpdesk.script import Script, Stock
from spikewatch.sandbox.helpdesk.server import HelpDesk
from spikewatch.sandbox.helpdesk.spells import Spell

__all__ = [
    "SCENARIOS",
    "Asked",
    "Catalogue",
    "DeskTicket",
    "DropDown",
    "Endpoint",
    "Fault",
    "FieldValue",
    "HelpDesk",
    "Scenario",
    "Script",
    "Spell",
    "Stock",
]
