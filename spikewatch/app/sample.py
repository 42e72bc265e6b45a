"""An incident and a week that never were: what receivers are shown, and whose blocks are looked at.

The incident is as large as messages get.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.counts import ALL, FLEET, SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Facts, Part
from spikewatch.core.scoring import Reading
from spikewatch.core.weekly import Accuracy, Blind, Line, Noise, Volume, Week, Weekly

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


def sample_week(*, before: datetime, zone: ZoneInfo) -> Weekly:
    """Return the last week that was over at an instant, with an incident that was real and one that was not."""
    week = Week.ended_by(before, zone=zone)
    span = week.span(zone)
    login, coupon, all_of_it = sample_series("login"), sample_series("coupon"), sample_series(ALL)
    real = _line("TEST-A", login, span.start + timedelta(days=1, hours=10), label=LabelKind.INCIDENT)
    unreal = _line("TEST-B", coupon, span.start + timedelta(days=3, hours=15), label=LabelKind.FALSE_ALARM)
    return Weekly(
        week=week,
        span=span,
        until=span.end,
        incidents=(real, unreal),
        accuracy=Accuracy(real=1, false_alarms=1, known=1, found=1),
        budget=1.0,
        typical=_WIDTH,
        slowest=_WIDTH,
        noisiest=(Noise(login, 1, 0), Noise(coupon, 1, 1)),
        volumes=(
            Volume(FLEET, 1240, 1100.0, 1080),
            Volume(all_of_it, 1240, 1100.0, 1080),
            Volume(login, 910, 800.0, 740),
            Volume(coupon, 330, 300.0, 340),
        ),
        blind=(
            Blind(
                login.service,
                unreal.opened_at + timedelta(days=1),
                unreal.opened_at + timedelta(days=1, hours=2),
            ),
        ),
    )


def _line(incident: str, series: SeriesKey, opened_at: datetime, *, label: LabelKind) -> Line:
    return Line(
        incident=incident,
        service=series.service,
        severity=Severity.WARNING,
        started_at=opened_at - _WIDTH,
        opened_at=opened_at,
        resolved_at=opened_at + 4 * _WIDTH,
        told_at=opened_at,
        series=(series,),
        more=0,
        observed=42,
        expected=6.0,
        window_minutes=15,
        excess=36.0,
        label=label,
    )


def sample_series(category: str) -> SeriesKey:
    """Return a series of the service that never was."""
    return SeriesKey("sample", category)


def sample_reading(observed: int, *, expected: float = 6.0) -> Reading:
    """Return a judgement of its newest quarter of an hour, above the threshold."""
    return Reading(15, observed, expected, 17, score=2.1)
