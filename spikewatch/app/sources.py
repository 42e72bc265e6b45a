"""From the settings of a source to the source, and how fast it may be asked."""

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

from spikewatch.adapters.csv_source.growing import CsvSource
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.sql_source.source import SqlSource
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.config import Config
from spikewatch.coverage import GRACE
from spikewatch.errors import Mistake
from spikewatch.pacing import Pace
from spikewatch.ports import Clock, Meter, Source

OUR_OWN_PACE = Pace(per_minute=600, backfill_per_minute=600, pages=100)
"""For files and databases of one's own, which state no limit."""


def source_of(
    settings: ZendeskSettings | SqlSettings | CsvSettings,
    config: Config,
    *,
    clock: Clock,
    meter: Meter,
    names: Mapping[str, str] | None = None,
) -> Source:
    """Build a source. Raises Mistake where a secret or a dialect is missing.

    names  what its account called brands, options and so on when it was last read
    """
    match settings:
        case ZendeskSettings():
            secret = config.secret(f"sources.{settings.name}.{settings.secret_key}")
            if secret is None:
                raise Mistake(
                    f"sources.{settings.name}: set {settings.secret_variable} or {settings.secret_key}_file"
                )
            return ZendeskSource(settings, secret=secret, clock=clock, meter=meter, names=names)
        case SqlSettings():
            password = config.secret(f"sources.{settings.name}.password")
            return SqlSource(settings, password=password, clock=clock, step=config.bucket)
        case CsvSettings():
            return CsvSource(settings, clock=clock, step=config.bucket)
        case never:
            assert_never(never)


def pace_of(settings: ZendeskSettings | SqlSettings | CsvSettings) -> Pace:
    """Return how fast a source may be asked."""
    if not isinstance(settings, ZendeskSettings):
        return OUR_OWN_PACE
    return Pace(
        per_minute=settings.requests_per_minute,
        backfill_per_minute=settings.backfill_requests_per_minute,
    )


def grace_of(config: Config) -> timedelta:
    """Return how far one source may be behind another before judging goes on without it.

    A source in order is behind by its lag, by the polls of both, and by the bucket that is not over.
    """
    lags = [source.lag for source in config.sources if not isinstance(source, ZendeskSettings)]
    return max(GRACE, max(lags, default=timedelta(0)) + 2 * config.poll.every + config.bucket)
