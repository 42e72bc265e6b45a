"""Looking: the fleet after a judged bucket, as the snapshot shows it."""

from collections.abc import Mapping

import numpy as np

from spikewatch.core.incidents import Incidents, open_surges
from spikewatch.core.notices import facts_of
from spikewatch.core.scoring import Assessment
from spikewatch.core.snapshot import Snapshot, WindowReadings
from spikewatch.core.timegrid import bucket_start
from spikewatch.cycle.detector import Detector
from spikewatch.ports import SourceState, Store


def snapshot_of(
    store: Store,
    detector: Detector,
    assessment: Assessment,
    incidents: Incidents,
    *,
    until: int,
    sources: Mapping[str, SourceState],
) -> Snapshot:
    """Return the fleet after the last judged bucket, which is the one before `until`."""
    roster, column = assessment.limits.roster, assessment.n_judged - 1
    opened, closed = store.incident_totals()
    totals = store.ticket_totals()
    surging, ended = open_surges(incidents), bucket_start(until, detector.step)
    budget = detector.detection.false_alarms_per_week
    return Snapshot(
        roster=roster,
        judged_until=ended,
        readings=_window_readings(assessment, column),
        surging=np.array([key in surging for key in roster.keys], dtype=np.bool_),
        learned=np.asarray(assessment.judged[:, :, column].any(axis=1)),
        incidents=incidents.active,
        facts=tuple(
            facts_of(incident, assessment=assessment, column=column, at=ended, budget=budget)
            for incident in incidents.active
        ),
        opened_total=opened,
        closed_total=closed,
        tickets_total=np.array([totals.get(key, 0) for key in roster.keys], dtype=np.int64),
        watermarks={name: state.watermark for name, state in sources.items()},
    )


def _window_readings(assessment: Assessment, column: int) -> dict[int, WindowReadings]:
    readings = {}
    for place, width in enumerate(assessment.windows):
        window = width * assessment.step
        readings[int(window.total_seconds() // 60)] = WindowReadings(
            window=window,
            observed=assessment.observed[:, place, column],
            expected=assessment.expected[:, place, column],
            upper=assessment.upper(place, column),
            score=assessment.score[:, place, column],
            judged=assessment.judged[:, place, column],
        )
    return readings
