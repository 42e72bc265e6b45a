"""Whatever a store is told and in whatever order, it answers and shows the same in memory as in SQL."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.acts import Act, ActKind, ActStage, Entry, Via
from spikewatch.core.calibration import Calibration, Peaks
from spikewatch.core.census import Census
from spikewatch.core.counts import Attributes, SeriesKey, Ticket
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Incidents, Phase, Severity
from spikewatch.core.labels import Noted
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.outbox import Kind, Receipt, Stage
from spikewatch.core.timegrid import Span
from spikewatch.ports import CycleCommit, InForce, JudgeState, Naming, Page, Store
from tests.contract.oncall import delivery, incident
from tests.contract.stores import CARDS, FIRST, LOGIN, T0, census, counts, memory, sqlite

Step: TypeAlias = Callable[[Store], object]
"""Something that a store is told; what it answers."""

HOURS = [-24 * 9, -24 * 8, -24 * 2, -1, 0, 0.5, 1, 24 * 7]
WORDS = ("brand:1", "brand:2", "tag:a", "tag:b")
SOURCES = st.sampled_from(["desk", "shop"])


def hour(number: float) -> datetime:
    return T0 + timedelta(hours=number)


def by_brand(held: Attributes) -> SeriesKey:
    return SeriesKey("one" if "brand:1" in held else "two", "x" if "tag:a" in held else "rest")


def by_tag(held: Attributes) -> SeriesKey:
    return SeriesKey("desk", next((word for word in held if word.startswith("tag:")), "rest"))


def all_in_one(_: Attributes) -> SeriesKey:
    return SeriesKey("payments", "login")


NAMINGS = [
    Naming(f"{made.__name__} {number}", {"brand:1": str(number)}, made)
    for made in (by_brand, by_tag, all_in_one)
    for number in (1, 2)
]


@dataclass(frozen=True)
class Written:
    """One version of a ticket, before it was named."""

    id: str
    hour: float
    version: int
    held: Attributes | None
    series: SeriesKey
    counted: bool

    def named(self, naming: Naming | None) -> Ticket:
        held = None if naming is None else self.held
        series = self.series if naming is None or held is None else naming.series_of(held)
        return Ticket(self.id, hour(self.hour), *series, self.version, self.counted, held)


@dataclass(frozen=True)
class Told:
    """A thing that a store is told, by name, so that a failure reads as a story."""

    name: str
    given: tuple[object, ...]
    step: Step

    def __repr__(self) -> str:
        return f"{self.name}{self.given}"


def told(name: str, step: Callable[..., object], *given: st.SearchStrategy[Any]) -> st.SearchStrategy[Told]:
    return st.tuples(*given).map(lambda each: Told(name, each, lambda store: step(store, *each)))


def page_of(
    written: Sequence[Written], naming: Naming | None, mark: float | None, *, caught_up: bool
) -> Page:
    watermark = None if mark is None else hour(mark)
    tickets = [each.named(naming) for each in written]
    newest = max((each.created_at for each in tickets), default=None)
    return Page(tickets, f"c{len(written)}", caught_up, watermark, newest, naming=naming)


hours = st.sampled_from(HOURS)
attributes = st.none() | st.sets(st.sampled_from(WORDS)).map(lambda words: tuple(sorted(words)))
written = st.builds(
    Written,
    st.sampled_from("abcd"),
    hours,
    st.integers(1, 4),
    attributes,
    st.sampled_from([LOGIN, CARDS, SeriesKey("店", "返品")]),
    st.booleans(),
)
pages = st.builds(
    page_of,
    st.lists(written, max_size=5),
    st.none() | st.sampled_from(NAMINGS),
    st.none() | hours,
    caught_up=st.booleans(),
)
censuses = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([LOGIN, CARDS]), st.integers(0, 3)), max_size=4
).map(lambda rows: census(*((5 * at, key, number) for at, key, number in rows), end=65))
keys = st.sampled_from(["k1", "k2", "k3", "k4"])


def take_page(store: Store, source: str, given: Page) -> object:
    return store.commit_page(source, given, since=T0, seen_at=T0)


def take_census(store: Store, source: str, given: Census, page: Page) -> object:
    return take_page(store, source, replace(page, census=given))


def sweep(store: Store, source: str, given: Page) -> object:
    return None if store.source_state(source) is None else store.commit_sweep(source, given)


def backfill(store: Store, source: str, given: Page) -> object:
    return None if store.backfill(source) is None else store.commit_backfill(source, given)


def recount(store: Store, source: str, most: int) -> object:
    return store.recount(source, after="", most=most)


def recount_all(store: Store, source: str, most: int) -> object:
    reached: list[str | None] = [""]
    while (last := reached[-1]) is not None:
        reached.append(store.recount(source, after=last, most=most))
    return reached


def judge(store: Store, until: int, told: tuple[Phase, Severity, LabelKind | None, int]) -> None:
    phase, severity, kind, minute = told
    found = incident(phase=phase, severity=severity, minute=minute)
    if kind is not None:
        surge = replace(found.surges[0], began=T0 - timedelta(hours=1))
        found = replace(found, surges=(surge,), handling=Handling(verdict=Verdict(kind, "sato", T0)))
    other = incident("INC-2")
    active = tuple(each for each in (other, found) if each.phase is not Phase.CLOSED)
    state = JudgeState(until, Incidents(active, next_number=3), {"payments": until})
    store.commit_cycle(CycleCommit(state, (found, other), (), ()))


def tell(store: Store, key: str, minute: int, told: tuple[Kind, Stage, str | None]) -> None:
    kind, stage, error = told
    made = replace(delivery(key, minute=minute), kind=kind)
    store.commit_cycle(CycleCommit(store.judge_state(), deliveries=[made]))
    store.save_delivery(replace(made, stage=stage, last_error=error, receipt=Receipt("C", key)))
    store.commit_cycle(CycleCommit(store.judge_state(), deliveries=[replace(made, key=f"{key} again")]))


def receive(store: Store, key: str, minute: int) -> object:
    act = Act(key, ActKind.ACKNOWLEDGE, "INC-1", "sato", Via.SLACK, T0 + timedelta(minutes=minute))
    return store.receive_act(act, at=T0)


def settle(store: Store, key: str, minute: int, *, in_cycle: bool) -> None:
    act = Act(key, ActKind.ACKNOWLEDGE, "INC-1", "suzuki", Via.SLACK, T0 + timedelta(minutes=minute))
    entry = Entry(act).settled(at=T0, refused=None)
    if in_cycle:
        store.commit_cycle(CycleCommit(store.judge_state(), acts=(entry,)))
    else:
        store.save_act(entry)


def note(store: Store, minutes: list[int]) -> object:
    return store.add_labels(
        [
            Noted(Label(Span(hour(each), hour(each + 1)), "payments", None, LabelKind.EXPECTED), "sato")
            for each in minutes
        ]
    )


def silence(store: Store, number: int | None, end: float) -> object:
    known = {each.number for each in store.silences(ending_after=hour(-999))}
    given = Silence(Matcher("pay*"), Span(hour(-300), hour(end)), "sato", "bank", number=number)
    return store.save_silence(given) if number is None or number in known else None


def keep_calibration(store: Store, week: int) -> None:
    store.save_calibration(Calibration(week, "s", Peaks(np.array([1 / 3]), np.array([0]), 7)))


steps = st.one_of(
    told("page", take_page, SOURCES, pages),
    told("page", take_page, SOURCES, pages),
    told("census", take_census, SOURCES, censuses, pages),
    told("sweep", sweep, SOURCES, pages),
    told("ask", lambda store, *given: store.ask_backfill(given[0], since=hour(given[1])), SOURCES, hours),
    told("backfill", backfill, SOURCES, pages),
    told("rewind", lambda store, source: store.rewind(source), SOURCES),
    told("rewind backfill", lambda store, source: store.rewind_backfill(source), SOURCES),
    told("adopt", lambda store, *given: store.adopt(*given), SOURCES, st.sampled_from(NAMINGS)),
    told("recount", recount, SOURCES, st.integers(1, 4)),
    told("recount all", recount_all, SOURCES, st.integers(1, 4)),
    told(
        "forget",
        lambda store, *given: store.forget(tickets_before=hour(given[0]), counts_before=hour(given[1])),
        hours,
        hours,
    ),
    told(
        "judge",
        judge,
        st.integers(FIRST, FIRST + 9),
        st.tuples(
            st.sampled_from(Phase),
            st.sampled_from(Severity),
            st.none() | st.sampled_from(LabelKind),
            st.integers(0, 9),
        ),
    ),
    told(
        "tell",
        tell,
        keys,
        st.integers(0, 3),
        st.tuples(st.sampled_from(Kind), st.sampled_from(Stage), st.none() | st.just("refused")),
    ),
    told("act", receive, keys, st.integers(0, 3)),
    told("settle", lambda s, *g: settle(s, *g[:2], in_cycle=g[2]), keys, st.integers(0, 3), st.booleans()),
    told("label", note, st.lists(st.integers(0, 3), max_size=3)),
    told("unlabel", lambda store, number: store.remove_label(number), st.integers(1, 4)),
    told("silence", silence, st.none() | st.integers(1, 3), hours),
    told("calibration", keep_calibration, st.integers(2950, 2970)),
    told(
        "configuration",
        lambda store, *given: store.save_in_force(InForce({"poll.every": given[0]}, T0)),
        st.sampled_from(["1m", "2m"]),
    ),
)


def views(store: Store) -> Mapping[str, object]:
    """Return everything that a store can be asked."""
    sources = ("desk", "shop")
    calibrations = [store.calibration(week=week) for week in range(2950, 2971)]
    sizes = store.stats()
    return {
        "source_states": store.source_states(),
        "backfills": [store.backfill(source) for source in sources],
        "versions": [store.versions(source, list("abcd")) for source in sources],
        "tallies": [
            store.tally(source, start=hour(start), end=hour(end))
            for source in sources
            for start, end in pairwise(HOURS)
        ],
        "roster": store.roster().keys,
        "counts": counts(store),
        "feeds": store.feeds(),
        "ticket_totals": store.ticket_totals(),
        "namings": [store.naming(source) for source in sources],
        "recounts": store.recounts(),
        "attributes": [store.attributes(source, newest=n) for source in sources for n in (0, 1, 2, 99)],
        "judge_state": store.judge_state(),
        "incidents": [store.incidents(since=hour(each)) for each in HOURS],
        "incident": store.incident("INC-1"),
        "incident_totals": store.incident_totals(),
        "calibrations": [
            each
            and (
                each.settings,
                each.peaks and (each.peaks.score.tolist(), each.peaks.day.tolist(), each.peaks.n_days),
            )
            for each in calibrations
        ],
        "in_force": store.in_force(),
        "deliveries": store.deliveries(),
        "of a stage": [store.deliveries(state=stage) for stage in Stage],
        "unsettled": store.unsettled(),
        "of an incident": store.deliveries_of("INC-1"),
        "receipt": store.receipt(incident="INC-1", channel="#oncall"),
        "acts": [store.acts(stage=stage) for stage in ActStage],
        "act": [store.act(f"k{number}") for number in range(1, 5)],
        "labels": store.labels(),
        "silences": [store.silences(ending_after=hour(each)) for each in HOURS],
        "stats": (sizes.tickets, sizes.count_rows, sizes.oldest),
    }


@settings(max_examples=20)  # each begins two stores anew
@given(story=st.lists(steps, max_size=12))
def test_all_stores_agree_on_every_answer_and_every_view(story: Sequence[Told]) -> None:
    with ExitStack() as stack:
        one, other = (stack.enter_context(each()).store for each in (memory, sqlite))
        for each in story:
            assert each.step(one) == each.step(other), each
        seen, shown = views(one), views(other)
        assert {name: (seen[name], shown[name]) for name in seen if seen[name] != shown[name]} == {}
