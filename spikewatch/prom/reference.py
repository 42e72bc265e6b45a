"""The page that documents every metric, made from the catalogue that declares them."""

from collections.abc import Iterable

from spikewatch.adapters.prometheus.catalogue import CATALOGUE, Metric, Part

_ABOVE = """\
# Metrics

Written by `spikewatch prom metrics`. `/metrics` shows all of them, `/metrics/series` and `/metrics/health` one part each,
as text or OpenMetrics, whichever is asked for.

- Times are Unix seconds, durations seconds, sizes bytes. A counter begins at 0 with its label sets, so a rate has no gap.
- Counts, expectations, bounds and scores vanish when they are too old (`metrics.stale_after`): a graph shows a gap. States,
  incidents, totals and times stay, so that an alert does not resolve in mid-outage.
- A sum over series is right for one `window`: select it. Whole services and the whole fleet have names of their own
  (`spikewatch_service_*`, `spikewatch_fleet_*`), so no sum counts a ticket twice.
- Two daemons on one desk give everything twice: `max by (cluster, job, service, category)` before any sum.
- `service` and `category` are names out of the help desk: trimmed, without control characters, at most 128 characters; names
  that become equal are one series. All other labels are closed sets or names out of the configuration. Ticket ids, subjects,
  people and error texts are never labels.
- `service` and `category` may have other names (`metrics.label_names`), where targets have a label service of their own;
  what `spikewatch prom` writes goes by these.
- The label `incident` holds the id that messages and log lines name too.
"""

_SECTIONS = {
    Part.SERIES: ("What the desk does", "`/metrics/series`: rendered once after each pass of judging."),
    Part.HEALTH: ("How the daemon does", "`/metrics/health`: as it is at the moment of the scrape."),
}


def metrics_page() -> str:
    """Return the reference in Markdown."""
    parts = [_ABOVE]
    for part, (title, says) in _SECTIONS.items():
        rows = (_row(metric) for metric in CATALOGUE if metric.part is part)
        parts.append(f"## {title}\n\n{says}\n\n{_table(rows)}")
    parts.append(
        "Beside these `process_*`, `python_info` and `python_gc_*`, as the Prometheus client library names them.\n"
    )
    return "\n".join(parts)


def _table(rows: Iterable[str]) -> str:
    return "\n".join(("| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows)) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"
