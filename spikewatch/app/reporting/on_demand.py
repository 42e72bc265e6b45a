"""`spikewatch report`: a week, whenever somebody asks for it."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from threadpoolctl import threadpool_limits

from spikewatch.adapters.clock import SystemClock
from spikewatch.app.detecting import detector_of
from spikewatch.app.reporting.forms import Form, shown
from spikewatch.app.reporting.gathering import gather
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.settings import Language
from spikewatch.core.weekly import Week
from spikewatch.cycle import Detector
from spikewatch.errors import Fault, Mistake


def report(
    config: Config, *, week: str | None, form: Form, language: Language | None = None
) -> Iterator[str]:
    """Yield the lines of a week; without a name the last one that is over.

    Raises Mistake for a week that is none or has not begun, Fault where the store knows nothing of it.
    """
    # thousands of small matrix products: a second BLAS thread costs more than it brings
    threadpool_limits(limits=1, user_api="blas")
    now = SystemClock().now()
    wanted = _week(week) if week else Week.ended_by(now, zone=config.timezone)
    span = wanted.span(config.timezone)
    if span.start >= now:
        raise Mistake(f"--week {wanted}: has not begun yet; name an earlier one")
    store = store_of(config, exclusive=False)
    try:
        oldest = store.stats().oldest
        if oldest is None or oldest >= span.end:
            begins = "holds no counts yet" if oldest is None else f"begins on {oldest.isoformat()}"
            raise Fault(f"store {config.store} knows nothing of {wanted}: it {begins}")
        weekly = gather(store, wanted, config=config, detector_at=partial(_detector, config))
    finally:
        store.close()
    return shown(weekly, form, language=language or config.language, zone=config.timezone)


def _detector(config: Config, at: datetime) -> Detector:
    return detector_of(config, at=at)


def _week(name: str) -> Week:
    try:
        return Week.named(name)
    except ValueError as error:
        raise Mistake(f"--week: {error}") from error
