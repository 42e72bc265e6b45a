"""Adapters that keep everything in memory, for tests and trials.

They pass the same contract suites as the real ones, and hold nothing after a stop.

store      `ports.Store`, one lock a method, over the rooms below
positions  how far each source is read
counting   tickets and what they add up to
recounting namings, and tickets moved to where newer ones count them
incidents  what judging goes on from
outbox     deliveries and receipts
acting     the inbox of acts, labels and silences
calibrations  weeks of thresholds
source, messenger, meter  the other ports
"""

from spikewatch.adapters.memory.messenger import MemoryMessenger, Posted
from spikewatch.adapters.memory.meter import MemoryMeter, Noted
from spikewatch.adapters.memory.source import MemorySource
from spikewatch.adapters.memory.store import MemoryStore

__all__ = ["MemoryMessenger", "MemoryMeter", "MemorySource", "MemoryStore", "Noted", "Posted"]
