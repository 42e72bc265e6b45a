"""Labels as they are kept: who said it, about which incident, and what it covers.

A verdict on an incident covers each of its series for as long as that surged, so it grows with the incident.
"""

from dataclasses import dataclass

from spikewatch.core.events import Label
from spikewatch.core.incidents import Incident
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import Span


@dataclass(frozen=True, slots=True)
class Noted:
    """A label in the store.

    incident  the incident that it is a verdict on; None where a span was labelled
    number    its number in the store; None before it is there
    """

    label: Label
    author: str
    note: str | None = None
    incident: str | None = None
    number: int | None = None


def labels_of(incident: Incident) -> tuple[Noted, ...]:
    """Return the labels that the verdict on an incident comes to: one a category, or a roll-up where none surges."""
    verdict = incident.handling.verdict
    if verdict is None:
        return ()
    leaves = [surge for surge in incident.surges if not surge.series.is_rollup]
    return tuple(
        Noted(
            label=Label(
                span=Span(surge.began, surge.last_surging),
                service=None if surge.series.is_fleet else surge.series.service,
                category=None if surge.series.is_rollup else surge.series.category,
                kind=verdict.kind,
                recorded_at=verdict.at,
            ),
            author=verdict.by,
            note=verdict.note,
            incident=incident.id,
        )
        for surge in _covered(leaves or list(incident.surges))
    )


def _covered(surges: list[Surge]) -> list[Surge]:
    return [surge for surge in surges if surge.last_surging > surge.began]
