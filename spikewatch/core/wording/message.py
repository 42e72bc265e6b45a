"""What a receiver shows of a notice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from spikewatch.core.blindness import BlindNotice
from spikewatch.core.courses import Course
from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.notices import Notice
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.settings import Language
from spikewatch.core.weekly import WeeklyNotice


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart to be drawn and handed over as a file.

    block  name of the block of the message that shows it; the receiver adds the file there
    title  of the chart, in words that are harmless
    said   the same in one sentence, for those who cannot see it
    """

    block: str
    course: Course
    title: str
    said: str
    language: Language
    zone: ZoneInfo


class Mark(StrEnum):
    """What a message says about itself, above everything else."""

    TEST = "test"
    """It is a sample: nothing has happened."""
    FALLBACK = "fallback"
    """It comes by this way because another failed."""
    LATE = "late"
    """It could not be told in time."""
    TOLD = "told"
    """Another receiver has told it meanwhile."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a message was made of, for receivers that are no people.

    late  how long it had to wait; None where it was told in time
    """

    notice: Notice | BlindNotice | RecapNotice | ConfigNotice | WeeklyNotice
    language: Language
    zone: ZoneInfo
    late: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver shows: a full sentence for notifications, and blocks (Slack Block Kit) for the eye.

    urgent   somebody should look now: a receiver may call people by name when it posts this
    mention  whom to call then; `none`: nobody; None: whom the receiver calls by default
    loud     a reply that the whole channel should see, not only those who follow the thread
    picture  what a block shows that lacks its file yet; None where there is none
    marks    what it says about itself
    source   what it was made of; None where it was made of nothing but words
    """

    text: str
    blocks: Sequence[Mapping[str, object]] = field(default_factory=tuple)
    urgent: bool = False
    mention: str | None = None
    loud: bool = False
    picture: Picture | None = None
    marks: tuple[Mark, ...] = ()
    source: Source | None = None
