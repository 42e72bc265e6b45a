"""From the outbox to a receiver: each incident has one living message a channel, posted once and edited from then on.

What matters is also said in the thread below it: replies go out one after the other, once the message stands. A reply says
nothing that the message said already when it was posted.

A delivery is saved as being sent before the call and as sent after it, so that whatever breaks in between leaves a row
that says so; the next drain then looks in the channel before it posts again.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TypeAlias
from zoneinfo import ZoneInfo

from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import (
    FIRST_RETRY,
    FOLD_FROM,
    LONGEST_LIMIT,
    PLAINEST,
    Delivery,
    Failure,
    Receipt,
    Stage,
    Trouble,
    after_error,
    folded,
    in_place_of,
    interrupted,
    not_found,
    not_searchable,
    sent,
    started,
    superseded,
)
from spikewatch.core.settings import Language
from spikewatch.core.wording import NOWHERE, Links, Message, render, render_reply
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
"""An unchanged state is not edited more often than this; a new phase or severity, and what a person did, is told at once."""

SPREAD_EVERY = timedelta(minutes=10)
"""A surge that spreads on and on is told in the thread no more often than this; what else happens is told at once."""

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
    """What the living message says.

    posted   the revision that it was posted with
    at       when it was told last
    plain    how plain it had to be
    spread   when a reply last said that the surge spreads
    """

    revision: int
    phase: Phase
    severity: Severity
    handling: Handling | None
    at: datetime
    posted: int
    plain: int = 0
    spread: datetime | None = None


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
    links      where messages lead to
    controls   tells whether presses of buttons arrive at the moment
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
        links: Links = NOWHERE,
        controls: Callable[[], bool] = lambda: False,
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
        self._links = links
        self._controls = controls
        self._shown: dict[Thread, _Shown] | None = None
        self._last_post: dict[str, datetime] = {}
        self._paused: dict[tuple[str, bool], datetime] = {}
        self._held_until: datetime | None = None
        self._failing: dict[str, str] = {}

    def drain(self) -> DrainResult:
        """Send what is due, messages before replies, oldest first, and say what is left.

        Never waits. A failure of the receiver becomes the next state of its delivery; a failure of the store raises
        `errors.Fault`, and the delivery in hand is found again by the next drain.
        """
        round_ = _Round(self._clock.now())
        unsettled = self._mine(self._store.unsettled())
        for thread, deliveries in _threads(each for each in unsettled if not each.is_reply):
            delivery = self._newest(round_, thread, deliveries)
            if delivery is not None and self._when(delivery, now=round_.now) <= round_.now:
                self._tell(round_, delivery)
        for thread, deliveries in _threads(each for each in unsettled if each.is_reply):
            reply = self._next_reply(round_, thread, deliveries, unsettled=unsettled)
            if reply is not None and self._when(reply, now=round_.now) <= round_.now:
                self._tell(round_, reply)
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

    def _next_reply(
        self,
        round_: _Round,
        thread: Thread,
        deliveries: Sequence[Delivery],
        *,
        unsettled: Sequence[Delivery],
    ) -> Delivery | None:
        """Return the reply that is next in a thread; None where the message does not stand yet or one is in doubt."""
        waiting = []
        for found in deliveries:
            reply = found if found.stage is Stage.QUEUED else self._reconciled(round_, found)
            if reply.is_in_doubt:
                return None
            if reply.stage is Stage.QUEUED:
                waiting.append(reply)
        shown = self._memory().get(thread)
        if shown is None:
            self._without_message(waiting, unsettled=unsettled)
            return None
        news = [reply for reply in waiting if self._is_news(reply, shown)]
        return self._together(news, now=round_.now) if news else None

    def _without_message(self, replies: Sequence[Delivery], *, unsettled: Sequence[Delivery]) -> None:
        """Let replies wait for their message; they follow it to the fallback channel, and are given up if it never comes."""
        coming = {each.incident for each in unsettled if not each.is_reply}
        for reply in replies:
            if self._fallback is not None and (reply.incident, self._fallback) in self._memory():
                self._store.save_delivery(replace(reply, channel=self._fallback))
            elif reply.incident not in coming:
                self._store.save_delivery(superseded(reply, why="no message to reply to"))

    def _is_news(self, reply: Delivery, shown: _Shown) -> bool:
        """Tell whether a reply says what the message did not say when it was posted; what does not is given up."""
        if reply.notice.facts.revision > shown.posted:
            return True
        self._store.save_delivery(
            superseded(reply, why=f"told by the message itself at revision {shown.posted}")
        )
        return False

    def _together(self, replies: Sequence[Delivery], *, now: datetime) -> Delivery:
        """Return the next reply; what has waited long, or is only about the spread, is told in one."""
        stale = [reply for reply in replies if reply.created_at <= now - FOLD_FROM]
        same = list(takewhile(_is_spread, replies))
        fold = stale if len(stale) > len(same) else same
        if len(fold) < 2:  # noqa: PLR2004 -- one is nothing to fold
            return replies[0]
        newest = folded(fold[-1], fold[:-1])
        self._store.save_delivery(newest)
        for older in fold[:-1]:
            self._store.save_delivery(superseded(older, why=f"told by {newest.key}"))
        return newest

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
            told = self._mine(self._store.deliveries(state=Stage.SENT))
            for delivery in sorted(told, key=lambda each: each.is_reply):
                self._remember(self._shown, delivery)
        return self._shown

    @staticmethod
    def _remember(shown: dict[Thread, _Shown], delivery: Delivery, *, anew: bool = False) -> None:
        facts, thread = delivery.notice.facts, _thread(delivery)
        before, at = shown.get(thread), delivery.sending_since or delivery.created_at
        if delivery.is_reply:
            if before is not None and _is_spread(delivery):
                shown[thread] = replace(before, spread=max(at, before.spread or at))
        elif before is None or facts.revision >= before.revision:
            shown[thread] = _Shown(
                revision=facts.revision,
                phase=facts.phase,
                severity=facts.severity,
                handling=_handling(delivery),
                at=at,
                posted=facts.revision if before is None or anew else before.posted,
                plain=delivery.plain,
                spread=None if before is None else before.spread,
            )

    # -- when

    def _when(self, delivery: Delivery, *, now: datetime) -> datetime:
        """Return when the delivery may be tried: its own time, the receiver's limits, and not too often."""
        if delivery.is_in_doubt:
            return _sane(max(delivery.due, self._held_until or now), now=now)
        is_edit = not delivery.is_reply and self._receipt(delivery) is not None
        earliest = [delivery.due, self._paused.get((delivery.channel, is_edit), now), self._held_until or now]
        if is_edit:
            earliest.append(self._calm_until(delivery, now=now))
        elif delivery.channel in self._last_post:
            earliest.append(min(self._last_post[delivery.channel], now) + POST_EVERY)
        shown = self._memory().get(_thread(delivery))
        if _is_spread(delivery) and shown is not None and shown.spread is not None:
            earliest.append(min(shown.spread, now) + SPREAD_EVERY)
        return _sane(max(earliest), now=now)

    def _calm_until(self, delivery: Delivery, *, now: datetime) -> datetime:
        facts, shown = delivery.notice.facts, self._memory().get(_thread(delivery))
        stands = None if shown is None else (shown.phase, shown.severity, shown.handling)
        if shown is None or (facts.phase, facts.severity, _handling(delivery)) != stands:
            return now
        return min(shown.at, now) + EDIT_EVERY

    # -- telling

    def _tell(self, round_: _Round, delivery: Delivery) -> None:
        """Try once, and again at once where a plainer form or another channel may work."""
        after = self._attempt(round_, self._as_plain_as_before(delivery), self._edited(delivery))
        while after is not None and after.stage is Stage.QUEUED and after.due <= self._clock.now():
            after = self._attempt(round_, after, self._edited(after))

    def _edited(self, delivery: Delivery) -> Receipt | None:
        """Return the message that a delivery edits; None where it posts one."""
        return None if delivery.is_reply else self._receipt(delivery)

    def _as_plain_as_before(self, delivery: Delivery) -> Delivery:
        """Return the delivery no richer than the message was last time: what was refused then would be refused again.

        Text alone says so little that everything else is tried again.
        """
        shown = self._memory().get(_thread(delivery))
        if shown is None or delivery.is_reply or not delivery.plain < shown.plain < PLAINEST:
            return delivery
        return replace(delivery, plain=shown.plain)

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
        posted = under_way.receipt is None
        self._succeeded(round_, sent(under_way, told), seconds=seconds, posted=posted)
        return None

    def _told_anew(self, round_: _Round, delivery: Delivery, error: MessageGone) -> Delivery | None:
        """Post in place of a message that somebody removed; a last edit needs none, and a reply no place."""
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
        if not delivery.is_reply:
            return self._messenger.post(message, channel=delivery.channel, key=delivery.key)
        root = self._receipt(delivery)
        if root is None:
            raise MessageGone(f"{delivery.incident} has no message in {delivery.channel}")
        return self._messenger.reply(root, message, key=delivery.key)

    def _message(self, delivery: Delivery) -> Message:
        notice = delivery.notice
        language = delivery.language or self._languages.get(delivery.channel, self._language)
        if delivery.is_reply and isinstance(notice, Notice):
            message = render_reply(
                notice, earlier=delivery.earlier, language=language, zone=self._zone, plain=delivery.plain
            )
        else:
            message = render(
                notice,
                language=language,
                zone=self._zone,
                plain=delivery.plain,
                links=self._links,
                controls=self._controls(),
            )
        return replace(message, mention=delivery.mention)

    def _plainer(self, delivery: Delivery) -> int:
        """Return the next rung of plainness that changes the message; one beyond the last where none does."""
        refused = self._message(delivery)
        rungs = range(delivery.plain + 1, PLAINEST + 1)
        return next(
            (rung for rung in rungs if self._message(replace(delivery, plain=rung)) != refused), PLAINEST + 1
        )

    def _succeeded(self, round_: _Round, delivery: Delivery, *, seconds: float, posted: bool) -> None:
        round_.sent += 1
        self._failing.pop(delivery.channel, None)
        log.info("delivered", extra=_log_fields(delivery))
        self._remember(self._memory(), delivery, anew=posted)
        self._meter.delivered(delivery.channel, seconds=seconds)

    def _failed(self, round_: _Round, delivery: Delivery, error: PortError) -> Delivery:
        round_.failed += 1
        failure, was_edit = _failure(error), delivery.receipt is not None
        if was_edit and failure.trouble is Trouble.UNKNOWN:
            failure = Failure(Trouble.UNAVAILABLE, failure.message)
        plainer = self._plainer(delivery) if failure.trouble is Trouble.CONTENT else None
        fallback = None if delivery.is_reply else self._fallback
        after = after_error(delivery, failure, now=self._clock.now(), fallback=fallback, plainer=plainer)
        self._store.save_delivery(after)
        self._meter.delivery_failed(delivery.channel, reason=error.reason)
        self._note_failure(after, error)
        self._spare(delivery, failure, until=after.due, was_edit=was_edit)
        return after

    def _note_failure(self, after: Delivery, error: PortError) -> None:
        fields = {**_log_fields(after), "reason": error.reason, "error": str(error)}
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
            self._succeeded(round_, after, seconds=0.0, posted=True)
        return after

    def _looked_for(self, round_: _Round, delivery: Delivery) -> Delivery:
        since = delivery.sending_since or delivery.created_at
        try:
            root = self._receipt(delivery) if delivery.is_reply else None
            receipt = self._messenger.find(channel=delivery.channel, key=delivery.key, since=since, root=root)
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


def _handling(delivery: Delivery) -> Handling | None:
    notice = delivery.notice
    return notice.facts.handling if isinstance(notice, Notice) else None


def _is_spread(delivery: Delivery) -> bool:
    """Tell whether a reply says no more than that the surge spreads."""
    notice = delivery.notice
    return delivery.is_reply and isinstance(notice, Notice) and notice.reason is Reason.JOINED


def _threads(deliveries: Iterable[Delivery]) -> Iterable[tuple[Thread, Sequence[Delivery]]]:
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


def _log_fields(delivery: Delivery) -> dict[str, str]:
    """Return by what a delivery is followed through the log; the incident's id stands in messages and metrics too."""
    return {"delivery": delivery.key, "incident": delivery.incident, "channel": delivery.channel}
