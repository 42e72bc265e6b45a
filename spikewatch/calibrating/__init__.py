"""Calibrating: the detector judges its own past, day by day, as if it had not seen that day.

Each past day is judged with a baseline fitted on the others, so that an incident of that day does not bend what it is
measured by. How busy the day is, windows, floors, evidence and grouping are as in life. What is left are the peaks of the
incidents that would have opened above a low level.
"""

from spikewatch.calibrating.peaks import Crossings, peaks_of
from spikewatch.calibrating.rehearsal import Rehearsal, replayed_peaks

__all__ = ["Crossings", "Rehearsal", "peaks_of", "replayed_peaks"]
