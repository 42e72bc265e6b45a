"""Empties the outbox of one receiver: which delivery is next, which is told already, and which belongs into a recap."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import FOLD_FROM, LATE_FROM, Delivery, Stage, folded, in_place_of, superseded
from spikewatch.core.recaps import RecapNotice, extended, recap_of
from spikewatch.core.settings import Language
from spikewatch.core.wording import NOWHERE, Links
from spikewatch.delivery.attempting import Attempts, Round
from spikewatch.delivery.composing import Composer
from spikewatch.delivery.pacing import Pace
from spikewatch.delivery.shown import Memory, Shown, Thread, is_spread, thread_of
from spikewatch.delivery.standing_in import StandIn, relayed
from spikewatch.ports import Clock, Messenger, Meter, Store


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


class Deliverer:
    """Empties the outbox of one receiver; `drain` is called by one thread at a time.

    language   of channels that `languages` does not name
    zone       of local times in messages
    fallback   channel to use where another refuses messages
    links      where messages lead to
    controls   tells whether presses of buttons arrive at the moment
    stand_in   the receiver that tells the most important things while this one cannot
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
        stand_in: StandIn | None = None,
    ) -> None:
        """Hold the parts; nothing is read or sent yet."""
        self._store = store
        self._receiver = messenger.name
        self._abilities = messenger.abilities
        self._clock = clock
        self._fallback = fallback
        self._stand_in = stand_in
        self._memory = Memory(store, receiver=messenger.name)
        self._attempts = Attempts(
            store=store,
            messenger=messenger,
            clock=clock,
            meter=meter,
            composer=Composer(
                abilities=messenger.abilities,
                language=language,
                zone=zone,
                languages=dict(languages or {}),
                links=links,
                controls=controls,
            ),
            memory=self._memory,
            pace=Pace(),
            fallback=fallback,
            stand_in=stand_in,
        )

    @property
    def receiver(self) -> str:
        """The name of the receiver that it delivers to."""
        return self._receiver

    def drain(self) -> DrainResult:
        """Send what is due, messages before replies, oldest first, and say what is left.

        Never waits. A failure of the receiver becomes the next state of its delivery; a failure of the store raises
        `errors.Fault`, and the delivery in hand is found again by the next drain.
        """
        round_ = Round(self._clock.now())
        unsettled = self._mine(self._store.unsettled())
        over = self._tell_messages(round_, [each for each in unsettled if not each.is_reply])
        self._let_another_tell(now=round_.now)
        for recap in self._recaps(over, unsettled=unsettled, now=round_.now):
            self._tell_if_due(round_, recap)
        for thread, deliveries in _threads(each for each in unsettled if each.is_reply):
            reply = self._next_reply(round_, thread, deliveries, unsettled=unsettled)
            if reply is not None:
                self._tell_if_due(round_, reply)
        waiting = self._mine(self._store.unsettled())
        self._repeat(round_, waiting=waiting)
        next_due = min((self._attempts.when(each, now=round_.now) for each in waiting), default=None)
        return DrainResult(round_.sent, round_.failed, len(waiting), next_due)

    def _mine(self, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
        return [delivery for delivery in deliveries if delivery.receiver == self._receiver]

    def _tell_if_due(self, round_: Round, delivery: Delivery) -> None:
        if self._attempts.when(delivery, now=round_.now) <= round_.now:
            self._attempts.tell(round_, delivery)

    # -- messages

    def _tell_messages(self, round_: Round, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Tell the present of each thread; return what is over and was never told, which a recap is for.

        A recap that waits is told with what joins it now, not here.
        """
        over = []
        for thread, rows in _threads(deliveries):
            delivery = self._newest(round_, thread, rows)
            if delivery is None or (isinstance(delivery.notice, RecapNotice)):
                continue
            if self._is_for_a_recap(delivery, now=round_.now):
                over.append(delivery)
            else:
                self._tell_if_due(round_, delivery)
        return over

    def _newest(self, round_: Round, thread: Thread, deliveries: Sequence[Delivery]) -> Delivery | None:
        """Return the one delivery that states the thread's present; older ones are superseded.

        None while a message may stand in the channel that nobody knows of: telling more would post a second one.
        """
        queued = [delivery for delivery in deliveries if delivery.stage is Stage.QUEUED]
        for delivery in deliveries:
            if delivery.stage is Stage.QUEUED:
                continue
            settled = self._attempts.reconciled(round_, delivery)
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
        why = self._why_not(delivery, self._memory.get(thread))
        if why is None:
            return delivery
        self._store.save_delivery(superseded(delivery, why=why))
        return None

    def _why_not(self, delivery: Delivery, shown: Shown | None) -> str | None:
        """Return why a message need not be told any more; None where it is."""
        facts = delivery.notice.facts
        if shown is not None and facts.revision < shown.revision:
            return f"revision {shown.revision} is told already"
        if delivery.merged_into is not None and self._attempts.receipt(delivery) is None:
            return f"never told; {delivery.merged_into} tells it"
        if shown is not None and not self._abilities.edits:
            return f"{self._receiver} cannot edit what it has told"
        return None

    # -- what is over before it could be told

    def _is_for_a_recap(self, delivery: Delivery, *, now: datetime) -> bool:
        notice = delivery.notice
        return (
            self._abilities.recaps
            and isinstance(notice, Notice)
            and notice.facts.phase is not Phase.OPEN
            and now - delivery.waits_since >= LATE_FROM
            and self._memory.get(thread_of(delivery)) is None
        )

    def _recaps(
        self, over: Sequence[Delivery], *, unsettled: Sequence[Delivery], now: datetime
    ) -> Sequence[Delivery]:
        """Return the recap of each channel that has one, with what is over now in it.

        It is saved before what it tells is given up: after a crash in between its own copy is the one that stays. While
        nobody knows whether a recap was posted, what is over waits.
        """
        if not over and not any(map(_is_recap, unsettled)):
            return ()
        recaps = {each.channel: each for each in self._mine(self._store.unsettled()) if _is_recap(each)}
        for channel in dict.fromkeys(each.channel for each in over):
            before = recaps.get(channel)
            if before is not None and before.stage is not Stage.QUEUED:
                continue
            rows = [each for each in over if each.channel == channel]
            recap = recaps[channel] = self._recap(rows, before=before, now=now)
            self._store.save_delivery(recap)
            self._give_up(rows, unsettled=unsettled, why=f"told by {recap.key}")
        return [recap for recap in recaps.values() if recap.stage is Stage.QUEUED]

    def _recap(self, rows: Sequence[Delivery], *, before: Delivery | None, now: datetime) -> Delivery:
        since = min(row.waits_since for row in rows)
        ended = [row.notice.facts for row in rows if isinstance(row.notice, Notice)]
        if before is not None and isinstance(before.notice, RecapNotice):
            return replace(before, notice=extended(before.notice, ended, since=since))
        channel = rows[0].channel
        notice = recap_of(ended, receiver=self._receiver, channel=channel, since=since, at=now)
        key = f"{notice.key}:{self._receiver}:{channel}"
        due = max(row.due for row in rows)
        return Delivery(key, self._receiver, channel, notice, created_at=now, due=due, since=since)

    def _give_up(self, rows: Sequence[Delivery], *, unsettled: Sequence[Delivery], why: str) -> None:
        threads = {thread_of(row) for row in rows}
        replies = [each for each in unsettled if each.is_reply and thread_of(each) in threads]
        for each in (*rows, *replies):
            self._store.save_delivery(superseded(each, why=why))

    # -- replies

    def _next_reply(
        self,
        round_: Round,
        thread: Thread,
        deliveries: Sequence[Delivery],
        *,
        unsettled: Sequence[Delivery],
    ) -> Delivery | None:
        """Return the reply that is next in a thread; None where the message does not stand yet or one is in doubt."""
        waiting = []
        for found in deliveries:
            reply = found if found.stage is Stage.QUEUED else self._attempts.reconciled(round_, found)
            if reply.is_in_doubt:
                return None
            if reply.stage is Stage.QUEUED:
                waiting.append(reply)
        shown = self._memory.get(thread)
        if shown is None:
            self._without_message(waiting, unsettled=unsettled)
            return None
        news = [reply for reply in waiting if self._is_news(reply, shown)]
        return self._together(news, now=round_.now) if news else None

    def _without_message(self, replies: Sequence[Delivery], *, unsettled: Sequence[Delivery]) -> None:
        """Let replies wait for their message; they follow it to the fallback channel, and are given up if it never comes."""
        coming = {each.incident for each in unsettled if not each.is_reply}
        for reply in replies:
            if self._fallback is not None and self._memory.get((reply.incident, self._fallback)) is not None:
                self._store.save_delivery(replace(reply, channel=self._fallback))
            elif reply.incident not in coming:
                self._store.save_delivery(superseded(reply, why="no message to reply to"))

    def _is_news(self, reply: Delivery, shown: Shown) -> bool:
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
        same = list(takewhile(is_spread, replies))
        fold = stale if len(stale) > len(same) else same
        if len(fold) < 2:  # noqa: PLR2004 -- one is nothing to fold
            return replies[0]
        newest = folded(fold[-1], fold[:-1])
        self._store.save_delivery(newest)
        for older in fold[:-1]:
            self._store.save_delivery(superseded(older, why=f"told by {newest.key}"))
        return newest

    # -- what lasts, and what another must tell

    def _repeat(self, round_: Round, *, waiting: Sequence[Delivery]) -> None:
        """Tell a receiver that wants to hear it once more what still lasts, where nothing newer waits for it."""
        every = self._abilities.repeats_every
        if every is None:
            return
        newer = {thread_of(each) for each in waiting}
        for shown in self._memory.lasting():
            if thread_of(shown.told) not in newer and round_.now - shown.at >= every and self._goes_on(shown):
                self._attempts.repeat(round_, shown)

    def _goes_on(self, shown: Shown) -> bool:
        """Tell whether the store knows that it lasts, for its end may never have been told here."""
        if not isinstance(shown.told.notice, Notice):
            return True
        incident = self._store.incident(shown.told.incident)
        return incident is not None and incident.phase is Phase.OPEN

    def _let_another_tell(self, *, now: datetime) -> None:
        """Hand the receiver that stands in what still waits, before a recap takes over what is over."""
        if self._stand_in is None:
            return
        waiting = self._mine(self._store.unsettled())
        for thread, rows in _threads(each for each in waiting if not each.is_reply):
            newest = max(rows, key=lambda row: row.notice.facts.revision)
            shown = self._memory.get(thread)
            told = shown.told.notice if shown is not None else None
            for row in relayed(
                newest,
                last_told=told.facts if isinstance(told, Notice) else None,
                rows=self._store.deliveries_of(newest.incident),
                stand_in=self._stand_in,
                now=now,
            ):
                self._store.save_delivery(row)


def _is_recap(delivery: Delivery) -> bool:
    return isinstance(delivery.notice, RecapNotice)


def _threads(deliveries: Iterable[Delivery]) -> Iterable[tuple[Thread, Sequence[Delivery]]]:
    """Yield deliveries by thread, the thread of the oldest delivery first."""
    grouped: dict[Thread, list[Delivery]] = {}
    for delivery in deliveries:
        grouped.setdefault(thread_of(delivery), []).append(delivery)
    return grouped.items()
