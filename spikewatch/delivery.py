"""From the outbox to a receiver: each incident has one living message a channel, posted once and edited from then on.

A delivery is saved as being sent before the call and as sent after it, so that whatever breaks in between leaves a row
that says so; the next drain then looks in the channel before it posts again.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.outbox import (
    FIRST_RETRY,
    LONGEST_LIMIT,
    Delivery,
    Failure,
    Receipt,
    Stage,
    Trouble,
    after_error,
    in_place_of,
    interrupted,
    not_found,
    not_searchable,
    sent,
    started,
    superseded,
)
from spikewatch.core.settings import Language
from spikewatch.core.wording import Message, render
from spikewatch.ports import (
    ChannelRefused,
    Clock,
    ContentRefused,
    CredentialsRefused,
    MessageGone,
    Messenger,
    Meter,
    OutcomeUnknown,
    PortError,
    Store,
    Unavailable,
)

POST_EVERY = timedelta(seconds=1.1)
"""A channel takes about one new message a second."""

EDIT_EVERY = timedelta(seconds=45)
"""An unchanged state is not edited more often than this; a new phase or severity is told at once."""

log = logging.getLogger(__name__)

Thread: TypeAlias = tuple[str, str]
"""An incident in a channel: what has one living message."""


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What one drain did.

    sent      deliveries told
    failed    attempts that failed
    waiting   deliveries that are not settled
    next_due  when the earliest of those may be tried; None where nothing waits
    """

    sent: int
    failed: int
    waiting: int
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the living message says."""

    revision: int
    phase: Phase
    severity: Severity
    at: datetime


@dataclass(slots=True)
class _Round:
    """One drain under way."""

    now: datetime
    sent: int = 0
    failed: int = 0


class Deliverer:
    """Empties the outbox of one receiver; `drain` is called by one thread at a time.

    language   of channels that `languages` does not name
    zone       of local times in messages
    fallback   channel to use where another refuses messages
    """

    def __init__(
        self,
        *,
        store: Store,
        messenger: Messenger,
        clock: Clock,
        meter: Meter,
        language: Language,
        zone: ZoneInfo,
        languages: Mapping[str, Language] | None = None,
        fallback: str | None = None,
    ) -> None:
        """Hold the parts; nothing is read or sent yet."""
        self._store = store
        self._messenger = messenger
        self._clock = clock
        self._meter = meter
        self._language = language
        self._languages = dict(languages or {})
        self._zone = zone
        self._fallback = fallback
        self._shown: dict[Thread, _Shown] | None = None
        self._last_post: dict[str, datetime] = {}
        self._paused: dict[tuple[str, bool], datetime] = {}
        self._held_until: datetime | None = None
        self._failing: dict[str, str] = {}

    def drain(self) -> DrainResult:
        """Send what is due, oldest first, and say what is left.

        Never waits. A failure of the receiver becomes the next state of its delivery; a failure of the store raises
        `errors.Fault`, and the delivery in hand is found again by the next drain.
        """
        round_ = _Round(self._clock.now())
        for thread, deliveries in _threads(self._mine(self._store.unsettled())):
            delivery = self._newest(round_, thread, deliveries)
            if delivery is not None and self._when(delivery, now=round_.now) <= round_.now:
                self._tell(round_, delivery)
        waiting = self._mine(self._store.unsettled())
        next_due = min((self._when(delivery, now=round_.now) for delivery in waiting), default=None)
        return DrainResult(round_.sent, round_.failed, len(waiting), next_due)

    def _mine(self, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
        return [delivery for delivery in deliveries if delivery.receiver == self._messenger.name]

    # -- which delivery

    def _newest(self, round_: _Round, thread: Thread, deliveries: Sequence[Delivery]) -> Delivery | None:
        """Return the one delivery that states the thread's present; older ones are superseded.

        None while a message may stand in the channel that nobody knows of: telling more would post a second one.
        """
        queued = [delivery for delivery in deliveries if delivery.stage is Stage.QUEUED]
        for delivery in deliveries:
            if delivery.stage is Stage.QUEUED:
                continue
            settled = self._reconciled(round_, delivery)
            if settled.is_in_doubt:
                return None
            if settled.stage is Stage.QUEUED:
                queued.append(settled)
        ordered = sorted(queued, key=lambda delivery: (delivery.notice.facts.revision, delivery.created_at))
        if not ordered:
            return None
        newest = ordered[-1]
        for older in ordered[:-1]:
            newest = in_place_of(older, newer=newest)
            self._store.save_delivery(superseded(older, why=f"superseded by {newest.key}"))
        if newest is not ordered[-1]:
            self._store.save_delivery(newest)
        return self._worth_telling(thread, newest)

    def _worth_telling(self, thread: Thread, delivery: Delivery) -> Delivery | None:
        facts = delivery.notice.facts
        shown = self._memory().get(thread)
        if shown is not None and facts.revision < shown.revision:
            self._store.save_delivery(superseded(delivery, why=f"revision {shown.revision} is told already"))
            return None
        if facts.merged_into is not None and self._receipt(delivery) is None:
            self._store.save_delivery(superseded(delivery, why=f"never told; {facts.merged_into} tells it"))
            return None
        return delivery

    def _memory(self) -> dict[Thread, _Shown]:
        """Return what every living message says, learnt from the store once."""
        if self._shown is None:
            self._shown = {}
            for delivery in self._mine(self._store.deliveries(state=Stage.SENT)):
                self._remember(self._shown, delivery)
        return self._shown

    @staticmethod
    def _remember(shown: dict[Thread, _Shown], delivery: Delivery) -> None:
        facts, thread = delivery.notice.facts, _thread(delivery)
        if thread not in shown or facts.revision >= shown[thread].revision:
            at = delivery.sending_since or delivery.created_at
            shown[thread] = _Shown(facts.revision, facts.phase, facts.severity, at)

    # -- when

    def _when(self, delivery: Delivery, *, now: datetime) -> datetime:
        """Return when the delivery may be tried: its own time, the receiver's limits, and not too often."""
        if delivery.is_in_doubt:
            return _sane(max(delivery.due, self._held_until or now), now=now)
        is_edit = self._receipt(delivery) is not None
        earliest = [delivery.due, self._paused.get((delivery.channel, is_edit), now), self._held_until or now]
        if is_edit:
            earliest.append(self._calm_until(delivery, now=now))
        elif delivery.channel in self._last_post:
            earliest.append(min(self._last_post[delivery.channel], now) + POST_EVERY)
        return _sane(max(earliest), now=now)

    def _calm_until(self, delivery: Delivery, *, now: datetime) -> datetime:
        facts, shown = delivery.notice.facts, self._memory().get(_thread(delivery))
        if shown is None or (facts.phase, facts.severity) != (shown.phase, shown.severity):
            return now
        return min(shown.at, now) + EDIT_EVERY

    # -- telling

    def _tell(self, round_: _Round, delivery: Delivery) -> None:
        """Try once, and again at once where a plainer form or another channel may work."""
        after = self._attempt(round_, delivery, self._receipt(delivery))
        while after is not None and after.stage is Stage.QUEUED and after.due <= self._clock.now():
            after = self._attempt(round_, after, self._receipt(after))

    def _attempt(self, round_: _Round, delivery: Delivery, receipt: Receipt | None) -> Delivery | None:
        """Try once; return what became of a delivery that failed, None once it is told."""
        under_way = started(delivery, now=round_.now, receipt=receipt)
        self._store.save_delivery(under_way)
        began = self._clock.now()
        try:
            told = self._call(under_way)
        except MessageGone as error:
            return self._told_anew(round_, under_way, error)
        except PortError as error:
            return self._failed(round_, under_way, error)
        self._store.save_delivery(sent(under_way, told))
        seconds = self._clock.real_seconds(self._clock.now() - began)
        self._succeeded(round_, sent(under_way, told), seconds=seconds)
        return None

    def _told_anew(self, round_: _Round, delivery: Delivery, error: MessageGone) -> Delivery | None:
        """Post in place of a message that somebody removed; a last edit needs no message of its own."""
        if delivery.notice.facts.merged_into is None and delivery.receipt is not None:
            return self._attempt(round_, delivery, None)
        self._store.save_delivery(superseded(delivery, why=str(error)))
        return None

    def _call(self, delivery: Delivery) -> Receipt:
        message = self._message(delivery)
        if delivery.receipt is not None:
            self._messenger.edit(delivery.receipt, message)
            return delivery.receipt
        self._last_post[delivery.channel] = self._clock.now()
        return self._messenger.post(message, channel=delivery.channel, key=delivery.key)

    def _message(self, delivery: Delivery) -> Message:
        language = self._languages.get(delivery.channel, self._language)
        return render(delivery.notice, language=language, zone=self._zone, plain=delivery.plain)

    def _succeeded(self, round_: _Round, delivery: Delivery, *, seconds: float) -> None:
        round_.sent += 1
        self._failing.pop(delivery.channel, None)
        log.info("delivered", extra={"delivery": delivery.key, "channel": delivery.channel})
        self._remember(self._memory(), delivery)
        self._meter.delivered(delivery.channel, seconds=seconds)

    def _failed(self, round_: _Round, delivery: Delivery, error: PortError) -> Delivery:
        round_.failed += 1
        failure, was_edit = _failure(error), delivery.receipt is not None
        if was_edit and failure.trouble is Trouble.UNKNOWN:
            failure = Failure(Trouble.UNAVAILABLE, failure.message)
        after = after_error(delivery, failure, now=self._clock.now(), fallback=self._fallback)
        self._store.save_delivery(after)
        self._meter.delivery_failed(delivery.channel, reason=error.reason)
        self._note_failure(after, error)
        self._spare(delivery, failure, until=after.due, was_edit=was_edit)
        return after

    def _note_failure(self, after: Delivery, error: PortError) -> None:
        fields = {
            "delivery": after.key,
            "channel": after.channel,
            "reason": error.reason,
            "error": str(error),
        }
        if after.stage is Stage.DEAD:
            self._meter.dropped(after.channel)
            log.error("delivery_given_up", extra=fields)
        elif self._failing.get(after.channel) != error.reason:
            self._failing[after.channel] = error.reason
            log.warning("delivery_failed", extra=fields)

    def _spare(self, delivery: Delivery, failure: Failure, *, until: datetime, was_edit: bool) -> None:
        """Leave alone for a while what would only fail in the same way."""
        match failure.trouble:
            case Trouble.LIMITED:
                self._paused[delivery.channel, was_edit] = until
            case Trouble.CREDENTIALS:
                self._held_until = until
            case Trouble.UNAVAILABLE | Trouble.UNKNOWN:
                for is_edit in (False, True):
                    pause = self._clock.now() + FIRST_RETRY
                    self._paused[delivery.channel, is_edit] = max(
                        pause, self._paused.get((delivery.channel, is_edit), pause)
                    )
            case Trouble.CHANNEL | Trouble.CONTENT:
                return

    # -- after a crash or a lost answer

    def _reconciled(self, round_: _Round, found: Delivery) -> Delivery:
        """Return the delivery once its unfinished attempt is understood, or as it is while that takes time."""
        delivery = interrupted(found, now=round_.now)
        if delivery != found:
            self._store.save_delivery(delivery)
        if not delivery.is_in_doubt or self._when(delivery, now=round_.now) > round_.now:
            return delivery
        after = self._looked_for(round_, delivery)
        self._store.save_delivery(after)
        if after.stage is Stage.SENT:
            self._succeeded(round_, after, seconds=0.0)
        return after

    def _looked_for(self, round_: _Round, delivery: Delivery) -> Delivery:
        since = delivery.sending_since or delivery.created_at
        try:
            receipt = self._messenger.find(channel=delivery.channel, key=delivery.key, since=since)
        except PortError as error:
            self._meter.delivery_failed(delivery.channel, reason=error.reason)
            round_.failed += 1
            return not_searchable(delivery, _failure(error), now=round_.now)
        return not_found(delivery, now=round_.now) if receipt is None else sent(delivery, receipt)

    def _receipt(self, delivery: Delivery) -> Receipt | None:
        return self._store.receipt(incident=delivery.incident, channel=delivery.channel)


def _sane(instant: datetime, *, now: datetime) -> datetime:
    """Return the instant, or now where it is so far away that the clock must have been set back."""
    return instant if instant - now <= LONGEST_LIMIT else now


def _thread(delivery: Delivery) -> Thread:
    return delivery.incident, delivery.channel


def _threads(deliveries: Sequence[Delivery]) -> Iterable[tuple[Thread, Sequence[Delivery]]]:
    """Yield deliveries by thread, the thread of the oldest delivery first."""
    grouped: dict[Thread, list[Delivery]] = {}
    for delivery in deliveries:
        grouped.setdefault(_thread(delivery), []).append(delivery)
    return grouped.items()


def _failure(error: PortError) -> Failure:
    """Return the outbox's word for a port's failure; one that it does not know may have done something."""
    match error:
        case Unavailable(reason="rate_limited"):
            return Failure(Trouble.LIMITED, str(error), error.retry_after)
        case Unavailable():
            return Failure(Trouble.UNAVAILABLE, str(error), error.retry_after)
        case CredentialsRefused():
            return Failure(Trouble.CREDENTIALS, str(error))
        case ChannelRefused():
            return Failure(Trouble.CHANNEL, str(error))
        case ContentRefused():
            return Failure(Trouble.CONTENT, str(error))
        case OutcomeUnknown() | _:
            return Failure(Trouble.UNKNOWN, str(error))
