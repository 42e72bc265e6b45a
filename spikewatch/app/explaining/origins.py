"""Where a limit was set: the setting, and the line of the file that holds it."""

from dataclasses import dataclass

from spikewatch.config import Config
from spikewatch.config.reading import dotted

DEFAULT = "default"


@dataclass(frozen=True)
class Origins:
    """The place of each setting that is no default, by its dotted path."""

    places: dict[str, str]

    @classmethod
    def of(cls, config: Config) -> "Origins":
        """Return the places of a configuration."""
        return cls({dotted(path): place for path, place in config.origins.items()})

    def place(self, setting: str) -> str:
        """Return `file:line`, or `default`."""
        return self.places.get(setting, DEFAULT)

    def told(self, setting: str) -> str:
        """Return a setting with its place: `detection.min_tickets, spikewatch.yaml:12`."""
        return setting if setting == DEFAULT else f"{setting}, {self.place(setting)}"
