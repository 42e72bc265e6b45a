"""Where everything durable lives, by what it is asked for.

counting  tickets, counts, and how far each source is read
renaming  by which names tickets count
judging   incidents, and where judging stands
telling   the outbox
acting    the inbox, labels and silences
upkeep    the configuration in force, forgetting and sizes
"""

from typing import Protocol

from spikewatch.ports.store.acting import Acting
from spikewatch.ports.store.counting import Backfill, Counting, PageOutcome, SourceState
from spikewatch.ports.store.judging import CycleCommit, JudgeState, Judging
from spikewatch.ports.store.renaming import KeptNaming, Recounts, Renaming
from spikewatch.ports.store.telling import Telling
from spikewatch.ports.store.upkeep import InForce, StoreStats, Upkeep

__all__ = [
    "Acting",
    "Backfill",
    "Counting",
    "CycleCommit",
    "InForce",
    "JudgeState",
    "Judging",
    "KeptNaming",
    "PageOutcome",
    "Recounts",
    "Renaming",
    "SourceState",
    "Store",
    "StoreStats",
    "Telling",
    "Upkeep",
]


class Store(Counting, Renaming, Judging, Telling, Acting, Upkeep, Protocol):
    """Where everything durable lives. Every method is one transaction: it happens whole or not at all.

    All methods may be called from several threads. A failure of the disk or the server raises `errors.Fault`.
    """
