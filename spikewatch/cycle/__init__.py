"""The cycle: from committed counts to incidents, notices and a snapshot.

`judge` is the pure pipeline, one bucket after the other; the daemon and the backtest both call it. `Cycle` is the
daemon's side: it reads the store, keeps the baseline of the running epoch, and commits what changed in one transaction.

detector  the settings of detection with all that follows from them
judging   the pure pipeline
arrears   which buckets are judged late, for services that were unknown in time
late      judging them
loading   what is read from the store
learning  baselines and calibrations, kept
looking   the snapshot
running   the daemon's side
"""

from spikewatch.cycle.detector import Detector, said_aloud
from spikewatch.cycle.judging import Turn, Verdict, critical_scores, judge, turns
from spikewatch.cycle.loading import labelled, load_history, load_panel
from spikewatch.cycle.running import Cycle

__all__ = [
    "Cycle",
    "Detector",
    "Turn",
    "Verdict",
    "critical_scores",
    "judge",
    "labelled",
    "load_history",
    "load_panel",
    "said_aloud",
    "turns",
]
