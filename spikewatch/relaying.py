"""From notices to outbox rows of the receivers beside Slack: who of them wants to hear it, and in which form.

What was told to a receiver is followed there to its end, whatever it wants to hear of by then. What begins outside its hours
becomes a row that is held back. A receiver that stands in for Slack begins only with what `delivery` hands it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from spikewatch.core.blindness import BlindNotice
from spikewatch.core.business_hours import BusinessHours
from spikewatch.core.muting import NEVER_MUTED
from spikewatch.core.notices import Notice, Reason, is_worth_a_reply
from spikewatch.core.oncall import ReceiverSettings
from spikewatch.core.outbox import GIVEN_UP, Delivery, Kind, held, plan
from spikewatch.core.routing import concerns, why_later
from spikewatch.ports import Abilities, Store

_ENDS = frozenset({Reason.RESOLVED, Reason.MERGED, Reason.DISMISSED})


@dataclass(frozen=True, slots=True)
class Relay:
    """A receiver as far as planning knows it.

    wanted     which incidents it is told
    stands_in  it tells only what Slack cannot be told
    """

    wanted: ReceiverSettings
    kind: str
    abilities: Abilities
    stands_in: bool = False

    @property
    def name(self) -> str:
        """The configured name."""
        return self.wanted.name

    @property
    def channel(self) -> str:
        """Where it is told: itself; no channel of Slack has such a name."""
        return f"{self.kind}:{self.name}"

    @property
    def follows(self) -> Kind:
        """What a later notice of an incident is."""
        return Kind.ROOT if self.abilities.edits else Kind.REPLY


class Relaying:
    """Plans for every receiver beside Slack.

    hours  when the desk is staffed
    """

    def __init__(self, store: Store, relays: Sequence[Relay], *, hours: BusinessHours) -> None:
        """Hold the parts; nothing is read yet."""
        self._store = store
        self._hours = hours
        self._relays = tuple(relays)

    def plan(
        self, notice: Notice | BlindNotice, earlier: Sequence[Delivery], now: datetime
    ) -> Sequence[Delivery]:
        """Return the rows of a notice that nothing mutes; earlier ones count as told."""
        if not self._relays:
            return ()
        rows = [*self._store.deliveries_of(notice.incident), *earlier]
        return [row for relay in self._relays for row in self._planned(relay, notice, rows=rows, now=now)]

    def _planned(
        self, relay: Relay, notice: Notice | BlindNotice, *, rows: Sequence[Delivery], now: datetime
    ) -> Iterator[Delivery]:
        is_told = any(
            (row.receiver, row.incident) == (relay.name, notice.incident) and row.stage not in GIVEN_UP
            for row in rows
        )
        kinds = kinds_of(notice, relay, is_told=is_told)
        later = why_later(relay.wanted, self._hours, at=now)
        if kinds and not is_told and later is not None and isinstance(notice, Notice):
            yield held(notice, receiver=relay.name, channel=relay.channel, why=str(later), now=now)
            return
        yield from plan(
            [notice], receiver=relay.name, channel_of=lambda _: relay.channel, now=now, kinds=lambda _: kinds
        )


def kinds_of(notice: Notice | BlindNotice, relay: Relay, *, is_told: bool) -> tuple[Kind, ...]:
    """Return what a receiver is told of a notice: its message, one more below it, or nothing.

    is_told  whether the incident was told there before
    """
    if not is_told:
        return (Kind.ROOT,) if _begins(notice, relay) else ()
    if relay.stands_in and isinstance(notice, Notice) and notice.reason not in _ENDS:
        return ()
    if relay.abilities.edits:
        return (Kind.ROOT,)
    return (Kind.REPLY,) if _is_news(notice) else ()


def _begins(notice: Notice | BlindNotice, relay: Relay) -> bool:
    if relay.stands_in:
        return False
    if isinstance(notice, BlindNotice):
        return notice.facts.until is None
    return notice.reason not in NEVER_MUTED and concerns(relay.wanted, notice.facts)


def _is_news(notice: Notice | BlindNotice) -> bool:
    return isinstance(notice, BlindNotice) or notice.reason is Reason.MERGED or is_worth_a_reply(notice)
