"""An incident that never was, as large as messages get: only its blocks are looked at, and nobody is told."""

from datetime import datetime, timedelta

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Facts, Notice, Part, Reason
from spikewatch.core.scoring import Reading

_WIDTH = timedelta(minutes=15)
_HOURS = (5, 7, 4, 6, 8, 6, 5, 9, 20, 42)


def sample_notice(*, at: datetime) -> Notice:
    """Return the notice of an incident in which four categories of a service rise, with its chart."""
    lead = SeriesKey("spikewatch doctor", ALL)
    reading = Reading(15, 42, 6.0, 17, score=2.1)
    parts = tuple(
        Part(SeriesKey(lead.service, f"category {number}"), reading, 0.25) for number in range(1, 5)
    )
    facts = Facts(
        incident="SW-0",
        service=lead.service,
        phase=Phase.OPEN,
        severity=Severity.WARNING,
        opened_at=at,
        started_at=at - _WIDTH,
        resolved_at=None,
        merged_into=None,
        lead_series=lead,
        lead=reading,
        peak=reading,
        parts=parts,
        more=0,
        excess=36.0,
        chance_weeks=9.0,
        data_until=at,
        revision=1,
        course=Course(
            start=at - len(_HOURS) * _WIDTH,
            width=_WIDTH,
            observed=_HOURS,
            expected=(6.0,) * len(_HOURS),
            spread=(2.5,) * len(_HOURS),
            week_ago=(6,) * len(_HOURS),
        ),
    )
    return Notice("SW-0:1:sample", facts.incident, Reason.OPENED, at, facts)
