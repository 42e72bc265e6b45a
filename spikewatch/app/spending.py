"""How much of the budget for false alarms the last seven days have spent."""

from collections.abc import Iterable
from datetime import datetime

from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import Incident
from spikewatch.core.timegrid import WEEK


def opened_lately(incidents: Iterable[Incident], *, now: datetime) -> list[Incident]:
    """Return those of the incidents that opened within the last seven days."""
    return [incident for incident in incidents if incident.opened_at >= now - WEEK]


def not_labelled_real(incidents: Iterable[Incident]) -> int:
    """Return how many incidents count as false alarms until somebody says otherwise."""
    return sum(not _is_real(incident) for incident in incidents)


def _is_real(incident: Incident) -> bool:
    verdict = incident.handling.verdict
    return verdict is not None and verdict.kind is LabelKind.INCIDENT
