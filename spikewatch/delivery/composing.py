"""A delivery as the message that its receiver shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.notices import Notice
from spikewatch.core.oncall import NOBODY
from spikewatch.core.outbox import PLAINEST, Delivery
from spikewatch.core.settings import Language
from spikewatch.core.wording import NOWHERE, Links, Message, Source, marked, render, render_reply
from spikewatch.ports import Abilities


@dataclass(frozen=True, slots=True)
class Composer:
    """Puts deliveries into words.

    abilities  of the receiver
    language   of channels that `languages` does not name
    zone       of local times
    links      where messages lead to
    controls   tells whether presses of buttons arrive at the moment
    """

    abilities: Abilities
    language: Language
    zone: ZoneInfo
    languages: Mapping[str, Language] = field(default_factory=dict)
    links: Links = NOWHERE
    controls: Callable[[], bool] = lambda: False

    def message(
        self, delivery: Delivery, *, late: timedelta | None = None, told_by: str | None = None
    ) -> Message:
        """Return the message of a delivery.

        late     how long it had to wait, where it says so
        told_by  the receiver that told it meanwhile: then nobody is called a second time
        """
        language = delivery.language or self.languages.get(delivery.channel, self.language)
        said = marked(
            self._said(delivery, language),
            language=language,
            zone=self.zone,
            fallback_for=delivery.stands_in,
            late=late,
            told_by=told_by,
        )
        source = Source(delivery.notice, language, self.zone, late)
        mention = delivery.mention if told_by is None else NOBODY
        return replace(said, mention=mention, source=source)

    def plainer(self, delivery: Delivery) -> int:
        """Return the next rung of plainness that changes the message; one beyond the last where none does."""
        refused = self.message(delivery)
        rungs = range(self._rung(delivery) + 1, PLAINEST + 1)
        return next(
            (rung for rung in rungs if self.message(replace(delivery, plain=rung)) != refused), PLAINEST + 1
        )

    def _said(self, delivery: Delivery, language: Language) -> Message:
        """Return the bare message; where nothing can be edited, a reply says how all of it stands."""
        notice, plain = delivery.notice, self._rung(delivery)
        if delivery.is_reply and isinstance(notice, Notice) and self.abilities.edits:
            return render_reply(
                notice, earlier=delivery.earlier, language=language, zone=self.zone, plain=plain
            )
        return render(
            notice,
            language=language,
            zone=self.zone,
            plain=plain,
            links=self.links,
            controls=self.controls(),
        )

    def _rung(self, delivery: Delivery) -> int:
        return max(delivery.plain, self.abilities.plain)
