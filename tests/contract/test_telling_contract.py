"""What every store promises about the outbox."""

from dataclasses import replace
from datetime import timedelta

from spikewatch.core.courses import Course
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Kind, Receipt, Stage, sent, started
from tests.contract.oncall import cycle, delivery
from tests.contract.stores import (
    CARDS,
    T0,
    Opened,
    every_store,
)


@every_store
def test_a_delivery_comes_back_as_it_was(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery()]))

        assert list(store.unsettled()) == [delivery()]


@every_store
def test_a_key_is_told_once(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("k1")]))
        done = sent(delivery("k1"), Receipt("C1", "1.0"))
        store.save_delivery(done)
        store.commit_cycle(cycle(deliveries=[delivery("k2", minute=1)]))

        store.commit_cycle(cycle(deliveries=[delivery("k1", minute=2)]))

        assert list(store.deliveries()) == [done, delivery("k2", minute=1)]


@every_store
def test_a_newer_delivery_supersedes_those_still_queued_for_its_incident_and_channel(opened: Opened) -> None:
    sending = started(delivery("sending"), now=T0)
    others = [delivery("other incident", of="INC-2"), delivery("other channel", channel="#all")]
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("sending")]))
        store.save_delivery(sending)
        store.commit_cycle(cycle(deliveries=[delivery("queued"), *others]))

        store.commit_cycle(cycle(deliveries=[delivery("newest", minute=1)]))

        assert {each.key: each.stage for each in store.deliveries()} == {
            "sending": Stage.SENDING,
            "queued": Stage.SUPERSEDED,
            "other incident": Stage.QUEUED,
            "other channel": Stage.QUEUED,
            "newest": Stage.QUEUED,
        }
        assert [each.key for each in store.deliveries(state="superseded")] == ["queued"]


@every_store
def test_a_reply_overtakes_nothing_is_overtaken_by_nothing_and_is_not_the_living_message(
    opened: Opened,
) -> None:
    first, second = (
        replace(delivery(key, minute=minute), kind=Kind.REPLY) for key, minute in (("r1", 1), ("r2", 2))
    )
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("root"), first]))
        store.commit_cycle(cycle(deliveries=[second]))
        store.commit_cycle(cycle(deliveries=[delivery("newest", minute=3)]))
        store.save_delivery(sent(first, Receipt("C1", "9.0")))

        assert [each.key for each in store.unsettled()] == ["r2", "newest"]
        assert store.receipt(incident="INC-1", channel="#oncall") is None


@every_store
def test_a_delivery_with_a_course_and_earlier_notices_comes_back_as_it_was(opened: Opened) -> None:
    shown = Course(T0, timedelta(minutes=15), (3, None), (1e-9, 2.5), (0.1, 0.0), (None, 4))
    told = delivery().notice
    assert isinstance(told, Notice)
    rich = replace(told, facts=replace(told.facts, course=shown, joined=(CARDS,), growing=True))
    kept = replace(delivery(), notice=rich, kind=Kind.REPLY, earlier=(rich,))
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[kept]))

        assert list(store.unsettled()) == [kept]


@every_store
def test_of_two_deliveries_in_one_cycle_the_later_supersedes_the_earlier(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("first"), delivery("second")]))

        assert [each.key for each in store.unsettled()] == ["second"]


@every_store
def test_unsettled_deliveries_come_oldest_first_and_settled_ones_not_at_all(opened: Opened) -> None:
    stages = dict(zip("abcdefg", Stage, strict=True))
    with opened() as store:
        for age, (key, stage) in enumerate(stages.items()):
            store.save_delivery(delivery(key, of=key, minute=-age, stage=stage))

        unsettled = [each.stage for each in store.unsettled()]

        assert unsettled == [Stage.UNKNOWN, Stage.SENDING, Stage.QUEUED]


@every_store
def test_a_receipt_is_remembered_for_the_incident_and_channel(opened: Opened) -> None:
    with opened() as store:
        store.save_delivery(sent(delivery("k1"), Receipt("C1", "1.0")))
        store.save_delivery(sent(delivery("k2"), Receipt("C1", "2.0")))
        store.save_delivery(replace(delivery("k3"), stage=Stage.DEAD))

        assert store.receipt(incident="INC-1", channel="#oncall") == Receipt("C1", "2.0")
        assert store.receipt(incident="INC-1", channel="#all") is None
        assert store.receipt(incident="INC-2", channel="#oncall") is None


@every_store
def test_a_delivery_that_changes_its_channel_is_still_one_delivery(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("k1")]))

        store.save_delivery(replace(delivery("k1"), channel="#fallback"))

        assert [each.channel for each in store.deliveries()] == ["#fallback"]


@every_store
def test_the_deliveries_of_an_incident_come_oldest_first(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("b"), delivery("x", of="INC-2")]))
        store.save_delivery(replace(delivery("a", minute=-1), stage=Stage.HELD))

        assert [each.key for each in store.deliveries_of("INC-1")] == ["a", "b"]


@every_store
def test_what_is_held_back_is_nobodys_to_send(opened: Opened) -> None:
    with opened() as store:
        store.save_delivery(replace(delivery("a"), stage=Stage.HELD))
        store.commit_cycle(cycle(deliveries=[delivery("b", minute=1)]))

        assert [each.key for each in store.unsettled()] == ["b"]
        assert [each.key for each in store.deliveries(state=Stage.HELD)] == ["a"]
