"""What a scenario is: a desk as it stands, and what will happen to it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from spikewatch.sandbox.helpdesk.ledger import Catalogue, DeskTicket
from spikewatch.sandbox.helpdesk.spells import Spell


@dataclass(frozen=True, slots=True)
class Stock:
    """A desk as it stands before a scenario begins.

    tickets  the newest version of each that came about before `begins`, oldest first
    next_id  above every id in use, the future's too
    """

    tickets: Sequence[DeskTicket]
    catalogue: Catalogue
    begins: datetime
    next_id: int

    @classmethod
    def of(cls, tickets: Iterable[DeskTicket], *, catalogue: Catalogue, begins: datetime) -> "Stock":
        """Return the stock out of all versions of all tickets."""
        newest: dict[int, DeskTicket] = {}
        highest = 0
        for ticket in tickets:
            highest = max(highest, ticket.id)
            known = newest.get(ticket.id)
            if ticket.generated_timestamp < begins.timestamp() and (
                known is None or known.generated_timestamp <= ticket.generated_timestamp
            ):
                newest[ticket.id] = ticket
        ordered = sorted(newest.values(), key=lambda ticket: (ticket.created_at, ticket.id))
        return cls(ordered, catalogue, begins, highest + 1)


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to a desk.

    tickets  further versions, of old tickets and of new ones
    spells   troubles with answers
    ahead    of the desk's clock, against the clock of whoever reads it
    """

    tickets: tuple[DeskTicket, ...] = ()
    spells: tuple[Spell, ...] = ()
    ahead: timedelta = timedelta(0)


Play: TypeAlias = Callable[[Stock], Script]
"""Makes a script for the desk as it stands."""
