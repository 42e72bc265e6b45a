"""How often incidents were right, how often each series was part of one, and how late they were told."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median

from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Incident
from spikewatch.core.labels import Noted
from spikewatch.core.timegrid import Span
from spikewatch.core.weekly.figures import Accuracy, Line, Noise


def accuracy_of(incidents: Iterable[Incident], labels: Sequence[Noted], *, span: Span) -> Accuracy:
    """Return how often the incidents opened in a span were right, and how many of those known in it were found.

    incidents  those of the span, and those that lasted into it
    """
    counted = [each for each in incidents if each.merged_into is None]
    opened = [each for each in counted if span.holds(each.opened_at)]
    kinds = Counter(label_of(each, labels) for each in opened)
    known = [
        noted.label
        for noted in labels
        if noted.incident is None
        and noted.label.kind is LabelKind.INCIDENT
        and span.holds(noted.label.span.start)
    ]
    found = sum(any(_covers(label, incident) for incident in counted) for label in known)
    beside = sum(
        label_of(each, labels) is LabelKind.INCIDENT and not any(_covers(label, each) for label in known)
        for each in opened
    )
    return Accuracy(
        real=kinds[LabelKind.INCIDENT],
        expected=kinds[LabelKind.EXPECTED],
        false_alarms=kinds[LabelKind.FALSE_ALARM],
        unlabelled=kinds[None],
        known=len(known) + beside,
        found=found + beside,
    )


def label_of(incident: Incident, labels: Iterable[Noted]) -> LabelKind | None:
    """Return what an incident was said to be: by a verdict on it, else by labels of the same time and series."""
    if incident.handling.verdict is not None:
        return incident.handling.verdict.kind
    said = {noted.label.kind for noted in labels if noted.incident is None and _covers(noted.label, incident)}
    return next((kind for kind in LabelKind if kind in said), None)


def _covers(label: Label, incident: Incident) -> bool:
    """Tell whether a label is about an incident: one of its series surged in the labelled time."""
    return any(
        (label.service in (None, surge.series.service) or surge.series.is_fleet)
        and (label.category in (None, surge.series.category) or surge.series.is_rollup)
        and label.span.start < max(surge.last_surging, surge.opened_at)
        and surge.began < label.span.end
        for surge in incident.surges
    )


def noise_of(incidents: Iterable[tuple[Incident, LabelKind | None]]) -> tuple[Noise, ...]:
    """Return how often each series was part of an incident, the most of those that nobody called real first."""
    parts: Counter[SeriesKey] = Counter()
    not_real: Counter[SeriesKey] = Counter()
    for incident, label in incidents:
        for series in {surge.series for surge in incident.surges}:
            parts[series] += 1
            not_real[series] += label is not LabelKind.INCIDENT
    found = [Noise(series, number, not_real[series]) for series, number in parts.items()]
    return tuple(sorted(found, key=lambda each: (-each.not_real, -each.incidents, each.series)))


def delays_of(lines: Sequence[Line]) -> tuple[timedelta | None, timedelta | None]:
    """Return the median and the longest delay; twice None where there is no incident."""
    delays = [line.delay.total_seconds() for line in lines]
    return (timedelta(seconds=median(delays)), timedelta(seconds=max(delays))) if delays else (None, None)
