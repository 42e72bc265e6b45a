"""What the inside asks of the outside, and the few ways in which the outside fails.

A failure is part of its port: adapters translate a vendor's exceptions into these, one type per different reaction. An
adapter that does not know better raises `Unavailable` for a read and `OutcomeUnknown` for a write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import Cells, Roster, SeriesKey, Ticket
from spikewatch.core.incidents import Incident, Incidents
from spikewatch.core.outbox import Delivery, Receipt
from spikewatch.core.wording import Message


class PortError(Exception):
    """A failure of the outside; `reason` is one of a closed set and labels metrics."""

    reason = "other"


class Unavailable(PortError):
    """It may work later; nothing has happened. `retry_after` is the vendor's wish, where it stated one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None, reason: str = "server") -> None:
        """Hold the wish and the reason: timeout, connect, rate_limited, server or parse."""
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason


class OutcomeUnknown(PortError):
    """A write may or may not have happened: look before doing it again."""

    reason = "unknown"


class TooLarge(PortError):
    """The answer would take too long to make: the source asks for less next time, so ask again."""

    reason = "timeout"


class CredentialsRefused(PortError):
    """Nothing will work until a person mends the credentials or the permissions."""

    reason = "auth"


class CursorRefused(PortError):
    """The source does not accept the position any more: go back in time and read again."""

    reason = "cursor"


class ChannelRefused(PortError):
    """This channel does not accept messages; another may."""

    reason = "channel"


class ContentRefused(PortError):
    """This content will never be accepted; a plainer form of it may."""

    reason = "content"


class MessageGone(PortError):
    """The message to be edited exists no more: post a new one."""

    reason = "gone"


# -- time


class Clock(Protocol):
    """Where instants come from. Only this is asked, so that a demo may run faster and a test may stand still."""

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""
        ...

    def wait(self, duration: timedelta) -> bool:
        """Wait that long on this clock, or until stopped; tell whether it was stopped."""
        ...

    def stop(self) -> None:
        """End every wait, now and later."""
        ...

    def real_seconds(self, duration: timedelta) -> float:
        """Return how many seconds of the machine's time the duration lasts on this clock."""
        ...


# -- source


@dataclass(frozen=True, slots=True)
class Quota:
    """A source's own limit on requests, as it stated it last."""

    limit: int
    remaining: int
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One unit of reading: its tickets and everything needed to go on after it.

    cursor      where the next page begins; opaque
    watermark   everything created before it has been read; None where the page does not say (more pages follow)
    newest      newest version on the page as an instant, for progress and for going back when a cursor is refused
    caught_up   nothing more to read for now
    """

    tickets: Sequence[Ticket]
    cursor: str
    caught_up: bool
    watermark: datetime | None = None
    newest: datetime | None = None
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where to read on: after a cursor, or from a point in time."""

    cursor: str | None
    since: datetime


class Source(Protocol):
    """Where tickets come from. `fetch_page` makes at most the requests of one page and never waits for a limit."""

    @property
    def name(self) -> str:
        """Return the configured name, which labels metrics."""
        ...

    def fetch_page(self, position: Position) -> Page:
        """Return the page at the position.

        Raises Unavailable, TooLarge, CredentialsRefused or CursorRefused.
        """
        ...


# -- messenger


class Messenger(Protocol):
    """Where messages go. Each call makes one attempt; retrying is the outbox's business."""

    @property
    def name(self) -> str:
        """Return the configured name, for example `slack`."""
        ...

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Post a new message; `key` travels with it, so that it can be found again.

        Raises Unavailable, OutcomeUnknown, CredentialsRefused, ChannelRefused or ContentRefused.
        """
        ...

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Replace a message in place; repeating it does no harm.

        Raises as `post` does, and MessageGone.
        """
        ...

    def find(self, *, channel: str, key: str, since: datetime) -> Receipt | None:
        """Look for a message posted with the key; None where there is none.

        Raises Unavailable, CredentialsRefused or ChannelRefused.
        """
        ...


# -- store


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far one source has been read.

    since      where reading began; buckets before it are unknown
    watermark  everything created before it has been read; None until the source was caught up once
    newest     newest version read
    """

    since: datetime
    cursor: str | None = None
    watermark: datetime | None = None
    newest: datetime | None = None

    def after(self, page: Page) -> "SourceState":
        """Return how far the source has been read once the page is taken over; the watermark never goes back."""
        watermarks = [mark for mark in (self.watermark, page.watermark) if mark is not None]
        newest = [version for version in (self.newest, page.newest) if version is not None]
        return SourceState(self.since, page.cursor, max(watermarks, default=None), max(newest, default=None))


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What committing a page changed; the first four add up to the tickets on the page.

    added    count now and did not before
    moved    count elsewhere now
    removed  count no more
    ignored  changed no count
    late     how many of the added ones are late
    """

    added: int = 0
    moved: int = 0
    removed: int = 0
    ignored: int = 0
    late: int = 0

    def __add__(self, other: "PageOutcome") -> "PageOutcome":
        """Return what two pages changed together."""
        return PageOutcome(
            added=self.added + other.added,
            moved=self.moved + other.moved,
            removed=self.removed + other.removed,
            ignored=self.ignored + other.ignored,
            late=self.late + other.late,
        )


@dataclass(frozen=True, slots=True)
class JudgeState:
    """What the judging loop needs to go on after a restart.

    judged_until  number of the first bucket not judged yet; None before the first
    incidents     all that are not closed, and where incident numbering stands
    """

    judged_until: int | None = None
    incidents: Incidents = field(default_factory=Incidents)


@dataclass(frozen=True, slots=True)
class CycleCommit:
    """All that one cycle changes; it is committed whole or not at all."""

    state: JudgeState
    changed: Sequence[Incident] = ()
    deliveries: Sequence[Delivery] = ()


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How big the store is."""

    size_bytes: int
    free_bytes: int
    tickets: int
    count_rows: int
    oldest: datetime | None = None


class Store(Protocol):
    """Where everything durable lives. Every method is one transaction: it happens whole or not at all.

    All methods may be called from several threads. A failure of the disk or the server raises `errors.Fault`.
    """

    # counting
    def source_state(self, source: str) -> SourceState | None:
        """Return how far the source has been read; None before its first page."""
        ...

    def commit_page(self, source: str, page: Page, *, since: datetime, seen_at: datetime) -> PageOutcome:
        """Take over a page: tickets, count deltas, cursor and watermark, together.

        A ticket with a version below the stored one is ignored; an equal one with other content replaces it. A ticket
        first seen long below the committed watermark is late (see `core.counts.is_late`). The watermark never goes back.
        `since` is kept from the first page of the source on. What `forget` dropped stays as it was counted: an unknown
        ticket older than that is ignored, and a dropped bucket takes no more counts.
        """
        ...

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        ...

    def roster(self) -> Roster:
        """Return all series ever counted."""
        ...

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        ...

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read."""
        ...

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        ...

    # judging
    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        ...

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together.

        A delivery whose key is already stored is ignored: a key is told once. A root delivery supersedes older root
        deliveries of the same incident and channel that are still queued.
        """
        ...

    def calibration(self, *, week: int) -> Calibration | None:
        """Return what a week's thresholds follow from; None where it was not kept."""
        ...

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep a week's calibration in place of an earlier one, and drop those of weeks long before it."""
        ...

    def incidents(self, *, since: datetime) -> Sequence[Incident]:
        """Return incidents opened at or after `since` and all that are not closed, by opening."""
        ...

    def incident_totals(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many incidents ever opened and closed, by the severity they opened and closed with."""
        ...

    # telling
    def unsettled(self) -> Sequence[Delivery]:
        """Return deliveries that are queued, sending or of unknown outcome, oldest first."""
        ...

    def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery by its next state; with a receipt, remember it for the incident and channel."""
        ...

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the receipt of the living message of an incident in a channel."""
        ...

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        ...

    # upkeep
    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets, counts and settled deliveries older than that; return how many rows went.

        Deliveries go with the tickets.
        """
        ...

    def stats(self) -> StoreStats:
        """Return sizes."""
        ...

    def close(self) -> None:
        """Release the file or the server and the right to be the only daemon."""
        ...


# -- watching ourselves


class Meter(Protocol):
    """Takes note of what the daemon does; metrics are made of it. Never raises."""

    def poll(self, source: str, *, seconds: float, tickets: int, outcome: PageOutcome) -> None:
        """Note a poll that worked."""
        ...

    def poll_failed(self, source: str, *, seconds: float, reason: str) -> None:
        """Note a poll that failed; reason is a `PortError.reason`."""
        ...

    def request(self, source: str, *, code: str) -> None:
        """Note one request to a source by HTTP code, or `error`."""
        ...

    def quota(self, source: str, quota: Quota) -> None:
        """Note the limit a source stated."""
        ...

    def clock_skew(self, source: str, *, ahead: timedelta) -> None:
        """Note by how much the clock of a source is ahead of ours; negative where it is behind."""
        ...

    def throttled(self, source: str, *, duration: timedelta) -> None:
        """Note time spent waiting for a limit."""
        ...

    def cycle(self, *, seconds: float, buckets: int) -> None:
        """Note one pass of judging."""
        ...

    def cycle_failed(self, *, reason: str) -> None:
        """Note a pass of judging that failed."""
        ...

    def refit(self, *, seconds: float) -> None:
        """Note that a baseline was fitted."""
        ...

    def delivered(self, channel: str, *, seconds: float) -> None:
        """Note a delivery that worked."""
        ...

    def delivery_failed(self, channel: str, *, reason: str) -> None:
        """Note a delivery attempt that failed."""
        ...

    def dropped(self, channel: str) -> None:
        """Note a delivery given up for good."""
        ...
