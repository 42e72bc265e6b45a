"""What a receiver shows of a notice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from spikewatch.core.courses import Course
from spikewatch.core.settings import Language


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


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver shows: a full sentence for notifications, and blocks (Slack Block Kit) for the eye.

    urgent   somebody should look now: a receiver may call people by name when it posts this
    mention  whom to call then; `none`: nobody; None: whom the receiver calls by default
    loud     a reply that the whole channel should see, not only those who follow the thread
    picture  what a block shows that lacks its file yet; None where there is none
    """

    text: str
    blocks: Sequence[Mapping[str, object]] = field(default_factory=tuple)
    urgent: bool = False
    mention: str | None = None
    loud: bool = False
    picture: Picture | None = None
