"""Adapters that keep everything in memory, for tests and trials.

They pass the same contract suites as the real ones, and hold nothing after a stop.
"""

from spikewatch.adapters.memory.messenger import MemoryMessenger, Posted
from spikewatch.adapters.memory.meter import MemoryMeter, Noted
from spikewatch.adapters.memory.source import MemorySource
from spikewatch.adapters.memory.store import MemoryStore

__all__ = ["MemoryMessenger", "MemoryMeter", "MemorySource", "MemoryStore", "Noted", "Posted"]
