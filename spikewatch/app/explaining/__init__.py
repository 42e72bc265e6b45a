"""`explain`: why a series alerted or did not, as the store tells it now.

looking  reads the store and asks the core
text     for people, put together from:
  letter      what words need beside the explanation
  verdict     whether it alerts and why
  remedies    what would have had to be different
  around      incidents, where a rise would have belonged, and silences
  limits      windows, gates and static rules
  background  what was expected and why, and how complete the data are
  phrases     counts, spans and names
  columns     what lines stand in
facts    for programs
origins  where a limit was set
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from threadpoolctl import threadpool_limits

from spikewatch.adapters.clock import SystemClock
from spikewatch.app.detecting import detector_of
from spikewatch.app.explaining import facts, text
from spikewatch.app.explaining.looking import Look, look
from spikewatch.app.explaining.origins import Origins
from spikewatch.app.picturing import draw
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.wording import picture_of
from spikewatch.cycle import labelled
from spikewatch.errors import Fault

__all__ = ["Look", "explain", "look", "png"]


def explain(
    config: Config,
    *,
    service: str,
    category: str | None,
    at: datetime | None,
    output_format: Literal["text", "json"],
) -> Iterable[str]:
    """Return the lines that explain a series at an instant; arguments and errors as those of `look`."""
    found = _found(config, service=service, category=category, at=at)
    zone, origins, budget = config.timezone, Origins.of(config), config.detection.false_alarms_per_week
    if output_format == "json":
        return [facts.as_json(found, zone=zone, origins=origins, budget=budget)]
    return text.lines(found, zone=zone, origins=origins, budget=budget)


def png(config: Config, *, service: str, category: str | None, at: datetime | None) -> bytes:
    """Return the chart that a message about the series would have shown; arguments and errors as those of `look`."""
    found = _found(config, service=service, category=category, at=at)
    if found.course is None:
        raise Fault("there is nothing to draw: the hours before have not been read")
    series = found.explanation.series
    return draw(picture_of(series, found.course, language=config.language, zone=config.timezone))


def _found(config: Config, *, service: str, category: str | None, at: datetime | None) -> Look:
    # as the daemon does it: another number of threads moves the last digits
    threadpool_limits(limits=1, user_api="blas")
    now = SystemClock().now()
    store = store_of(config, exclusive=False)
    try:
        return look(
            store,
            labelled(detector_of(config, at=at or now), store),
            service=service,
            category=category,
            at=at,
            now=now,
            kept_for=config.retention.counts,
            windows=config.maintenance,
        )
    finally:
        store.close()
