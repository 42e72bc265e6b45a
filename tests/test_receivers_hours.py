"""Whatever happens in between, each receiver hears in its own hours of what still surges."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.acts import ActKind
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.notices import Reason
from spikewatch.core.oncall import ReceiverSettings, RouteSettings
from spikewatch.core.outbox import GIVEN_UP, Stage
from spikewatch.core.timegrid import Span
from spikewatch.ports import Abilities
from spikewatch.relaying import Relay
from tests.factories import notice
from tests.people import People

HOUR = timedelta(hours=1)
CRITICAL_AT_NIGHT = RouteSettings.model_validate({"when": "off_hours", "at_least": "critical"})
EVERYONE = {"slack", "always", "day", "night", "mail"}


def relay(name: str, when: str, *, edits: bool = True) -> Relay:
    settings = ReceiverSettings.model_validate({"name": name, "when": when})
    return Relay(settings, "webhook", Abilities(replies=not edits, edits=edits))


RELAYS = (
    relay("always", "always"),
    relay("day", "business_hours"),
    relay("night", "off_hours"),
    relay("mail", "business_hours", edits=False),
)


class Story:
    """SW-1 surges on and on, while people and the clock do as they like; it opens at an hour of the day."""

    def __init__(self, hour: int) -> None:
        self.people = People(routes=(CRITICAL_AT_NIGHT,), relays=RELAYS)
        self.people.clock.advance(hour * HOUR)
        self.people.opened()
        self.tell(Reason.OPENED)

    def tell(self, reason: Reason) -> None:
        at = self.people.incident()
        stated = {"revision": at.revision, "severity": at.severity, "handling": at.handling}
        key = f"SW-1.{at.revision}"
        self.people.happens(notice(reason, incident="SW-1", key=key, **stated))

    def changes(self) -> None:
        self._moves(Reason.CHANGED, self.people.incident().severity)

    def is_raised(self) -> None:
        self._moves(Reason.RAISED, Severity.CRITICAL)

    def _moves(self, reason: Reason, severity: Severity) -> None:
        at = self.people.incident()
        self.people.opened(revision=at.revision + 1, severity=severity, handling=at.handling)
        self.tell(reason)

    def is_taken(self) -> None:
        self.people.does(ActKind.ACKNOWLEDGE, message=None)

    def is_snoozed(self) -> None:
        self.people.does(ActKind.SNOOZE, message=None, lasts=3 * HOUR)

    def is_silenced(self) -> None:
        span = Span(self.people.now, self.people.now + 4 * HOUR)
        self.people.store.save_silence(Silence(Matcher("payments"), span, "sato", "bank maintenance"))

    def an_hour_passes(self) -> None:
        self.people.clock.advance(HOUR)

    def half_a_day_passes(self) -> None:
        self.people.clock.advance(11 * HOUR)

    def is_released(self) -> None:
        self.people.announcer.release(now=self.people.now)

    def is_released_with_a_power_cut(self) -> None:
        """Put back what was given up, as if only the first of the two steps had been written."""
        before = self.people.held()
        self.is_released()
        known = {row.key: row for row in self.people.store.deliveries()}
        for row in before:
            if known[row.key].last_error == "told once nothing held it back":
                self.people.store.save_delivery(row)

    def is_delivered(self) -> None:
        self.people.delivered()

    def told(self) -> set[str]:
        return {row.receiver for row in self.people.store.deliveries_of("SW-1") if row.stage not in GIVEN_UP}

    def posted_by_mail(self) -> list[str]:
        """What stands in place of its first mail: it cannot edit one."""
        rows = self.people.store.deliveries_of("SW-1")
        mine = [row for row in rows if row.receiver == "mail" and not row.is_reply]
        return [row.key for row in mine if row.stage in (Stage.QUEUED, Stage.SENT)]


HAPPENINGS: Mapping[str, Callable[[Story], None]] = {
    happening.__name__: happening
    for happening in (
        Story.changes,
        Story.is_raised,
        Story.is_taken,
        Story.is_snoozed,
        Story.is_silenced,
        Story.an_hour_passes,
        Story.half_a_day_passes,
        Story.is_released,
        Story.is_released_with_a_power_cut,
        Story.is_delivered,
    )
}

happenings = st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=14)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 23), happenings)
def test_whoever_has_not_heard_of_it_waits_and_all_hear_of_it_once_within_days(
    hour: int, story: list[str]
) -> None:
    world = Story(hour)

    for happening in story:
        HAPPENINGS[happening](world)
        waits = {row.receiver for row in world.people.held()}
        assert world.told() | waits >= EVERYONE or "everybody" in waits
    for _ in range(4 * 24):
        world.an_hour_passes()
        world.is_released()

    assert world.told() == EVERYONE
    assert world.people.held() == []
    assert len(world.posted_by_mail()) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 23), happenings)
def test_nobody_hears_of_it_for_the_first_time_outside_the_own_hours(hour: int, story: list[str]) -> None:
    world = Story(hour)
    heard: set[str] = set()

    for happens in [Story.is_delivered, *(HAPPENINGS[happening] for happening in story)]:
        happens(world)
        by_day = world.people.hours.is_open(world.people.now)
        assert not (world.told() - heard) & ({"night"} if by_day else {"day", "mail"})
        heard |= world.told()
