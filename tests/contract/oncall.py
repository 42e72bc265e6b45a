"""What on-call handles, as every suite of the store begins with it: incidents, deliveries, a cycle."""

from collections.abc import Sequence
from datetime import timedelta

from spikewatch.core.incidents import Incident, Incidents, Phase, Severity
from spikewatch.core.notices import Facts, Notice, Part, Reason
from spikewatch.core.outbox import Delivery, Stage
from spikewatch.core.scoring import Reading
from spikewatch.core.surges import Surge
from spikewatch.ports import CycleCommit, JudgeState
from tests.contract.stores import (
    CARDS,
    FIRST,
    LOGIN,
    T0,
)

READING = Reading(window_minutes=15, observed=41, expected=1 / 3, upper=17, score=0.1 + 0.2)


def incident(
    identifier: str = "INC-1",
    *,
    minute: float = 0,
    phase: Phase = Phase.OPEN,
    severity: Severity = Severity.WARNING,
) -> Incident:
    at = T0 + timedelta(minutes=minute)
    surge = Surge(LOGIN, at, at, READING, READING, READING, at, quiet=timedelta(microseconds=1_800_000_001))
    closed_at = at if phase is Phase.CLOSED else None
    return Incident(identifier, "payments", at, at, severity, (surge,), phase=phase, closed_at=closed_at)


def delivery(
    key: str = "k1",
    *,
    of: str = "INC-1",
    channel: str = "#oncall",
    minute: float = 0,
    stage: Stage = Stage.QUEUED,
) -> Delivery:
    at = T0 + timedelta(minutes=minute)
    facts = Facts(
        incident=of,
        service="payments",
        phase=Phase.OPEN,
        severity=Severity.CRITICAL,
        opened_at=at,
        started_at=at,
        resolved_at=None,
        merged_into=None,
        lead_series=LOGIN,
        lead=READING,
        peak=READING,
        parts=(Part(CARDS, READING, share=0.7), Part(LOGIN, READING, share=None, surging=False)),
        more=3,
        excess=1e-17,
        chance_weeks=1e300,
        data_until=at,
        revision=2,
        runbook="障害対応の手順",
    )
    notice = Notice(key, of, Reason.OPENED, at, facts)
    return Delivery(key, "slack", channel, notice, created_at=at, due=at, stage=stage)


def cycle(
    *active: Incident,
    changed: Sequence[Incident] = (),
    deliveries: Sequence[Delivery] = (),
    until: int = FIRST,
) -> CycleCommit:
    return CycleCommit(JudgeState(until, Incidents(active, next_number=7)), changed, deliveries)
