"""`backtest`: a record through the live code, and two configurations on the same record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from threadpoolctl import threadpool_limits

from spikewatch.app import inputs
from spikewatch.app.detecting import detector_of
from spikewatch.app.explaining.origins import Origins
from spikewatch.config import Config
from spikewatch.core.events import Label
from spikewatch.cycle import Detector
from spikewatch.errors import Mistake
from spikewatch.lab import reporting
from spikewatch.lab.comparing import Gate, compare
from spikewatch.lab.pages import Reviewed, Setting, backtest_page, diff_page
from spikewatch.lab.replay import Recording, Replayed, replay, replay_name
from spikewatch.lab.tallies import Tallies, tally
from spikewatch.lab.witnessing import Sight, Witness

Say = Callable[[str], None]


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSONL = "jsonl"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Named:
    """A configuration with what people call it: its file."""

    config: Config
    name: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The lines of a comparison, and in words which gates were not met."""

    lines: Iterable[str]
    unmet: tuple[str, ...]


@dataclass(frozen=True)
class _Run:
    """One configuration on one record."""

    named: Named
    recording: Recording
    detector: Detector
    labels: Sequence[Label]
    replayed: Replayed
    sights: Mapping[str, Sight]

    @property
    def tallies(self) -> Tallies:
        config = self.named.config
        return tally(
            self.replayed,
            self.recording,
            labels=self.labels,
            rules=self.detector.rules(self.recording.panel.roster),
            per_week=config.detection.false_alarms_per_week,
            zone=config.timezone,
        )

    def reviewed(self, source: str, *, flatters: bool) -> Reviewed:
        return Reviewed(self.tallies, self.sights, self.recording.panel, source, self.named.name, flatters)


def backtest(
    source: str,
    *,
    config: Config,
    config_name: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    gaps: Path | None = None,
    labels: Path | None = None,
    output_format: str = Format.TABLE,
    say: Say = lambda _: None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Iterable[str]:
    """Replay a counts file, a tickets file or the store, and return the lines of the result.

    since, until  where judging begins and the input ends; None leaves it to the data
    labels        file of what was said about the past; incidents and what was expected are not learnt from, and neither
                  is what the store holds of that kind where the store is replayed
    say           is told what a person should know about the result
    """
    _one_thread()
    read = inputs.read(source, config=config, gaps=gaps, labels=labels, say=say)
    recording = read.recording(config, until=until)
    _require_judged(since, recording)
    if since is None:
        say(_begins(recording.warm_at, config))
    named, style = Named(config, config_name), Format(output_format)
    run = _run(named, read, recording, since=since, watch=style is Format.HTML, on_progress=on_progress)
    _say_if_nothing_was_judged(run.replayed, say)
    zone = config.timezone
    match style:
        case Format.JSONL:
            return reporting.json_lines(run.replayed, zone=zone)
        case Format.TABLE:
            return reporting.table(run.replayed, run.tallies, zone=zone)
        case Format.HTML:
            setting = Setting(config.language, zone, Origins.of(config).place)
            return [backtest_page(run.reviewed(source, flatters=read.flatters), setting)]
        case _:
            assert_never(style)


def difference(
    source: str,
    *,
    before: Named,
    after: Named,
    gates: Sequence[Gate] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    gaps: Path | None = None,
    labels: Path | None = None,
    output_format: str = Format.TABLE,
    say: Say = lambda _: None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Difference:
    """Replay one record, read once, under two configurations; arguments as those of `backtest`.

    Without `since` both are judged from when both can be. Times are those of the configuration after.
    """
    _one_thread()
    read = inputs.read(source, config=after.config, gaps=gaps, labels=labels, say=say)
    records = [read.recording(named.config, until=until) for named in (before, after)]
    for recording in records:
        _require_judged(since, recording)
    begin = max(recording.warm_at for recording in records) if since is None else since
    if since is None:
        say(_begins(begin, after.config))
    style = Format(output_format)
    first, second = (
        _run(
            named,
            read,
            recording,
            since=begin,
            watch=style is Format.HTML,
            on_progress=_half(half, on_progress),
        )
        for half, (named, recording) in enumerate(zip((before, after), records, strict=True))
    )
    _say_if_nothing_was_judged(second.replayed, say)
    comparison = compare(first.replayed, second.replayed)
    zone = after.config.timezone
    match style:
        case Format.JSONL:
            lines = reporting.diff_json_lines(comparison, zone=zone)
        case Format.TABLE:
            sides = (first.tallies, second.tallies)
            lines = reporting.diff_table(comparison, sides, names=(before.name, after.name), zone=zone)
        case Format.HTML:
            page = diff_page(
                comparison,
                before=first.reviewed(source, flatters=read.flatters),
                after=second.reviewed(source, flatters=read.flatters),
                setting=Setting(after.config.language, zone, Origins.of(after.config).place),
                gates=gates,
            )
            lines = iter([page])
        case _:
            assert_never(style)
    unmet = [gate.told(comparison) for gate in gates if not gate.is_met(comparison)]
    return Difference(lines, tuple(unmet))


def _half(half: int, on_progress: Callable[[float], None]) -> Callable[[float], None]:
    return lambda share: on_progress((share + half) / 2)


def _run(
    named: Named,
    read: inputs.Input,
    recording: Recording,
    *,
    since: datetime | None,
    watch: bool,
    on_progress: Callable[[float], None],
) -> _Run:
    labels = read.labels(named.config)
    masks = tuple(mask for label in labels if (mask := label.mask) is not None)
    detector = detector_of(named.config, at=recording.until, name=replay_name, masks=masks)
    witness = Witness()
    if watch:
        replayed = replay(recording, detector, since=since, on_hour=on_progress, on_verdict=witness)
    else:
        replayed = replay(recording, detector, since=since, on_hour=on_progress)
    return _Run(named, recording, detector, labels, replayed, witness.sights())


def _one_thread() -> None:
    # thousands of small matrix products: a second BLAS thread costs more than it brings, and moves the last digits
    threadpool_limits(limits=1, user_api="blas")


def _begins(at: datetime, config: Config) -> str:
    return f"judging begins once 14 days are known: {at.astimezone(config.timezone).isoformat()}"


def _require_judged(since: datetime | None, recording: Recording) -> None:
    if since is not None and since >= recording.until:
        ends = recording.until.astimezone(since.tzinfo).isoformat()
        raise Mistake(f"--since {since.isoformat()}: the input ends on {ends}; name an earlier time")


def _say_if_nothing_was_judged(replayed: Replayed, say: Say) -> None:
    if replayed.judged_until <= replayed.judged_from:
        say("nothing was judged: the input holds fewer than 14 known days; give a longer one")
