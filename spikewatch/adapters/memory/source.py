"""`ports.Source` from a script."""

from collections.abc import Iterable
from threading import RLock

from spikewatch.ports import CursorRefused, Page, PortError, Position


class MemorySource:
    """A source that reads from a script: pages in order, and errors where it shall fail.

    A position without a cursor reads the first page, a cursor reads the page after the one that gave it: who forgets a page
    reads it again. An error is raised once, when reading comes to it. After the script there is nothing new.
    """

    def __init__(self, script: Iterable[Page | PortError] = (), *, name: str = "desk") -> None:
        """Take the script; `add` makes it longer later."""
        self.positions: list[Position] = []
        self._name = name
        self._script = list(script)
        self._lock = RLock()

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def add(self, *steps: Page | PortError) -> None:
        """Put more at the end of the script."""
        with self._lock:
            self._script.extend(steps)

    def fetch_page(self, position: Position) -> Page:
        """Return the page at the position, or raise the error that stands there."""
        with self._lock:
            self.positions.append(position)
            place = self._place_after(position.cursor)
            if place == len(self._script):
                return self._nothing_new(position.cursor or "")
            step = self._script[place]
            if isinstance(step, PortError):
                del self._script[place]
                raise step
            return step

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _place_after(self, cursor: str | None) -> int:
        if not cursor:
            return 0
        cursors = [step.cursor if isinstance(step, Page) else None for step in self._script]
        if cursor in cursors:
            return len(cursors) - cursors[::-1].index(cursor)
        raise CursorRefused(f"cursor {cursor!r} is none that this source gave")

    def _nothing_new(self, cursor: str) -> Page:
        marks = [step.watermark for step in self._script if isinstance(step, Page) and step.watermark]
        return Page((), cursor, caught_up=True, watermark=max(marks, default=None))
