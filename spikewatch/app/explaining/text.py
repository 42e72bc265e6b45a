"""An explanation for people: the verdict and what decided it first, then every number behind it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from spikewatch.app.explaining.around import around
from spikewatch.app.explaining.background import background
from spikewatch.app.explaining.columns import columns, labelled, table
from spikewatch.app.explaining.letter import Letter
from spikewatch.app.explaining.limits import gate_row, rule_row, window_rows
from spikewatch.app.explaining.looking import Look
from spikewatch.app.explaining.origins import Origins
from spikewatch.app.explaining.phrases import span
from spikewatch.app.explaining.verdict import reasons, verdict

_WINDOW_HEAD = ("", "window", "observed", "expected", "alerts above", "surprise", "+ evidence", "score", "")


def lines(look: Look, *, zone: ZoneInfo, origins: Origins, budget: float) -> Iterator[str]:
    """Yield the lines; `budget` is the fleet's false alarms a week."""
    letter = Letter(look, zone, origins, budget)
    yield verdict(letter)
    yield from labelled([*reasons(letter), *around(letter)])
    yield ""
    yield from table(_WINDOW_HEAD, window_rows(letter))
    score = f"score = (surprise + evidence) / {letter.of.cutoff:.1f}, and 1 alerts"
    yield f"  {score}; a surprise of 3 is a chance of 1 in 1,000"
    yield ""
    yield f"every gate, for the window of {span(letter.of.leading.reading.window_minutes)}:"
    yield from columns([gate_row(letter, each) for each in letter.of.gates], indent="  ")
    if letter.of.rules:
        yield ""
        yield "static rules, each of which alerts by itself:"
        yield from columns([rule_row(letter, part) for part in letter.of.rules], indent="  ")
    yield ""
    yield from labelled(background(letter))
