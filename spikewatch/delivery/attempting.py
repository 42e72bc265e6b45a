"""One attempt to tell: the call to the receiver, and what becomes of the delivery, whatever happens."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from spikewatch.core.outbox import (
    PLAINEST,
    Delivery,
    Failure,
    Receipt,
    Stage,
    Trouble,
    after_error,
    interrupted,
    not_found,
    not_searchable,
    sent,
    started,
    superseded,
    unsearched,
)
from spikewatch.core.wording import Message
from spikewatch.delivery.composing import Composer
from spikewatch.delivery.failures import failure_of
from spikewatch.delivery.pacing import Pace
from spikewatch.delivery.shown import Memory, Shown, digest_of, late_by, thread_of
from spikewatch.delivery.standing_in import StandIn, teller
from spikewatch.ports import Clock, MessageGone, Messenger, Meter, PortError, Store

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Round:
    """One drain under way."""

    now: datetime
    sent: int = 0
    failed: int = 0


class Attempts:
    """Makes attempts for one receiver and writes down what became of each.

    fallback  channel to use where another refuses messages
    stand_in  the receiver that may have told an incident meanwhile
    """

    def __init__(
        self,
        *,
        store: Store,
        messenger: Messenger,
        clock: Clock,
        meter: Meter,
        composer: Composer,
        memory: Memory,
        pace: Pace,
        fallback: str | None = None,
        stand_in: StandIn | None = None,
    ) -> None:
        """Hold the parts; nothing is sent yet."""
        self._store = store
        self._messenger = messenger
        self._clock = clock
        self._meter = meter
        self._composer = composer
        self._memory = memory
        self._pace = pace
        self._fallback = fallback
        self._stand_in = stand_in
        self._failing: dict[str, str] = {}

    def tell(self, round_: Round, delivery: Delivery) -> None:
        """Try once, and again at once where a plainer form or another channel may work."""
        after = self._attempt(round_, self._as_plain_as_before(delivery), self.edited(delivery))
        while after is not None and after.stage is Stage.QUEUED and after.due <= self._clock.now():
            after = self._attempt(round_, after, self.edited(after))

    def repeat(self, round_: Round, shown: Shown) -> None:
        """Tell a receiver once more what lasts; a failure is only a reason to do it soon again."""
        receipt = shown.told.receipt
        if receipt is None:
            return
        try:
            self._messenger.edit(receipt, self._composer.message(shown.told, late=shown.late))
        except PortError as error:
            round_.failed += 1
            self._meter.delivery_failed(shown.told.channel, reason=error.reason)
            self._note_failure(shown.told, error)
            until = round_.now + timedelta(minutes=1)
            self._spare(shown.told, failure_of(error), until=until, was_edit=True)
            return
        self._failing.pop(shown.told.channel, None)
        self._memory.repeated(shown, at=round_.now)

    def edited(self, delivery: Delivery) -> Receipt | None:
        """Return the message that a delivery edits; None where it posts one."""
        return None if delivery.is_reply else self.receipt(delivery)

    def receipt(self, delivery: Delivery) -> Receipt | None:
        """Return the living message to which a delivery belongs."""
        return self._store.receipt(incident=delivery.incident, channel=delivery.channel)

    def _as_plain_as_before(self, delivery: Delivery) -> Delivery:
        """Return the delivery no richer than the message was last time: what was refused then would be refused again.

        Text alone says so little that everything else is tried again.
        """
        shown = self._memory.get(thread_of(delivery))
        if shown is None or delivery.is_reply or not delivery.plain < shown.plain < PLAINEST:
            return delivery
        return replace(delivery, plain=shown.plain)

    # -- one attempt

    def _attempt(self, round_: Round, delivery: Delivery, receipt: Receipt | None) -> Delivery | None:
        """Try once; return what became of a delivery that failed, None once it is told."""
        message = self._message(delivery, receipt, now=round_.now)
        if receipt is not None and self._is_seen(delivery, message):
            self._settle_unseen(delivery, receipt, message)
            return None
        under_way = started(delivery, now=round_.now, receipt=receipt)
        self._store.save_delivery(under_way)
        began = self._clock.now()
        try:
            told = self._call(under_way, message)
        except MessageGone as error:
            return self._told_anew(round_, under_way, error)
        except PortError as error:
            return self._failed(round_, under_way, error)
        self._store.save_delivery(sent(under_way, told))
        seconds = self._clock.real_seconds(self._clock.now() - began)
        self._succeeded(
            round_, sent(under_way, told), seconds=seconds, posted=receipt is None, message=message
        )
        return None

    def _message(self, delivery: Delivery, receipt: Receipt | None, *, now: datetime) -> Message:
        shown = self._memory.get(thread_of(delivery))
        if delivery.is_reply:
            return self._composer.message(delivery)
        late = late_by(delivery, now=now) if shown is None else shown.late
        told_by = self._told_by(delivery) if receipt is None else None
        return self._composer.message(delivery, late=late, told_by=told_by)

    def _told_by(self, delivery: Delivery) -> str | None:
        if self._stand_in is None:
            return None
        return teller(self._store.deliveries_of(delivery.incident), self._stand_in)

    def _is_seen(self, delivery: Delivery, message: Message) -> bool:
        shown = self._memory.get(thread_of(delivery))
        return shown is not None and shown.digest == digest_of(message)

    def _settle_unseen(self, delivery: Delivery, receipt: Receipt, message: Message) -> None:
        """Count an edit as told that would change nothing a reader sees."""
        told = sent(started(delivery, now=self._clock.now(), receipt=receipt), receipt)
        self._store.save_delivery(told)
        self._memory.note(told, digest=digest_of(message))

    def _told_anew(self, round_: Round, delivery: Delivery, error: MessageGone) -> Delivery | None:
        """Post in place of a message that somebody removed; a last edit needs none, and a reply no place."""
        if delivery.merged_into is None and delivery.receipt is not None:
            return self._attempt(round_, delivery, None)
        self._store.save_delivery(superseded(delivery, why=str(error)))
        return None

    def _call(self, delivery: Delivery, message: Message) -> Receipt:
        if delivery.receipt is not None:
            self._messenger.edit(delivery.receipt, message)
            return delivery.receipt
        self._pace.posted(delivery.channel, at=self._clock.now())
        if not delivery.is_reply:
            return self._messenger.post(message, channel=delivery.channel, key=delivery.key)
        root = self.receipt(delivery)
        if root is None:
            raise MessageGone(f"{delivery.incident} has no message in {delivery.channel}")
        return self._messenger.reply(root, message, key=delivery.key)

    def _succeeded(
        self,
        round_: Round,
        delivery: Delivery,
        *,
        seconds: float,
        posted: bool,
        message: Message | None = None,
    ) -> None:
        round_.sent += 1
        self._failing.pop(delivery.channel, None)
        log.info("delivered", extra=_log_fields(delivery))
        self._memory.note(delivery, anew=posted, digest=None if message is None else digest_of(message))
        self._meter.delivered(delivery.channel, seconds=seconds)

    def _failed(self, round_: Round, delivery: Delivery, error: PortError) -> Delivery:
        round_.failed += 1
        failure, was_edit = failure_of(error), delivery.receipt is not None
        repeatable = was_edit or not self._messenger.abilities.finds
        if repeatable and failure.trouble is Trouble.UNKNOWN:
            failure = Failure(Trouble.UNAVAILABLE, failure.message)
        plainer = self._composer.plainer(delivery) if failure.trouble is Trouble.CONTENT else None
        fallback = None if delivery.is_reply else self._fallback
        after = after_error(delivery, failure, now=self._clock.now(), fallback=fallback, plainer=plainer)
        self._store.save_delivery(after)
        self._meter.delivery_failed(delivery.channel, reason=error.reason)
        self._note_failure(after, error)
        self._spare(delivery, failure, until=after.due, was_edit=was_edit)
        return after

    def _spare(self, delivery: Delivery, failure: Failure, *, until: datetime, was_edit: bool) -> None:
        self._pace.spare(delivery.channel, failure, is_edit=was_edit, until=until, now=self._clock.now())

    def _note_failure(self, after: Delivery, error: PortError) -> None:
        fields = {**_log_fields(after), "reason": error.reason, "error": str(error)}
        if after.stage is Stage.DEAD:
            self._meter.dropped(after.channel)
            log.error("delivery_given_up", extra=fields)
        elif self._failing.get(after.channel) != error.reason:
            self._failing[after.channel] = error.reason
            log.warning("delivery_failed", extra=fields)

    # -- after a crash or a lost answer

    def reconciled(self, round_: Round, found: Delivery) -> Delivery:
        """Return the delivery once its unfinished attempt is understood, or as it is while that takes time."""
        delivery = interrupted(found, now=round_.now)
        if delivery != found:
            self._store.save_delivery(delivery)
        if not delivery.is_in_doubt or self.when(delivery, now=round_.now) > round_.now:
            return delivery
        after = self._looked_for(round_, delivery)
        self._store.save_delivery(after)
        if after.stage is Stage.SENT:
            self._succeeded(round_, after, seconds=0.0, posted=True)
        return after

    def _looked_for(self, round_: Round, delivery: Delivery) -> Delivery:
        if not self._messenger.abilities.finds:
            return unsearched(delivery, now=round_.now)
        since = delivery.sending_since or delivery.created_at
        try:
            root = self.receipt(delivery) if delivery.is_reply else None
            receipt = self._messenger.find(channel=delivery.channel, key=delivery.key, since=since, root=root)
        except PortError as error:
            self._meter.delivery_failed(delivery.channel, reason=error.reason)
            round_.failed += 1
            return not_searchable(delivery, failure_of(error), now=round_.now)
        return not_found(delivery, now=round_.now) if receipt is None else sent(delivery, receipt)

    def when(self, delivery: Delivery, *, now: datetime) -> datetime:
        """Return when a delivery may be tried."""
        is_edit = not delivery.is_in_doubt and self.edited(delivery) is not None
        return self._pace.when(delivery, self._memory.get(thread_of(delivery)), is_edit=is_edit, now=now)


def _log_fields(delivery: Delivery) -> dict[str, str]:
    """Return by what a delivery is followed through the log; the incident's id stands in messages and metrics too."""
    return {"delivery": delivery.key, "incident": delivery.incident, "channel": delivery.channel}
