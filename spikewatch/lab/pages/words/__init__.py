"""Every phrase of a page, once a language.

declared  which there are
english   and
japanese  what they say
names     names of closed sets, in both languages side by side
"""

from collections.abc import Mapping

from spikewatch.core.settings import Language
from spikewatch.lab.pages.words.declared import Words
from spikewatch.lab.pages.words.english import ENGLISH
from spikewatch.lab.pages.words.japanese import JAPANESE

__all__ = ["WORDS", "Words"]

WORDS: Mapping[Language, Words] = {Language.EN: ENGLISH, Language.JA: JAPANESE}
