"""What every store promises about counting anew: as if it had been counted that way from the start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.calibration import Calibration, Peaks
from spikewatch.core.counts import Attributes, CountRow, SeriesKey, Ticket
from spikewatch.core.settings import RenameSettings
from spikewatch.ports import Naming, Page, Recounts, Store
from tests.contract.stores import FIRST, STEP, T0, Open, counts, every_kept_store

WORDS = ("brand:1", "brand:2", "tag:a", "tag:b")
A, B, AB = ("tag:a",), ("tag:b",), ("tag:a", "tag:b")


def by_brand(attributes: Attributes) -> SeriesKey:
    return SeriesKey("one" if "brand:1" in attributes else "two", "x" if "tag:a" in attributes else "rest")


def by_tag(attributes: Attributes) -> SeriesKey:
    return SeriesKey(
        "desk", next((word for word in attributes if word.startswith("tag:")), "rest").removeprefix("tag:")
    )


def all_in_one(_: Attributes) -> SeriesKey:
    return SeriesKey("one", "x")


NAMINGS: Mapping[str, Naming] = {
    chosen.__name__: Naming(chosen.__name__, {"brand:1": "One"}, chosen)
    for chosen in (by_brand, by_tag, all_in_one)
}


@dataclass(frozen=True)
class Version:
    """One version of a ticket, before it was named."""

    id: str
    minute: int
    version: int
    attributes: Attributes | None
    counted: bool = True

    def named(self, naming: Naming) -> Ticket:
        series = SeriesKey("bare", "x") if self.attributes is None else naming.series_of(self.attributes)
        created = T0 + timedelta(minutes=self.minute)
        return Ticket(
            self.id, created, *series, self.version, counted=self.counted, attributes=self.attributes
        )


def commit(
    store: Store, *versions: Version, naming: Naming = NAMINGS["by_brand"], watermark: int | None = None
) -> None:
    mark = None if watermark is None else T0 + timedelta(minutes=watermark)
    tickets = [version.named(naming) for version in versions]
    page = Page(tickets, "c", caught_up=False, watermark=mark, naming=naming)
    store.commit_page("desk", page, since=T0, seen_at=T0)


def finish(store: Store, source: str = "desk", *, most: int = 2) -> None:
    after: str | None = ""
    while after is not None:
        after = store.recount(source, after=after, most=most)


attributes = st.none() | st.sets(st.sampled_from(WORDS)).map(lambda words: tuple(sorted(words)))
versions = st.builds(
    Version, st.sampled_from("abcdef"), st.integers(0, 60), st.integers(1, 5), attributes, st.booleans()
)
pages = st.lists(st.tuples(st.lists(versions, max_size=5), st.none() | st.integers(0, 90)), max_size=5)


@every_kept_store
@settings(max_examples=8, deadline=None)  # each begins two stores anew
@given(
    before=pages,
    between=pages,
    after=pages,
    to=st.sampled_from(sorted(NAMINGS)),
    forgotten=st.none() | st.integers(0, 60),
    broken=st.integers(0, 3),
)
@example(  # nothing is left that could move, for all of it was forgotten
    before=[([Version("a", 0, 1, ()), Version("a", 0, 1, None)], None)],
    between=[],
    after=[],
    to="all_in_one",
    forgotten=0,
    broken=0,
)
def test_counting_anew_is_as_having_counted_that_way_from_the_start(
    kept: Open,
    *,
    before: Sequence[tuple[Sequence[Version], int | None]],
    between: Sequence[tuple[Sequence[Version], int | None]],
    after: Sequence[tuple[Sequence[Version], int | None]],
    to: str,
    forgotten: int | None,
    broken: int,
) -> None:
    naming, reached = NAMINGS[to], ""
    with kept() as changed, kept() as fresh:
        for page, mark in before:
            commit(changed.store, *page, watermark=mark)
            commit(fresh.store, *page, watermark=mark, naming=naming)
        for each in (changed, fresh):
            if forgotten is not None:
                horizon = T0 + timedelta(minutes=forgotten)
                each.store.forget(tickets_before=T0 - timedelta(days=1), counts_before=horizon)

        changed.store.adopt("desk", naming)
        for _ in range(broken):  # some steps, then the program is killed
            reached = changed.store.recount("desk", after=reached, most=2) or ""
        changed.again()
        for page, mark in between:
            commit(changed.store, *page, watermark=mark, naming=naming)
            commit(fresh.store, *page, watermark=mark, naming=naming)
        finish(changed.store)
        for page, mark in after:
            commit(changed.store, *page, watermark=mark, naming=naming)
            commit(fresh.store, *page, watermark=mark, naming=naming)

        assert not changed.store.recounts().is_pending
        assert counts(changed.store) == counts(fresh.store)
        assert set(changed.store.roster().keys) <= set(fresh.store.roster().keys)
        assert changed.store.attributes("desk", newest=100) == fresh.store.attributes("desk", newest=100)


@every_kept_store
def test_a_recount_is_pending_until_its_last_step_and_over_a_restart(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A), Version("2", 1, 1, B), Version("3", 2, 1, AB))
        assert desk.store.recounts() == Recounts()

        moved = desk.store.adopt("desk", NAMINGS["by_tag"])
        reached = desk.store.recount("desk", after="", most=2)
        desk.again()

        assert moved == 3
        assert reached == "2"
        assert desk.store.recounts() == Recounts(0, is_pending=True)
        standing = desk.store.naming("desk")
        assert standing is not None
        assert (standing.digest, standing.names, standing.is_pending) == ("by_tag", {"brand:1": "One"}, True)
        assert desk.store.recount("desk", after=reached or "", most=2) is None
        assert desk.store.recounts() == Recounts(1)
        assert {str(row.series) for row in counts(desk.store)} == {"desk/a", "desk/b"}


@every_kept_store
def test_a_naming_that_moves_nothing_is_adopted_at_once(kept: Open) -> None:
    same = Naming("other", {}, by_brand)
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))

        assert desk.store.adopt("desk", same) == 0

        standing = desk.store.naming("desk")
        assert standing is not None
        assert (standing.digest, standing.is_pending) == ("other", False)
        assert desk.store.recounts() == Recounts()


@every_kept_store
def test_a_source_without_attributes_has_no_naming_and_stays_as_it_is(kept: Open) -> None:
    with kept() as desk:
        page = Page([Ticket("1", T0, "shop", "x", 1)], "c", caught_up=True)
        desk.store.commit_page("files", page, since=T0, seen_at=T0)

        desk.store.adopt("files", NAMINGS["by_tag"])
        finish(desk.store)

        assert counts(desk.store) == {CountRow(FIRST, SeriesKey("shop", "x"), 1)}


@every_kept_store
def test_a_series_that_lost_all_it_had_leaves_the_roster_and_may_come_back(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))
        assert [str(key) for key in desk.store.roster().keys] == ["two/x", "two/*", "*/*"]

        desk.store.adopt("desk", NAMINGS["by_tag"])
        finish(desk.store)
        gone = [str(key) for key in desk.store.roster().keys]
        totals = desk.store.ticket_totals()
        desk.store.adopt("desk", NAMINGS["by_brand"])
        finish(desk.store)

        assert gone == ["desk/a", "desk/*", "*/*"]
        assert set(totals) == {SeriesKey("desk", "a")}
        assert [str(key) for key in desk.store.roster().keys] == ["two/x", "two/*", "*/*"]
        assert counts(desk.store) == {CountRow(FIRST, SeriesKey("two", "x"), 1)}


@every_kept_store
def test_of_two_sources_that_are_recounted_the_first_to_end_takes_nothing_from_the_other(
    kept: Open,
) -> None:
    b = Version("2", 0, 1, ("brand:2", "tag:b"))
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))
        there = Page([b.named(NAMINGS["by_brand"])], "c", caught_up=False, naming=NAMINGS["by_brand"])
        desk.store.commit_page("files", there, since=T0, seen_at=T0)
        for source in ("desk", "files"):
            desk.store.adopt(source, NAMINGS["by_tag"])

        finish(desk.store, "files")
        finish(desk.store, "desk")

        moved = {CountRow(FIRST, SeriesKey("desk", category), 1) for category in "ab"}
        assert counts(desk.store) == moved
        assert set(desk.store.ticket_totals()) == {row.series for row in moved}


@every_kept_store
def test_calibrations_of_a_past_that_was_counted_otherwise_are_dropped(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))
        desk.store.save_calibration(Calibration(3, "s", Peaks(np.array([1.0]), np.array([0]), 1)))

        desk.store.adopt("desk", NAMINGS["by_tag"])
        finish(desk.store)

        assert desk.store.calibration(week=3) is None


@every_kept_store
def test_a_page_adopts_the_naming_that_it_brings(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))

        commit(desk.store, Version("2", 0, 1, A), naming=NAMINGS["by_tag"])

        assert desk.store.recounts().is_pending
        finish(desk.store)
        assert counts(desk.store) == {CountRow(FIRST, SeriesKey("desk", "a"), 2)}


@every_kept_store
def test_the_newest_tickets_tell_what_they_have(kept: Open) -> None:
    with kept() as desk:
        commit(
            desk.store,
            Version("1", 0, 1, B),
            Version("2", 5, 1, A),
            Version("3", 6, 1, A),
            Version("4", 7, 1, AB, counted=False),
            Version("5", 8, 1, None),
        )

        assert desk.store.attributes("desk", newest=2) == {A: 2}
        assert desk.store.attributes("desk", newest=10) == {A: 2, B: 1}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_renamed_series_are_read_under_their_present_names(kind: str, tmp_path: Path) -> None:
    renames = RenameSettings(services={"two": "one"}, categories={"x": "y", "one/rest": "y"})
    store: Store = MemoryStore(step=STEP, renames=renames)
    if kind == "sqlite":
        store = open_store(f"sqlite:///{tmp_path}/store.db", step=STEP, renames=renames)
    commit(
        store,
        Version("1", 0, 1, A),
        Version("2", 0, 1, ("brand:1",)),
        Version("3", 6, 1, ("brand:1", "tag:a")),
    )

    assert [str(key) for key in store.roster().keys] == ["one/y", "one/*", "*/*"]
    assert counts(store) == {
        CountRow(FIRST, SeriesKey("one", "y"), 2),
        CountRow(FIRST + 1, SeriesKey("one", "y"), 1),
    }
    assert store.ticket_totals() == {SeriesKey("one", "y"): 3}
    store.close()


def test_renames_undo_themselves_and_calibrations_follow(tmp_path: Path) -> None:
    url, renames = f"sqlite:///{tmp_path}/store.db", RenameSettings(services={"two": "one"})
    store = open_store(url, step=STEP)
    commit(store, Version("1", 0, 1, A))
    store.save_calibration(Calibration(3, "s", None))
    store.close()

    renamed = open_store(url, step=STEP, renames=renames)
    names, kept = renamed.roster().keys, renamed.calibration(week=3)
    renamed.close()
    back = open_store(url, step=STEP)

    assert [str(key) for key in names] == ["one/x", "one/*", "*/*"]
    assert kept is None
    assert [str(key) for key in back.roster().keys] == ["two/x", "two/*", "*/*"]
    back.close()


@every_kept_store
def test_a_late_ticket_stays_late_and_a_deleted_one_moves_without_counting(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A), Version("3", 0, 1, B), watermark=60)
        commit(desk.store, Version("2", 1, 1, A), Version("3", 0, 2, None, counted=False))

        desk.store.adopt("desk", NAMINGS["by_tag"])
        finish(desk.store)
        moved = counts(desk.store)
        commit(desk.store, Version("3", 0, 3, B), naming=NAMINGS["by_tag"])

        assert moved == {CountRow(FIRST, SeriesKey("desk", "a"), 2, 1)}
        assert counts(desk.store) == moved | {CountRow(FIRST, SeriesKey("desk", "b"), 1)}


@every_kept_store
def test_a_recount_ends_with_its_last_ticket_and_not_a_step_later(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A), Version("2", 0, 1, B))
        desk.store.adopt("desk", NAMINGS["by_tag"])

        assert desk.store.recount("desk", after="", most=2) is None
        assert desk.store.recounts() == Recounts(1)


@every_kept_store
def test_a_series_that_comes_back_goes_on_from_its_total_and_is_fed_by_whom_it_is_fed_now(kept: Open) -> None:
    before, now = NAMINGS["by_brand"], NAMINGS["by_tag"]
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A), Version("2", 0, 1, A))
        desk.store.adopt("desk", now)
        finish(desk.store)

        there = Page([Version("3", 0, 1, A).named(before)], "c", caught_up=False, naming=before)
        desk.store.commit_page("files", there, since=T0, seen_at=T0)

        assert desk.store.ticket_totals() == {SeriesKey("desk", "a"): 2, SeriesKey("two", "x"): 3}
        assert dict(desk.store.feeds()) == {"desk": frozenset({"desk"}), "files": frozenset({"two"})}


@every_kept_store
def test_a_source_whose_series_are_all_gone_feeds_nothing(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))
        desk.store.forget(tickets_before=T0 + timedelta(hours=1), counts_before=T0 + timedelta(hours=1))

        desk.store.adopt("desk", NAMINGS["by_tag"])
        finish(desk.store)

        assert dict(desk.store.feeds()) == {}


@every_kept_store
def test_what_moves_within_a_forgotten_bucket_is_on_the_roster_and_gains_nothing(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 0, 1, A))
        desk.store.forget(tickets_before=T0, counts_before=T0 + timedelta(minutes=5))

        desk.store.adopt("desk", NAMINGS["by_tag"])
        finish(desk.store)

        assert desk.store.ticket_totals() == {SeriesKey("desk", "a"): 0}


@every_kept_store
def test_what_a_ticket_that_was_not_taken_is_made_of_moves_nothing(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("1", 60, 2, A))
        desk.store.forget(tickets_before=T0 + timedelta(hours=1), counts_before=T0)
        forgotten, older = Version("2", 0, 1, B), Version("1", 60, 1, AB)

        commit(desk.store, forgotten, older)

        assert desk.store.adopt("desk", NAMINGS["by_tag"]) == 1


@every_kept_store
def test_of_tickets_of_one_second_the_last_by_name_is_the_newest(kept: Open) -> None:
    with kept() as desk:
        commit(desk.store, Version("2", 0, 1, B), Version("1", 0, 1, A), Version("3", 0, 1, AB))

        assert desk.store.attributes("desk", newest=2) == {AB: 1, B: 1}
