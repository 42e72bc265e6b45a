"""How far each source is read, and what is read beside its cursor, in plain dictionaries."""

from dataclasses import replace
from datetime import datetime

from spikewatch.ports import Backfill, Page, SourceState


class Positions:
    """The positions of all sources, live and in their older history."""

    def __init__(self) -> None:
        """Begin with no source."""
        self.states: dict[str, SourceState] = {}
        self.backfills: dict[str, Backfill] = {}
        self.unused: set[str] = set()

    @property
    def used(self) -> dict[str, SourceState]:
        """The states of the sources that are used."""
        return {name: state for name, state in self.states.items() if name not in self.unused}

    def move(self, source: str, page: Page, *, since: datetime) -> None:
        """Go on after a page; `since` is where reading begins with the first."""
        self.states[source] = self.states.get(source, SourceState(since)).after(page)

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source."""
        if source in self.states:
            self.states[source] = replace(self.states[source], cursor=None)

    def ask_backfill(self, source: str, *, since: datetime) -> Backfill | None:
        """Begin to read further back, unless it is there, or being read; return what is left to read."""
        state = self.states.get(source)
        if source not in self.backfills and state is not None and since < state.since:
            self.backfills[source] = Backfill(since, state.since)
        return self.backfills.get(source)

    def require_backfill(self, source: str) -> None:
        """Raise LookupError where no older history of the source is being read."""
        if source not in self.backfills:
            message = f"source {source}: no older history is being read"
            raise LookupError(message)

    def move_backfill(self, source: str, page: Page) -> None:
        """Go on after a page of older history; after the last one the source is read from its beginning on."""
        before = self.backfills.pop(source)
        left = before.after(page)
        if left is None:
            self.states[source] = replace(self.states[source], since=before.since)
        else:
            self.backfills[source] = left

    def rewind_backfill(self, source: str) -> None:
        """Forget the cursor of the older history."""
        if source in self.backfills:
            self.backfills[source] = replace(self.backfills[source], cursor=None)
