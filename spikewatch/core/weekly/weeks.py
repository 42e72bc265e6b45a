"""Which week: calendar weeks of a place, and when the report of one is due."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.timegrid import Span, aware


@dataclass(frozen=True, slots=True)
class Week:
    """A calendar week, Monday to Sunday, by its ISO year and number.

    >>> str(Week.named("2026-W46")), str(Week.of(date(2027, 1, 1)))
    ('2026-W46', '2026-W53')
    """

    year: int
    number: int

    def __post_init__(self) -> None:
        """Refuse a week that its year does not have."""
        date.fromisocalendar(self.year, self.number, 1)

    @classmethod
    def named(cls, name: str) -> "Week":
        """Return the week of a name such as 2026-W46. Raises ValueError where there is none."""
        year, _, number = name.upper().partition("-W")
        if not (year.isdigit() and number.isdigit()):
            message = f"{name!r} is no week; write one such as 2026-W46"
            raise ValueError(message)
        try:
            return cls(int(year), int(number))
        except ValueError:
            message = f"{name!r}: {year} has no week {number}; write one such as 2026-W46"
            raise ValueError(message) from None

    @classmethod
    def of(cls, day: date) -> "Week":
        """Return the week that holds a day."""
        return cls(*day.isocalendar()[:2])

    @classmethod
    def ended_by(cls, instant: datetime, *, zone: ZoneInfo) -> "Week":
        """Return the last week that was over at an instant."""
        return cls.of(instant.astimezone(zone).date() - timedelta(weeks=1))

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def before(self) -> "Week":
        """The week before it."""
        return Week.of(self.monday - timedelta(weeks=1))

    def span(self, zone: ZoneInfo) -> Span:
        """Return it from local midnight to local midnight: an hour less or more where the clock is changed."""
        monday = self.monday
        start, end = (
            datetime.combine(day, time(), tzinfo=zone) for day in (monday, monday + timedelta(weeks=1))
        )
        return Span(aware(start), aware(end))

    def __str__(self) -> str:
        """Return its ISO name."""
        return f"{self.year}-W{self.number:02}"


def due_at(now: datetime, *, weekday: int, at: time, zone: ZoneInfo) -> datetime:
    """Return when a report was due last: the newest such weekday (0: Monday) and local time that is not after now.

    >>> due_at(datetime.fromisoformat("2026-11-16T00:00Z"), weekday=0, at=time(9), zone=ZoneInfo("Asia/Tokyo")).isoformat()
    '2026-11-16T00:00:00+00:00'
    """
    local = now.astimezone(zone)
    day = local.date() - timedelta(days=(local.weekday() - weekday) % 7)
    due = aware(datetime.combine(day, at, tzinfo=zone))
    return due if due <= now else aware(datetime.combine(day - timedelta(weeks=1), at, tzinfo=zone))
