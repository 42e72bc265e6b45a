"""Another way for what a receiver cannot be told: the first notice, a raised severity and the end, and no more.

Pure: what waits, and what was told by either way, gives the rows for the receiver that stands in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Facts, Notice
from spikewatch.core.outbox import GIVEN_UP, Delivery, Kind, Stage, key_of

STAND_IN_AFTER = timedelta(minutes=2)
"""What waits longer than this is told by another way; a restart of the vendor is over sooner."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """The receiver that stands in.

    follows  what later notices of an incident are there: an edit of its message, or a reply where nothing can be edited
    """

    receiver: str
    channel: str
    follows: Kind = Kind.ROOT


def relayed(
    waiting: Delivery,
    *,
    last_told: Facts | None,
    rows: Sequence[Delivery],
    stand_in: StandIn,
    now: datetime,
) -> Iterator[Delivery]:
    """Yield the row by which another receiver tells what waits; nothing where that is not due or was done already.

    waiting    the newest state of an incident that a receiver could not be told yet
    last_told  what that receiver was told last; None where nothing
    rows       all deliveries of the incident
    """
    notice = waiting.notice
    if not isinstance(notice, Notice) or now - waiting.waits_since < STAND_IN_AFTER:
        return
    told = [row for row in rows if row.receiver == stand_in.receiver and row.stage not in GIVEN_UP]
    stated = [row.notice.facts for row in told if isinstance(row.notice, Notice)]
    last = max([*stated, *([last_told] if last_told else [])], key=lambda facts: facts.revision, default=None)
    kind = stand_in.follows if told else Kind.ROOT
    key = key_of(notice, receiver=stand_in.receiver, channel=stand_in.channel, kind=kind)
    if not _is_worth_it(notice.facts, last) or any(row.key == key for row in rows):
        return
    yield Delivery(
        key,
        stand_in.receiver,
        stand_in.channel,
        notice,
        created_at=now,
        due=now,
        kind=kind,
        stands_in=waiting.receiver,
    )


def _is_worth_it(facts: Facts, last: Facts | None) -> bool:
    is_open = facts.phase is Phase.OPEN
    if last is None:
        return is_open and not facts.handling.is_dismissed
    if facts.revision <= last.revision:
        return False
    was_open = last.phase is Phase.OPEN
    raised = facts.severity is Severity.CRITICAL and last.severity is not Severity.CRITICAL
    return is_open != was_open or (is_open and raised)


def teller(rows: Sequence[Delivery], stand_in: StandIn) -> str | None:
    """Return the receiver that told an incident meanwhile; None where it did not."""
    told = any(row.receiver == stand_in.receiver and row.stage is Stage.SENT for row in rows)
    return stand_in.receiver if told else None
