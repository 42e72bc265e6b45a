"""What every living message of a receiver says at the moment: learnt from the store once, kept up from then on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import LATE_FROM, Delivery, Stage
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.weekly import WeeklyNotice
from spikewatch.core.wording import Message
from spikewatch.ports import Store

Thread: TypeAlias = tuple[str, str]
"""An incident in a channel: what has one living message."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a living message says.

    told     the delivery that it was made of last
    posted   the revision that it was posted with
    at       when it was told last
    late     how long it had to wait before it was posted; None where it was in time
    spread   when a reply last said that the surge spreads
    digest   of what a reader saw last; None where nobody remembers
    """

    told: Delivery
    posted: int
    at: datetime
    late: timedelta | None = None
    spread: datetime | None = None
    digest: str | None = None

    @property
    def revision(self) -> int:
        """The revision that it shows."""
        return self.told.notice.facts.revision

    @property
    def plain(self) -> int:
        """How plain it had to be."""
        return self.told.plain

    @property
    def stands(self) -> tuple[Phase, Severity, Handling | None]:
        """Where the incident stands in it: what is told at once when it changes."""
        return stands(self.told)

    @property
    def lasts(self) -> bool:
        """Tell whether what it tells goes on, as far as it knows."""
        phase, _, handling = self.stands
        return phase is Phase.OPEN and not (handling is not None and handling.is_dismissed)


class Memory:
    """What every living message of one receiver says."""

    def __init__(self, store: Store, *, receiver: str) -> None:
        """Hold the store; it is read when the first message is asked for."""
        self._store = store
        self._receiver = receiver
        self._shown: dict[Thread, Shown] | None = None

    def get(self, thread: Thread) -> Shown | None:
        """Return what the message of a thread says; None where none stands."""
        return self._known().get(thread)

    def lasting(self) -> Iterator[Shown]:
        """Yield the messages whose incident goes on."""
        yield from [shown for shown in self._known().values() if shown.lasts]

    def note(self, delivery: Delivery, *, anew: bool = False, digest: str | None = None) -> None:
        """Take over what was told; `anew`: in a message that was just posted."""
        _note(self._known(), delivery, anew=anew, digest=digest)

    def repeated(self, shown: Shown, *, at: datetime) -> None:
        """Take over that a message was told again as it was."""
        self._known()[thread_of(shown.told)] = replace(shown, at=at)

    def _known(self) -> dict[Thread, Shown]:
        if self._shown is None:
            known: dict[Thread, Shown] = {}
            sent = [
                each for each in self._store.deliveries(state=Stage.SENT) if each.receiver == self._receiver
            ]
            for delivery in sorted(sent, key=lambda each: each.is_reply):
                _note(known, delivery)
            self._shown = known
        return self._shown


def _note(
    known: dict[Thread, Shown], delivery: Delivery, *, anew: bool = False, digest: str | None = None
) -> None:
    thread, at = thread_of(delivery), delivery.sending_since or delivery.created_at
    before = known.get(thread)
    if delivery.is_reply:
        if before is not None and is_spread(delivery):
            known[thread] = replace(before, spread=max(at, before.spread or at))
        return
    revision = delivery.notice.facts.revision
    if before is not None and revision < before.revision:
        return
    known[thread] = Shown(
        told=delivery,
        posted=revision if before is None or anew else before.posted,
        at=at,
        late=late_by(delivery, now=at) if before is None else before.late,
        spread=None if before is None else before.spread,
        digest=digest,
    )


def late_by(delivery: Delivery, *, now: datetime) -> timedelta | None:
    """Return how long a delivery has waited, where that is worth a word; a recap and a week name their own span."""
    waited = now - delivery.waits_since
    return None if waited < LATE_FROM or isinstance(delivery.notice, RecapNotice | WeeklyNotice) else waited


def thread_of(delivery: Delivery) -> Thread:
    """Return the thread to which a delivery belongs."""
    return delivery.incident, delivery.channel


def stands(delivery: Delivery) -> tuple[Phase, Severity, Handling | None]:
    """Return where an incident stands: what is told at once when it changes."""
    notice = delivery.notice
    handling = notice.facts.handling if isinstance(notice, Notice) else None
    return notice.facts.phase, notice.facts.severity, handling


def is_spread(delivery: Delivery) -> bool:
    """Tell whether a reply says no more than that the surge spreads."""
    notice = delivery.notice
    return delivery.is_reply and isinstance(notice, Notice) and notice.reason is Reason.JOINED


def digest_of(message: Message) -> str:
    """Return what a reader sees of a message, and what people did to its incident, which a program may be the reader of.

    The names of blocks, which change with each revision, are nothing to see.
    """
    notice = None if message.source is None else message.source.notice
    handling = notice.facts.handling if isinstance(notice, Notice) else None
    course = message.picture and message.picture.course
    return repr((message.text, _without_names(message.blocks), course, handling))


def _without_names(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_names(inner) for key, inner in value.items() if key != "block_id"}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_names(inner) for inner in value]
    return value
