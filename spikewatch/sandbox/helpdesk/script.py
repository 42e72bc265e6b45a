"""What a scenario is: a desk as it stands, and what will happen to it; and the commonest kind, a fault that lasts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from spikewatch.sandbox.helpdesk.faults import Fault
from spikewatch.sandbox.helpdesk.ledger import Catalogue, DeskTicket
from spikewatch.sandbox.helpdesk.questions import Asked, Endpoint
from spikewatch.sandbox.helpdesk.spells import Spell

BEGINS = timedelta(minutes=10)
"""How far into a scenario a trouble begins, unless it says otherwise."""

LASTS = timedelta(minutes=10)
"""How long a trouble lasts, unless it says otherwise."""


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


def during(
    fault: Fault,
    *,
    endpoint: Endpoint = Endpoint.EXPORT,
    begins: timedelta = BEGINS,
    lasts: timedelta = LASTS,
    when: Callable[[Asked], bool] = lambda _: True,
    most: int | None = None,
) -> Play:
    """Return the play in which one fault lasts a while."""

    def play(stock: Stock) -> Script:
        start = stock.begins + begins
        return Script(spells=(Spell(endpoint, fault, start, start + lasts, when, most),))

    return play


def all_of(*plays: Play) -> Play:
    """Return the play in which the tickets and troubles of several come together."""

    def play(stock: Stock) -> Script:
        scripts = [one(stock) for one in plays]
        return Script(
            tickets=tuple(ticket for script in scripts for ticket in script.tickets),
            spells=tuple(spell for script in scripts for spell in script.spells),
        )

    return play
