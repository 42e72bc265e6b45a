"""Business hours: when the desk is staffed, and when it will be next."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from spikewatch.core.calendars import Calendar

_LONGEST_CLOSURE = 366
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """From when until when a business day is staffed, local time.

    >>> from zoneinfo import ZoneInfo
    >>> hours = BusinessHours(Calendar(ZoneInfo("Asia/Tokyo"), frozenset({date(2026, 11, 23)})))
    >>> hours.next_morning(datetime(2026, 11, 20, 9, tzinfo=UTC)).isoformat()
    '2026-11-24T00:00:00+00:00'
    """

    calendar: Calendar
    opens: time = time(9)
    closes: time = time(18)

    def is_open(self, at: datetime) -> bool:
        """Tell whether the desk is staffed at an instant: `[opens, closes)` of a day that is not off."""
        local = at.astimezone(self.calendar.zone)
        return not self.calendar.is_off(local.date()) and self.opens <= local.time() < self.closes

    def next_morning(self, after: datetime) -> datetime:
        """Return the next opening after an instant; a day later where there is none within a year."""
        today = after.astimezone(self.calendar.zone).date()
        openings = (self._opening(today + days * _ONE_DAY) for days in range(_LONGEST_CLOSURE))
        return next((found for found in openings if found is not None and found > after), after + _ONE_DAY)

    def _opening(self, day: date) -> datetime | None:
        if self.calendar.is_off(day):
            return None
        return datetime.combine(day, self.opens, tzinfo=self.calendar.zone).astimezone(UTC)
