"""The lab: everything that works on recorded or simulated counts. It calls the live code and never the other way round.

For notebooks and scripts of your own, the modules in `__all__` are the public part, with the settings beside them:

    recordings   load: a counts file and its labels, the detector of some settings, what it held for normal at an instant
    synthetic    simulated desks, where the truth is known
    replay       replay: counts through the live code
    tracing      trace: what was seen in each window; why a series did or did not alert, bucket by bucket
    rejudging    the same replay under other limits, at once
    frames       all of that as data frames
    steps        each step of a decision as a data frame
    trying       what settings came to against labels, side by side, and as YAML
    drawing      draw: the frames as charts
    step_charts  draw: the frames of steps and of what was tried
    comparing    compare: incidents lost and gained by a change
"""

from spikewatch.core.settings import (
    CalendarSettings,
    CategorySettings,
    DetectionSettings,
    Language,
    ModelName,
    ServiceSettings,
)

__all__ = [
    "CalendarSettings",
    "CategorySettings",
    "DetectionSettings",
    "Language",
    "ModelName",
    "ServiceSettings",
    "comparing",
    "drawing",
    "frames",
    "recordings",
    "rejudging",
    "replay",
    "step_charts",
    "steps",
    "synthetic",
    "tracing",
    "trying",
]
