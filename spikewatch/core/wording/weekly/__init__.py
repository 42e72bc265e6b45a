"""The week in words: sections that any form can show, in Japanese or English, and their message.

words     every phrase, once a language
sections  the figures of a week as sections: lines and a table each
message   sections as text and blocks
"""

from spikewatch.core.wording.weekly.message import render
from spikewatch.core.wording.weekly.sections import Section, Table, sections_of, title_of

__all__ = ["Section", "Table", "render", "sections_of", "title_of"]
