"""Columns of plain text: what lines of an explanation stand in."""

from collections.abc import Iterable, Iterator, Sequence


def labelled(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield each text after its label, the texts below each other."""
    listed = list(pairs)
    width = max(len(label) for label, _ in listed)
    for label, text in listed:
        yield f"  {label:<{width}}  {text}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows with numbers to the right; the first and the last column are words."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    last = len(head) - 1
    for row in (head, *rows):
        cells = [
            f"{cell:<{width}}" if place == last else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def columns(rows: Sequence[Sequence[str]], *, indent: str) -> Iterator[str]:
    """Yield rows of words, each column as wide as its widest."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield (
            indent + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        ).rstrip()
