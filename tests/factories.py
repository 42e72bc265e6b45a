"""Values that many tests start from; each test states only what it is about."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Facts, Notice, Part, Reason
from spikewatch.core.outbox import Delivery
from spikewatch.core.scoring import Reading

STARTED = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
OPENED = STARTED + timedelta(minutes=15)


def reading(
    observed: int = 42, *, expected: float = 6.0, window_minutes: int = 15, upper: int = 17
) -> Reading:
    """A reading far above normal."""
    return Reading(window_minutes, observed, expected, upper, score=2.1)


def part(category: str, observed: int, *, expected: float, share: float, surging: bool = True) -> Part:
    """A category of payments that drives an incident."""
    return Part(SeriesKey("payments", category), reading(observed, expected=expected), share, surging)


def course(
    *observed: int | None,
    until: datetime = OPENED,
    width: timedelta = timedelta(minutes=15),
    week_ago: Sequence[int | None] | None = None,
) -> Course:
    """The course of a series that expects six tickets a point and counted these, up to the instant."""
    counts = observed or (5, 7, 4, 6, 8, 6, 5, 9, 20, 42)
    return Course(
        start=until - len(counts) * width,
        width=width,
        observed=tuple(counts),
        expected=(6.0,) * len(counts),
        spread=(2.5,) * len(counts),
        week_ago=tuple(week_ago) if week_ago is not None else (6,) * len(counts),
    )


def facts(**changes: Any) -> Facts:  # noqa: ANN401 -- any field of Facts
    """The facts of an incident that has just opened: 42 tickets about login in payments, 6 expected."""
    lead = SeriesKey("payments", "login")
    given = Facts(
        incident="INC-7",
        service="payments",
        phase=Phase.OPEN,
        severity=Severity.WARNING,
        opened_at=OPENED,
        started_at=STARTED,
        resolved_at=None,
        merged_into=None,
        lead_series=lead,
        lead=reading(),
        peak=reading(),
        parts=(Part(lead, reading(), 1.0),),
        more=0,
        excess=36.0,
        chance_weeks=9.0,
        data_until=OPENED,
        revision=1,
    )
    return replace(given, **changes)


def notice(reason: Reason = Reason.OPENED, *, key: str | None = None, **changes: Any) -> Notice:  # noqa: ANN401 -- any field of Facts
    """A notice with those facts."""
    stated = facts(**changes)
    name = key or f"{stated.incident}:{stated.revision}:{reason}"
    return Notice(name, stated.incident, reason, stated.data_until, stated)


def grouped(*, more: int = 0) -> dict[str, Any]:
    """Facts of an incident in which four categories of payments rise."""
    parts: Sequence[Part] = (
        part("login", 42, expected=6.0, share=0.46),
        part("card declined", 31, expected=7.1, share=0.3),
        part("charged twice", 18, expected=2.0, share=0.2),
        part("receipt", 3, expected=0.4, share=0.04, surging=False),
    )
    return {
        "lead_series": SeriesKey("payments", ALL),
        "lead": reading(100, expected=15.9),
        "peak": reading(100, expected=15.9),
        "parts": tuple(parts),
        "more": more,
        "severity": Severity.CRITICAL,
        "excess": 84.0,
    }


def delivery(told: Notice | None = None, *, channel: str = "#support", at: datetime = OPENED) -> Delivery:
    """A queued delivery of a notice."""
    given = told or notice()
    return Delivery(f"{given.key}:slack:{channel}", "slack", channel, given, created_at=at, due=at)
