"""Recaps: what began and ended while nobody could be told, in one message instead of many."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Facts


@dataclass(frozen=True, slots=True)
class Recap:
    """All that a recap may state.

    since    since when the first of them waited to be told
    missed   the incidents as they ended, without their courses, by the instant at which they opened; each once
    """

    since: datetime
    missed: tuple[Facts, ...]
    revision: int = 1

    @property
    def phase(self) -> Phase:
        """Over: nothing of it lasts."""
        return Phase.RESOLVED

    @property
    def severity(self) -> Severity:
        """The worst of them."""
        severities = {each.severity for each in self.missed}
        return Severity.CRITICAL if Severity.CRITICAL in severities else Severity.WARNING

    def joined_by(self, more: Iterable[Facts], *, since: datetime) -> "Recap":
        """Return it with some more; of an incident that it tells already the newer facts count."""
        by_incident = {each.incident: each for each in (*self.missed, *map(_ended, more))}
        ordered = sorted(by_incident.values(), key=_by_opening)
        return Recap(min(self.since, since), tuple(ordered), self.revision + 1)


@dataclass(frozen=True, slots=True)
class RecapNotice:
    """A recap to be told; `incident` names its message, `key` is unique for ever."""

    key: str
    incident: str
    at: datetime
    facts: Recap


def recap_of(
    over: Iterable[Facts], *, receiver: str, channel: str, since: datetime, at: datetime
) -> RecapNotice:
    """Return the recap of what waited in a channel since an instant."""
    name = f"recap-{receiver}-{channel.lstrip('#')}-{at:%Y%m%dT%H%M%S%f}"
    ordered = sorted(map(_ended, over), key=_by_opening)
    return RecapNotice(f"{name}.1", name, at, Recap(since, tuple(ordered)))


def extended(notice: RecapNotice, more: Iterable[Facts], *, since: datetime) -> RecapNotice:
    """Return a recap that was not told yet with some more."""
    return replace(notice, facts=notice.facts.joined_by(more, since=since))


def _ended(facts: Facts) -> Facts:
    return replace(facts, course=None)


def _by_opening(facts: Facts) -> tuple[datetime, str]:
    return facts.opened_at, facts.incident
