"""An incident that never was, as large as messages get: what receivers are shown, and whose blocks are looked at."""

from datetime import datetime, timedelta

from spikewatch.core.counts import SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Facts, Part
from spikewatch.core.scoring import Reading

_WIDTH = timedelta(minutes=15)
_HOURS = (5, 7, 4, 6, 8, 6, 5, 9, 20, 42)
_WEEK_AGO = (6, 5, 7, 6, 6, 7, 5, 6, 6, 7)


def sample_facts(incident: str, *, at: datetime) -> Facts:
    """Return the facts of an incident in which four categories of a service rise, with its chart."""
    lead = sample_series("login")
    return Facts(
        incident=incident,
        service=lead.service,
        phase=Phase.OPEN,
        severity=Severity.WARNING,
        opened_at=at - _WIDTH,
        started_at=at - 2 * _WIDTH,
        resolved_at=None,
        merged_into=None,
        lead_series=lead,
        lead=sample_reading(42),
        peak=sample_reading(48),
        parts=(
            Part(lead, sample_reading(42), 0.4),
            Part(sample_series("refund"), sample_reading(28, expected=3.0), 0.3),
            Part(sample_series("delivery"), sample_reading(18, expected=3.0), 0.2),
            Part(sample_series("coupon"), sample_reading(10, expected=2.0), 0.1),
        ),
        more=0,
        excess=84.0,
        chance_weeks=9.0,
        data_until=at,
        revision=1,
        course=Course(
            start=at - len(_HOURS) * _WIDTH,
            width=_WIDTH,
            observed=_HOURS,
            expected=(6.0,) * len(_HOURS),
            spread=(2.5,) * len(_HOURS),
            week_ago=_WEEK_AGO,
        ),
    )


def sample_series(category: str) -> SeriesKey:
    """Return a series of the service that never was."""
    return SeriesKey("sample", category)


def sample_reading(observed: int, *, expected: float = 6.0) -> Reading:
    """Return a judgement of its newest quarter of an hour, above the threshold."""
    return Reading(15, observed, expected, 17, score=2.1)
