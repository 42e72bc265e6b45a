"""`explain`: why a series alerted or did not, as the store tells it now.

looking  reads the store and asks the core
text     for people
facts    for programs
origins  where a limit was set
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from threadpoolctl import threadpool_limits

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.sql_store import open_store
from spikewatch.app.assembly import detector_of
from spikewatch.app.explaining import facts, text
from spikewatch.app.explaining.looking import Look, look
from spikewatch.app.explaining.origins import Origins
from spikewatch.config import Config

__all__ = ["Look", "explain", "look"]


def explain(
    config: Config,
    *,
    service: str,
    category: str | None,
    at: datetime | None,
    output_format: Literal["text", "json"],
) -> Iterable[str]:
    """Return the lines that explain a series at an instant; arguments and errors as those of `look`."""
    # as the daemon does it: another number of threads moves the last digits
    threadpool_limits(limits=1, user_api="blas")
    now = SystemClock().now()
    store = open_store(config.store, step=config.bucket, exclusive=False)
    try:
        found = look(
            store,
            detector_of(config, at=at or now),
            service=service,
            category=category,
            at=at,
            now=now,
            kept_for=config.retention.counts,
        )
    finally:
        store.close()
    zone, origins, budget = config.timezone, Origins.of(config), config.detection.false_alarms_per_week
    if output_format == "json":
        return [facts.as_json(found, zone=zone, origins=origins, budget=budget)]
    return text.lines(found, zone=zone, origins=origins, budget=budget)
