"""The store as the inbox: what people did, their labels and silences."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.labels import Noted
from spikewatch.core.muting import Silence


class Acting(Protocol):
    """Acts, labels and silences; see `Store`."""

    def receive_act(self, act: Act, *, at: datetime) -> bool:
        """Put an act into the inbox; return False where its key is there already: it arrived twice."""
        ...

    def act(self, key: str) -> Entry | None:
        """Return an act with what became of it."""
        ...

    def acts(self, *, stage: ActStage) -> Sequence[Entry]:
        """Return the acts of one stage in the order of arrival."""
        ...

    def save_act(self, entry: Entry) -> None:
        """Replace an act by its next state."""
        ...

    def labels(self) -> Sequence[Noted]:
        """Return every label in the order in which they begin, under the present names of what it is about."""
        ...

    def add_labels(self, labels: Sequence[Noted]) -> int:
        """Keep labels, all or none; one that is there already is not kept twice. Returns how many are new."""
        ...

    def remove_label(self, number: int) -> bool:
        """Drop a label that is no verdict on an incident; return False where there is none of that number."""
        ...

    def silences(self, *, ending_after: datetime) -> Sequence[Silence]:
        """Return the silences that end after an instant, by number."""
        ...

    def save_silence(self, silence: Silence) -> Silence:
        """Keep a new silence and return it with its number, or replace the one of that number."""
        ...
