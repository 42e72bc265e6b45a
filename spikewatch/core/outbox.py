"""The outbox: notices on their way, and what becomes of a delivery after each attempt.

Pure: a delivery and the outcome of an attempt give the next delivery. The living message of an incident is one `root`
per channel: its first delivery is posted, later ones edit it in place, and a newer one supersedes those still queued.
What matters is a `reply` below it as well; replies are told one after the other and supersede nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2s
from typing import TypeAlias, assert_never

from spikewatch.core.blindness import BlindNotice
from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.notices import Notice, is_worth_a_reply
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.settings import Language
from spikewatch.core.weekly import WeeklyNotice

FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(seconds=60)
RETRY_SPREAD = 0.2
"""Retries are spread by this share either way, so that many deliveries do not come back in one breath."""

LIMITED_FOR = timedelta(seconds=30)
"""How long to leave a vendor alone that limits us without saying for how long."""

LONGEST_LIMIT = timedelta(minutes=15)
"""No wait is longer than this, whatever the vendor wishes."""

HOLD_FOR = timedelta(minutes=5)
"""How long to wait for a person to mend credentials or a channel."""

FIRST_LOOK = timedelta(seconds=2)
BELIEVE_AFTER = timedelta(seconds=20)
"""A message not found this long after its attempt began was not posted: longer than a call lasts and a history lags."""

PLAINEST = 4
"""The last rung of plainness, text only; before it come a picture in place of the vendor's chart, no picture, no table."""

FOLD_FROM = timedelta(hours=1)
"""Replies that had to wait this long are told in one."""

LATE_FROM = timedelta(minutes=5)
"""A message that had to wait this long says so; what began and ended before it could be told belongs into a recap."""

Told: TypeAlias = Notice | BlindNotice | RecapNotice | ConfigNotice | WeeklyNotice
"""Whatever can be told."""


class Stage(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    SUPERSEDED = "superseded"
    DEAD = "dead"
    HELD = "held"


GIVEN_UP = frozenset({Stage.SUPERSEDED, Stage.DEAD, Stage.HELD})
"""Stages of what was not told and will not be as it stands; the rest is told, or on its way."""


class Kind(StrEnum):
    """What a delivery does in its channel."""

    ROOT = "root"
    """Posts the living message of an incident, or edits it."""
    REPLY = "reply"
    """Says in the thread below it what has just changed."""


class Trouble(StrEnum):
    """What went wrong with an attempt, one kind per different reaction."""

    UNAVAILABLE = "unavailable"
    LIMITED = "limited"
    UNKNOWN = "unknown"
    CREDENTIALS = "credentials"
    CHANNEL = "channel"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt; `retry_after` is the vendor's wish, where it stated one."""

    trouble: Trouble
    message: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The vendor's name for a delivered message; both parts are opaque text."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice on its way to one channel.

    key            unique in the store: a key is told once
    due            not before this instant
    attempts       attempts that counted against it so far
    sending_since  when the newest attempt began; for a sent delivery that is when it was told
    receipt        while sending, the message being edited (None: a new one is being posted); once sent, the message
    plain          how many times its content was refused and made plainer
    mention        whom its route calls; `none`: nobody; None: whom the receiver calls by default
    language       of its route; None: that of the channel
    earlier        notices that a reply tells as well, oldest first, because it had to wait so long
    since          since when something waited to be told that nobody heard; None: since this was created
    stands_in      the receiver that should have told it and could not; None: it tells in its own right
    """

    key: str
    receiver: str
    channel: str
    notice: Told
    created_at: datetime
    due: datetime
    stage: Stage = Stage.QUEUED
    attempts: int = 0
    sending_since: datetime | None = None
    last_error: str | None = None
    receipt: Receipt | None = None
    plain: int = 0
    kind: Kind = Kind.ROOT
    mention: str | None = None
    language: Language | None = None
    earlier: tuple[Notice, ...] = ()
    since: datetime | None = None
    stands_in: str | None = None

    @property
    def waits_since(self) -> datetime:
        """Since when there is something to tell in this place."""
        return self.since or self.created_at

    @property
    def is_reply(self) -> bool:
        """Tell whether it stands in the thread below the living message."""
        return self.kind is Kind.REPLY

    @property
    def incident(self) -> str:
        """The incident or blindness it tells of."""
        return self.notice.incident

    @property
    def merged_into(self) -> str | None:
        """The incident that tells it by now; None: it is told by itself, as all is that is no incident."""
        return self.notice.facts.merged_into if isinstance(self.notice, Notice) else None

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more will be done about it, or nothing before a mute ends."""
        return self.stage in (Stage.SENT, Stage.SUPERSEDED, Stage.DEAD, Stage.HELD)

    @property
    def is_in_doubt(self) -> bool:
        """Tell whether a message may have been posted that nobody knows of."""
        return self.stage in (Stage.SENDING, Stage.UNKNOWN) and self.receipt is None


def kinds_of(notice: Told) -> tuple[Kind, ...]:
    """Return what a notice needs: an edit rings nobody, so what matters is said in the thread as well."""
    if isinstance(notice, Notice) and is_worth_a_reply(notice):
        return Kind.ROOT, Kind.REPLY
    return (Kind.ROOT,)


def plan(
    notices: Iterable[Told],
    *,
    receiver: str,
    channel_of: Callable[[str | None], str],
    now: datetime,
    kinds: Callable[[Told], Iterable[Kind]] = kinds_of,
) -> tuple[Delivery, ...]:
    """Return for each notice the living message of its incident as it is now, and a reply below it where that is worth one.

    channel_of  the channel of a service, or of the whole company (None)
    kinds       what a notice needs at this receiver
    """
    return tuple(
        _queued(notice, receiver=receiver, channel=channel_of(_service_of(notice)), now=now, kind=kind)
        for notice in notices
        for kind in kinds(notice)
    )


def _service_of(notice: Told) -> str | None:
    """Return the service that a notice is about; None: the whole company, as all is that is no incident."""
    return notice.facts.service if isinstance(notice, Notice) else None


def key_of(notice: Told, *, receiver: str, channel: str, kind: Kind = Kind.ROOT) -> str:
    """Return the key of a delivery: one a notice, receiver, channel and kind."""
    key = f"{notice.key}:{receiver}:{channel}"
    return f"{key}:{kind}" if kind is Kind.REPLY else key


def _queued(notice: Told, *, receiver: str, channel: str, now: datetime, kind: Kind) -> Delivery:
    key = key_of(notice, receiver=receiver, channel=channel, kind=kind)
    return Delivery(key, receiver, channel, notice, created_at=now, due=now, kind=kind)


def held(
    notice: Told, *, receiver: str, why: str, now: datetime, channel: str = "", due: datetime | None = None
) -> Delivery:
    """Return the row of a notice that is held back from a receiver.

    channel  where it will be told; empty where that depends on when
    due      when it may be told, where that is known
    """
    return Delivery(
        f"{notice.key}:held:{receiver}",
        receiver,
        channel,
        notice,
        created_at=now,
        due=due or now,
        stage=Stage.HELD,
        last_error=why,
    )


def started(delivery: Delivery, *, now: datetime, receipt: Receipt | None = None) -> Delivery:
    """Return the delivery as its attempt begins; `receipt` is the message to be edited, None to post a new one."""
    return replace(delivery, stage=Stage.SENDING, sending_since=now, receipt=receipt)


def sent(delivery: Delivery, receipt: Receipt) -> Delivery:
    """Return the delivery once it is told."""
    return replace(delivery, stage=Stage.SENT, receipt=receipt, last_error=None)


def folded(newest: Delivery, older: Iterable[Delivery]) -> Delivery:
    """Return a reply that also tells what older ones, which nobody will send any more, would have told."""
    told = [notice for each in older for notice in _notices_of(each)]
    return replace(newest, earlier=(*told, *newest.earlier))


def _notices_of(reply: Delivery) -> tuple[Notice, ...]:
    notice = reply.notice
    return (*reply.earlier, notice) if isinstance(notice, Notice) else reply.earlier


def superseded(delivery: Delivery, *, why: str) -> Delivery:
    """Return the delivery as one that need not be told any more."""
    return replace(delivery, stage=Stage.SUPERSEDED, last_error=why)


def in_place_of(older: Delivery, *, newer: Delivery) -> Delivery:
    """Return the newer delivery, with the patience of the one that it supersedes.

    It waits as long as that had been asked to wait after a failure, and counts as waiting since then.
    """
    patient = replace(newer, since=min(older.waits_since, newer.waits_since))
    return patient if older.last_error is None else replace(patient, due=max(newer.due, older.due))


def interrupted(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery found in the middle of an attempt that nobody is making any more.

    An edit is simply done again. A post is of unknown outcome, and to be looked for at once.
    """
    if not delivery.is_in_doubt:
        return replace(delivery, stage=Stage.QUEUED, receipt=None)
    if delivery.stage is Stage.UNKNOWN:
        return delivery
    return replace(delivery, stage=Stage.UNKNOWN, due=now, last_error="interrupted")


def not_found(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery of unknown outcome after the channel was searched in vain: look again, or queue it again.

    An empty answer is believed once `BELIEVE_AFTER` has passed since the attempt began, for histories lag; or when the clock
    was set back meanwhile, for then nobody knows how long ago it was.
    """
    since = delivery.sending_since or now
    if since <= now < since + BELIEVE_AFTER:
        return replace(delivery, due=since + BELIEVE_AFTER)
    return replace(delivery, stage=Stage.QUEUED, due=now)


def unsearched(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery of unknown outcome that its receiver cannot look for: it is sent again, with the same key."""
    return replace(delivery, stage=Stage.QUEUED, due=now)


def not_searchable(delivery: Delivery, failure: Failure, *, now: datetime) -> Delivery:
    """Return a delivery of unknown outcome that could not be looked for.

    It stays unknown while a later look may work. Where the channel cannot be searched at all, telling it twice is better
    than not at all: it is queued again.
    """
    if failure.trouble is Trouble.CHANNEL:
        return replace(not_found(delivery, now=now), last_error=failure.message)
    after = after_error(delivery, failure, now=now)
    return replace(after, stage=Stage.UNKNOWN)


def after_error(  # noqa: PLR0911 -- one return a kind of trouble
    delivery: Delivery,
    failure: Failure,
    *,
    now: datetime,
    fallback: str | None = None,
    plainer: int | None = None,
) -> Delivery:
    """Return the delivery after a failed attempt; it dies only when its plainest form is refused.

    fallback  the channel to use where the delivery's own refuses messages
    plainer   the next rung of plainness that changes something; None: the next one
    """
    waiting = replace(delivery, stage=Stage.QUEUED, receipt=None, last_error=failure.message)
    match failure.trouble:
        case Trouble.LIMITED:
            wish = LIMITED_FOR if failure.retry_after is None else failure.retry_after
            return replace(waiting, due=now + min(max(wish, FIRST_RETRY), LONGEST_LIMIT))
        case Trouble.UNAVAILABLE:
            wait = max(retry_wait(delivery), min(failure.retry_after or timedelta(0), LONGEST_LIMIT))
            return replace(waiting, attempts=delivery.attempts + 1, due=now + wait)
        case Trouble.UNKNOWN:
            return replace(waiting, stage=Stage.UNKNOWN, attempts=delivery.attempts + 1, due=now + FIRST_LOOK)
        case Trouble.CREDENTIALS:
            return replace(waiting, due=now + HOLD_FOR)
        case Trouble.CHANNEL:
            if fallback is not None and fallback != delivery.channel:
                return replace(waiting, channel=fallback, due=now)
            return replace(waiting, due=now + HOLD_FOR)
        case Trouble.CONTENT:
            rung = delivery.plain + 1 if plainer is None else plainer
            if rung > PLAINEST:
                return replace(waiting, stage=Stage.DEAD, attempts=delivery.attempts + 1)
            return replace(waiting, plain=rung, attempts=delivery.attempts + 1, due=now)
        case _:
            assert_never(failure.trouble)


def retry_wait(delivery: Delivery) -> timedelta:
    """Return how long to wait after one more failure: 1, 2, 4 … 60 s, spread by ±20 %.

    The spread follows from the key, so that the same history gives the same wait.
    """
    doubled: timedelta = FIRST_RETRY * 2 ** min(delivery.attempts, 10)
    digest = blake2s(f"{delivery.key}:{delivery.attempts}".encode(), digest_size=4).digest()
    position = int.from_bytes(digest, "big") / 0xFFFFFFFF
    spread: timedelta = min(doubled, LONGEST_RETRY) * (1 - RETRY_SPREAD + 2 * RETRY_SPREAD * position)
    return spread
