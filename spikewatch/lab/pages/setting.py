"""What every part of a page needs: the language, the local time, and short ways to write numbers and spans in both."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.counts import SeriesKey
from spikewatch.core.settings import Language
from spikewatch.lab.pages.frame import name
from spikewatch.lab.pages.words import WORDS, Words

_MINUTES_AN_HOUR = 60
_WHOLE_FROM = 100


@dataclass(frozen=True)
class Setting:
    """In which language and where a page is written.

    place_of  tells where a setting stands, `file:line`, or `default`
    """

    language: Language
    zone: ZoneInfo
    place_of: Callable[[str], str] = lambda _: "default"

    @property
    def words(self) -> Words:
        """The phrases of the language."""
        return WORDS[self.language]

    def local(self, instant: datetime) -> str:
        """Return an instant as local time."""
        return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def clock(self, instant: datetime) -> str:
        """Return the local time of day."""
        return f"{instant.astimezone(self.zone):%H:%M}"

    def span(self, duration: timedelta) -> str:
        """Return a duration in hours and minutes."""
        minutes = int(duration.total_seconds() // 60)
        if minutes < _MINUTES_AN_HOUR:
            return self.words.minutes.format(minutes=minutes)
        hours, rest = divmod(minutes, _MINUTES_AN_HOUR)
        return (
            self.words.hours.format(hours=hours, minutes=rest)
            if rest
            else self.words.full_hours.format(hours=hours)
        )

    def minutes(self, minutes: int) -> str:
        """Return a window's length."""
        return self.span(timedelta(minutes=minutes))

    def series(self, series: SeriesKey) -> str:
        """Return a series as people call it."""
        if series.is_fleet:
            return self.words.fleet
        if series.is_rollup:
            return f"{name(series.service)} ({self.words.whole_service})"
        return f"{name(series.service)} / {name(series.category)}"

    def service(self, service: str | None) -> str:
        """Return a service as people call it; None is the whole company."""
        return self.words.company if service is None else name(service)


def number(value: float) -> str:
    """Return a number as short as its size allows.

    >>> [number(value) for value in (0.0213, 0.52, 3.0, 6.24, 1234.5)]
    ['0.021', '0.52', '3', '6.2', '1,234']
    """
    if value >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.1f}".removesuffix(".0") if value >= 1 else f"{value:.2g}"
