"""Namings and counting anew by another one, in plain dictionaries."""

from spikewatch.adapters.memory.counting import Counted
from spikewatch.ports import KeptNaming, Naming, Recounts


class Namings:
    """By which naming the tickets of each source count, and what is left to be moved."""

    def __init__(self, counted: Counted) -> None:
        """Begin without a naming, over these tickets."""
        self._counted = counted
        self._standing: dict[str, Naming] = {}
        self._pending: set[str] = set()
        self._done = 0

    def naming(self, source: str) -> KeptNaming | None:
        """Return by which naming a source's tickets are counted."""
        naming = self._standing.get(source)
        if naming is None:
            return None
        return KeptNaming(naming.digest, dict(naming.names), source in self._pending)

    def recounts(self) -> Recounts:
        """Return how often a recount came to its end, and whether one is pending."""
        return Recounts(self._done, is_pending=bool(self._pending))

    def follow(self, source: str, naming: Naming | None) -> None:
        """Adopt the naming of a page unless its source is counted by it already."""
        standing = self._standing.get(source)
        if naming is not None and (standing is None or standing.digest != naming.digest):
            self.adopt(source, naming)

    def adopt(self, source: str, naming: Naming) -> int:
        """Say of each set of attributes which series it makes by the naming; return how many changed."""
        moving = {
            key: (held, now)
            for key, (held, made) in self._counted.sets.items()
            if key[0] == source and (now := naming.series_of(held)) != made
        }
        before, self._standing[source] = self._standing.get(source), naming
        self._counted.sets |= moving
        for _, series in moving.values():
            self._counted.list_series(series)
        if moving:
            self._pending.add(source)
        elif before is not None and source not in self._pending:
            self._counted.retire_empty()
        return len(moving)

    def recount(self, source: str, *, after: str, most: int) -> str | None:
        """Move those of the next tickets that count by an earlier naming; return the last id looked at, None at the end."""
        ids = sorted(each for name, each in self._counted.tickets if name == source and each > after)
        for each in ids[:most]:
            self._move(source, each)
        return ids[most - 1] if len(ids) > most else None

    def finish(self, source: str) -> bool:
        """Note the end of a recount; return whether one was pending."""
        if source not in self._pending:
            return False
        self._pending.discard(source)
        self._done += 1
        self._counted.retire_empty()
        return True

    def _move(self, source: str, identifier: str) -> None:
        state = self._counted.tickets[source, identifier]
        if state.attributes is None:
            return
        _, series = self._counted.sets[source, state.attributes]
        if series != state.series:
            self._counted.move(source, identifier, state._replace(series=series))
