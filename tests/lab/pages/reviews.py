"""Replays of the small desk, ready to be shown on a page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.counts import Gap
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.settings import DetectionSettings
from spikewatch.core.timegrid import Span
from spikewatch.cycle import Detector
from spikewatch.lab.comparing import Comparison, compare
from spikewatch.lab.pages import Reviewed
from spikewatch.lab.replay import Recording, Replayed, replay
from spikewatch.lab.tallies import Tallies, tally
from spikewatch.lab.witnessing import Witness
from tests.simulated_desk import CRASH, JUDGED, LOGIN, PARCEL, REFUND, Desk, Surge, backtester

TOKYO = ZoneInfo("Asia/Tokyo")
UNTIL = JUDGED + timedelta(hours=40)
DESK = Desk.simulated(
    Surge(LOGIN, JUDGED + timedelta(hours=5), tickets=25, buckets=3),
    Surge(REFUND, JUDGED + timedelta(hours=5, minutes=30), tickets=12, buckets=2),
    Surge(PARCEL, JUDGED + timedelta(hours=12), tickets=14, buckets=2),
    Surge(PARCEL, JUDGED + timedelta(hours=20), tickets=40, buckets=2),
    Surge(CRASH, JUDGED + timedelta(hours=20, minutes=15), tickets=20, buckets=2),
    Surge(LOGIN, JUDGED + timedelta(hours=39), tickets=25, buckets=4),
)
GAP = Gap(Span(JUDGED + timedelta(hours=14), JUDGED + timedelta(hours=15)), None)
RECORDING = DESK.recording(until=UNTIL, gaps=[GAP])
LABELS = (
    Label(
        Span(JUDGED + timedelta(hours=5), JUDGED + timedelta(hours=6)), "payments", None, LabelKind.INCIDENT
    ),
    Label(
        Span(JUDGED + timedelta(hours=12), JUDGED + timedelta(hours=13)), "shop", None, LabelKind.FALSE_ALARM
    ),
    Label(
        Span(JUDGED + timedelta(hours=30), JUDGED + timedelta(hours=31)), "app", "crash", LabelKind.INCIDENT
    ),
)


def strict() -> Detector:
    """A detector that asks for more tickets than some of the surges bring."""
    plain = backtester()
    detection = DetectionSettings(windows=plain.detection.windows, min_tickets=60)
    return replace(plain, detection=detection)


def seen(detector: Detector | None = None, *, recording: Recording = RECORDING) -> tuple[Replayed, Witness]:
    """A replay with its witness."""
    witness = Witness()
    found = replay(recording, detector or backtester(), since=JUDGED, on_verdict=witness)
    return found, witness


def reviewed(
    detector: Detector | None = None,
    *,
    labels: Sequence[Label] = LABELS,
    recording: Recording = RECORDING,
    name: str = "spikewatch.yaml",
) -> Reviewed:
    """A replay with everything its page shows."""
    found, witness = seen(detector, recording=recording)
    return Reviewed(of(found, recording, labels), witness.sights(), recording.panel, "counts.csv", name)


def of(found: Replayed, recording: Recording, labels: Sequence[Label]) -> Tallies:
    """What a replay comes to, with a budget of one false alarm a week."""
    rules = backtester().rules(recording.panel.roster)
    return tally(found, recording, labels=labels, rules=rules, per_week=1.0, zone=TOKYO)


def difference() -> tuple[Comparison, Reviewed, Reviewed]:
    """The plain detector against the strict one."""
    comparison = compare(seen()[0], seen(strict())[0])
    return comparison, reviewed(), reviewed(strict(), name="strict.yaml")
