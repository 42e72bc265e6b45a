"""Checks by night whether what was counted is what the source has: a second reading, and the source's own counts.

The sweep reads the newest 26 hours once more, beside the live cursor, and compares versions: a change that the live reading
had passed by is one it missed. The count compares a closed day with the source's own search. Whatever is found is applied,
counted and logged.
"""

from spikewatch.reconciling.reconciler import Reconciler

__all__ = ["Reconciler"]
