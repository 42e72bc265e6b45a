"""Whatever there is to tell as a message."""

from typing import assert_never
from zoneinfo import ZoneInfo

from spikewatch.core.blindness import BlindNotice
from spikewatch.core.notices import Notice
from spikewatch.core.settings import Language
from spikewatch.core.wording import blindness, layout
from spikewatch.core.wording.message import Message


def render(notice: Notice | BlindNotice, *, language: Language, zone: ZoneInfo, plain: int = 0) -> Message:
    """Return the message of a notice.

    plain  0 the whole layout; 1 without a table; 2 text only
    """
    match notice:
        case Notice():
            return layout.render(notice, language=language, zone=zone, plain=plain)
        case BlindNotice():
            return blindness.render(notice, language=language, zone=zone, plain=plain)
        case _:
            assert_never(notice)
