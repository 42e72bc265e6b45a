"""The inbox of acts, labels and silences, in plain dictionaries."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.incidents import Incident
from spikewatch.core.labels import Noted, labels_of
from spikewatch.core.muting import Silence


class Inbox:
    """What people did, by key in the order of arrival."""

    def __init__(self) -> None:
        """Begin empty."""
        self._acts: dict[str, Entry] = {}

    def receive(self, act: Act) -> bool:
        """Keep a new act; return False where its key is known."""
        is_new = act.key not in self._acts
        self._acts.setdefault(act.key, Entry(act))
        return is_new

    def entry(self, key: str) -> Entry | None:
        """Return an act with what became of it."""
        return self._acts.get(key)

    def entries(self, stage: ActStage) -> Sequence[Entry]:
        """Return the acts of one stage in the order of arrival."""
        return [each for each in self._acts.values() if each.stage is stage]

    def save(self, entry: Entry) -> None:
        """Replace an act that arrived by its next state."""
        if entry.act.key in self._acts:
            self._acts[entry.act.key] = entry


class Labels:
    """Labels by number; a number is given once."""

    def __init__(self) -> None:
        """Begin empty."""
        self._labels: dict[int, Noted] = {}
        self._last = 0

    def listed(self) -> Sequence[Noted]:
        """Return every label in the order in which they begin."""
        return sorted(self._labels.values(), key=lambda each: (each.label.span.start, each.number or 0))

    def add(self, wanted: Sequence[Noted]) -> int:
        """Keep the labels that are not there yet; return how many."""
        known = {each.label for each in self._labels.values() if each.incident is None}
        new = {each.label: each for each in wanted if each.label not in known}
        for each in new.values():
            self._note(each)
        return len(new)

    def judge(self, changed: Sequence[Incident]) -> None:
        """Keep the labels of incidents in place of their earlier ones."""
        judged = {each.id: each for each in changed if each.handling.verdict is not None}
        self._labels = {number: each for number, each in self._labels.items() if each.incident not in judged}
        for incident in judged.values():
            for noted in labels_of(incident):
                self._note(noted)

    def remove(self, number: int) -> bool:
        """Drop a label that is no verdict on an incident; return False where there is none of that number."""
        found = self._labels.get(number)
        if found is None or found.incident is not None:
            return False
        del self._labels[number]
        return True

    def _note(self, noted: Noted) -> None:
        self._last += 1
        self._labels[self._last] = replace(noted, number=self._last)


class Silences:
    """Silences by number; none is ever dropped."""

    def __init__(self) -> None:
        """Begin empty."""
        self._silences: dict[int, Silence] = {}

    def listed(self, *, ending_after: datetime) -> Sequence[Silence]:
        """Return the silences that end after an instant, by number."""
        return [each for each in self._silences.values() if each.span.end > ending_after]

    def save(self, silence: Silence) -> Silence:
        """Keep a new silence and return it with its number, or replace the one of that number."""
        number = len(self._silences) + 1 if silence.number is None else silence.number
        kept = self._silences[number] = replace(silence, number=number)
        return kept
