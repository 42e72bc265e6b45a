"""Blindness: a help desk is not read any more, so that quiet means nothing; told once when it begins and once when it ends.

A blindness is named by its source and by the watermark at which it began, which stands still as long as it lasts: whoever
notices it again, after a restart too, names it the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from spikewatch.core.incidents import Phase, Severity


class Cause(StrEnum):
    """Why a source is not read, as far as reading knows."""

    UNREACHABLE = "unreachable"
    LIMITED = "limited"
    REFUSED = "refused"
    CLOCK = "clock"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Blindness:
    """All that a message may state.

    since      the watermark: everything created before it was read in time
    until      the watermark once there was one in time again; None while blind
    tickets    created in `[since, until)`, to the bucket; they were judged late
    incidents  surges among them
    removed    it ended because the source was taken out of the configuration: nobody knows what was missed
    """

    source: str
    cause: Cause
    since: datetime
    until: datetime | None = None
    tickets: int = 0
    incidents: int = 0
    removed: bool = False

    @property
    def revision(self) -> int:
        """How often it has changed, with its beginning."""
        return 1 if self.until is None else 2

    @property
    def phase(self) -> Phase:
        """Where it stands, in the words of incidents."""
        return Phase.OPEN if self.until is None else Phase.RESOLVED

    @property
    def severity(self) -> Severity:
        """How bad it is: as a surge that nobody sees yet."""
        return Severity.WARNING


@dataclass(frozen=True, slots=True)
class BlindNotice:
    """A blindness to be told; `incident` names its living message, `key` is unique for ever."""

    key: str
    incident: str
    at: datetime
    facts: Blindness


def begun(source: str, cause: Cause, *, since: datetime, at: datetime) -> BlindNotice:
    """Return what is told of a source whose watermark stands still at `since`."""
    name = f"blind-{source}-{since:%Y%m%dT%H%M%S%f}"
    return BlindNotice(f"{name}.1", name, at, Blindness(source, cause, since))


def ended(notice: BlindNotice, *, until: datetime, tickets: int, incidents: int, at: datetime) -> BlindNotice:
    """Return what is told once the source is read in time again, up to `until`."""
    facts = replace(notice.facts, until=until, tickets=tickets, incidents=incidents)
    return BlindNotice(f"{notice.incident}.2", notice.incident, at, facts)


def removed(notice: BlindNotice, *, at: datetime) -> BlindNotice:
    """Return what is told once the source is configured no more."""
    facts = replace(notice.facts, until=at, removed=True)
    return BlindNotice(f"{notice.incident}.2", notice.incident, at, facts)
