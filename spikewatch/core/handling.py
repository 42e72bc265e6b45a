"""Handling: what people have done to an incident so far; the detection beneath goes on as if nobody had.

It lives on the incident, and a copy travels with every notice. `acts` changes it, `incidents` takes back what the counts
have overtaken: a snooze ends with the calm or with a raised severity, a dismissal when something new is drawn in.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from spikewatch.core.events import LabelKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody said an incident was; `note` names the event of an expected one."""

    kind: LabelKind
    by: str
    at: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """Who owns an incident, until when it keeps quiet, and what was said about it.

    acknowledged_by  whoever takes care of it; None: nobody yet
    snoozed_until    edits and mentions wait until then
    dismissed_by     whoever closed it by hand: nothing more is told until it is calm or grows
    verdict          what it was; None: nobody said
    """

    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    snoozed_by: str | None = None
    snoozed_until: datetime | None = None
    dismissed_by: str | None = None
    dismissed_at: datetime | None = None
    verdict: Verdict | None = None

    @property
    def is_dismissed(self) -> bool:
        """Tell whether somebody closed it by hand."""
        return self.dismissed_at is not None

    def calmed(self) -> "Handling":
        """Return it once the incident has resolved by itself: a new rise is news, so the snooze is over."""
        return replace(self, snoozed_by=None, snoozed_until=None)

    def grown(self) -> "Handling":
        """Return it once something new was drawn in: what was dismissed is told again."""
        return replace(self, dismissed_by=None, dismissed_at=None)

    def raised(self) -> "Handling":
        """Return it once the severity was raised: neither snooze nor dismissal was meant for this."""
        return self.calmed().grown()


UNTOUCHED = Handling()
"""Nobody has done anything yet."""
