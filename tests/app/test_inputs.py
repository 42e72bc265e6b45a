"""A store and a file of the same desk give the same record; what is read once is replayed under several configurations."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from spikewatch.adapters.sql_store import open_store
from spikewatch.app import inputs
from spikewatch.app.replaying import Named, backtest, difference
from spikewatch.config import Config, Purpose, load
from spikewatch.core.counts import SeriesKey, Ticket
from spikewatch.errors import Fault, Mistake
from spikewatch.lab.comparing import Gate, Shift
from spikewatch.ports import Page

BEGAN = datetime(2026, 4, 6, tzinfo=UTC)
END = BEGAN + timedelta(days=18)
BURST = BEGAN + timedelta(days=17, hours=3)
STEP = timedelta(minutes=15)


def tickets() -> Iterator[Ticket]:
    """Three an hour for eighteen days, and forty within half an hour near the end."""
    for number in range(18 * 24 * 3):
        yield Ticket(str(number), BEGAN + number * timedelta(minutes=20), "shop", "late", version=1)
    for number in range(40):
        yield Ticket(f"b{number}", BURST + number * timedelta(seconds=40), "shop", "late", version=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk as a store and as a file, with a configuration that is plain and one that is deaf."""
    place = tmp_path_factory.mktemp("inputs")
    store = open_store(f"sqlite:///{place}/watch.db", step=STEP)
    listed = sorted(tickets(), key=lambda ticket: ticket.created_at)
    page = Page(listed, cursor="end", caught_up=True, watermark=END)
    store.commit_page("desk", page, since=BEGAN, seen_at=END)
    store.close()
    rows = [f"{ticket.id},{ticket.created_at.isoformat()},shop,late" for ticket in listed]
    (place / "tickets.csv").write_text("\n".join(["id,created_at,service,category", *rows]), "utf-8")
    plain = f"timezone: Asia/Tokyo\nlanguage: en\nbucket: 15m\nstore: sqlite:///{place}/watch.db\n"
    (place / "plain.yaml").write_text(plain, "utf-8")
    (place / "deaf.yaml").write_text(f"{plain}detection: {{min_tickets: 900}}\n", "utf-8")
    (place / "other.yaml").write_text(plain.replace("watch.db", "other.db"), "utf-8")
    return place


def config(folder: Path, name: str = "plain") -> Config:
    return load(folder / f"{name}.yaml", env={}, purpose=Purpose.REPLAY)


def test_the_store_and_a_file_of_its_tickets_are_the_same_record(folder: Path) -> None:
    of_store = inputs.read("store", config=config(folder)).recording(config(folder), until=None)
    of_file = inputs.read(str(folder / "tickets.csv"), config=config(folder)).recording(
        config(folder), until=END
    )

    assert of_store.until == of_file.until == END
    assert np.array_equal(of_store.panel.counts, of_file.panel.counts)
    assert np.array_equal(of_store.panel.known, of_file.panel.known)


def test_they_give_the_same_incidents_in_every_format(folder: Path) -> None:
    for style in ("jsonl", "table"):
        of_store = [*backtest("store", config=config(folder), output_format=style)]
        of_file = [
            *backtest(str(folder / "tickets.csv"), config=config(folder), until=END, output_format=style)
        ]
        assert of_store == of_file
        assert "shop" in "".join(of_store)


def test_gaps_of_a_file_hold_for_the_store_too(folder: Path) -> None:
    gaps = folder / "gaps.csv"
    day = (BURST - timedelta(hours=3), BURST + timedelta(hours=12))
    gaps.write_text(f"start,end,service\n{day[0].isoformat()},{day[1].isoformat()},shop\n", "utf-8")

    found = [*backtest("store", config=config(folder), gaps=gaps, output_format="jsonl")]

    assert found == []


def test_one_reading_is_compared_under_two_configurations(folder: Path) -> None:
    told = difference(
        "store",
        before=Named(config(folder), "plain.yaml"),
        after=Named(config(folder, "deaf"), "deaf.yaml"),
        gates=[Gate("--max-lost", Shift.LOST, 0), Gate("--max-new", Shift.GAINED, 0)],
    )

    assert told.unmet == ("1 incident lost, and --max-lost allows 0",)
    assert [*told.lines][-1] == "1 -> 0 incidents: 1 lost, 0 gained, 0 earlier, 0 later"


def test_progress_of_a_comparison_runs_once_from_nothing_to_all(folder: Path) -> None:
    shares: list[float] = []
    both = Named(config(folder), "plain.yaml")

    difference("store", before=both, after=both, since=BURST, on_progress=shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_another_store_cannot_be_compared(folder: Path) -> None:
    with pytest.raises(Mistake, match=r"store: .*other\.db .*differ"):
        difference(
            "store",
            before=Named(config(folder, "other"), "other.yaml"),
            after=Named(config(folder), "plain.yaml"),
        )


def test_a_store_that_holds_nothing_is_told_with_a_remedy(folder: Path) -> None:
    open_store(f"sqlite:///{folder}/other.db", step=STEP).close()

    with pytest.raises(Fault, match="holds no counts yet"):
        backtest("store", config=config(folder, "other"))


def test_labels_are_about_what_is_called_so_now(folder: Path) -> None:
    labels = folder / "labels.csv"
    span = f"{BURST.isoformat()},{END.isoformat()}"
    labels.write_text(f"start,end,service,category,kind\n{span},Old shop,late,incident\n", "utf-8")
    (folder / "renamed.yaml").write_text(
        "timezone: Asia/Tokyo\nrenames: {services: {Old shop: shop}, categories: {late: parcel}}\n", "utf-8"
    )
    renaming = config(folder, "renamed")

    read = inputs.read(str(folder / "tickets.csv"), config=renaming, labels=labels)

    (label,) = read.labels(renaming)
    assert SeriesKey(label.service or "", label.category or "") == SeriesKey("shop", "parcel")


def test_a_span_outside_the_input_is_refused_with_where_it_lies(folder: Path) -> None:
    file = str(folder / "tickets.csv")

    with pytest.raises(Mistake, match="the input ends on"):
        backtest(file, config=config(folder), since=END + timedelta(days=9))
    with pytest.raises(Mistake, match="there is nothing before"):
        backtest(file, config=config(folder), until=BEGAN)
    with pytest.raises(Mistake, match="knows nothing before"):
        backtest("store", config=config(folder), until=BEGAN)


def test_too_short_an_input_says_that_nothing_was_judged(folder: Path) -> None:
    said: list[str] = []

    lines = [*backtest("store", config=config(folder), until=BEGAN + timedelta(days=9), say=said.append)]

    assert said[-1] == "nothing was judged: the input holds fewer than 14 known days; give a longer one"
    assert lines[-1].startswith("0 incidents")


def test_an_end_years_after_the_last_row_is_taken_for_a_mistyped_one(folder: Path) -> None:
    plain = config(folder)
    found = inputs.read(str(folder / "tickets.csv"), config=plain)

    with pytest.raises(
        Mistake, match=r"--until 2030-.*: the last row is of 2026-04-2.*; name a time before 2026-06-"
    ):
        found.recording(plain, until=datetime(2030, 12, 31, tzinfo=UTC))

    assert found.recording(plain, until=END + timedelta(weeks=4)).until == END + timedelta(weeks=4)
