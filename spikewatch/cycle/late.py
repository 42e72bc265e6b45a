"""Late: the past judged again for services that were unknown when it was judged, with the data of now and nobody else's."""

from collections.abc import Callable, Mapping
from functools import partial

from spikewatch.core.baseline import recent_hour
from spikewatch.core.calibration import Tail
from spikewatch.core.incidents import Incidents
from spikewatch.cycle.arrears import Arrears, is_about, parted, rejoined, surging_in
from spikewatch.cycle.detector import Detector
from spikewatch.cycle.judging import Verdict, judge
from spikewatch.cycle.loading import labelled, load_hours, load_panel
from spikewatch.ports import SourceState, Store


def judge_late(
    arrears: Arrears,
    incidents: Incidents,
    *,
    store: Store,
    detector: Detector,
    sources: Mapping[str, SourceState],
    tail_of: Callable[[int], Tail | None],
) -> tuple[list[Verdict], Incidents]:
    """Judge what is due now, each service with its own incidents; return the verdicts and all incidents afterwards.

    Every hour has a baseline fitted for it, for those that stand did not know the counts of the time. The fleet is not
    judged, for most of it was.

    tail_of  of an epoch
    """
    stretches = arrears.stretches
    if not stretches:
        return [], incidents
    begin, end = detector.epoch_of(stretches[0].first), detector.epoch_of(stretches[-1].stop - 1)
    history = load_hours(store, detector, first=detector.first_hour(begin), stop=recent_hour(end))
    learner, verdicts = labelled(detector, store), []
    for stretch in stretches:
        panel = load_panel(
            store,
            detector,
            first=stretch.first,
            until=stretch.stop,
            sources=sources,
            named=[surge.series for incident in incidents.active for surge in incident.surges],
            is_shown=stretch.services.__contains__,
        )
        rules = detector.rules(panel.roster)
        for first, until in detector.epochs(stretch.first, stretch.stop):
            epoch = detector.epoch_of(first)
            baseline = learner.fit(history, epoch=epoch).for_roster(panel.roster)
            own, others = parted(incidents, partial(is_about, services=stretch.services))
            verdict = judge(
                panel.cut(detector.reach(first), until),
                baseline,
                detector.limits(baseline, tail=tail_of(epoch), rules=rules),
                first=first,
                incidents=own,
                detector=detector,
                elsewhere=surging_in(others),
            )
            incidents = rejoined(verdict.incidents, others)
            verdicts.append(verdict)
    return verdicts, incidents
