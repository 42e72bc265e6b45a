"""The letter: one explanation with what its words need beside it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from spikewatch.app.explaining.looking import Look
from spikewatch.app.explaining.origins import Origins
from spikewatch.app.explaining.phrases import NAME_LIMIT
from spikewatch.core.events import Event
from spikewatch.core.explanations import Explanation
from spikewatch.core.wording.untrusted import harmless


@dataclass(frozen=True, slots=True)
class Letter:
    """A look being put into words; `budget` is the fleet's false alarms a week."""

    look: Look
    zone: ZoneInfo
    origins: Origins
    budget: float

    @property
    def of(self) -> Explanation:
        """What is explained."""
        return self.look.explanation

    def near(self, instant: datetime) -> str:
        """Return local time, with the date where it is another than the explained one."""
        local = instant.astimezone(self.zone)
        same_day = local.date() == self.of.at.astimezone(self.zone).date()
        return f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}"

    def local(self, instant: datetime) -> str:
        """Return local time with its date and zone."""
        return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M %Z}"

    def origin(self, key: str) -> str:
        """Return where a value of the series' rule was set."""
        return self.origins.told(self.of.rule.origin[key])

    def events(self, *, muting: bool) -> str:
        """Return the events that mute the series, or those that change what is expected."""
        return ", ".join(
            f"{harmless(event.name, limit=NAME_LIMIT)},"
            f" {self.near(event.span.start)} to {self.near(event.span.end)}{_learnt(event)}"
            for event in self.of.events
            if (event.factor is None) is muting
        )

    @property
    def covering(self) -> str | None:
        """Return the incident in which the series surges at the time."""
        for incident, surge in self.look.incidents:
            if (
                surge is not None
                and surge.opened_at <= self.of.at
                and (surge.ended is None or self.of.at < surge.ended)
            ):
                return incident.id
        return None


def _learnt(event: Event) -> str:
    """Return how much is behind a factor that is learnt."""
    if not event.learns:
        return ""
    return (
        f", learnt from {event.learnt_from} h"
        if event.learnt_from
        else ", to be learnt: nothing seen of it yet"
    )
