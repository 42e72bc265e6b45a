"""A server that ends a connection in the middle of any call: a Fault, nothing half-written, and the next call works."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, event

from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.core.acts import ActStage, Entry
from spikewatch.core.calibration import Calibration, Peaks
from spikewatch.core.counts import SeriesKey
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.timegrid import Span
from spikewatch.errors import Fault
from spikewatch.ports import CycleCommit, InForce, JudgeState, Naming, Page
from tests.contract.oncall import delivery, incident
from tests.contract.stores import EVER, STEP, T0, commit, page, ticket
from tests.contract.test_acting_contract import act, noted
from tests.postgres import Cluster

LATER = T0 + timedelta(hours=1)
OURS = Naming("d", {}, lambda _: SeriesKey("shop", "x"))

READS: Mapping[str, Callable[[SqlStore], object]] = {
    "source_state": lambda store: store.source_state("desk"),
    "source_states": SqlStore.source_states,
    "backfill": lambda store: store.backfill("desk"),
    "versions": lambda store: store.versions("desk", ["1"]),
    "tally": lambda store: store.tally("desk", start=T0, end=LATER),
    "roster": lambda store: store.roster().keys,
    "counts": lambda store: list(store.counts(**EVER)),
    "feeds": SqlStore.feeds,
    "ticket_totals": SqlStore.ticket_totals,
    "naming": lambda store: store.naming("desk"),
    "recounts": SqlStore.recounts,
    "attributes": lambda store: store.attributes("desk", newest=5),
    "judge_state": SqlStore.judge_state,
    "incident": lambda store: store.incident("INC-1"),
    "incidents": lambda store: store.incidents(since=T0),
    "incident_totals": SqlStore.incident_totals,
    "calibration": lambda store: store.calibration(week=3),
    "in_force": SqlStore.in_force,
    "unsettled": SqlStore.unsettled,
    "deliveries": SqlStore.deliveries,
    "deliveries_of": lambda store: store.deliveries_of("INC-1"),
    "receipt": lambda store: store.receipt(incident="INC-1", channel="#oncall"),
    "act": lambda store: store.act("a1"),
    "acts": lambda store: store.acts(stage=ActStage.RECEIVED),
    "labels": SqlStore.labels,
    "silences": lambda store: store.silences(ending_after=T0),
    "holder": SqlStore.holder,
}

WRITES: Mapping[str, Callable[[SqlStore], object]] = {
    "commit_page": lambda store: commit(store, ticket("2"), ticket("3")),
    "rewind": lambda store: store.rewind("desk"),
    "commit_sweep": lambda store: store.commit_sweep("desk", page(ticket("4"))),
    "ask_backfill": lambda store: store.ask_backfill("desk", since=T0 - timedelta(days=7)),
    "commit_backfill": lambda store: store.commit_backfill("desk", page(ticket("5"))),
    "rewind_backfill": lambda store: store.rewind_backfill("desk"),
    "adopt": lambda store: store.adopt("desk", OURS),
    "recount": lambda store: store.recount("desk", after="", most=1),
    "commit_cycle": lambda store: store.commit_cycle(
        CycleCommit(JudgeState(9), (incident(),), (delivery(),), (Entry(act()),))
    ),
    "save_calibration": lambda store: store.save_calibration(
        Calibration(3, "s", Peaks(np.array([1.0]), np.array([0]), 7))
    ),
    "save_in_force": lambda store: store.save_in_force(InForce({"poll.every": "1m"}, T0)),
    "save_delivery": lambda store: store.save_delivery(delivery("k2")),
    "receive_act": lambda store: store.receive_act(act(), at=T0),
    "save_act": lambda store: store.save_act(Entry(act())),
    "add_labels": lambda store: store.add_labels([noted()]),
    "remove_label": lambda store: store.remove_label(1),
    "save_silence": lambda store: store.save_silence(
        Silence(Matcher("pay*"), Span(T0, datetime(2027, 1, 1, tzinfo=UTC)), "sato", "bank", number=None)
    ),
    "forget": lambda store: store.forget(tickets_before=T0, counts_before=T0),
}

SHOWN = [name for name in READS if name != "holder"]


@pytest.fixture(scope="module")
def store(postgres: Cluster) -> Iterator[SqlStore]:
    made = open_store(postgres.schema(), step=STEP)
    made.commit_page("desk", Page([ticket()], "c", caught_up=False, watermark=T0), since=T0, seen_at=T0)
    made.ask_backfill("desk", since=T0 - timedelta(days=1))
    made.save_delivery(delivery())
    yield made
    made.close()


def end_connections(postgres: Cluster) -> None:
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'spikewatch on%'"
    )


@contextmanager
def lost_before(statement: int, postgres: Cluster) -> Iterator[list[str]]:
    """Have the server end every connection right before that statement of a call; give those that were begun."""
    begun: list[str] = []

    def count(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        begun.append(text)
        if len(begun) == statement:
            end_connections(postgres)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield begun
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def shown(store: SqlStore) -> Mapping[str, object]:
    return {name: READS[name](store) for name in SHOWN}


@pytest.mark.parametrize("name", READS)
def test_a_read_whose_connection_is_lost_is_a_fault_and_works_again(
    postgres: Cluster, store: SqlStore, name: str
) -> None:
    before = READS[name](store)

    with lost_before(1, postgres), pytest.raises(Fault, match="it is tried again"):
        READS[name](store)

    assert READS[name](store) == before
    end_connections(postgres)
    assert READS[name](store) == before


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_connection_is_lost_leaves_nothing_and_works_again(
    postgres: Cluster, store: SqlStore, name: str
) -> None:
    before, statement, is_through = shown(store), 1, False

    while not is_through:
        with lost_before(statement, postgres) as begun, suppress(Fault):
            WRITES[name](store)
        is_through = len(begun) < statement
        assert is_through or shown(store) == before
        statement *= 3  # every statement would take a minute for all

    assert statement > 3


def test_a_commit_whose_connection_is_lost_leaves_nothing_and_works_again(
    postgres: Cluster, store: SqlStore
) -> None:
    def end(_connection: object) -> None:
        end_connections(postgres)

    before = store.versions("desk", ["9"])
    event.listen(Engine, "commit", end)
    try:
        with pytest.raises(Fault, match="it is tried again"):
            commit(store, ticket("9"))
    finally:
        event.remove(Engine, "commit", end)

    assert store.versions("desk", ["9"]) == before == {}
    commit(store, ticket("9"))
    assert store.versions("desk", ["9"]) == {"9": 1}


def test_who_lost_the_connection_between_two_writes_is_told_and_writes_again(
    postgres: Cluster, store: SqlStore
) -> None:
    end_connections(postgres)

    with pytest.raises(Fault, match="it is tried again"):
        store.rewind("desk")

    store.rewind("desk")
    state = store.source_state("desk")
    assert state is not None
    assert state.cursor is None
