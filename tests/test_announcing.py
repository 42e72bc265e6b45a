"""From notices to outbox rows: what goes where, what is held back, and what is told once nothing holds it back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from spikewatch.core.acts import ActKind
from spikewatch.core.blindness import Cause, begun
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Incidents, Phase, Severity
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.oncall import ReceiverSettings, RouteSettings
from spikewatch.core.outbox import Stage
from spikewatch.core.timegrid import Span
from spikewatch.ports import Abilities, CycleCommit, JudgeState
from spikewatch.relaying import Relay
from tests.factories import notice
from tests.people import CHANNEL, People

HOUR = timedelta(hours=1)
CRITICAL_AT_NIGHT = RouteSettings.model_validate({"when": "off_hours", "at_least": "critical"})


@pytest.fixture
def people() -> People:
    return People()


def told(reason: Reason, *, revision: int = 1, **changes: Any) -> Notice:  # noqa: ANN401 -- any field of Facts
    return notice(reason, incident="SW-1", revision=revision, **changes)


def silenced(people: People, *, hours: int = 1) -> Silence:
    span = Span(people.now, people.now + hours * HOUR)
    return people.store.save_silence(Silence(Matcher("payments"), span, "sato", "bank maintenance"))


def test_a_muted_notice_is_a_row_that_says_why(people: People) -> None:
    people.opened()
    silenced(people)

    people.happens(told(Reason.OPENED))

    assert people.waiting() == []
    assert [row.last_error for row in people.held()] == ["silence 1 by sato: bank maintenance"]
    assert people.meter.of("suppressed") == [{"channel": CHANNEL, "reason": "silence"}]


def test_when_a_silence_ends_and_it_still_surges_that_is_told_once(people: People) -> None:
    people.opened()
    silenced(people)
    people.happens(told(Reason.OPENED))
    people.happens(told(Reason.CHANGED, revision=2))

    people.clock.advance(HOUR - timedelta(seconds=1))
    assert people.announcer.release(now=people.now) == 0
    people.clock.advance(timedelta(seconds=1))
    assert people.announcer.release(now=people.now) == 1
    assert people.announcer.release(now=people.now) == 0

    assert people.waiting() == [(CHANNEL, Reason.UNMUTED)]
    assert people.held() == []


def test_a_silence_that_ends_after_the_surge_tells_nothing(people: People) -> None:
    people.opened()
    silenced(people)
    people.happens(told(Reason.OPENED))
    people.opened(phase=Phase.RESOLVED, resolved_at=people.now)
    people.happens(told(Reason.RESOLVED, revision=2, phase=Phase.RESOLVED))

    people.clock.advance(2 * HOUR)
    people.announcer.release(now=people.now)

    assert people.waiting() == []
    assert people.held() == []


def test_a_silence_that_begins_later_still_lets_the_message_say_that_it_is_over(people: People) -> None:
    people.told()
    silenced(people)

    people.happens(told(Reason.CHANGED, revision=2))
    people.happens(told(Reason.RESOLVED, revision=3, phase=Phase.RESOLVED))

    assert people.waiting() == [(CHANNEL, Reason.RESOLVED)]


def test_a_silence_removed_early_lets_it_be_told_at_once(people: People) -> None:
    people.opened()
    kept = silenced(people)
    people.happens(told(Reason.OPENED))

    people.store.save_silence(replace(kept, span=Span(kept.span.start, people.now)))
    people.announcer.release(now=people.now)

    assert people.waiting() == [(CHANNEL, Reason.UNMUTED)]


def test_a_snooze_keeps_edits_back_and_a_raised_severity_does_not_wait(people: People) -> None:
    people.told()
    people.does(ActKind.SNOOZE, lasts=2 * HOUR)
    people.delivered()
    asleep = people.incident().handling

    people.happens(told(Reason.CHANGED, revision=3, handling=asleep))
    assert people.waiting() == []

    raised = told(Reason.RAISED, revision=4, severity=Severity.CRITICAL, handling=asleep.raised())
    people.happens(raised)
    assert people.waiting() == [(CHANNEL, Reason.RAISED)]
    people.delivered()
    people.opened(handling=asleep.raised(), revision=4)
    assert people.announcer.release(now=people.now) == 0
    assert people.held() == []


def test_when_a_snooze_ends_and_it_still_surges_it_says_so_in_place(people: People) -> None:
    people.told()
    people.does(ActKind.SNOOZE, lasts=timedelta(minutes=30))
    people.delivered()
    people.happens(told(Reason.CHANGED, revision=3, handling=people.incident().handling))

    people.clock.advance(timedelta(minutes=30))
    people.announcer.release(now=people.now)

    assert people.waiting() == [(CHANNEL, Reason.UNMUTED)]


def test_what_was_dismissed_stays_quiet_for_good(people: People) -> None:
    people.told()
    people.does(ActKind.RESOLVE)
    people.delivered()
    people.happens(told(Reason.CHANGED, revision=3, handling=people.incident().handling))

    people.clock.advance(100 * HOUR)
    people.announcer.release(now=people.now)

    assert people.waiting() == []
    assert len(people.held()) == 1


def test_a_crash_while_releasing_tells_it_once(people: People) -> None:
    people.opened()
    silenced(people)
    people.happens(told(Reason.OPENED))
    held = people.held()[0]
    people.clock.advance(HOUR)
    people.announcer.release(now=people.now)

    people.store.save_delivery(held)  # as if the second step had never happened
    people.announcer.release(now=people.now)

    assert people.waiting() == [(CHANNEL, Reason.UNMUTED)]


# -- receivers that are told in some hours only


def relay(name: str, *, when: str = "always") -> Relay:
    settings = ReceiverSettings.model_validate({"name": name, "when": when})
    return Relay(settings, "webhook", Abilities(replies=False))


def test_a_receiver_of_business_hours_is_told_in_the_morning_what_still_surges(people: People) -> None:
    people.relays = (relay("pager", when="off_hours"), relay("team", when="business_hours"))
    people.clock.advance(10 * HOUR)
    people.opened()

    people.happens(told(Reason.OPENED))

    assert [channel for channel, _ in people.waiting()] == ["webhook:pager", CHANNEL]
    assert [(row.channel, row.last_error) for row in people.held()] == [
        ("webhook:team", "outside_hours told in business_hours only")
    ]
    assert people.meter.of("suppressed") == [{"channel": "webhook:team", "reason": "outside_hours"}]
    people.delivered()
    waits = people.held()
    assert [people.announcer.release(now=people.now) for _ in range(3)] == [0, 0, 0]
    assert people.held() == waits
    people.clock.advance(3 * 24 * HOUR + 14 * HOUR)
    assert [people.announcer.release(now=people.now) for _ in range(2)] == [1, 0]
    assert people.waiting() == [("webhook:team", Reason.UNMUTED)]
    assert people.held() == []


def test_what_is_over_by_the_morning_is_not_told_to_who_was_not_told_at_night(people: People) -> None:
    people.relays = (relay("team", when="business_hours"),)
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))
    people.delivered()
    people.opened(phase=Phase.RESOLVED, resolved_at=people.now)
    people.happens(told(Reason.RESOLVED, revision=2, phase=Phase.RESOLVED))
    people.delivered()

    people.clock.advance(3 * 24 * HOUR + 14 * HOUR)
    people.announcer.release(now=people.now)

    assert (people.waiting(), people.held()) == ([], [])


def test_each_that_waits_for_its_own_hours_is_told_in_them(people: People) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.relays = (relay("team", when="business_hours"), relay("lead", when="business_hours"))
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))
    people.happens(told(Reason.CHANGED, revision=2))
    people.opened(revision=2)

    people.clock.advance(3 * 24 * HOUR + 14 * HOUR)
    people.announcer.release(now=people.now)

    assert sorted(people.waiting()) == [
        (CHANNEL, Reason.UNMUTED),
        ("webhook:lead", Reason.UNMUTED),
        ("webhook:team", Reason.UNMUTED),
    ]
    assert people.held() == []


def test_one_that_waits_is_told_although_another_is_told_first_and_somebody_took_it_meanwhile(
    people: People,
) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.relays = (relay("team", when="business_hours"), relay("lead", when="business_hours"))
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))
    people.does(ActKind.ACKNOWLEDGE, message=None)
    assert people.incident().handling.acknowledged_by == "sato"

    people.clock.advance(3 * 24 * HOUR + 14 * HOUR)
    people.announcer.release(now=people.now)

    assert sorted(people.waiting()) == [
        (CHANNEL, Reason.UNMUTED),
        ("webhook:lead", Reason.UNMUTED),
        ("webhook:team", Reason.UNMUTED),
    ]
    assert people.held() == []


def test_what_merges_company_wide_at_night_is_told_in_the_morning_as_the_whole_alone(people: People) -> None:
    people.relays = (relay("team", when="business_hours"),)
    people.clock.advance(10 * HOUR)
    child = people.opened()
    people.happens(told(Reason.OPENED))
    people.delivered()
    merged = replace(child, phase=Phase.CLOSED, merged_into="SW-2", closed_at=people.now, revision=2)
    whole = replace(child, id="SW-2", service=None)
    state = JudgeState(8, Incidents((whole,), 3))
    people.store.commit_cycle(CycleCommit(state, changed=(merged, whole)))
    people.happens(
        notice(Reason.OPENED, incident="SW-2", service=None),
        told(Reason.MERGED, revision=2, phase=Phase.CLOSED, merged_into="SW-2"),
    )
    people.delivered()

    people.clock.advance(3 * 24 * HOUR + 14 * HOUR)
    people.announcer.release(now=people.now)

    rows = people.store.unsettled()
    assert [(row.channel, row.incident) for row in rows] == [("webhook:team", "SW-2")]
    assert people.held() == []


def test_who_is_no_receiver_any_more_waits_for_nothing_and_the_row_says_so(people: People) -> None:
    people.relays = (relay("team", when="business_hours"),)
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))
    people.delivered()
    people.relays = ()

    assert people.announcer.release(now=people.now) == 0

    assert (people.waiting(), people.held()) == ([], [])
    assert [row.last_error for row in people.store.deliveries(state=Stage.SUPERSEDED)] == [
        "nobody is to be told of it any more"
    ]


def test_what_one_waited_for_before_a_silence_is_told_once_with_all_the_rest_after_it(people: People) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.relays = (relay("team", when="business_hours"),)
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))
    silenced(people, hours=4 * 24)
    people.happens(told(Reason.CHANGED, revision=2))
    people.opened(revision=2)

    people.clock.advance(4 * 24 * HOUR)
    people.clock.advance(14 * HOUR)
    assert people.announcer.release(now=people.now) == 1

    assert sorted(people.waiting()) == [(CHANNEL, Reason.UNMUTED), ("webhook:team", Reason.UNMUTED)]
    assert people.held() == []


def test_a_silence_that_ends_at_night_leaves_who_is_told_by_day_waiting(people: People) -> None:
    people.relays = (relay("team", when="business_hours"),)
    people.clock.advance(10 * HOUR)
    people.opened()
    silenced(people)
    people.happens(told(Reason.OPENED))

    people.clock.advance(HOUR)
    assert people.announcer.release(now=people.now) == 1
    people.delivered()
    people.clock.advance(3 * 24 * HOUR + 13 * HOUR)
    people.announcer.release(now=people.now)

    assert people.waiting() == [("webhook:team", Reason.UNMUTED)]
    assert people.held() == []


# -- routes


def test_a_warning_at_night_waits_for_the_morning(people: People) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))
    assert [row.last_error for row in people.held()] == ["below_severity critical in off_hours"]

    people.announcer.release(now=people.now)
    assert people.waiting() == []
    people.clock.advance(3 * 24 * HOUR)

    assert people.hours.is_open(people.now) is False
    people.clock.advance(14 * HOUR)
    assert people.hours.is_open(people.now)
    people.announcer.release(now=people.now)
    assert people.waiting() == [(CHANNEL, Reason.UNMUTED)]


def test_what_a_route_keeps_back_is_counted_as_held_once_however_often_it_is_looked_at(
    people: People,
) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))

    for _ in range(3):
        assert people.announcer.release(now=people.now) == 0

    assert people.meter.of("suppressed") == [{"channel": CHANNEL, "reason": "below_severity"}]


def test_a_silence_that_ends_at_night_lets_others_hear_it_while_slack_waits_for_the_morning(
    people: People,
) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.relays = (Relay(ReceiverSettings(name="pager"), "webhook", Abilities()),)
    people.clock.advance(10 * HOUR)
    people.opened()
    silenced(people)
    people.happens(told(Reason.OPENED))

    people.clock.advance(HOUR)
    assert [people.announcer.release(now=people.now) for _ in range(2)] == [1, 0]

    assert people.waiting() == [("webhook:pager", Reason.UNMUTED)]
    assert [row.last_error for row in people.held()] == ["below_severity critical in off_hours"]
    people.delivered()
    people.clock.advance(3 * 24 * HOUR + 13 * HOUR)
    people.announcer.release(now=people.now)
    assert people.waiting() == [(CHANNEL, Reason.UNMUTED)]


def test_what_turns_critical_at_night_is_told_at_once(people: People) -> None:
    people.routes = (CRITICAL_AT_NIGHT,)
    people.clock.advance(10 * HOUR)
    people.opened()
    people.happens(told(Reason.OPENED))

    people.happens(told(Reason.RAISED, revision=2, severity=Severity.CRITICAL))
    people.announcer.release(now=people.now)

    assert people.waiting() == [(CHANNEL, Reason.RAISED)]
    assert people.held() == []


def test_an_incident_stays_in_its_channel_and_what_is_urgent_also_goes_where_its_route_leads_now(
    people: People,
) -> None:
    people.routes = tuple(
        RouteSettings.model_validate({"when": when, "channel": channel, "mention": mention})
        for when, channel, mention in (("business_hours", "#day", "here"), ("off_hours", "#night", "S1"))
    )
    people.told()
    people.clock.advance(10 * HOUR)

    people.happens(told(Reason.CHANGED, revision=2))
    assert people.waiting() == [("#day", Reason.CHANGED)]
    people.happens(told(Reason.RAISED, revision=3, severity=Severity.CRITICAL))

    assert people.waiting() == [("#day", Reason.RAISED), ("#night", Reason.RAISED)]
    roots = [row for row in people.store.unsettled() if not row.is_reply]
    assert {row.channel: row.mention for row in roots} == {"#day": "none", "#night": "S1"}


def test_a_route_says_whom_to_call_and_in_which_language(people: People) -> None:
    people.routes = (RouteSettings.model_validate({"mention": "S7", "language": "en"}),)
    people.opened()

    people.happens(told(Reason.OPENED))

    row = people.store.unsettled()[0]
    assert (row.mention, row.language) == ("S7", "en")


def test_a_blindness_is_never_muted(people: People) -> None:
    people.store.save_silence(Silence(Matcher(), Span(people.now, people.now + HOUR), "sato", "all"))
    blind = begun("desk", Cause.UNREACHABLE, since=people.now, at=people.now)

    rows = people.announcer.plan([blind], people.now)

    assert [(row.channel, row.stage) for row in rows] == [(CHANNEL, Stage.QUEUED)]


def test_notices_of_one_pass_count_with_those_before_them(people: People) -> None:
    people.opened()

    people.happens(told(Reason.OPENED), told(Reason.RESOLVED, revision=2, phase=Phase.RESOLVED))

    assert people.waiting() == [(CHANNEL, Reason.RESOLVED)]


def test_nothing_is_said_of_an_incident_that_somebody_dismissed_before_it_was_told(people: People) -> None:
    people.opened()
    closed = Handling(dismissed_by="sato", dismissed_at=people.now)

    people.happens(told(Reason.DISMISSED, handling=closed))

    assert people.waiting() == []
    assert people.held() == []
