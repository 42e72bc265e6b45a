"""The table: what was measured beside its target, in a hundred columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter

from spikewatch.core.settings import ModelName

Found = Mapping[str, float]


class Met(StrEnum):
    """Whether a target was met."""

    YES = "met"
    NO = "MISSED"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the daemon's table.

    value  of what was found for one size
    shown  how it is written
    most   largest value that meets the target, at the size that has targets; None where it is only told
    """

    name: str
    value: Callable[[Found], float]
    shown: Callable[[float], str]
    most: float | None = None


def seconds(value: float) -> str:
    """Write a duration in its own unit.

    >>> seconds(0.0123), seconds(4.2)
    ('12.3 ms', '4.20 s')
    """
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s" if value < 100 else f"{value:,.0f} s"


def megabytes(value: float) -> str:
    """Write an amount of memory."""
    return f"{value:.0f} MB"


def whole(value: float) -> str:
    """Write a number that has no unit."""
    return f"{value:,.0f}"


def times(value: float) -> str:
    """Write a ratio with two figures, which is all it is good for.

    >>> times(1234.0), times(3.21)
    ('1,200 x', '3.2 x')
    """
    return f"{float(f'{value:.2g}'):,.0f} x" if value >= 10 else f"{value:.1f} x"


TARGETS_AT = 10_000
REFITS_A_CYCLE = 1 / 12
"""A baseline lasts an hour, a cycle five minutes."""

DAEMON = (
    Line("tickets in the store", itemgetter("tickets"), whole),
    Line("tickets taken over in a second", itemgetter("intake"), whole),
    Line("reading 8 weeks of counts", itemgetter("reading"), seconds),
    *(
        Line(f"refit {model}, with reading", itemgetter(f"refit {model}"), seconds, 5.0)
        for model in ModelName
    ),
    Line("refit stl, every series busy", itemgetter("busy stl"), seconds, 5.0),
    Line("judging one bucket", itemgetter("judging"), seconds, 0.05),
    Line("taking over a page of one bucket", itemgetter("page"), seconds),
    Line("one cycle", itemgetter("cycle"), seconds, 0.5),
    Line("slowest of ten cycles", itemgetter("slowest cycle"), seconds),
    Line("first cycle, with its refit", itemgetter("first cycle"), seconds),
    Line("scrape, plain", itemgetter("scrape plain"), seconds, 0.1),
    Line("scrape, gzip", itemgetter("scrape gzip"), seconds, 0.1),
    Line("bytes of a scrape, plain", itemgetter("plain bytes"), whole),
    Line("bytes of a scrape, gzip", itemgetter("gzip bytes"), whole),
    Line("peak of memory", itemgetter("peak"), megabytes, 400.0),
)
NAIVE = (
    Line("statsmodels STL of each series", itemgetter("naive"), seconds),
    Line(
        "  over our stl of each series",
        lambda found: found["naive"] / found["busy stl"],
        times,
    ),
    Line(
        "  at each cycle, over cycle + refit/12",
        lambda found: found["naive"] / (found["cycle"] + REFITS_A_CYCLE * found["refit stl"]),
        times,
    ),
    Line("scipy tail of each window", itemgetter("tails"), seconds),
    Line("  over judging one bucket", lambda found: found["tails"] / found["judging"], times),
)
JUDGED: Mapping[int, tuple[Line, ...]] = {
    100_000: (Line("judging one bucket", itemgetter("judging"), seconds, 0.5),)
}
BACKTEST: Mapping[int, tuple[Line, ...]] = {
    40: (Line("seconds", itemgetter("seconds"), seconds, 10.0),),
    400: (
        Line("seconds", itemgetter("seconds"), seconds, 60.0),
        Line("peak of memory", itemgetter("peak"), megabytes, 1000.0),
    ),
}


def daemon_table(found: Mapping[int, Found]) -> Iterator[str]:
    """Yield the lines of the daemon's table, a column a size."""
    sizes = sorted(found)
    yield _row("how many series", [f"{size:,}" for size in sizes], f"target at {TARGETS_AT:,}")
    for line in DAEMON:
        values = [line.shown(line.value(found[size])) for size in sizes]
        yield _row(line.name, values, _verdict(line, found.get(TARGETS_AT)))
    yield ""
    yield f"one series at a time, scaled from a sample of {found[sizes[0]]['sample']:.0f}"
    for line in NAIVE:
        yield _row(line.name, [line.shown(line.value(found[size])) for size in sizes], "")


def judged_table(found: Mapping[int, Found]) -> Iterator[str]:
    """Yield the lines of fleets that are only judged, a line a size."""
    for size, measured in sorted(found.items()):
        told = ", ".join(_verdict(line, measured) for line in JUDGED.get(size, ()))
        amounts = [
            seconds(measured["judging"]),
            megabytes(measured["peak"]),
            times(measured["tails"] / measured["judging"]),
        ]
        yield _row(f"{size:,} series, judging one bucket", amounts, told)


def backtest_table(found: Mapping[int, Found]) -> Iterator[str]:
    """Yield the lines of the backtest's table, a line a size."""
    for size, measured in sorted(found.items()):
        told = ", ".join(_verdict(line, measured) for line in BACKTEST.get(size, ()))
        amounts = [
            seconds(measured["seconds"]),
            megabytes(measured["peak"]),
            f"{measured['incidents']:.0f} incidents",
        ]
        yield _row(f"{size:,} series, {whole(measured['buckets'])} buckets", amounts, told)


def missed(
    daemon: Mapping[int, Found], backtest: Mapping[int, Found], judged: Mapping[int, Found]
) -> list[str]:
    """Return the targets that were measured and not met."""
    return [name for name, met in _checked(daemon, backtest, judged).items() if met is Met.NO]


def summary(daemon: Mapping[int, Found], backtest: Mapping[int, Found], judged: Mapping[int, Found]) -> str:
    """Return in one line how it stands with the targets."""
    met = list(_checked(daemon, backtest, judged).values()).count(Met.YES)
    failed = missed(daemon, backtest, judged)
    told = f"targets met: {met}, missed: {len(failed)}"
    return f"{told} ({'; '.join(failed)})" if failed else told


def _checked(
    daemon: Mapping[int, Found], backtest: Mapping[int, Found], judged: Mapping[int, Found]
) -> dict[str, Met | None]:
    checked = {line.name: _met(line, daemon.get(TARGETS_AT)) for line in DAEMON}
    for size, lines in JUDGED.items():
        checked |= {f"{size:,} series: {line.name}": _met(line, judged.get(size)) for line in lines}
    for size, lines in BACKTEST.items():
        checked |= {
            f"backtest of {size} series: {line.name}": _met(line, backtest.get(size)) for line in lines
        }
    return checked


def _met(line: Line, found: Found | None) -> Met | None:
    if line.most is None:
        return None
    if found is None:
        return Met.OPEN
    return Met.YES if line.value(found) < line.most else Met.NO


def _verdict(line: Line, found: Found | None) -> str:
    met = _met(line, found)
    return "" if line.most is None or met is None else f"< {line.shown(line.most)} {met}"


def _row(name: str, values: Sequence[str], target: str) -> str:
    return (f"{name:<38}" + "".join(f"{value:>12}" for value in values) + f"  {target}").rstrip()
