"""The questions to ask a Prometheus, to know whether it sees us well; each bad finding says what helps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.rules import all_alerts

_FEW = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to; `remedy` is empty where it is good."""

    check: str
    is_good: bool
    says: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """Return it as one line for a person.

        >>> Finding("up", False, "no target", "add a scrape job").line
        'BAD  up: no target; add a scrape job'
        """
        said = f"{self.check}: {self.says}"
        return f"ok   {said}" if self.is_good else f"BAD  {said}; {self.remedy}"


def verify(server: PrometheusServer, monitored: Monitored, *, health_only: bool = False) -> Sequence[Finding]:
    """Return the finding of every check. Raises Fault where the server does not answer.

    health_only  no alerts on surges are wanted, as the rules were written without them
    """
    checks: tuple[Callable[[PrometheusServer, Monitored], Finding], ...] = (
        _up,
        _clash,
        _fresh,
        partial(_rules, health_only=health_only),
        _dropped,
        _hidden,
    )
    return [check(server, monitored) for check in checks]


def _jobs(monitored: Monitored) -> str:
    return f'job=~"{monitored.job}|{monitored.series_job}"'


def _up(server: PrometheusServer, monitored: Monitored) -> Finding:
    wanted = {monitored.job, monitored.series_job}
    targets = [target for target in server.targets() if target.job in wanted]
    if not targets:
        return Finding(
            "up",
            is_good=False,
            says=f"no target of the job {monitored.job}",
            remedy="add what `spikewatch prom scrape` prints, or name the job with --job",
        )
    down = [
        f"{target.address}: {target.error or 'not scraped yet'}" for target in targets if not target.is_up
    ]
    if down:
        return Finding("up", is_good=False, says="; ".join(down), remedy="see SpikewatchDown in runbooks.md")
    return Finding("up", is_good=True, says=f"{len(targets)} scraped")


def _clash(server: PrometheusServer, monitored: Monitored) -> Finding:
    name = monitored.labels.service
    named = f'__name__=~"spikewatch_(series|service)_.+",exported_{name}!=""'
    found = server.query(f"count by (job) ({{{named},{_jobs(monitored)}}})")
    if not found:
        return Finding("label clash", is_good=True, says="none")
    jobs = ", ".join(answer.labels.get("job", "") for answer in found)
    return Finding(
        "label clash",
        is_good=False,
        says=f"our label {name} arrives as exported_{name} in the job {jobs}",
        remedy="take over metric_relabel_configs of `spikewatch prom scrape`",
    )


def _fresh(server: PrometheusServer, monitored: Monitored) -> Finding:
    limit = monitored.thresholds.behind.total_seconds()
    asked = f"time() - min by (source) (spikewatch_window_end_timestamp_seconds{{{_jobs(monitored)}}})"
    ages = {answer.labels.get("source", ""): answer.value for answer in server.query(asked)}
    if not ages:
        return Finding(
            "fresh",
            is_good=False,
            says="nothing was judged yet",
            remedy="wait for the first complete read of the help desk; `spikewatch status` says how far it is",
        )
    said = ", ".join(f"{source} {age:.0f} s old" for source, age in sorted(ages.items()))
    if max(ages.values()) > limit:
        return Finding("fresh", is_good=False, says=said, remedy="see SpikewatchDataBehind in runbooks.md")
    return Finding("fresh", is_good=True, says=said)


def _rules(server: PrometheusServer, monitored: Monitored, *, health_only: bool) -> Finding:
    loaded = {rule.name: rule for rule in server.rules() if "spikewatch" in rule.name.lower()}
    missing = sorted({alert.name for alert in all_alerts(monitored, health_only=health_only)} - loaded.keys())
    ill = sorted(f"{rule.name}: {rule.error}" for rule in loaded.values() if rule.health == "err")
    if ill:
        remedy = "write them anew with `spikewatch prom rules`"
        return Finding("rules", is_good=False, says="; ".join(ill[:_FEW]), remedy=remedy)
    if missing:
        some = ", ".join(missing[:_FEW])
        return Finding(
            "rules",
            is_good=False,
            says=f"{len(missing)} not loaded ({some}{', ...' if len(missing) > _FEW else ''})",
            remedy="name the file that `spikewatch prom rules` writes under rule_files, and reload Prometheus",
        )
    return Finding("rules", is_good=True, says=f"{len(loaded)} loaded and healthy")


def _dropped(server: PrometheusServer, monitored: Monitored) -> Finding:
    jobs = _jobs(monitored)
    asked = f"sum(scrape_samples_scraped{{{jobs}}} - scrape_samples_post_metric_relabeling{{{jobs}}})"
    dropped = sum(answer.value for answer in server.query(asked))
    if dropped:
        return Finding(
            "dropped series",
            is_good=False,
            says=f"the scrape drops {dropped:.0f} samples",
            remedy="look through its metric_relabel_configs for action: drop or keep",
        )
    return Finding("dropped series", is_good=True, says="none")


def _hidden(server: PrometheusServer, monitored: Monitored) -> Finding:
    asked = f'sum(spikewatch_series_hidden{{{_jobs(monitored)},reason="limit"}})'
    hidden = sum(answer.value for answer in server.query(asked))
    if hidden:
        return Finding(
            "hidden series",
            is_good=False,
            says=f"{hidden:.0f} are over metrics.max_series",
            remedy="raise it, or set metrics.detail to surging",
        )
    return Finding("hidden series", is_good=True, says="none")
