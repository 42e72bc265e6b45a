"""The background: what was expected and why, and how complete the data are."""

from collections.abc import Iterator

from spikewatch.app.explaining.letter import Letter
from spikewatch.app.explaining.phrases import last, number, span, tickets
from spikewatch.core.explanations import Likeness
from spikewatch.core.settings import ModelName
from spikewatch.core.timegrid import HOUR

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPSILON = 0.005


def background(letter: Letter) -> Iterator[tuple[str, str]]:
    """Yield what was expected and why, and how complete the data are."""
    yield "expected", _expected(letter)
    yield "", _made_of(letter)
    yield "spread", _spread(letter)
    yield "model", _model(letter)
    yield "data", _data(letter)
    yield "learnt from", _learnt(letter)


def _expected(letter: Letter) -> str:
    normal, begin = letter.of.normal, letter.of.at - letter.of.step
    weekday = _WEEKDAYS[normal.like_weekday]
    like = {
        Likeness.ORDINARY: weekday,
        Likeness.DAY_OFF: f"a day off, like {weekday}",
        Likeness.AFTER_DAYS_OFF: f"after days off, like {weekday}",
    }[normal.kind]
    bucket = f"{begin.astimezone(letter.zone):%H:%M} to {letter.of.at.astimezone(letter.zone):%H:%M}"
    return f"{number(normal.bucket)} in the newest bucket, {bucket} ({like}, {normal.hour:02d}:00)"


def _made_of(letter: Letter) -> str:
    normal = letter.of.normal
    parts = [
        f"= {number(normal.shape)} an hour usually",
        f"x {normal.level:.2f} lately",
        f"x {normal.today:.2f} today",
    ]
    if abs(normal.of_day - 1) >= _EPSILON:
        parts.append(f"x {normal.of_day:.2f} kind of day")
    if abs(normal.event - 1) >= _EPSILON:
        parts.append(f"x {normal.event:.2f} announced ({letter.events(muting=False)})")
    parts.append(f"x {normal.within:.2f} within the hour")
    per_hour = int(HOUR / letter.of.step)
    return " ".join(parts) + (f" / {per_hour} buckets" if per_hour > 1 else "")


def _spread(letter: Letter) -> str:
    part, normal = letter.of.leading, letter.of.normal
    return (
        f"{number(part.reading.expected)} ± {number(part.deviation)} in {span(part.reading.window_minutes)}"
        f" (variance {normal.dispersion:.2f} times the mean, and {normal.day_spread:.0%} that a day shares)"
    )


def _model(letter: Letter) -> str:
    normal = letter.of.normal
    if normal.modelled:
        return normal.model.value
    return f"{ModelName.SEASONAL_ZSCORE.value}, for this series is too sparse for {normal.model.value}"


def _data(letter: Letter) -> str:
    read = ", ".join(
        f"{source} read up to {'?' if state.watermark is None else letter.near(state.watermark)}"
        for source, state in letter.look.sources.items()
    )
    judged = letter.look.judged_until
    upto = "nothing judged" if judged is None else f"judged up to {letter.near(judged)}"
    longest = letter.of.windows[-1]
    whole = last(longest.reading.window_minutes)
    unknown = longest.unknown_buckets
    gaps = f"{unknown} buckets of {whole} unknown" if unknown else f"{whole} known"
    late = f"{tickets(letter.of.late)} of it too late to count" if letter.of.late else "no late tickets"
    return f"{read}; {upto}; {gaps}; {late}"


def _learnt(letter: Letter) -> str:
    learned = letter.of.learned
    if learned.first_ticket is None:
        return f"{learned.known_days:.0f} known days without a ticket"
    begin = f"{learned.first_ticket.astimezone(letter.zone):%Y-%m-%d}"
    text = f"{learned.known_days:.0f} known days, the first ticket on {begin}"
    if letter.look.calibration is False:
        return f"{text}; the week's cut-offs were measured under other settings"
    if letter.look.calibration is None:
        return f"{text}; this week's cut-offs are not kept, so the score may have been another then"
    return text
