"""The store as a thing to be kept: its size, its age, and the configuration that it is used with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration that a daemon runs with, for whoever asks beside it.

    settings    every effective value by its path, in plain text and without secrets
    since       when it came into force
    refused     what is wrong with the file as it is now, one line each; empty where nothing is
    refused_at  when that was found
    """

    settings: Mapping[str, str]
    since: datetime
    refused: tuple[str, ...] = ()
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How big the store is.

    free_bytes    free on the volume where it lies; None where only a server sees its disk
    volume_bytes  of that volume, used or not; None likewise
    """

    size_bytes: int
    free_bytes: int | None
    volume_bytes: int | None
    tickets: int
    count_rows: int
    oldest: datetime | None = None


class Upkeep(Protocol):
    """The configuration in force, forgetting, sizes and the end; see `Store`."""

    def in_force(self) -> InForce | None:
        """Return the configuration that the newest daemon runs or ran with; None where none ever did."""
        ...

    def save_in_force(self, kept: InForce) -> None:
        """Keep the configuration in force in place of the one before."""
        ...

    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets, counts and settled deliveries older than that; return how many rows went.

        Deliveries go with the tickets.
        """
        ...

    def stats(self) -> StoreStats:
        """Return sizes."""
        ...

    def close(self) -> None:
        """Release the file or the server and the right to be the only daemon."""
        ...
