"""Wording: a notice as a message in Japanese or English, within Slack's limits.

The only place, beside `calendars`, where local time exists. The same notice gives the same bytes.

    message       what a receiver shows
    untrusted     names that people at the help desk typed, made harmless
    catalogue     every phrase, once a language
    phrases       facts as phrases: counts, ratios, times, chances
    links         addresses that a message leads to
    notification  a notice as one text
    layout        a notice as blocks
    parts         the categories or services that drive it
    rungs         how plain a message is to be
    replies       what has just changed, for the thread below
    charts        a course as the chart of a message
    names         what an incident is called
    blocks        the pieces that messages are built of
    controls      buttons below a living message, and what a press means
    answers       what the one person who acted is told
    blindness     that nothing can be seen, in words of its own
    recaps        what began and ended while nobody could be told
    marking       what a message says about itself: a test, late, by another way
    rendering     whatever there is to tell as a message
"""

from spikewatch.core.wording.charts import picture_of
from spikewatch.core.wording.links import NOWHERE, Links, Search
from spikewatch.core.wording.marking import marked
from spikewatch.core.wording.message import Mark, Message, Picture, Source
from spikewatch.core.wording.rendering import render, render_reply

__all__ = [
    "NOWHERE",
    "Links",
    "Mark",
    "Message",
    "Picture",
    "Search",
    "Source",
    "marked",
    "picture_of",
    "render",
    "render_reply",
]
