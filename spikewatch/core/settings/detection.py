"""When a rise is a surge, on which grid, and learnt from how much history."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import (
    Field,
    field_validator,
)

from spikewatch.core.settings.values import Duration, Ratio, Settings, format_duration
from spikewatch.core.timegrid import HOUR

MOST_BUDGET = 1000
"""False alarms a week: who allows more judges nothing."""


class ModelName(StrEnum):
    """A way to learn what is normal."""

    PROFILE = "profile"
    SEASONAL_ZSCORE = "seasonal_zscore"
    STL = "stl"


class DetectionSettings(Settings):
    """When a rise is a surge."""

    model: ModelName = ModelName.PROFILE
    """How normal is learnt: `profile` (weekly shapes, a slow level, how busy today is), `seasonal_zscore` or `stl`."""
    false_alarms_per_week: Annotated[float, Field(gt=0, le=MOST_BUDGET)] = 1.0
    """How many false alarms a week the whole fleet may raise; every threshold follows from it."""
    windows: tuple[Duration, ...] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
        timedelta(hours=3),
    )
    """Spans that are judged together: short ones catch bursts, long ones mild rises and sparse series."""
    min_tickets: Annotated[int, Field(ge=1)] = 5
    """Never alert below this many tickets in the window; nobody wants to be woken for two."""
    min_ratio: Ratio = 1.5
    """Never alert below this multiple of the expected count; 1 lets the statistics alone decide."""
    critical_score: Annotated[float, Field(ge=1)] = 2.0
    """A surge that scores this much is critical at once."""

    @field_validator("windows")
    @classmethod
    def _sorted_windows(cls, windows: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if not windows or any(window <= timedelta(0) for window in windows):
            message = "name at least one window, each longer than nothing, for example [5m, 15m, 1h, 3h]"
            raise ValueError(message)
        return tuple(sorted(set(windows)))


class GridSettings(Settings):
    """The grid that counts are kept on, and how much history is learnt from."""

    bucket: Duration = timedelta(minutes=5)
    """Width of a bucket; it divides an hour."""
    history: Duration = timedelta(weeks=8)
    """How far back normal is learnt from; whole weeks, at least two."""

    @field_validator("bucket")
    @classmethod
    def _divides_an_hour(cls, bucket: timedelta) -> timedelta:
        if bucket <= timedelta(0) or HOUR % bucket:
            message = f"{format_duration(bucket)} does not divide an hour; use 5m, 10m, 15m, 30m or 1h"
            raise ValueError(message)
        return bucket

    @field_validator("history")
    @classmethod
    def _whole_weeks(cls, history: timedelta) -> timedelta:
        if history < timedelta(weeks=2) or history % timedelta(weeks=1):
            message = f"{format_duration(history)} is not two or more whole weeks; 8w is a good start"
            raise ValueError(message)
        return history
