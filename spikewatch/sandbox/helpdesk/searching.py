"""What the simulated desk's search understands: the few words by which tickets are counted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch.sandbox.helpdesk.ledger import DeskTicket

INDEX_LAG = timedelta(minutes=3)
"""What came about more recently is not in the index yet."""

_PROPERTIES = {
    "brand_id": "brand_id",
    "group": "group_id",
    "form": "form_id",
    "organization": "organization_id",
    "via": "channel",
}
"""Words for what a ticket has one of, and where a ticket of ours holds it."""

_TERM = re.compile(r'(-?)(\w+)(:|>=|<)(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query, such as `created>=2026-05-11T00:00:00Z`."""

    is_not: bool
    key: str
    relation: str
    value: str

    def fits(self, ticket: DeskTicket) -> bool:
        """Tell whether a ticket fits; raises ValueError for a word that the desk does not know."""
        return self._holds(ticket) is not self.is_not

    def _holds(self, ticket: DeskTicket) -> bool:
        match self.key, self.relation:
            case "type", ":":
                return self.value == "ticket"
            case "created", ">=":
                return ticket.created_at >= datetime.fromisoformat(self.value)
            case "created", "<":
                return ticket.created_at < datetime.fromisoformat(self.value)
            case key, ":" if key in _PROPERTIES:
                return str(getattr(ticket, _PROPERTIES[key])) == self.value
            case "tags", ":":
                return self.value in ticket.tags
            case key, ":" if key.startswith("custom_field_"):
                return self.value in _texts(ticket, field=int(key.removeprefix("custom_field_")))
        message = f"{self.key}{self.relation} is no word of this search"
        raise ValueError(message)


def terms_of(query: str) -> list[Term]:
    """Return the words of a query; raises ValueError where it holds anything else."""
    found = list(_TERM.finditer(query))
    if _TERM.sub("", query).strip() or not found:
        message = f"{query!r} is no query"
        raise ValueError(message)
    return [Term(each[1] == "-", each[2], each[3], each[5] if each[4] is None else each[4]) for each in found]


def _texts(ticket: DeskTicket, *, field: int) -> Iterator[str]:
    for number, value in ticket.values:
        if number == field and value is not None:
            if isinstance(value, bool):
                yield str(value).lower()
            elif isinstance(value, str):
                yield value
            else:
                yield from value
