"""Buckets: how an instant becomes the number of a bucket, and back.

Buckets are aligned in UTC and counted from the Unix epoch, so bucket numbers of the same step can be compared, stored and
subtracted without a calendar. Local time lives in `calendars`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)


def aware(instant: datetime) -> datetime:
    """Return the instant in UTC; a naive one raises ValueError, for nobody can know what it meant."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        message = f"{instant.isoformat()} has no UTC offset"
        raise ValueError(message)
    return instant.astimezone(UTC)


def seconds(step: timedelta) -> int:
    """Return the step in whole seconds.

    >>> seconds(timedelta(minutes=5))
    300
    """
    return int(step.total_seconds())


def bucket_number(instant: datetime, step: timedelta) -> int:
    """Return the number of the bucket that holds the instant; the instant on the line belongs to the next bucket.

    >>> bucket_number(datetime(1970, 1, 1, 0, 9, 59, tzinfo=UTC), timedelta(minutes=5))
    1
    >>> bucket_number(datetime(1970, 1, 1, 0, 10, tzinfo=UTC), timedelta(minutes=5))
    2
    """
    return (aware(instant) - EPOCH) // step


def bucket_start(number: int, step: timedelta) -> datetime:
    """Return when the bucket begins, which is also its name.

    >>> bucket_start(2, timedelta(minutes=5)).isoformat()
    '1970-01-01T00:10:00+00:00'
    """
    return EPOCH + number * step


def bucket_end(number: int, step: timedelta) -> datetime:
    """Return the first instant after the bucket."""
    return bucket_start(number + 1, step)


@dataclass(frozen=True, slots=True)
class Span:
    """Some time, `[start, end)`, in UTC.

    >>> day = Span(datetime(2026, 5, 11, tzinfo=UTC), datetime(2026, 5, 12, tzinfo=UTC))
    >>> day.holds(day.start), day.holds(day.end)
    (True, False)
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive instants and a span that ends before it starts."""
        if aware(self.end) < aware(self.start):
            message = (
                f"a span cannot end ({self.end.isoformat()}) before it starts ({self.start.isoformat()})"
            )
            raise ValueError(message)

    def holds(self, instant: datetime) -> bool:
        """Tell whether the instant lies in `[start, end)`."""
        return self.start <= instant < self.end


@dataclass(frozen=True, slots=True)
class Grid:
    """A gapless run of `length` buckets of one `step`, beginning with bucket number `first`."""

    step: timedelta
    first: int
    length: int

    def __post_init__(self) -> None:
        """Refuse a step that is no whole number of seconds dividing an hour or whole hours, and a negative length."""
        width = seconds(self.step)
        if width <= 0 or self.step.microseconds or (3600 % width and width % 3600):
            message = f"a bucket of {self.step} does not divide an hour"
            raise ValueError(message)
        if self.length < 0:
            message = f"a grid cannot have {self.length} buckets"
            raise ValueError(message)

    @classmethod
    def between(cls, start: datetime, end: datetime, step: timedelta) -> "Grid":
        """Return the grid of all buckets that lie wholly in `[bucket of start, end)`."""
        first = bucket_number(start, step)
        return cls(step, first, max(0, bucket_number(end, step) - first))

    @property
    def stop(self) -> int:
        """The number of the first bucket after the grid."""
        return self.first + self.length

    @property
    def start(self) -> datetime:
        """When the grid begins."""
        return bucket_start(self.first, self.step)

    @property
    def end(self) -> datetime:
        """The first instant after the grid."""
        return bucket_start(self.stop, self.step)

    def column(self, instant: datetime) -> int:
        """Return the column of the instant's bucket; negative or >= length where it lies outside."""
        return bucket_number(instant, self.step) - self.first
