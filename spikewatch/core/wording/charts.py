"""A course as the chart of a message: the vendor's own chart block, or the place of a picture that is drawn for it."""

from itertools import compress
from zoneinfo import ZoneInfo

from spikewatch.core.counts import SeriesKey
from spikewatch.core.courses import ONE_LOOK, Course
from spikewatch.core.notices import Facts
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import Block, plain
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.message import Picture
from spikewatch.core.wording.names import series_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.untrusted import clip

TITLE_LIMIT = 50
LABEL_LIMIT = 20
PICTURE_TITLE_LIMIT = 200
SAID_LIMIT = 1_000
LEAST_POINTS = 2


def chart_title(series: SeriesKey, course: Course, say: Phrases) -> str:
    """Return what a chart shows: `Tickets per 15 min: payments / login`."""
    span = say.span(int(course.width.total_seconds() // 60))
    return say.words.chart_title.format(span=span, name=series_name(series, say.words))


def picture_of(series: SeriesKey, course: Course, *, language: Language, zone: ZoneInfo) -> Picture:
    """Return the picture of a course by itself, beside no message."""
    say = Phrases(CATALOGUES[language], zone)
    title = clip(chart_title(series, course, say), PICTURE_TITLE_LIMIT)
    return Picture("", course, title, title, language, zone)


def chart(facts: Facts, say: Phrases, *, name: str) -> Block | None:
    """Return the chart block of the last points; None where there is too little to show.

    A point whose tickets are unknown is left out of every line, and the axis says so.
    """
    if facts.course is None:
        return None
    course = facts.course.last(ONE_LOOK)
    known = [tickets is not None for tickets in course.observed]
    if sum(known) < LEAST_POINTS:
        return None
    words, labels = say.words, tuple(compress(_labels(course, say), known))
    lines = {words.chart_tickets: course.observed, words.chart_upper: tuple(round(v, 1) for v in course.high)}
    if all(tickets is not None for tickets in compress(course.week_ago, known)):
        lines[words.chart_week_ago] = course.week_ago
    series = [
        {
            "name": clip(line, LABEL_LIMIT),
            "data": [
                {"label": label, "value": value}
                for label, value in zip(labels, compress(values, known), strict=True)
            ],
        }
        for line, values in lines.items()
    ]
    axis = words.chart_axis if all(known) else words.chart_axis_gaps
    return {
        "type": "data_visualization",
        "block_id": name,
        "title": clip(chart_title(facts.lead_series, course, say), TITLE_LIMIT),
        "chart": {
            "type": "line",
            "series": series,
            "axis_config": {
                "categories": list(labels),
                "x_label": clip(axis.format(zone=say.zone_name(course.start)), TITLE_LIMIT),
                "y_label": clip(words.chart_tickets, TITLE_LIMIT),
            },
        },
    }


def picture(facts: Facts, say: Phrases, *, name: str) -> tuple[Block, Picture] | None:
    """Return the block of a picture, which lacks its file yet, and what is to be drawn."""
    if facts.course is None:
        return None
    title = clip(chart_title(facts.lead_series, facts.course, say), PICTURE_TITLE_LIMIT)
    said = clip(
        f"{title}{say.words.full_stop}{say.now_count(facts.lead)}{say.words.full_stop}".strip(), SAID_LIMIT
    )
    block = {
        "type": "image",
        "block_id": name,
        "title": plain(title, limit=PICTURE_TITLE_LIMIT),
        "alt_text": said,
    }
    return block, Picture(name, facts.course, title, said, say.words.language, say.zone)


def _labels(course: Course, say: Phrases) -> tuple[str, ...]:
    """Return the local time of each point; with the day, or with the zone, where times would repeat."""
    starts = [start.astimezone(say.zone) for start in course.starts]
    for style in ("{:%H:%M}", "{:%d %H:%M}", "{:%d %H:%M %Z}"):
        labels = tuple(style.format(start) for start in starts)
        if len(set(labels)) == len(labels):
            return labels
    return tuple(f"{start:%d %H:%M%z}" for start in starts)
