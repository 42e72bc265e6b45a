"""`prom`: the generated files of a configuration, where they go, and what they are generated from."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from spikewatch.adapters.http.settings import MetricsSettings, parse_listen
from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.timegrid import Grid, bucket_number
from spikewatch.errors import Fault, Mistake, unwritten
from spikewatch.prom.access import Access
from spikewatch.prom.history import Past, openmetrics
from spikewatch.prom.monitored import Monitored, Thresholds
from spikewatch.prom.verifying import Finding, verify

USUAL_PORT = 9463
HEAD = timedelta(hours=3)
"""What Prometheus holds in memory at its newest end; blocks that reach into it are refused or lost."""

_POLLS_OF_PATIENCE = 3
_PASSWORD_HASH, _BEARER_TOKEN = "SPIKEWATCH_METRICS_PASSWORD_HASH", "SPIKEWATCH_METRICS_BEARER_TOKEN"
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 -- recognised here, never listened on


def monitored_of(
    config: Config | None,
    *,
    job: str,
    runbooks: str,
    address: str | None = None,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Monitored:
    """Return what the generated files say: of a configuration, or of the defaults without one.

    address  where Prometheus reaches the daemon, where that is not where it listens
    env      says whether the daemon asks for a password or a token, as files that the configuration names do
    """
    metrics = MetricsSettings() if config is None else config.metrics
    return Monitored(
        job=job,
        address=address or _reached_at(metrics.listen),
        runbooks=runbooks,
        window=metrics.windows[0],
        max_series=metrics.max_series,
        access=_access(metrics, env=env),
        labels=_label_names(metrics),
        thresholds=Thresholds() if config is None else Thresholds(behind=_behind(config)),
    )


def _label_names(metrics: MetricsSettings) -> LabelNames:
    """Return what the labels of a series are called."""
    return LabelNames(metrics.label_names.service, metrics.label_names.category)


def _access(metrics: MetricsSettings, *, env: Mapping[str, str]) -> Access:
    """Return how the port is closed; generating needs no secret, only whether there is one."""
    asks_password = metrics.password_hash_file is not None or bool(env.get(_PASSWORD_HASH))
    return Access(
        is_encrypted=metrics.tls is not None,
        asks_for_certificate=metrics.tls is not None and metrics.tls.client_ca_file is not None,
        user=metrics.user if asks_password else None,
        takes_token=metrics.bearer_token_file is not None or bool(env.get(_BEARER_TOKEN)),
    )


def _behind(config: Config) -> timedelta:
    """Return the age of judged data that is too much: when their counts vanish, and never within usual patience."""
    usual = config.bucket + _POLLS_OF_PATIENCE * config.poll.every
    return max(usual, config.bucket + config.metrics.stale_after)


def _reached_at(listen: str) -> str:
    host, port = parse_listen(listen)
    shown = "127.0.0.1" if host in _EVERYWHERE else host
    return f"[{shown}]:{port or USUAL_PORT}" if ":" in shown else f"{shown}:{port or USUAL_PORT}"


def place(files: Mapping[str, str], folder: Path) -> dict[Path, str]:
    """Return the files by where they go, with the folders for them made. Raises Fault where they cannot be."""
    placed = {folder / name: text for name, text in files.items()}
    try:
        for path in placed:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(folder, error) from error
    return placed


def verified(url: str, monitored: Monitored, *, health_only: bool = False) -> Sequence[Finding]:
    """Return what a Prometheus says to the question whether it sees us well."""
    return verify(PrometheusServer(url), monitored, health_only=health_only)


def history_of(
    config: Config, *, since: datetime | None, until: datetime | None, job: str, instance: str | None
) -> Iterator[str]:
    """Return the lines of the stored past, `[since, until)`; without them all that Prometheus takes.

    Raises Fault where nothing is stored, Mistake where the span holds nothing.
    """
    window = config.metrics.windows[0]
    past = _past(config, since=since, until=until, window=window)
    target = {"job": job, "instance": instance or _reached_at(config.metrics.listen)}
    names = _label_names(config.metrics)
    return openmetrics(past, window=window, most=config.metrics.max_series, target=target, names=names)


def _past(config: Config, *, since: datetime | None, until: datetime | None, window: timedelta) -> Past:
    store, step = store_of(config, exclusive=False), config.bucket
    try:
        judged, oldest = store.judge_state().judged_until, store.stats().oldest
        if judged is None or oldest is None:
            raise Fault(f"store {config.store}: nothing was judged yet; start `spikewatch run` first")
        newest = judged - HEAD // step
        stop = newest if until is None else min(bucket_number(until, step), newest)
        begun = bucket_number(oldest if since is None else max(since, oldest), step)
        first = max(begun - window // step + 1, bucket_number(oldest, step))
        if begun >= stop:
            raise Mistake(
                "nothing is stored between --since and --until; the newest three hours are Prometheus's own"
            )
        # the counter ends at what it stands at now, so everything up to now is looked at
        cells, totals = store.counts(first=first, stop=judged), dict(store.ticket_totals())
        return Past(Grid(step, first, stop - first), cells, totals, lead=begun - first)
    finally:
        store.close()
