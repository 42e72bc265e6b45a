"""How a desk may stand at one instant; each test states only what it is about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from spikewatch.core.counts import SeriesKey
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.muting import Matcher, Muted, Silence
from spikewatch.core.timegrid import Span
from spikewatch.statuspage import Queue, Shown, SourceAge, Spent, Standing
from tests.factories import OPENED, STARTED, course, facts, grouped

NOW = OPENED + timedelta(minutes=3)
MINUTE = timedelta(minutes=1)
BUSY_MORNING = (
    31,
    24,
    22,
    18,
    15,
    11,
    9,
    8,
    12,
    10,
    None,
    None,
    9,
    14,
    13,
    16,
    15,
    18,
    17,
    19,
    22,
    31,
    58,
    100,
)


def standing(*incidents: Shown, **changes: Any) -> Standing:  # noqa: ANN401 -- any field of Standing
    """A desk in Tokyo that is read and judged up to a few minutes ago."""
    quiet = Standing(
        at=NOW,
        turned_at=NOW,
        zone=ZoneInfo("Asia/Tokyo"),
        judged_until=OPENED,
        incidents=incidents,
        sources=(SourceAge("zendesk", NOW - 2 * MINUTE, 20 * MINUTE),),
        waits=None,
        spent=Spent(opened=0, not_real=0, budget=1.0),
        queue=Queue(),
        silences=(),
    )
    return replace(quiet, **changes)


def rising(**changes: Any) -> Shown:  # noqa: ANN401 -- any field of Facts
    """An incident of payments in which four categories rise, with a gap in its night."""
    width = 15 * MINUTE
    shape = course(*BUSY_MORNING, width=width)
    points = range(len(shape))
    expected = tuple(round(26 - 1.1 * abs(place - 23) ** 0.9, 1) for place in points)
    shape = replace(
        shape,
        expected=expected,
        spread=tuple(round(1.2 * number**0.5, 1) for number in expected),
        week_ago=tuple(
            int(number) + (-1) ** place * 2 for place, number in zip(points, expected, strict=True)
        ),
    )
    stated = facts(
        **{
            **grouped(more=2),
            "growing": True,
            "handling": Handling(acknowledged_by="佐藤", acknowledged_at=OPENED + MINUTE),
            "runbook": "https://wiki.example.com/payments",
            **changes,
        }
    )
    return Shown(
        stated,
        shape,
        tickets={"zendesk": "https://acme.zendesk.com/agent/search/1?q=created"},
        graph="https://grafana.example.com/d/spikewatch-service?var-service=payments",
    )


def single(**changes: Any) -> Shown:  # noqa: ANN401 -- any field of Facts
    """An incident of one category, without a chart."""
    series = SeriesKey("ショップ", "配送状況の問い合わせ")
    return Shown(facts(**{"incident": "INC-8", "service": "ショップ", "lead_series": series, **changes}))


def over() -> Shown:
    """An incident that is over and may reopen."""
    return single(
        incident="INC-6",
        phase=Phase.RESOLVED,
        started_at=STARTED - timedelta(hours=2),
        resolved_at=STARTED - timedelta(minutes=20),
        severity=Severity.WARNING,
    )


def busy() -> Standing:
    """A desk on which a lot is going on at once."""
    until = NOW + timedelta(hours=2)
    return standing(
        rising(),
        single(ebbing=True),
        over(),
        sources=(
            SourceAge("zendesk", NOW - 2 * MINUTE, 20 * MINUTE),
            SourceAge("warehouse", NOW - 50 * MINUTE, 20 * MINUTE),
        ),
        spent=Spent(opened=3, not_real=2, budget=1.0),
        queue=Queue(waiting=2, oldest=NOW - 4 * MINUTE, given_up=1),
        silences=(
            Silence(Matcher("shop", "parcel*"), Span(STARTED, until), "tanaka", "台風による遅延", number=4),
            Silence(
                Matcher(),
                Span(STARTED, NOW + 30 * MINUTE),
                "configuration",
                "weekly release",
                why=Muted.MAINTENANCE,
            ),
        ),
    )
