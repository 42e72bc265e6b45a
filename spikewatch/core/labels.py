"""Labels as they are kept: who said it, about which incident, and what it covers.

A verdict on an incident covers each of its series for as long as that surged, so it grows with the incident. Labels keep
the names that they were given; what they are about follows renames as counts do.
"""

from dataclasses import dataclass, replace

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.dimensions import renamed
from spikewatch.core.events import Label
from spikewatch.core.incidents import Incident
from spikewatch.core.settings import RenameSettings
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


def label_now(label: Label, renames: RenameSettings) -> Label:
    """Return a label under the present names of what it is about.

    >>> from spikewatch.core.events import LabelKind
    >>> from datetime import UTC, datetime
    >>> day = Span(datetime(2026, 5, 11, tzinfo=UTC), datetime(2026, 5, 12, tzinfo=UTC))
    >>> said = Label(day, "Shop (old)", None, LabelKind.INCIDENT)
    >>> label_now(said, RenameSettings(services={"Shop (old)": "shop"})).service
    'shop'
    """
    if label.service is None:
        category = label.category
        now = None if category is None else renames.categories.get(category, category)
        return replace(label, category=now)
    key = renamed(SeriesKey(label.service, label.category or ALL), renames)
    return replace(label, service=key.service, category=None if label.category is None else key.category)


def noted_now(noted: Noted, renames: RenameSettings) -> Noted:
    """Return a kept label under the present names of what it is about."""
    return replace(noted, label=label_now(noted.label, renames))


def _covered(surges: list[Surge]) -> list[Surge]:
    return [surge for surge in surges if surge.last_surging > surge.began]
