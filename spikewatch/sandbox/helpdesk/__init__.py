"""A stand-in for a Zendesk account: OAuth, the incremental ticket export, fields and brands, over HTTP on loopback.

What it answers is decided in `api` (no sockets), which tickets are visible in `ledger`, how it can misbehave in `faults`,
and `server` puts it on a port. It holds the simulated future too and shows nothing that its clock has not reached.
"""

from spikewatch.sandbox.helpdesk.api import Asked, Endpoint
from spikewatch.sandbox.helpdesk.faults import Fault
from spikewatch.sandbox.helpdesk.ledger import Catalogue, DeskTicket, DropDown, FieldValue
from spikewatch.sandbox.helpdesk.server import HelpDesk

__all__ = ["Asked", "Catalogue", "DeskTicket", "DropDown", "Endpoint", "Fault", "FieldValue", "HelpDesk"]
