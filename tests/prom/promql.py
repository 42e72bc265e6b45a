"""As much of PromQL as is needed to see which metrics and labels an expression asks for."""

import re
from collections.abc import Iterator

from spikewatch.adapters.prometheus.catalogue import METRICS, Kind

OF_PROMETHEUS = {"up", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "ALERTS"}
OF_THE_LIBRARY = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}
OF_THE_SCRAPE = {"job", "instance", "cluster", "exported_service", "__name__"}
_SUFFIXES = ("_bucket", "_sum", "_count")


def selectors(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric that is asked for, with the labels that its selector names."""
    for name, matchers in re.findall(
        r"(?<![\w:$\"])((?:spikewatch|process|up|scrape)\w*)(?:\{([^}]*)\})?", expr
    ):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def labels_of(name: str) -> set[str] | None:
    """The labels that a metric has; None where there is no such metric."""
    if name in OF_PROMETHEUS | OF_THE_LIBRARY:
        return set(OF_THE_SCRAPE)
    histogram = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
    metric = METRICS.get(histogram if METRICS.get(histogram) else name)
    if metric is None or (histogram != name and metric.kind is not Kind.HISTOGRAM):
        return None
    extra = {"le"} if metric.kind is Kind.HISTOGRAM else set()
    return {*metric.labels, *extra, *OF_THE_SCRAPE}


def grouped_by(expr: str) -> set[str]:
    """Every label that is named in a `by`, `without`, `on`, `ignoring` or `group_left`."""
    lists = re.findall(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)", expr)
    return {label.strip() for each in lists for label in each.split(",") if label.strip()}


def unknowns(expr: str) -> list[str]:
    """What an expression asks for and nobody has: metrics, and labels of theirs."""
    found, known = [], set(OF_THE_SCRAPE)
    for name, asked in selectors(expr):
        labels = labels_of(name)
        if labels is None:
            found.append(name)
        else:
            known |= labels
            found += [f"{name}{{{label}}}" for label in sorted(asked - labels)]
    return found + [f"by ({label})" for label in sorted(grouped_by(expr) - known)]


def counters_outside_rates(expr: str) -> list[str]:
    """Counters whose bare value is asked for, which means nothing."""
    return [
        match[0]
        for match in re.finditer(r"(?<![\w:])\w+(?:_total|_bucket)\b", expr)
        if not re.search(r"\b(?:rate|increase)\($", expr[: match.start()])
    ]
