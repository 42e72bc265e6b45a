"""Which buckets are judged late, in which order, and what is left of them."""

from dataclasses import replace
from datetime import timedelta

from spikewatch.cycle.arrears import Arrears, Stretch
from spikewatch.ports import CycleCommit
from tests.simulated_desk import STEP
from tests.test_catching_up import BANK, Two

DAY = timedelta(days=1) // STEP


def test_nothing_due_is_nothing_to_judge() -> None:
    arrears = Arrears.of({}, most=10)

    assert (arrears.stretches, arrears.left) == ((), frozenset())
    assert arrears.after({"shop": 7}, judged_until=20) == {"shop": 7}


def test_each_service_is_judged_where_it_was_missed_and_nowhere_else() -> None:
    arrears = Arrears.of({"shop": (3, 9), "app": (5, 7), "bank": (12, 14)}, most=100)

    assert arrears.stretches == (
        Stretch(3, 5, frozenset({"shop"})),
        Stretch(5, 7, frozenset({"shop", "app"})),
        Stretch(7, 9, frozenset({"shop"})),
        Stretch(12, 14, frozenset({"bank"})),
    )
    assert arrears.left == frozenset()
    assert arrears.after({"shop": 3, "app": 5, "bank": 12}, judged_until=14) == {"shop": 9, "app": 7}


def test_what_is_too_much_for_once_is_left_for_the_next_time() -> None:
    due = {"shop": (3, 9), "app": (5, 7), "bank": (12, 14)}

    arrears = Arrears.of(due, most=3)

    assert arrears.stretches == (
        Stretch(3, 5, frozenset({"shop"})),
        Stretch(5, 6, frozenset({"shop", "app"})),
    )
    assert arrears.left == due.keys()
    assert arrears.after({service: first for service, (first, _) in due.items()}, judged_until=20) == {
        "shop": 6,
        "app": 6,
        "bank": 12,
    }


def test_nothing_is_judged_that_lies_further_back_than_baselines_learn_from() -> None:
    two = Two()
    state = two.store.judge_state()
    assert state.judged_until is not None
    history = two.live.judged_by.history // STEP
    long_ago = {BANK: state.judged_until - history - 30 * DAY}
    two.store.commit_cycle(CycleCommit(replace(state, behind=long_ago)))

    judged = two.judge()

    assert judged == DAY
    assert two.store.judge_state().behind == {BANK: state.judged_until - history + DAY}
