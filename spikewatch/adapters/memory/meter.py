"""`ports.Meter` as a list of calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from spikewatch.ports import PageOutcome, Quota


@dataclass(frozen=True, slots=True)
class Noted:
    """One call of a meter: its method and what it was given."""

    event: str
    fields: Mapping[str, object]


class MemoryMeter:
    """A meter that keeps its calls in order."""

    def __init__(self) -> None:
        """Begin without calls."""
        self.notes: list[Noted] = []

    def of(self, event: str) -> Sequence[Mapping[str, object]]:
        """Return the fields of each call of one method, for example `poll_failed`."""
        return [note.fields for note in self.notes if note.event == event]

    def poll(self, source: str, *, seconds: float, tickets: int, outcome: PageOutcome) -> None:
        """Note a poll that worked."""
        self._note("poll", source=source, seconds=seconds, tickets=tickets, outcome=outcome)

    def poll_failed(self, source: str, *, seconds: float, reason: str) -> None:
        """Note a poll that failed."""
        self._note("poll_failed", source=source, seconds=seconds, reason=reason)

    def request(self, source: str, *, code: str) -> None:
        """Note one request to a source."""
        self._note("request", source=source, code=code)

    def page_read(self, source: str) -> None:
        """Note a page that was read and kept."""
        self._note("page_read", source=source)

    def poll_skipped(self, source: str, *, reason: str) -> None:
        """Note a poll that was due and asked nothing."""
        self._note("poll_skipped", source=source, reason=reason)

    def backfilled(self, source: str, *, fraction: float, left: timedelta | None) -> None:
        """Note how much of a source's history is read."""
        self._note("backfilled", source=source, fraction=fraction, left=left)

    def reconciled(self, source: str, *, check: str, missed: int = 0, difference: int | None = None) -> None:
        """Note a check that was carried through."""
        self._note("reconciled", source=source, check=check, missed=missed, difference=difference)

    def quota(self, source: str, quota: Quota) -> None:
        """Note the limit a source stated."""
        self._note("quota", source=source, quota=quota)

    def clock_skew(self, source: str, *, ahead: timedelta) -> None:
        """Note by how much the clock of a source is ahead of ours."""
        self._note("clock_skew", source=source, ahead=ahead)

    def throttled(self, source: str, *, duration: timedelta) -> None:
        """Note time spent waiting for a limit."""
        self._note("throttled", source=source, duration=duration)

    def cycle(self, *, seconds: float, buckets: int) -> None:
        """Note one pass of judging."""
        self._note("cycle", seconds=seconds, buckets=buckets)

    def cycle_failed(self, *, reason: str) -> None:
        """Note a pass of judging that failed."""
        self._note("cycle_failed", reason=reason)

    def refit(self, *, seconds: float) -> None:
        """Note that a baseline was fitted."""
        self._note("refit", seconds=seconds)

    def delivered(self, channel: str, *, seconds: float) -> None:
        """Note a delivery that worked."""
        self._note("delivered", channel=channel, seconds=seconds)

    def delivery_failed(self, channel: str, *, reason: str) -> None:
        """Note a delivery attempt that failed."""
        self._note("delivery_failed", channel=channel, reason=reason)

    def dropped(self, channel: str) -> None:
        """Note a delivery given up for good."""
        self._note("dropped", channel=channel)

    def suppressed(self, channel: str, *, reason: str) -> None:
        """Note a notice that was held back from a channel."""
        self._note("suppressed", channel=channel, reason=reason)

    def acted(self, *, act: str, outcome: str) -> None:
        """Note what became of an act."""
        self._note("acted", act=act, outcome=outcome)

    def _note(self, event: str, **fields: object) -> None:
        self.notes.append(Noted(event, fields))
