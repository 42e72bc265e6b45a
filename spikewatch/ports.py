"""What the inside asks of the outside, and the few ways in which the outside fails.

A failure is part of its port: adapters translate a vendor's exceptions into these, one type per different reaction. An
adapter that does not know better raises `Unavailable` for a read and `OutcomeUnknown` for a write.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.calibration import Calibration
from spikewatch.core.census import NOTHING, Cell, Census, Share
from spikewatch.core.counts import Attributes, Cells, Roster, SeriesKey, Ticket
from spikewatch.core.incidents import Incident, Incidents
from spikewatch.core.labels import Noted
from spikewatch.core.muting import Silence
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
class Naming:
    """How a source makes services and categories of the attributes of tickets.

    digest     changes with every rule, and with every name that has been learnt
    names      what the account calls its brands, options and so on; kept, so that they are known after a restart
    series_of  what a ticket with these attributes counts under
    """

    digest: str
    names: Mapping[str, str]
    series_of: Callable[[Attributes], SeriesKey] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One unit of reading: its tickets and everything needed to go on after it.

    cursor      where the next page begins; opaque
    watermark   everything created before it has been read; None where the page does not say (more pages follow)
    newest      newest version on the page as an instant, for progress and for going back when a cursor is refused
    caught_up   nothing more to read for now
    quota       limit on requests for pages
    account     limit on all requests of the account, which other programs share
    naming      how its tickets were named; None where the source keeps no attributes
    census      ready-made counts, from a source that counts for itself
    """

    tickets: Sequence[Ticket]
    cursor: str
    caught_up: bool
    watermark: datetime | None = None
    newest: datetime | None = None
    quota: Quota | None = None
    account: Quota | None = None
    naming: Naming | None = None
    census: Census | None = None

    @property
    def size(self) -> int:
        """How many tickets it tells of."""
        return len(self.tickets) + (0 if self.census is None else self.census.tickets)


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


@dataclass(frozen=True, slots=True)
class Scope:
    """Tickets that a source can count by itself.

    level    how finely: rule (as a rule of the configuration names them), brand, or desk (all of them)
    name     what they are called here; empty for all
    series   the series in which they count
    query    how the source is asked for them; opaque
    """

    level: str
    name: str
    series: frozenset[SeriesKey]
    query: str


@runtime_checkable
class Countable(Protocol):
    """A source that can say by another way than reading how many tickets it has; what it says lags by minutes."""

    def scopes(self, series: Sequence[SeriesKey]) -> Sequence[Scope]:
        """Return what can be counted of these series: the finest first, and always the whole desk."""
        ...

    def count(self, scope: Scope, *, start: datetime, end: datetime) -> int:
        """Return how many tickets of the scope were created in `[start, end)` and count, by the source's own search.

        Raises Unavailable or CredentialsRefused.
        """
        ...


# -- messenger


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a receiver can do beside taking a message.

    edits          a message can be replaced in place; else `edit` raises MessageGone
    replies        something can be said below a message; else `reply` raises MessageGone
    finds          a message can be found again; else `find` finds nothing, and what is in doubt is sent again with its key
    recaps         people read it: what began and ended while it was down is told in one message
    plain          the first rung of plainness that it shows; see `core.outbox.PLAINEST`
    repeats_every  how often it wants to hear that something lasts; None: never again
    """

    edits: bool = True
    replies: bool = True
    finds: bool = True
    recaps: bool = True
    plain: int = 0
    repeats_every: timedelta | None = None


class Messenger(Protocol):
    """Where messages go. Each call makes one attempt; retrying is the outbox's business."""

    @property
    def name(self) -> str:
        """Return the configured name, for example `slack`."""
        ...

    @property
    def abilities(self) -> Abilities:
        """Return what it can do; the same for as long as it lives."""
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

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Post a message in the thread below another; a loud one is shown in the channel too.

        Raises as `post` does, and MessageGone where the thread is no more or takes no replies.
        """
        ...

    def find(
        self, *, channel: str, key: str, since: datetime, root: Receipt | None = None
    ) -> Receipt | None:
        """Look for a message posted with the key, or for a reply below `root`; None where there is none.

        Raises Unavailable, CredentialsRefused or ChannelRefused.
        """
        ...


class Audience(Protocol):
    """The people who press buttons: who of them may, and how they are answered."""

    def may_act(self, user: str) -> bool:
        """Tell whether a person may act on incidents.

        Raises Unavailable, CredentialsRefused or ChannelRefused where that cannot be looked up.
        """
        ...

    def answer(self, address: str, text: str) -> None:
        """Say something to the one person who pressed; nobody else sees it.

        Raises Unavailable where it may work later, and ContentRefused where the address takes no more answers.
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
class Backfill:
    """Older history of a source that is being read beside its cursor: what changed last in `[since, until)`.

    until   where reading of the source began; from there on everything is read already
    newest  newest version read of this stretch
    """

    since: datetime
    until: datetime
    cursor: str | None = None
    newest: datetime | None = None

    def after(self, page: Page) -> "Backfill | None":
        """Return what is left once the page is taken over; None where that is nothing."""
        newest = max((version for version in (self.newest, page.newest) if version is not None), default=None)
        if page.caught_up or (newest is not None and newest >= self.until):
            return None
        return Backfill(self.since, self.until, page.cursor, newest)

    @property
    def fraction(self) -> float:
        """How much of the stretch is read, in [0, 1]."""
        whole = self.until - self.since
        return 0.0 if self.newest is None else min(1.0, max(0.0, (self.newest - self.since) / whole))


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What committing a page changed; the first four add up to the tickets on the page.

    added    count now and did not before
    moved    count elsewhere now
    removed  count no more
    ignored  changed no count
    late     how many of the added ones are late

    A census knows no single tickets: what a cell gained was added, what it lost was removed, and the rest was ignored.
    """

    added: int = 0
    moved: int = 0
    removed: int = 0
    ignored: int = 0
    late: int = 0

    @classmethod
    def of_census(
        cls, census: Census, *, before: Mapping[Cell, Share], after: Mapping[Cell, Share]
    ) -> "PageOutcome":
        """Return what a census changed; `after` holds the shares that changed, `before` those and others."""
        gains = [now.tickets - before.get(cell, NOTHING).tickets for cell, now in after.items()]
        added = sum(max(0, gain) for gain in gains)
        late = sum(max(0, now.late - before.get(cell, NOTHING).late) for cell, now in after.items())
        return cls(
            added=added,
            removed=sum(max(0, -gain) for gain in gains),
            ignored=max(0, census.tickets - added),
            late=late,
        )

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


@dataclass(frozen=True, slots=True)
class JudgeState:
    """What the judging loop needs to go on after a restart.

    judged_until  number of the first bucket not judged yet; None before the first
    incidents     all that are not closed, and where incident numbering stands
    """

    judged_until: int | None = None
    incidents: Incidents = field(default_factory=Incidents)


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration that a daemon runs with, for whoever asks beside it.

    settings    every effective value by its path, in plain text and without secrets
    since       when it came into force
    refused     what is wrong with the file as it is now, one line each; empty where nothing is
    refused_at  when that was found
    """

    settings: Mapping[str, str]
    since: datetime
    refused: tuple[str, ...] = ()
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CycleCommit:
    """All that one cycle changes, or one act; it is committed whole or not at all.

    acts  entries of the inbox in their next state
    """

    state: JudgeState
    changed: Sequence[Incident] = ()
    deliveries: Sequence[Delivery] = ()
    acts: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How big the store is; `free_bytes` is None where only a server sees its disk."""

    size_bytes: int
    free_bytes: int | None
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
        ticket older than that is ignored, and a dropped bucket takes no more counts. The page's naming is
        adopted with it.

        A census replaces what the same source counted in its span before, and leaves alone what others count there.
        """
        ...

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        ...

    def commit_sweep(self, source: str, page: Page) -> PageOutcome:
        """Take over the tickets of a page that was read beside the cursor; how far the source is read stays as it was."""
        ...

    def backfill(self, source: str) -> Backfill | None:
        """Return which older history of the source is being read; None where none is."""
        ...

    def ask_backfill(self, source: str, *, since: datetime) -> Backfill | None:
        """Begin to read a source further back than it is; return what is left to read.

        None where all of it is there, or the source has not been read yet. One that is under way stays as it is: ask
        again when it is over.
        """
        ...

    def commit_backfill(self, source: str, page: Page) -> PageOutcome:
        """Take over a page of older history and move its cursor; nothing on it is late.

        With the last page the source counts as read from the beginning of that history on.
        """
        ...

    def rewind_backfill(self, source: str) -> None:
        """Forget the cursor of the older history, so that reading it starts again from a point in time."""
        ...

    def versions(self, source: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Return the stored version of each of these tickets that is known."""
        ...

    def tally(self, source: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
        """Return how many tickets of one source, created in `[start, end)`, count in each series; looks at every ticket."""
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

    def feeds(self) -> Mapping[str, frozenset[str]]:
        """Return which services the tickets of each source have counted in."""
        ...

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        ...

    # naming
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

    # judging
    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        ...

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together.

        A delivery whose key is already stored is ignored: a key is told once. A root delivery supersedes older root
        deliveries of the same incident and channel that are still queued. The labels of a changed incident are replaced by
        those that its verdict comes to now, so that they reach as far as it surged.
        """
        ...

    def incident(self, identifier: str) -> Incident | None:
        """Return an incident, closed or not; None where there never was one of that name."""
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

    def deliveries_of(self, incident: str) -> Sequence[Delivery]:
        """Return the deliveries of one incident, oldest first."""
        ...

    # acting
    def receive_act(self, act: Act, *, at: datetime) -> bool:
        """Put an act into the inbox; return False where its key is there already: it arrived twice."""
        ...

    def act(self, key: str) -> Entry | None:
        """Return an act with what became of it."""
        ...

    def acts(self, *, stage: ActStage) -> Sequence[Entry]:
        """Return the acts of one stage in the order of arrival."""
        ...

    def save_act(self, entry: Entry) -> None:
        """Replace an act by its next state."""
        ...

    def labels(self) -> Sequence[Noted]:
        """Return every label in the order in which they begin, under the present names of what it is about."""
        ...

    def add_labels(self, labels: Sequence[Noted]) -> int:
        """Keep labels, all or none; one that is there already is not kept twice. Returns how many are new."""
        ...

    def remove_label(self, number: int) -> bool:
        """Drop a label that is no verdict on an incident; return False where there is none of that number."""
        ...

    def silences(self, *, ending_after: datetime) -> Sequence[Silence]:
        """Return the silences that end after an instant, by number."""
        ...

    def save_silence(self, silence: Silence) -> Silence:
        """Keep a new silence and return it with its number, or replace the one of that number."""
        ...

    # upkeep
    def in_force(self) -> InForce | None:
        """Return the configuration that the newest daemon runs or ran with; None where none ever did."""
        ...

    def save_in_force(self, kept: InForce) -> None:
        """Keep the configuration in force in place of the one before."""
        ...

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

    def page_read(self, source: str) -> None:
        """Note a page that was read and kept; a first reading is one poll of thousands of pages."""
        ...

    def poll_skipped(self, source: str, *, reason: str) -> None:
        """Note a poll that was due and asked nothing: budget, backoff or halted."""
        ...

    def backfilled(self, source: str, *, fraction: float, left: timedelta | None) -> None:
        """Note how much of a source's history is read, and how long the rest takes where that is known."""
        ...

    def reconciled(self, source: str, *, check: str, missed: int = 0, difference: int | None = None) -> None:
        """Note a check that was carried through.

        check       sweep, or the scope of a count: rule, brand or desk
        missed      updates that the live reading should have shown and did not
        difference  tickets that the source counts and we do not, less the reverse
        """
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

    def suppressed(self, channel: str, *, reason: str) -> None:
        """Note a notice that was held back from a channel; reason is a `core.muting.Muted`."""
        ...

    def acted(self, *, act: str, outcome: str) -> None:
        """Note what became of an act: `applied` or a `core.acts.Refusal`."""
        ...
