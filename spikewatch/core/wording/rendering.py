"""Whatever there is to tell as a message."""

from collections.abc import Sequence
from typing import assert_never
from zoneinfo import ZoneInfo

from spikewatch.core.blindness import BlindNotice
from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.notices import Notice
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.settings import Language
from spikewatch.core.weekly import WeeklyNotice
from spikewatch.core.wording import blindness, layout, misconfiguration, recaps, replies, weekly
from spikewatch.core.wording.links import NOWHERE, Links
from spikewatch.core.wording.message import Message


def render(
    notice: Notice | BlindNotice | RecapNotice | ConfigNotice | WeeklyNotice,
    *,
    language: Language,
    zone: ZoneInfo,
    plain: int = 0,
    links: Links = NOWHERE,
    controls: bool = False,
) -> Message:
    """Return the living message of a notice.

    plain  0 the whole layout; 1 a picture in place of the chart; 2 no picture; 3 no table either; 4 text only
    links  where a message leads to
    controls  whether people can press buttons below it
    """
    match notice:
        case Notice():
            return layout.render(
                notice, language=language, zone=zone, rung=plain, links=links, controls=controls
            )
        case BlindNotice():
            return blindness.render(notice, language=language, zone=zone, plain=plain)
        case RecapNotice():
            return recaps.render(notice, language=language, zone=zone, plain=plain)
        case ConfigNotice():
            return misconfiguration.render(notice, language=language, zone=zone, plain=plain)
        case WeeklyNotice():
            return weekly.render(notice, language=language, zone=zone, rung=plain)
        case _:
            assert_never(notice)


def render_reply(
    notice: Notice, *, earlier: Sequence[Notice] = (), language: Language, zone: ZoneInfo, plain: int = 0
) -> Message:
    """Return what a notice says in the thread below the living message.

    earlier  notices that it tells as well, oldest first
    plain    as above; only the last rung differs
    """
    return replies.render((*earlier, notice), language=language, zone=zone, plain=plain)
