"""What every store promises about acts, labels and silences."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from spikewatch.core.acts import Act, ActKind, ActStage, Entry, Refusal, Refused, Via
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Incident, Severity
from spikewatch.core.labels import Noted
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.outbox import Delivery
from spikewatch.core.timegrid import Span
from spikewatch.ports import CycleCommit
from tests.contract.oncall import cycle, delivery, incident
from tests.contract.stores import (
    T0,
    Opened,
    every_store,
)


def act(key: str = "a1", *, kind: ActKind = ActKind.ACKNOWLEDGE) -> Act:
    return Act(
        key,
        kind,
        "INC-1",
        "sato",
        Via.SLACK,
        T0,
        user="U1",
        lasts=timedelta(minutes=30),
        message=("C1", "1.0"),
        address="https://hooks.example.com/1",
    )


def judged(identifier: str = "INC-1", *, kind: LabelKind = LabelKind.INCIDENT) -> Incident:
    found = incident(identifier, minute=15)
    surge = replace(found.surges[0], began=T0)
    return replace(found, surges=(surge,), handling=Handling(verdict=Verdict(kind, "sato", T0, "sale")))


def noted(*, minute: float = 0, service: str | None = "payments", author: str = "sato") -> Noted:
    span = Span(T0 + timedelta(minutes=minute), T0 + timedelta(minutes=minute + 30))
    return Noted(Label(span, service, None, LabelKind.EXPECTED, recorded_at=T0), author, "sale")


@every_store
def test_an_act_comes_back_as_it_was_and_arrives_once(opened: Opened) -> None:
    with opened() as store:
        assert store.receive_act(act(), at=T0)
        assert not store.receive_act(replace(act(), by="suzuki"), at=T0)

        assert store.act("a1") == Entry(act())
        assert store.act("a2") is None
        assert list(store.acts(stage=ActStage.RECEIVED)) == [Entry(act())]


@every_store
def test_acts_of_a_stage_come_in_the_order_of_arrival(opened: Opened) -> None:
    with opened() as store:
        for key in ("b", "a", "c"):
            store.receive_act(act(key), at=T0)
        settled = Entry(act("a")).settled(at=T0, refused=Refused(Refusal.ALREADY, "suzuki", T0))
        store.save_act(settled)

        assert [entry.act.key for entry in store.acts(stage=ActStage.RECEIVED)] == ["b", "c"]
        assert list(store.acts(stage=ActStage.SETTLED)) == [settled]


@every_store
def test_an_act_its_incident_its_labels_and_what_is_told_are_one(opened: Opened) -> None:
    done = Entry(act()).settled(at=T0, refused=None)
    with opened() as store:
        store.receive_act(act(), at=T0)
        store.commit_cycle(
            replace(cycle(judged(), changed=[judged()], deliveries=[delivery()]), acts=(done,))
        )

        assert store.act("a1") == done
        assert store.incident("INC-1") == judged()
        assert [each.incident for each in store.labels()] == ["INC-1"]
        assert list(store.unsettled()) == [delivery()]


@every_store
def test_a_commit_that_breaks_off_leaves_the_act_to_be_settled(opened: Opened) -> None:
    done = Entry(act()).settled(at=T0, refused=None)

    def torn() -> Iterator[Delivery]:
        yield delivery()
        raise ConnectionError

    with opened() as store:
        store.receive_act(act(), at=T0)
        broken = CycleCommit(cycle(judged()).state, (judged(),), torn(), (done,))  # type: ignore[arg-type]  # breaks off

        with pytest.raises(ConnectionError):
            store.commit_cycle(broken)

        assert store.act("a1") == Entry(act())
        assert list(store.labels()) == []


@every_store
def test_the_labels_of_an_incident_follow_its_verdict_and_its_surges(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(judged(), changed=[judged()]))
        store.commit_cycle(cycle(judged(), changed=[judged(kind=LabelKind.FALSE_ALARM)]))
        store.commit_cycle(cycle(judged(), changed=[incident("INC-2")]))

        labels = store.labels()
        assert [(each.label.kind, each.author, each.note, each.incident) for each in labels] == [
            (LabelKind.FALSE_ALARM, "sato", "sale", "INC-1")
        ]
        assert labels[0].label.span == Span(T0, T0 + timedelta(minutes=15))


@every_store
def test_labels_come_back_as_they_were_in_the_order_in_which_they_begin(opened: Opened) -> None:
    later, earlier = noted(minute=60), noted(service=None)
    with opened() as store:
        assert store.add_labels([later, earlier]) == 2

        kept = store.labels()
        assert [replace(each, number=None) for each in kept] == [earlier, later]
        assert len({each.number for each in kept}) == 2


@every_store
def test_a_label_that_is_there_already_is_not_kept_twice(opened: Opened) -> None:
    with opened() as store:
        store.add_labels([noted()])

        assert store.add_labels([noted(author="suzuki"), noted(minute=5), noted(minute=5)]) == 1
        assert len(store.labels()) == 2


@every_store
def test_a_label_can_be_removed_and_a_verdict_cannot(opened: Opened) -> None:
    with opened() as store:
        store.add_labels([noted()])
        store.commit_cycle(cycle(judged(), changed=[judged()]))
        numbers = {each.incident: each.number or 0 for each in store.labels()}

        assert store.remove_label(numbers[None])
        assert not store.remove_label(numbers[None])
        assert not store.remove_label(numbers["INC-1"])
        assert [each.incident for each in store.labels()] == ["INC-1"]


@every_store
def test_the_number_of_a_label_that_was_removed_is_never_given_to_another(opened: Opened) -> None:
    with opened() as store:
        store.add_labels([noted()])
        (first,) = store.labels()
        store.remove_label(first.number or 0)
        store.add_labels([noted(minute=60)])

        assert not store.remove_label(first.number or 0)
        assert len(store.labels()) == 1


@every_store
def test_a_silence_gets_a_number_and_can_be_ended(opened: Opened) -> None:
    span = Span(T0, T0 + timedelta(hours=1))
    wanted = Silence(Matcher("pay*", "login", Severity.WARNING), span, "sato", "bank")
    with opened() as store:
        kept = store.save_silence(wanted)
        other = store.save_silence(replace(wanted, author="suzuki"))

        assert replace(kept, number=None) == wanted
        assert kept.number != other.number
        assert list(store.silences(ending_after=T0)) == [kept, other]
        assert list(store.silences(ending_after=span.end)) == []

        ended = store.save_silence(replace(kept, span=Span(T0, T0 + timedelta(minutes=5))))
        assert list(store.silences(ending_after=T0)) == [ended, other]
        assert list(store.silences(ending_after=T0 + timedelta(minutes=5))) == [other]


@every_store
def test_an_act_that_never_arrived_has_no_next_state(opened: Opened) -> None:
    done = Entry(act()).settled(at=T0, refused=None)
    with opened() as store:
        store.save_act(done)
        store.commit_cycle(replace(cycle(), acts=(done,)))

        assert store.act("a1") is None
