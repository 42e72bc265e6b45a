"""The fleet as metrics: a snapshot becomes finished bytes, once a cycle.

A renderer of our own, for the library's takes 0.35 s for the text and 0.7 s for the OpenMetrics form of 10,000 series
(60,000 samples) and does so in every scrape: two scrapes at once then miss a 2 s deadline. Here the labels are escaped
once per roster, the samples are written once per cycle, and a scrape only joins bytes.

Nothing here carries a timestamp of its own: Prometheus notices by itself which series went away.
"""

import gzip
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self, TypeAlias

import numpy as np

from spikewatch.adapters.prometheus.catalogue import (
    METRICS,
    USUAL_NAMES,
    Kind,
    LabelNames,
    clean_label,
    label_text,
)
from spikewatch.adapters.prometheus.levels import levels_of
from spikewatch.adapters.prometheus.ranking import Ranking
from spikewatch.core.counts import Bools, Floats, Ints, Roster
from spikewatch.core.incidents import Incident, Phase, Severity
from spikewatch.core.settings import format_duration
from spikewatch.core.snapshot import Snapshot, WindowReadings

MOST_INCIDENTS = 100

STATES = ("learning", "normal", "surging", "no_data", "muted")

Detail: TypeAlias = Literal["full", "active", "surging", "none"]

_DECIMALS = 1e4


@dataclass(frozen=True, slots=True)
class Body:
    """A piece of an exposition, plain and as one gzip member; pieces of either kind may be joined end to end."""

    plain: bytes
    gzipped: bytes

    @classmethod
    def of(cls, text: str | bytes) -> Self:
        """Return the piece; compressed fast rather than small, for it happens every cycle."""
        plain = text.encode() if isinstance(text, str) else text
        return cls(plain, gzip.compress(plain, compresslevel=1, mtime=0))


@dataclass(frozen=True, slots=True)
class Rendered:
    """A snapshot as bytes.

    readings     counts, expectations, bounds and scores: true of `judged_until` only; the same in both forms
    text         states, totals and incidents in the text form 0.0.4: true until something else is known
    openmetrics  the same in the OpenMetrics form, without its end mark
    """

    judged_until: datetime | None
    readings: Body
    text: Body
    openmetrics: Body


class FleetRenderer:
    """Turns snapshots into bytes. Not thread-safe: one loop renders, everybody else reads what came out.

    windows     which windows are exposed; where none of them is judged, the shortest that is
    max_series  most (service, category) series exposed; the rest is counted in spikewatch_series_hidden
    detail      full: all series up to the limit; active: those with tickets within the past week, and surging ones;
                surging: those of open incidents; none: roll-ups only
    label_names what the labels of a series are called
    """

    def __init__(
        self,
        *,
        windows: Sequence[timedelta] = (timedelta(minutes=15),),
        max_series: int = 2000,
        detail: Detail = "full",
        label_names: LabelNames = USUAL_NAMES,
    ) -> None:
        self._label_names = label_names
        self._windows = frozenset(windows)
        self._limit = max_series
        self._detail = detail
        self._ranking = Ranking()
        self._roster: Roster | None = None
        self._series, self._rollups = levels_of(Roster(()), names=label_names)

    def limit_to(self, *, windows: Sequence[timedelta], max_series: int, detail: Detail) -> None:
        """Expose this much from the next snapshot on; totals go on from where they stand."""
        self._windows = frozenset(windows)
        self._limit = max_series
        self._detail = detail

    def render(self, snapshot: Snapshot, *, now: datetime) -> Rendered:
        """Return the snapshot as bytes; `now` decides how long a series at the limit stays exposed."""
        if self._roster is None or snapshot.roster.keys != self._roster.keys:
            self._roster = snapshot.roster
            self._series, self._rollups = levels_of(snapshot.roster, names=self._label_names)
            self._ranking.follow(self._series.names)
        windows = self._exposed_windows(snapshot)
        shown, over_limit = self._choose(snapshot, now=now)
        hidden = {"limit": int(over_limit.sum()), "filter": int((~shown & ~over_limit).sum())}
        states = [
            *self._surging(snapshot, shown),
            _family("spikewatch_series", _by("state", states_of(snapshot))),
            _family("spikewatch_series_hidden", _by("reason", hidden)),
            _family("spikewatch_series_limit", [f" {self._limit}"]),
            *_window_families(snapshot, windows),
            *_incident_families(snapshot, names=self._label_names),
        ]
        counters = self._counters(snapshot, shown)
        return Rendered(
            judged_until=snapshot.judged_until,
            readings=Body.of("".join(self._readings(windows, shown))),
            text=Body.of("".join([*states, *(_family(name, samples) for name, samples in counters)])),
            openmetrics=Body.of(
                "".join([*states, *(_family(name, samples, openmetrics=True) for name, samples in counters)])
            ),
        )

    def _exposed_windows(self, snapshot: Snapshot) -> list[WindowReadings]:
        judged = sorted(snapshot.readings.values(), key=lambda readings: readings.window)
        return [readings for readings in judged if readings.window in self._windows] or judged[:1]

    def _choose(self, snapshot: Snapshot, *, now: datetime) -> tuple[Bools, Bools]:
        level = self._series
        surging = level.whether(snapshot.surging)
        everything = np.ones_like(surging)
        active = everything if snapshot.active is None else surging | level.whether(snapshot.active)
        candidates = {
            "full": everything,
            "active": active,
            "surging": surging,
            "none": np.zeros_like(surging),
        }
        score, volume = np.zeros(len(level.names)), np.zeros(len(level.names))
        for readings in snapshot.readings.values():
            judged = _judged(readings)
            score = np.maximum(score, level.highest(np.where(judged, readings.score, 0)))
            volume = np.maximum(volume, level.total(np.where(judged, readings.observed, 0)))
        if snapshot.tickets_total is not None:
            volume = level.total(snapshot.tickets_total)
        return self._ranking.choose(
            candidates=candidates[self._detail],
            surging=surging,
            score=score,
            volume=volume,
            limit=self._limit,
            now=now,
        )

    def _readings(self, windows: Sequence[WindowReadings], shown: Bools) -> Iterable[str]:
        for level in (self._series, *self._rollups):
            families: dict[str, list[str]] = {
                "tickets": [],
                "tickets_expected": [],
                "tickets_upper": [],
                "score": [],
            }
            for readings in windows:
                judged = _judged(readings)
                exposed = level.whether(judged)
                if level is self._series:
                    exposed &= shown
                numbers: tuple[Ints | Floats, ...] = (
                    level.total(np.where(judged, readings.observed, 0)).astype(np.int64),
                    np.round(level.total(np.where(judged, readings.expected, 0)) * _DECIMALS) / _DECIMALS,
                    level.total(np.where(judged, readings.upper, 0)).astype(np.int64),
                    # Rounded down: a score that stays below 1 must not be shown as 1, the threshold.
                    np.floor(level.highest(np.where(judged, readings.score, 0)) * _DECIMALS) / _DECIMALS,
                )
                labels = level.labels(format_duration(readings.window))
                for samples, values in zip(families.values(), numbers, strict=True):
                    samples.extend(_samples(labels, values, exposed))
            for name, samples in families.items():
                yield _family(f"spikewatch_{level.level}_{name}", samples)

    def _surging(self, snapshot: Snapshot, shown: Bools) -> Iterable[str]:
        for level in (self._series, *self._rollups):
            exposed = shown if level is self._series else np.ones(len(level.names), dtype=np.bool_)
            surging = level.whether(snapshot.surging).astype(np.int64)
            yield _family(f"spikewatch_{level.level}_surging", _samples(level.labels(), surging, exposed))

    def _counters(self, snapshot: Snapshot, shown: Bools) -> list[tuple[str, list[str]]]:
        tickets: list[str] = []
        if snapshot.tickets_total is not None:
            totals = self._ranking.never_falling(self._series.total(snapshot.tickets_total)).astype(np.int64)
            tickets = _samples(self._series.labels(), totals, shown)
        return [
            ("spikewatch_tickets_total", tickets),
            ("spikewatch_incidents_opened_total", _by("severity", _severities(snapshot.opened_total))),
            ("spikewatch_incidents_closed_total", _by("severity", _severities(snapshot.closed_total))),
        ]


def _judged(readings: WindowReadings) -> Bools:
    finite: Bools = readings.judged & np.isfinite(readings.expected) & np.isfinite(readings.score)
    return finite


def _samples(labels: Sequence[str], values: Ints | Floats, exposed: Bools) -> list[str]:
    numbers = values.tolist()
    return [f"{labels[row]} {numbers[row]}" for row in np.flatnonzero(exposed).tolist()]


def _family(name: str, samples: Iterable[str], *, openmetrics: bool = False) -> str:
    metric = METRICS[name]
    declared = metric.family if openmetrics and metric.kind is Kind.COUNTER else name
    lines = [f"# HELP {declared} {metric.help}", f"# TYPE {declared} {metric.kind}"]
    lines += [f"{name}{sample}" for sample in samples]
    return "\n".join(lines) + "\n"


def _by(label: str, numbers: Mapping[str, int]) -> list[str]:
    return [f"{label_text({label: value})} {number}" for value, number in numbers.items()]


def _severities(numbers: Mapping[str, int]) -> dict[str, int]:
    return {str(severity): numbers.get(severity, 0) for severity in Severity}


def _timestamp(instant: datetime) -> str:
    return f"{instant.timestamp():.3f}"


def states_of(snapshot: Snapshot) -> dict[str, int]:
    """Return how many series are in each state; each is in exactly one."""
    leaves = slice(0, snapshot.roster.n_leaves)
    judged = np.zeros(len(snapshot.roster), dtype=np.bool_)
    for readings in snapshot.readings.values():
        judged |= readings.judged
    muted = np.zeros_like(judged) if snapshot.muted is None else snapshot.muted
    states = np.select(
        [snapshot.surging[leaves], muted[leaves], ~snapshot.learned[leaves], ~judged[leaves]],
        [STATES.index(state) for state in ("surging", "muted", "learning", "no_data")],
        default=STATES.index("normal"),
    )
    return dict(zip(STATES, np.bincount(states, minlength=len(STATES)).tolist(), strict=True))


def _window_families(snapshot: Snapshot, windows: Sequence[WindowReadings]) -> Iterable[str]:
    names = {format_duration(readings.window): readings.window for readings in windows}
    ends: dict[str, str] = {}
    for source, watermark in snapshot.watermarks.items():
        if watermark is not None and snapshot.judged_until is not None:
            # Buckets above a source's own watermark were unknown when the fleet was judged.
            end = _timestamp(min(watermark, snapshot.judged_until))
            ends |= {label_text({"source": clean_label(source), "window": name}): end for name in names}
    yield _family(
        "spikewatch_window_end_timestamp_seconds", [f"{labels} {end}" for labels, end in ends.items()]
    )
    yield _family(
        "spikewatch_window_duration_seconds",
        [f"{label_text({'window': name})} {window.total_seconds()}" for name, window in names.items()],
    )


def _incident_families(snapshot: Snapshot, *, names: LabelNames) -> Iterable[str]:
    incidents = [incident for incident in snapshot.incidents if incident.phase is Phase.OPEN]
    count = {
        str(severity): sum(incident.severity is severity for incident in incidents) for severity in Severity
    }
    yield _family("spikewatch_incidents_open", _by("severity", _severities(count)))
    waiting = Counter(
        str(incident.severity) for incident in incidents if incident.handling.acknowledged_at is None
    )
    yield _family("spikewatch_incidents_unacknowledged", _by("severity", _severities(waiting)))
    newest = sorted(incidents, key=lambda incident: incident.opened_at, reverse=True)
    loudest = sorted(newest, key=lambda incident: incident.severity is not Severity.CRITICAL)[:MOST_INCIDENTS]
    starts = {
        label_text(_incident_labels(incident, names=names)): _timestamp(incident.started_at)
        for incident in loudest
    }
    yield _family(
        "spikewatch_incident_start_timestamp_seconds",
        [f"{labels} {start}" for labels, start in starts.items()],
    )


def _incident_labels(incident: Incident, *, names: LabelNames) -> dict[str, str]:
    categories = [surge.series.category for surge in incident.surges if not surge.series.is_rollup]
    return {
        "incident": clean_label(incident.id),
        names.service: "" if incident.service is None else clean_label(incident.service),
        names.category: clean_label(categories[0])
        if len(categories) == 1 and incident.service is not None
        else "",
        "severity": str(incident.severity),
    }
