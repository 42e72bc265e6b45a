"""The detector of a configuration: the one that the daemon, a replay and an explanation all use."""

from collections.abc import Callable
from datetime import datetime

from spikewatch.config import Config
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.events import Mask
from spikewatch.cycle import Detector, said_aloud


def detector_of(
    config: Config,
    *,
    at: datetime,
    name: Callable[[int, str | None, datetime], str] = said_aloud,
    masks: tuple[Mask, ...] = (),
) -> Detector:
    """Return the detector of a configuration; holidays are known for the years around the instant.

    masks  hours not to be learnt from, beside those of the calendar's events
    """
    calendar = build_calendar(config.calendar, zone=config.timezone, years=years_around(at))
    return Detector(
        calendar=calendar,
        step=config.bucket,
        history=config.history,
        detection=config.detection,
        services=config.services,
        name=name,
        masks=masks,
    )
