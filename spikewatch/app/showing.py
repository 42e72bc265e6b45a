"""The status page of a running daemon: gathered after each turn, rendered when somebody asks, at most every few seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from spikewatch.app.spending import not_labelled_real, opened_lately
from spikewatch.app.waiting import Waiting
from spikewatch.config import Config
from spikewatch.core.baseline.model import WARM_DAYS
from spikewatch.core.counts import SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.incidents import Incident, Phase, Severity
from spikewatch.core.muting import Silence, maintenance
from spikewatch.core.notices import Facts
from spikewatch.core.outbox import Stage
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import WEEK, bucket_number
from spikewatch.core.wording import Links
from spikewatch.cycle import Cycle
from spikewatch.lookout import blind_after
from spikewatch.picturing import Album
from spikewatch.ports import Clock, Store
from spikewatch.statuspage import Queue, Shown, SourceAge, Spent, Standing, Waits, render, starting
from spikewatch.statuspage.page import MOST_IN_FULL

RENDERED_FOR = timedelta(seconds=2)
"""Within this time a page is handed out as it is, however often somebody asks."""

_DAY = timedelta(days=1)


class _Rendered(NamedTuple):
    of: Standing
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """What the judging loop knows beside the store: when it last worked, and what it waits for."""

    ended_at: datetime
    waits: Waiting | None


class StatusPage:
    """Gathers in one thread (`renew`), and is shown to any number of them (`show`)."""

    def __init__(
        self,
        store: Store,
        cycle: Cycle,
        *,
        config: Config,
        clock: Clock,
        links: Links,
        turn: Callable[[], Turn],
        before: "StatusPage | None" = None,
    ) -> None:
        """Hold where everything comes from; before the first `renew` the page says that the daemon starts.

        before  the page whose content is shown until then
        """
        self._store = store
        self._cycle = cycle
        self._config = config
        self._clock = clock
        self._links = links
        self._turn = turn
        self._standing: Standing | None = None if before is None else before._standing  # noqa: SLF001 -- its own kind
        self._rendered: Mapping[Language, _Rendered] = {}
        self._courses: Mapping[tuple[str, datetime, SeriesKey], Course | None] = {}

    def renew(self) -> None:
        """Gather how the daemon stands. Raises Fault where the store does not answer; the old page stays, and says so."""
        now, turn = self._clock.now(), self._turn()
        snapshot = self._cycle.snapshot
        facts = () if snapshot is None else snapshot.facts
        recent = self._store.incidents(since=now - WEEK)
        opened = opened_lately(recent, now=now)
        budget = self._config.detection.false_alarms_per_week
        self._standing = Standing(
            at=now,
            turned_at=turn.ended_at,
            zone=self._config.timezone,
            judged_until=None if snapshot is None else snapshot.judged_until,
            incidents=self._shown(facts, recent={incident.id: incident for incident in recent}),
            sources=self._sources(),
            waits=None if turn.waits is None else _waits(turn.waits),
            spent=Spent(len(opened), not_labelled_real(opened), budget),
            queue=self._queue(),
            silences=self._silences(now=now),
        )

    def show(self, language: str | None) -> tuple[bytes, str]:
        """Return the page and its language: the one asked for where there is one, else that of the configuration."""
        chosen = next((each for each in Language if each == language), self._config.language)
        standing, now = self._standing, self._clock.now()
        if standing is None:
            return starting(chosen), chosen.value
        kept = self._rendered.get(chosen)
        if kept is None or kept.of is not standing or now - kept.at >= RENDERED_FOR:
            kept = _Rendered(standing, now, render(standing, language=chosen, now=now))
            self._rendered = {**self._rendered, chosen: kept}
        return kept.body, chosen.value

    def _shown(self, facts: tuple[Facts, ...], *, recent: Mapping[str, Incident]) -> tuple[Shown, ...]:
        """Return the incidents with what people have done to them since: the critical ones first, and the newest."""
        current = [
            replace(each, handling=recent[each.incident].handling)
            for each in facts
            if each.incident in recent and recent[each.incident].phase is not Phase.CLOSED
        ]
        current.sort(key=lambda each: (each.severity is Severity.CRITICAL, each.started_at), reverse=True)
        album = self._cycle.album() if current else None
        courses: dict[tuple[str, datetime, SeriesKey], Course | None] = {}
        shown = []
        for each in current:
            key = (each.incident, each.data_until, each.lead_series)
            if each.phase is Phase.OPEN and album is not None and len(courses) < MOST_IN_FULL:
                courses[key] = self._courses[key] if key in self._courses else self._course(album, each)
            shown.append(self._linked(each, courses.get(key)))
        self._courses = courses
        return tuple(shown)

    def _course(self, album: Album, facts: Facts) -> Course | None:
        return album.course(
            facts.lead_series,
            stop=bucket_number(facts.data_until, self._config.bucket),
            window=timedelta(minutes=facts.lead.window_minutes),
            lasted=facts.data_until - facts.started_at,
        )

    def _linked(self, facts: Facts, course: Course | None) -> Shown:
        return Shown(
            facts,
            course,
            tickets=self._links.tickets(facts.lead_series, since=facts.started_at),
            graph=self._links.graph(facts.lead_series, since=facts.started_at, until=facts.data_until),
        )

    def _sources(self) -> tuple[SourceAge, ...]:
        states, limit = self._store.source_states(), blind_after(self._config.poll.every)
        read = {name: state.watermark for name, state in states.items()}
        return tuple(
            SourceAge(source.name, read.get(source.name), limit + self._config.bucket)
            for source in self._config.sources
        )

    def _queue(self) -> Queue:
        waiting = self._store.unsettled()
        return Queue(
            waiting=len(waiting),
            oldest=min((delivery.created_at for delivery in waiting), default=None),
            given_up=len(self._store.deliveries(state=Stage.DEAD)),
        )

    def _silences(self, *, now: datetime) -> tuple[Silence, ...]:
        made = [each for each in self._store.silences(ending_after=now) if each.span.holds(now)]
        return (*made, *maintenance(self._config.maintenance, zone=self._config.timezone, at=now))


def _waits(waiting: Waiting) -> Waits:
    return Waits(
        waiting.reason.value,
        known_days=waiting.known // _DAY,
        needed_days=WARM_DAYS,
        fraction=waiting.fraction,
        left=waiting.left,
    )
