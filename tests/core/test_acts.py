"""What a person's act makes of an incident, and why some acts change nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.acts import (
    Act,
    ActKind,
    ActStage,
    Applied,
    Entry,
    Refusal,
    Refused,
    Via,
    apply,
    told_again,
)
from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Incident, Incidents, Phase, Severity, advance
from spikewatch.core.labels import labels_of
from spikewatch.core.notices import Reason
from tests.core_factories import LOGIN, NOON, PAYMENTS, REFUND, incident, rules, surge
from tests.factories import notice

LATER = NOON + timedelta(minutes=20)
MORNING = datetime(2026, 5, 12, 0, tzinfo=UTC)


def act(kind: ActKind, *, by: str = "sato", at: datetime = NOON, **more: Any) -> Act:  # noqa: ANN401 -- any field of Act
    return replace(Act(f"{kind}:{by}", kind, "SW-1", by, Via.SLACK, at), **more)


def applied(given: Act, to: Incident) -> Incident:
    outcome = apply(given, to, now=LATER, morning=lambda _: MORNING)
    assert isinstance(outcome, Applied), outcome
    return outcome.incident


def refused(given: Act, to: Incident | None) -> Refused:
    outcome = apply(given, to, now=LATER, morning=lambda _: MORNING)
    assert isinstance(outcome, Refused), outcome
    return outcome


def opened() -> Incident:
    return incident(surge(LOGIN), id="SW-1")


def over() -> Incident:
    return replace(opened(), phase=Phase.RESOLVED, resolved_at=NOON)


def test_whoever_acknowledges_has_it() -> None:
    after = applied(act(ActKind.ACKNOWLEDGE), opened())

    assert (after.handling.acknowledged_by, after.handling.acknowledged_at) == ("sato", NOON)
    assert after.revision == opened().revision + 1


@pytest.mark.parametrize("by", ["sato", "suzuki"])
def test_what_somebody_has_nobody_takes(by: str) -> None:
    taken = applied(act(ActKind.ACKNOWLEDGE), opened())

    assert refused(act(ActKind.ACKNOWLEDGE, by=by), taken) == Refused(Refusal.ALREADY, by="sato", at=NOON)


def test_what_is_handed_back_can_be_taken_again() -> None:
    taken = applied(act(ActKind.ACKNOWLEDGE), opened())

    free = applied(act(ActKind.HAND_BACK, by="suzuki"), taken)

    assert free.handling == Handling()
    assert applied(act(ActKind.ACKNOWLEDGE, by="suzuki"), free).handling.acknowledged_by == "suzuki"
    assert refused(act(ActKind.HAND_BACK), free).why is Refusal.NOBODY


@pytest.mark.parametrize(
    ("more", "until"),
    [
        ({"lasts": timedelta(minutes=30)}, NOON + timedelta(minutes=30)),
        ({"until": LATER + timedelta(hours=1)}, LATER + timedelta(hours=1)),
        ({}, MORNING),
    ],
)
def test_a_snooze_ends_after_its_span_at_its_time_or_next_morning(
    more: dict[str, Any], until: datetime
) -> None:
    assert applied(act(ActKind.SNOOZE, **more), opened()).handling.snoozed_until == until


def test_a_snooze_that_is_over_when_it_arrives_is_refused() -> None:
    late = act(ActKind.SNOOZE, lasts=timedelta(minutes=20))

    assert refused(late, opened()) == Refused(Refusal.PAST, at=LATER)


@pytest.mark.parametrize(
    ("kind", "label"),
    [(ActKind.FALSE_ALARM, LabelKind.FALSE_ALARM), (ActKind.EXPECTED, LabelKind.EXPECTED)],
)
def test_what_is_not_real_is_labelled_and_told_no_more(kind: ActKind, label: LabelKind) -> None:
    after = applied(act(kind, note="sale"), opened())

    assert after.handling.is_dismissed
    assert after.handling.verdict is not None
    assert (after.handling.verdict.kind, after.handling.verdict.note) == (label, "sale")
    assert (
        after.phase is Phase.OPEN
    )  # the surge goes on below, so that it does not open anew at the next bucket


def test_a_real_incident_goes_on_even_after_it_was_called_a_false_alarm() -> None:
    wrong = applied(act(ActKind.FALSE_ALARM), opened())

    right = applied(act(ActKind.CONFIRM, by="suzuki"), wrong)

    assert not right.handling.is_dismissed
    assert right.handling.verdict is not None
    assert (right.handling.verdict.kind, right.handling.verdict.by) == (LabelKind.INCIDENT, "suzuki")


def test_the_same_verdict_twice_is_refused() -> None:
    said = applied(act(ActKind.CONFIRM), opened())

    assert refused(act(ActKind.CONFIRM, by="suzuki"), said) == Refused(Refusal.ALREADY, by="sato", at=NOON)


@pytest.mark.parametrize("kind", [ActKind.ACKNOWLEDGE, ActKind.HAND_BACK, ActKind.SNOOZE, ActKind.RESOLVE])
def test_what_is_over_takes_no_more_care(kind: ActKind) -> None:
    assert refused(act(kind), over()) == Refused(Refusal.OVER, at=NOON)


@pytest.mark.parametrize("kind", [ActKind.ACKNOWLEDGE, ActKind.SNOOZE, ActKind.RESOLVE])
def test_what_was_closed_by_hand_says_by_whom(kind: ActKind) -> None:
    closed = applied(act(ActKind.RESOLVE), opened())

    assert refused(act(kind, by="suzuki"), closed) == Refused(Refusal.DISMISSED, by="sato", at=NOON)


@pytest.mark.parametrize("phase", [Phase.RESOLVED, Phase.CLOSED])
def test_what_is_over_still_takes_a_verdict(phase: Phase) -> None:
    after = applied(act(ActKind.FALSE_ALARM), replace(over(), phase=phase))

    assert after.phase is phase
    assert [noted.label.kind for noted in labels_of(after)] == [LabelKind.FALSE_ALARM]


def test_an_unknown_incident_is_refused() -> None:
    assert refused(act(ActKind.ACKNOWLEDGE), None).why is Refusal.UNKNOWN


@given(st.lists(st.sampled_from(list(ActKind)), max_size=8))
def test_no_order_of_acts_changes_what_surges_or_lowers_the_revision(kinds: list[ActKind]) -> None:
    now = opened()
    for kind in kinds:
        outcome = apply(act(kind), now, now=LATER, morning=lambda _: MORNING)
        if isinstance(outcome, Applied):
            assert outcome.incident.revision == now.revision + 1
            assert replace(outcome.incident, handling=now.handling, revision=now.revision) == now
            now = outcome.incident
            assert now.handling.snoozed_until is None or not now.handling.is_dismissed


# -- what the counts take back


def grown(before: Incident, *, joining: bool = False, score: float = 1.2) -> Incident:
    """The incident one bucket later: its surge goes on, another may join."""
    first = before.surges[0]
    now = replace(first, now=replace(first.now, score=score), peak=replace(first.peak, score=score))
    risen = [surge(REFUND)] if joining else []
    after, _ = advance(Incidents((before,), 2), followed={LOGIN: now}, risen=risen, rules=rules(), now=LATER)
    return after.active[0]


def test_a_raised_severity_ends_a_snooze_and_a_dismissal() -> None:
    asleep = applied(act(ActKind.SNOOZE, lasts=timedelta(hours=2)), opened())
    closed = applied(act(ActKind.RESOLVE), opened())

    assert grown(asleep, score=2.5).severity is Severity.CRITICAL
    assert grown(asleep, score=2.5).handling.snoozed_until is None
    assert not grown(closed, score=2.5).handling.is_dismissed
    assert grown(asleep).handling.snoozed_until is not None
    assert grown(closed).handling.is_dismissed


def test_a_further_category_ends_a_dismissal_and_no_snooze() -> None:
    asleep = applied(act(ActKind.SNOOZE, lasts=timedelta(hours=2)), opened())
    closed = applied(act(ActKind.RESOLVE), opened())

    assert not grown(closed, joining=True).handling.is_dismissed
    assert grown(asleep, joining=True).handling.snoozed_until is not None


def test_the_calm_ends_a_snooze_and_keeps_the_owner() -> None:
    taken = applied(act(ActKind.ACKNOWLEDGE), opened())
    asleep = applied(act(ActKind.SNOOZE, lasts=timedelta(hours=2)), taken)
    ended = replace(asleep.surges[0], ended=LATER)

    after, _ = advance(Incidents((asleep,), 2), followed={LOGIN: ended}, risen=(), rules=rules(), now=LATER)

    assert after.active[0].phase is Phase.RESOLVED
    assert after.active[0].handling.snoozed_until is None
    assert after.active[0].handling.acknowledged_by == "sato"


# -- labels and what is told


def test_a_verdict_labels_each_category_for_as_long_as_it_surged() -> None:
    wide = incident(surge(PAYMENTS), surge(LOGIN), surge(REFUND), id="SW-1")

    labels = labels_of(applied(act(ActKind.CONFIRM), wide))

    assert [(each.label.service, each.label.category) for each in labels] == [
        ("payments", "login"),
        ("payments", "refund"),
    ]
    first = wide.surges[1]
    assert (labels[0].label.span.start, labels[0].label.span.end) == (first.began, first.last_surging)
    assert {(each.author, each.incident, each.label.recorded_at) for each in labels} == {
        ("sato", "SW-1", NOON)
    }


def test_a_verdict_on_a_whole_service_labels_all_of_it() -> None:
    labels = labels_of(applied(act(ActKind.CONFIRM), incident(surge(PAYMENTS), id="SW-1")))

    assert [(each.label.service, each.label.category) for each in labels] == [("payments", None)]


def test_what_is_told_of_an_act_keeps_the_counts_and_shows_who_did_it() -> None:
    earlier = notice()
    after = replace(applied(act(ActKind.ACKNOWLEDGE), opened()), revision=7)

    told = told_again(earlier, incident=after, reason=Reason.ACKNOWLEDGED, at=LATER)

    assert told.key == "SW-1.7"
    assert told.facts.lead == earlier.facts.lead
    assert told.facts.data_until == earlier.facts.data_until
    assert told.facts.handling.acknowledged_by == "sato"


def test_only_somebody_with_an_address_is_answered() -> None:
    silent = Entry(act(ActKind.ACKNOWLEDGE)).settled(at=LATER, refused=None)
    waiting = Entry(act(ActKind.ACKNOWLEDGE, address="https://hooks.example.com/1"))

    assert silent.stage is ActStage.ANSWERED
    assert waiting.settled(at=LATER, refused=None).stage is ActStage.SETTLED
