"""Fonts: Japanese words need a Japanese font; where none is installed, the words of a chart are English."""

from collections.abc import Collection
from functools import cache
from typing import Final

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

from spikewatch.core.settings import Language

JAPANESE_FONTS: Final = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAPGothic",
    "IPAGothic",
    "TakaoPGothic",
    "VL PGothic",
    "Hiragino Sans",
    "Hiragino Maru Gothic Pro",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
)
_PLAIN: Final = "DejaVu Sans"


@cache
def installed_fonts() -> frozenset[str]:
    """Return the font families that are there; those installed since matplotlib last looked are added to its list."""
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):
            continue
    return frozenset(font.name for font in fontManager.ttflist)


def writable(language: Language, *, installed: Collection[str]) -> tuple[Language, tuple[str, ...]]:
    """Return the language that can be written with these families, and the families to write it with, best first.

    >>> writable(Language.JA, installed=["DejaVu Sans"])
    (<Language.EN: 'en'>, ('DejaVu Sans',))
    >>> writable(Language.JA, installed=["IPAexGothic", "DejaVu Sans"])
    (<Language.JA: 'ja'>, ('DejaVu Sans', 'IPAexGothic'))
    """
    japanese = next((font for font in JAPANESE_FONTS if font in installed), None)
    if japanese is None:
        return Language.EN, (_PLAIN,)
    return language, (_PLAIN, japanese)


def is_drawable(text: str, fonts: Collection[str]) -> bool:
    """Tell whether every sign of a text is in one of the families."""
    signs = frozenset[int]().union(*(_signs(font) for font in fonts))
    return signs.issuperset(map(ord, text))


@cache
def _signs(family: str) -> frozenset[int]:
    font = findfont(FontProperties(family=family))
    return frozenset(get_font(font).get_charmap())
