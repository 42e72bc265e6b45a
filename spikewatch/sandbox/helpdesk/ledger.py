"""The tickets of a simulated desk: every version of each, past and future, and which of them is visible at an instant."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from math import inf
from typing import TypeAlias

FieldValue: TypeAlias = str | bool | Sequence[str] | None
"""What a custom field of a ticket may hold."""


AI_AGENT = "ai_agent"
"""Support type of a ticket that no person answers; the export shows it only where it is asked for."""


@dataclass(frozen=True, slots=True)
class DeskTicket:
    """One version of a ticket; the same id may come again with a later `generated_timestamp`.

    generated_timestamp  when this version came about, in whole seconds since the epoch
    values               (field id, value) pairs; may be shared between tickets
    updated_at           as the desk reports it; None is the instant of `generated_timestamp`
    support_type         `agent` or `ai_agent`: who answers it
    """

    id: int
    created_at: datetime
    generated_timestamp: int
    brand_id: int | None = None
    values: tuple[tuple[int, FieldValue], ...] = ()
    tags: tuple[str, ...] = ()
    status: str = "new"
    channel: str | int = "web"
    updated_at: datetime | None = None
    subject: str = "(simulated)"
    group_id: int | None = None
    form_id: int | None = None
    organization_id: int | None = None
    support_type: str = "agent"

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the export: by `generated_timestamp`, then id."""
        return self.generated_timestamp, self.id


@dataclass(frozen=True, slots=True)
class DropDown:
    """A custom field: its title, and the name shown for each value that tickets hold.

    kind  `tagger` is a drop-down, `multiselect` holds several values, a `checkbox` has no options
    """

    id: int
    title: str
    options: Mapping[str, str] = field(default_factory=dict)
    kind: str = "tagger"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What tickets refer to: names of brands, groups, forms and organisations by id, and fields."""

    brands: Mapping[int, str] = field(default_factory=dict)
    fields: tuple[DropDown, ...] = ()
    groups: Mapping[int, str] = field(default_factory=dict)
    forms: Mapping[int, str] = field(default_factory=dict)
    organizations: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """Some visible tickets in order; `is_last` tells that nothing visible follows."""

    tickets: Sequence[DeskTicket]
    is_last: bool


class Ledger:
    """All versions of all tickets, in the order of the export; holds hundreds of thousands."""

    def __init__(self, tickets: Iterable[DeskTicket]) -> None:
        self._rows = sorted(tickets, key=lambda row: row.place)
        self._places = [row.place for row in self._rows]
        self._superseded = _superseded(self._rows)

    def __len__(self) -> int:
        """Count the versions, the future ones included."""
        return len(self._rows)

    def since(self, start: int, *, horizon: int, limit: int) -> Slice:
        """Return what came about at or after `start`, newest versions only, and nothing after `horizon` (both epoch)."""
        return self._slice(bisect_left(self._places, (start, -1)), horizon, limit)

    def after(self, place: tuple[int, int], *, horizon: int, limit: int) -> Slice:
        """Return what stands behind a place in the export, as `since` does."""
        return self._slice(bisect_right(self._places, place), horizon, limit)

    def current(self, *, horizon: int) -> Iterator[DeskTicket]:
        """Yield the version of every ticket that is visible at an instant (epoch)."""
        return self._visible(0, horizon)

    def _slice(self, first: int, horizon: int, limit: int) -> Slice:
        found = list(islice(self._visible(first, horizon), limit + 1))
        return Slice(found[:limit], is_last=len(found) <= limit)

    def _visible(self, first: int, horizon: int) -> Iterator[DeskTicket]:
        for index in range(first, bisect_right(self._places, (horizon, inf))):
            if self._superseded[index] > horizon:
                yield self._rows[index]


def _superseded(rows: Sequence[DeskTicket]) -> list[float]:
    """Return for each row when the next version of its ticket comes about; infinity where none does."""
    following: dict[int, int] = {}
    result = [inf] * len(rows)
    for index in range(len(rows) - 1, -1, -1):
        row = rows[index]
        result[index] = following.get(row.id, inf)
        following[row.id] = row.generated_timestamp
    return result
