"""What the generated files say about one installation, and the numbers at which its alerts fire."""

from dataclasses import dataclass, field
from datetime import timedelta

from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.prom.access import Access

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GIBIBYTE = 1024**3


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where each alert begins; the tests move every one of them and have to fail.

    categories_at_once  categories of one service that surge together before the service as a whole is told
    keep_firing         a surge stays told so long after its series vanished, for instance while the daemon restarts
    stale_polls         intervals without a good poll after which a source is stale
    behind              age of the newest judged bucket from which on nobody would see a surge
    polls_failing       share of polls in 15 minutes that fail
    api_budget_low      share of the source's request limit that is left
    late_polls          intervals without a pass of judging
    deliveries_failing  share of attempts in 15 minutes that fail; one failed attempt that was repeated well is half
    backlog             age of the oldest delivery that waits
    store_free          free space, as a share of the volume where the store lies
    store_room          bytes that are little beside another copy of the store, as an export or a repair makes it
    store_trend_free    share of the volume from which on the trend is looked at: what is half empty does not wake
    store_full_within   how far ahead the trend of free space is looked at
    store_failing_for   shorter than it takes a source to be stale, which a store that refuses writes makes it
    restarts            starts within an hour
    learning            share of series without a baseline
    learning_after      time in which a baseline is learnt
    """

    categories_at_once: int = 3
    keep_firing: timedelta = 10 * MINUTE
    down_for: timedelta = 5 * MINUTE
    stale_polls: int = 3
    stale_for: timedelta = 2 * MINUTE
    behind: timedelta = 15 * MINUTE
    behind_for: timedelta = 5 * MINUTE
    polls_failing: float = 0.25
    polls_failing_for: timedelta = 15 * MINUTE
    api_budget_low: float = 0.1
    api_budget_low_for: timedelta = 5 * MINUTE
    late_polls: int = 3
    late_for: timedelta = 5 * MINUTE
    deliveries_failing: float = 0.5
    deliveries_failing_for: timedelta = 5 * MINUTE
    backlog: timedelta = 5 * MINUTE
    backlog_for: timedelta = 2 * MINUTE
    store_free: float = 0.1
    store_room: int = GIBIBYTE
    store_trend_free: float = 0.4
    store_full_within: timedelta = DAY
    store_full_for: timedelta = 15 * MINUTE
    store_failing_for: timedelta = 2 * MINUTE
    reload_failed_for: timedelta = 10 * MINUTE
    hidden_for: timedelta = HOUR
    clash_for: timedelta = 10 * MINUTE
    restarts: int = 3
    learning: float = 0.5
    learning_after: timedelta = 7 * DAY
    learning_for: timedelta = HOUR


@dataclass(frozen=True, slots=True)
class Monitored:
    """One installation as Prometheus sees it.

    job         label `job` of its scrape
    address     where Prometheus reads it, host:port
    runbooks    address of the page of runbooks; each alert links to its heading there
    window      the window that dashboards show first
    max_series  most series exposed; many of them are scraped in a job of their own
    access      what Prometheus needs to be let in
    labels      what the labels of a series are called
    """

    job: str = "spikewatch"
    address: str = "127.0.0.1:9463"
    runbooks: str = "runbooks.md"
    window: timedelta = 15 * MINUTE
    max_series: int = 2000
    access: Access = field(default_factory=Access)
    labels: LabelNames = field(default_factory=LabelNames)
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def series_job(self) -> str:
        """Label `job` of the scrape of series, where it is apart."""
        return f"{self.job}-series"
