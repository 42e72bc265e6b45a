"""Wording: a notice as a message in Japanese or English, within Slack's limits.

The only place, beside `calendars`, where local time exists. The same notice gives the same bytes.

    message     what a receiver shows
    untrusted   names that people at the help desk typed, made harmless
    catalogue   every phrase, once a language
    phrases     facts as phrases: counts, ratios, times, chances
    layout      phrases as text and blocks
    blindness   that nothing can be seen, in words of its own
    rendering   whatever there is to tell as a message
"""

from spikewatch.core.wording.message import Message
from spikewatch.core.wording.rendering import render

__all__ = ["Message", "render"]
