"""The store as the names of services and categories change: by which naming tickets count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spikewatch.core.counts import Attributes
from spikewatch.ports.source import Naming


@dataclass(frozen=True, slots=True)
class KeptNaming:
    """By which naming the tickets of a source are counted; `is_pending` while some still count by an earlier one."""

    digest: str
    names: Mapping[str, str]
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Recounts:
    """How often tickets were counted anew under other names, and whether that is going on: then no count is right."""

    done: int = 0
    is_pending: bool = False


class Renaming(Protocol):
    """Namings, and counting anew by another one; see `Store`."""

    def naming(self, source: str) -> KeptNaming | None:
        """Return by which naming a source's tickets are counted; None before the first one was adopted."""
        ...

    def adopt(self, source: str, naming: Naming) -> int:
        """Decide that all tickets of the source count by this naming; return how many sets of attributes move by it.

        From then on until `recount` comes to its end the recount is pending, a restart included.
        """
        ...

    def recount(self, source: str, *, after: str, most: int) -> str | None:
        """Look at up to `most` tickets whose id follows `after` and move those that count by an earlier naming.

        Begin with an empty `after`. Returns the id to go on after; None at the end, when the recount is not pending any
        more. Tickets without attributes stay where they are, and so do counts whose tickets were forgotten.
        """
        ...

    def recounts(self) -> Recounts:
        """Return how often a recount has moved tickets, and whether one is pending."""
        ...

    def attributes(self, source: str, *, newest: int) -> Mapping[Attributes, int]:
        """Return the attributes of the newest tickets that count, with how many tickets have them."""
        ...
