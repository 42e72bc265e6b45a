"""Every phrase of a message, once a language; braces are filled by name.

keys      what there is to say
japanese  in Japanese
english   in English
"""

from collections.abc import Mapping

from spikewatch.core.settings import Language
from spikewatch.core.wording.catalogue.english import ENGLISH
from spikewatch.core.wording.catalogue.japanese import JAPANESE
from spikewatch.core.wording.catalogue.keys import Catalogue

CATALOGUES: Mapping[Language, Catalogue] = {Language.JA: JAPANESE, Language.EN: ENGLISH}

__all__ = ["CATALOGUES", "ENGLISH", "JAPANESE", "Catalogue"]
