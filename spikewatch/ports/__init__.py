"""What the inside asks of the outside, and the few ways in which the outside fails.

A failure is part of its port: adapters translate a vendor's exceptions into it.

failures   one type per different reaction
clock      where instants come from
source     where tickets come from
messenger  where messages go, and the people who answer
store      where everything durable lives
meter      who takes note of what the daemon does
"""

from spikewatch.ports.clock import Clock
from spikewatch.ports.failures import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    CursorRefused,
    MessageGone,
    OutcomeUnknown,
    PortError,
    QueryRefused,
    TooLarge,
    Unavailable,
)
from spikewatch.ports.messenger import Abilities, Audience, Messenger
from spikewatch.ports.meter import Meter
from spikewatch.ports.source import Countable, Naming, Page, Position, Quota, Scope, Source
from spikewatch.ports.store import (
    Backfill,
    CycleCommit,
    InForce,
    JudgeState,
    KeptNaming,
    PageOutcome,
    Recounts,
    SourceState,
    Store,
    StoreStats,
)

__all__ = [
    "Abilities",
    "Audience",
    "Backfill",
    "ChannelRefused",
    "Clock",
    "ContentRefused",
    "Countable",
    "CredentialsRefused",
    "CursorRefused",
    "CycleCommit",
    "InForce",
    "JudgeState",
    "KeptNaming",
    "MessageGone",
    "Messenger",
    "Meter",
    "Naming",
    "OutcomeUnknown",
    "Page",
    "PageOutcome",
    "PortError",
    "Position",
    "QueryRefused",
    "Quota",
    "Recounts",
    "Scope",
    "Source",
    "SourceState",
    "Store",
    "StoreStats",
    "TooLarge",
    "Unavailable",
]
