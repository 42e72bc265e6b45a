"""Tables: a hundred columns for a terminal, or the same as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from spikewatch.lab.evaluation import Interval, Judgement
from tests.bench_detection.comparison import Row
from tests.bench_detection.contestants import DEFAULT, title_of
from tests.bench_detection.thresholds import Kept

NOTHING = "-"
MINUTE = timedelta(minutes=1)
MANY = 10
"""From here on, one digit after the point says enough."""

STANDINGS_NOTES = (
    "timeliness: mean of 1 - delay / min(duration, 2 h) over surges, 0 when missed; [95 % of redraws];",
    "limit: share of what is reached by who knows the true rates; delay: median of those found, minutes;",
    "named: categories right/wrong, and told: messages, both a surge found; s: seconds a background",
)
BUDGET_NOTES = (
    "delivered: false incidents a week without surges, [95 %]; worst: in one world;",
    "false* and the rest: the same worlds with surges, at the usual budget, as it would have been told",
)


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and cells; the first column is flush left, the others flush right."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self, *, markdown: bool) -> Iterator[str]:
        """Yield the title, the headings and a line a row."""
        widths = [max(map(len, column)) for column in zip(self.headings, *self.rows, strict=True)]
        yield f"**{self.title}**" if markdown else self.title
        yield ""
        yield _line(self.headings, widths, markdown=markdown)
        yield _rule(widths, markdown=markdown)
        for row in self.rows:
            yield _line(row, widths, markdown=markdown)


def _line(cells: Sequence[str], widths: Sequence[int], *, markdown: bool) -> str:
    first, *others = (
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    if markdown:
        return f"| {' | '.join([first, *others])} |"
    return "  ".join([first, *others]).rstrip()


def _rule(widths: Sequence[int], *, markdown: bool) -> str:
    if markdown:
        return "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return "  ".join("-" * width for width in widths)


def standings(rows: Sequence[Row], *, title: str) -> Table:
    """Return who found how much how soon."""
    return Table(
        title,
        ("detector", "timeliness", "limit", "found", "delay", "named", "told", "s"),
        tuple(
            (
                title_of(row.name),
                _interval(row.timeliness),
                NOTHING if row.share is None else _percent(row.share),
                _percent(row.judgement.found),
                NOTHING if delay is None else f"{delay / MINUTE:.0f}",
                f"{row.right:.1f}/{row.wrong:.1f}",
                f"{row.judgement.messages_per_surge:.1f}",
                f"{row.seconds:.1f}",
            )
            for row in rows
            for delay in [row.judgement.median_delay]
        ),
    )


def duels(rows: Sequence[Row], *, title: str) -> Table | None:
    """Return how much sooner the default model was than each other, surge by surge; None where it did not run."""
    found = tuple(
        (
            title_of(row.name),
            _interval(row.behind.difference, signed=True),
            str(row.behind.better),
            str(row.behind.even),
            str(row.behind.worse),
        )
        for row in rows
        if row.behind is not None
    )
    headings = (f"{DEFAULT} against", "timeliness gained", "sooner", "even", "later")
    return Table(title, headings, found) if found else None


def by_background(rows: Sequence[Row], *, names: Sequence[str], title: str) -> Table:
    """Return each background's own timeliness: the default model, and the best and the median of the others."""
    ours = next((row for row in rows if row.name == DEFAULT), rows[0])
    others = [row for row in rows if row is not ours]
    cells = []
    for place, name in enumerate(names):
        judgement = ours.by_fleet[place]
        best = max(others, key=lambda row: row.by_fleet[place].timeliness, default=ours)
        cells.append(
            (
                name[-34:],
                str(len(judgement.verdicts)),
                f"{judgement.timeliness:.2f}",
                f"{best.by_fleet[place].timeliness:.2f} ({title_of(best.name)})",
            )
        )
    return Table(title, ("background", "surges", "default", "best other"), tuple(cells))


def budgets(found: Sequence[Kept], *, title: str) -> Table:
    """Return what was asked of the product's own thresholds, and what they delivered."""
    return Table(
        title,
        ("asked", "delivered", "over asked", "worst", "false*", "timeliness", "found", "told"),
        tuple(
            (
                f"{kept.budget:g}",
                _interval(kept.delivered),
                _interval(_over(kept.delivered, kept.budget)),
                f"{kept.worst:.2f}",
                *_surging(kept.surging),
            )
            for kept in found
        ),
    )


def _surging(surging: Judgement | None) -> tuple[str, str, str, str]:
    if surging is None:
        return (NOTHING, NOTHING, NOTHING, NOTHING)
    return (
        f"{surging.false_per_week:.2f}",
        f"{surging.timeliness:.3f}",
        _percent(surging.found),
        f"{surging.messages_per_surge:.1f}",
    )


def _over(interval: Interval, asked: float) -> Interval:
    return Interval(interval.low / asked, interval.mean / asked, interval.high / asked)


def _interval(interval: Interval, *, signed: bool = False) -> str:
    """Write a mean and its bounds with as many digits as mean something.

    >>> _interval(Interval(0.2412, 0.3151, 0.3854)), _interval(Interval(-0.02, 0.1, 0.25), signed=True)
    ('0.315 [.241, .385]', '+0.100 [-.020, +.250]')
    """
    digits = 3 if abs(interval.high) < 1 else 2 if abs(interval.high) < MANY else 1
    sign = "+" if signed else ""
    mean, low, high = (f"{bound:{sign}.{digits}f}" for bound in (interval.mean, interval.low, interval.high))
    return f"{mean} [{_short(low)}, {_short(high)}]"


def _short(number: str) -> str:
    """Drop the zero before the point."""
    return number.replace("0.", ".", 1) if number.lstrip("+-").startswith("0.") else number


def _percent(share: float) -> str:
    return f"{share:.0%}"
