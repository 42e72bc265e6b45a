"""A store as files and back: nothing is lost, on either database, and the daemon goes on as if nothing had happened."""

import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter
from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.app import exporting
from spikewatch.app.exporting import archives
from spikewatch.app.replaying import backtest
from spikewatch.cli import main
from spikewatch.config import Purpose, load
from spikewatch.config.model import Config
from spikewatch.core.acts import ActKind
from spikewatch.core.counts import ALL, Ticket
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Phase
from spikewatch.core.labels import Noted
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.notices import Reason
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Span
from spikewatch.delivery import Deliverer
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import Page
from tests.contract.stores import brought_up_to_date
from tests.factories import OPENED, notice
from tests.people import CHANNEL, TOKYO, People
from tests.postgres import Cluster
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, Desk, Live, Surge
from tests.simulated_desk import STEP as BUCKET

T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
STEP = timedelta(minutes=5)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('",;\n'), min_size=1, max_size=6
).filter(lambda name: name != ALL)


def configured(store: str, *, bucket: str = "5m") -> Config:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "watch.yaml"
        file.write_text(f"timezone: Asia/Tokyo\nbucket: {bucket}\nstore: {store}\n", encoding="utf-8")
        return load(file, env={}, purpose=Purpose.REPLAY)


def empty(path: Path) -> str:
    path.write_bytes(brought_up_to_date())
    return f"sqlite:///{path}"


def files(archive: Path) -> dict[str, str]:
    """What an archive in a folder holds, but for when it was made."""
    told = {each.name: each.read_text(encoding="utf-8") for each in sorted(archive.iterdir())}
    manifest = json.loads(told.pop("manifest.json"))
    return {**told, "parts": json.dumps(manifest["parts"])}


@pytest.fixture
def desk(tmp_path: Path) -> tuple[str, People, SqlStore]:
    """A store in a file on which SW-1 was told and something of everything stands."""
    url = empty(tmp_path / "first.db")
    store = open_store(url, step=STEP)
    people = People(store=store)
    tickets = [
        Ticket("1", T0, "shop", "送料, 返品", version=1, attributes=("brand:7", "field:x")),
        Ticket("2", T0, "shop", "lost", version=3, counted=False),
    ]
    store.commit_page("desk", Page(tickets, "c1", caught_up=True, watermark=T0), since=T0, seen_at=T0)
    store.save_silence(Silence(Matcher(service="shop"), Span(T0, T0 + STEP), "sato", "sale"))
    store.add_labels([Noted(Label(Span(T0, T0 + STEP), "shop", None, LabelKind.EXPECTED), "sato", "")])
    people.told()
    people.does(ActKind.ACKNOWLEDGE)
    people.delivered()
    return url, people, store


def test_a_backup_restores_on_an_empty_store_to_the_same_files(
    desk: tuple[str, People, SqlStore], tmp_path: Path
) -> None:
    url, _, store = desk
    again = empty(tmp_path / "second.db")

    exporting.back_up(configured(url), out=tmp_path / "one")
    exporting.bring_back(configured(again), archive=tmp_path / "one")
    exporting.back_up(configured(again), out=tmp_path / "two")

    assert files(tmp_path / "two") == files(tmp_path / "one")
    store.close()
    with_all = files(tmp_path / "one")
    assert with_all["ticket.csv"].count("\n") == 3
    assert "送料, 返品" in with_all["series.csv"]
    assert {"incident.jsonl", "act.jsonl", "label.jsonl", "silence.jsonl", "told.csv"} <= with_all.keys()


@settings(max_examples=6)
@given(
    st.lists(
        st.tuples(NAMES, NAMES, NAMES, st.integers(0, 2**40), st.integers(0, 9), st.booleans()), max_size=8
    ),
    st.lists(st.tuples(st.none() | NAMES, st.none() | st.just("") | NAMES), max_size=3),
)
def test_any_store_comes_back_as_it_was(
    tickets: Sequence[tuple[str, str, str, int, int, bool]],
    labels: Sequence[tuple[str | None, str | None]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, again = empty(folder / "first.db"), empty(folder / "second.db")
        store = open_store(url, step=STEP)
        read = [
            Ticket(ident, T0 + minute * STEP, service, category, version=version, counted=counted)
            for ident, service, category, version, minute, counted in tickets
        ]
        store.commit_page("desk", Page(read, "c", caught_up=True, watermark=T0), since=T0, seen_at=T0)
        store.add_labels(
            [
                Noted(Label(Span(T0, T0 + STEP), service, None, LabelKind.INCIDENT), "a", note)
                for service, note in labels
            ]
        )
        store.close()

        exporting.back_up(configured(url), out=folder / "one")
        exporting.bring_back(configured(again), archive=folder / "one")
        exporting.back_up(configured(again), out=folder / "two")

        assert files(folder / "two") == files(folder / "one")


def test_a_store_moves_from_a_file_to_a_server_and_numbers_go_on(
    desk: tuple[str, People, SqlStore], tmp_path: Path, postgres: Cluster
) -> None:
    url, _, store = desk
    store.close()
    server = postgres.schema()

    exporting.back_up(configured(url), out=tmp_path / "one.tar.gz")
    exporting.bring_back(configured(server), archive=tmp_path / "one.tar.gz")

    exporting.back_up(configured(url), out=tmp_path / "one")
    exporting.back_up(configured(server), out=tmp_path / "two")
    assert files(tmp_path / "two") == files(tmp_path / "one")
    there = open_store(server, step=STEP)
    new = there.save_silence(Silence(Matcher(service="shop"), Span(T0, T0 + STEP), "sato", "another"))
    there.add_labels([Noted(Label(Span(T0, T0 + STEP), "pay", None, LabelKind.INCIDENT), "sato")])
    there.close()
    assert new.number == 2


def test_the_daemon_goes_on_with_the_same_message_on_the_restored_store(tmp_path: Path) -> None:
    url, again = empty(tmp_path / "first.db"), empty(tmp_path / "second.db")
    store, messenger = open_store(url, step=STEP), MemoryMessenger(name="slack")
    people = People(store=store)
    people.opened()
    people.happens(notice(Reason.OPENED, incident="SW-1"))
    delivering(store, messenger, people.clock).drain()
    people.happens(notice(Reason.RESOLVED, incident="SW-1", revision=9, phase=Phase.RESOLVED))
    store.close()
    exporting.back_up(configured(url), out=tmp_path / "one.zip")
    exporting.bring_back(configured(again), archive=tmp_path / "one.zip")
    restored = open_store(again, step=STEP)
    (before,) = messenger.messages(CHANNEL)
    people.clock.advance(timedelta(minutes=10))

    delivering(restored, messenger, people.clock).drain()

    (after,) = messenger.messages(CHANNEL)
    assert after.receipt == before.receipt
    assert after.message != before.message
    assert not restored.unsettled()
    assert not delivering(restored, messenger, people.clock).drain().sent
    restored.close()


def delivering(store: SqlStore, messenger: MemoryMessenger, clock: ManualClock) -> Deliverer:
    return Deliverer(
        store=store,
        messenger=messenger,
        clock=clock,
        meter=MemoryMeter(),
        language=Language.EN,
        zone=TOKYO,
    )


def test_a_store_that_holds_data_is_refused_unless_all_of_it_may_go(
    desk: tuple[str, People, SqlStore], tmp_path: Path
) -> None:
    url, _, store = desk
    store.close()
    exporting.back_up(configured(url), out=tmp_path / "one")

    with pytest.raises(Fault, match=r"holds data already \(.*ticket.*--replace"):
        exporting.bring_back(configured(url), archive=tmp_path / "one")

    exporting.bring_back(configured(url), archive=tmp_path / "one", replace_all=True)
    exporting.back_up(configured(url), out=tmp_path / "two")
    assert files(tmp_path / "two") == files(tmp_path / "one")


def test_a_store_that_a_daemon_has_is_refused(desk: tuple[str, People, SqlStore], tmp_path: Path) -> None:
    url, _, store = desk
    exporting.back_up(configured(url), out=tmp_path / "one")

    with pytest.raises(Fault, match="in use by another"):
        exporting.bring_back(configured(url), archive=tmp_path / "one", replace_all=True)

    store.close()


def cut_off(folder: Path) -> None:
    file = folder / "ticket.csv"
    file.write_text(file.read_text(encoding="utf-8").rsplit("\n", 2)[0] + "\n", encoding="utf-8")


def changed(folder: Path) -> None:
    file = folder / "series.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("返品", "交換"), encoding="utf-8")


def newer(folder: Path) -> None:
    file = folder / "manifest.json"
    file.write_text(
        file.read_text(encoding="utf-8").replace('"spikewatch_export": 1', '"spikewatch_export": 9'), "utf-8"
    )


def of_tomorrow(folder: Path) -> None:
    file = folder / "manifest.json"
    said = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**said, "schema": "9999"}), encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (cut_off, "ticket.csv is not as it was written"),
        (changed, "series.csv is not as it was written"),
        (newer, "version 9 of an export"),
        (of_tomorrow, "schema version 9999"),
        (lambda folder: (folder / "told.csv").unlink(), "told.csv is missing or damaged"),
        (lambda folder: (folder / "manifest.json").unlink(), "no export of a store"),
    ],
)
def test_a_damaged_archive_leaves_the_store_as_it_was(
    desk: tuple[str, People, SqlStore], tmp_path: Path, harm: Callable[[Path], object], complaint: str
) -> None:
    url, _, store = desk
    store.close()
    exporting.back_up(configured(url), out=tmp_path / "good")
    exporting.back_up(configured(url), out=tmp_path / "bad")
    harm(tmp_path / "bad")

    with pytest.raises((Mistake, Fault), match=complaint):
        exporting.bring_back(configured(url), archive=tmp_path / "bad", replace_all=True)

    exporting.back_up(configured(url), out=tmp_path / "after")
    assert files(tmp_path / "after") == files(tmp_path / "good")


def test_a_file_that_is_no_archive_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("timestamp,service,category,count\n", encoding="utf-8")

    with pytest.raises(
        Mistake, match=r"^.*counts\.csv: this is no export of a store .*; name the folder.*$"
    ) as told:
        exporting.bring_back(configured(empty(tmp_path / "new.db")), archive=tmp_path / "counts.csv")

    assert len(str(told.value).splitlines()) == 1


def no_manifest(name: str, folder: Path) -> Path:
    """An archive, packed as the name says, without what tells what it is."""
    (folder / "other.csv").write_text("a\n", encoding="utf-8")
    archive = folder / name
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            packed.write(folder / "other.csv", arcname="other.csv")
    else:
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder / "other.csv", arcname="other.csv")
    return archive


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_without_a_manifest_is_told_in_words(tmp_path: Path, name: str) -> None:
    archive = no_manifest(name, tmp_path)

    with pytest.raises(Mistake) as told:
        exporting.bring_back(configured(empty(tmp_path / "new.db")), archive=archive)

    assert str(told.value) == (
        f"{archive}: this is no export of a store (it holds no manifest.json); name the folder, .tar.gz or .zip that"
        " `spikewatch export` wrote"
    )


def test_a_manifest_that_lacks_something_says_what(
    desk: tuple[str, People, SqlStore], tmp_path: Path
) -> None:
    url, _, store = desk
    store.close()
    exporting.back_up(configured(url), out=tmp_path / "bad")
    manifest = tmp_path / "bad" / "manifest.json"
    said = json.loads(manifest.read_text("utf-8"))
    del said["bucket_s"]
    manifest.write_text(json.dumps(said), encoding="utf-8")

    with pytest.raises(
        Mistake, match=r"manifest\.json is damaged \(bucket_s is missing\); copy the archive again"
    ):
        exporting.bring_back(configured(url), archive=tmp_path / "bad", replace_all=True)


def test_a_failure_while_an_archive_is_read_is_not_blamed_on_the_archive(
    desk: tuple[str, People, SqlStore], tmp_path: Path
) -> None:
    url, _, store = desk
    store.close()
    exporting.back_up(configured(url), out=tmp_path / "good")

    with pytest.raises(KeyError, match="of the reader"), archives.opened(tmp_path / "good"):
        raise KeyError("of the reader")


def test_an_archive_of_other_buckets_says_which_width_fits(
    desk: tuple[str, People, SqlStore], tmp_path: Path
) -> None:
    url, _, store = desk
    store.close()
    exporting.back_up(configured(url), out=tmp_path / "one")

    with pytest.raises(Mistake, match="buckets of 5m, the configuration says 15m"):
        exporting.bring_back(configured(url, bucket="15m"), archive=tmp_path / "one", replace_all=True)


def test_nothing_half_written_is_left_and_nothing_is_written_over(
    desk: tuple[str, People, SqlStore], tmp_path: Path
) -> None:
    url, _, store = desk
    store.close()
    (tmp_path / "taken.zip").write_bytes(b"mine")
    before = sorted(each.name for each in tmp_path.iterdir())

    with pytest.raises(Mistake, match="stands there already"):
        exporting.back_up(configured(url), out=tmp_path / "taken.zip")
    with pytest.raises(RuntimeError, match="interrupted"):
        exporting.back_up(configured(url), out=tmp_path / "new.zip", on_progress=interrupted)

    assert sorted(each.name for each in tmp_path.iterdir()) == before
    assert (tmp_path / "taken.zip").read_bytes() == b"mine"


def interrupted(_share: float) -> None:
    raise RuntimeError("interrupted")


def test_counts_replay_as_the_store_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(empty_of(tmp_path / "desk.db"), step=BUCKET)
    surging = Desk.simulated(Surge(LOGIN, JUDGED + timedelta(hours=2), 20, 4))
    live = Live(surging, store=store)  # type: ignore[arg-type]  # any store will do
    live.poll(JUDGED + timedelta(hours=6))
    store.commit_page(
        "desk",
        Page(
            [Ticket("old", BEGAN - timedelta(days=2), "shop", "parcel", version=1)],
            "c2",
            caught_up=True,
            watermark=JUDGED + timedelta(hours=6),
        ),
        since=BEGAN,
        seen_at=JUDGED,
    )
    store.close()
    file = tmp_path / "watch.yaml"
    file.write_text(
        f"timezone: Asia/Tokyo\nbucket: 15m\nstore: sqlite:///{tmp_path}/desk.db\n", encoding="utf-8"
    )
    config = load(file, env={}, purpose=Purpose.REPLAY)

    status = main(["export", "--config", str(file), "--counts-only", "--out", str(tmp_path / "c.csv.gz")])

    assert status == 0
    gaps = tmp_path / "c.gaps.csv"
    assert f"--gaps {gaps}" in capsys.readouterr().err
    since = JUDGED
    from_store = list(backtest("store", config=config, since=since, output_format="jsonl"))
    from_file = list(
        backtest(str(tmp_path / "c.csv.gz"), config=config, since=since, gaps=gaps, output_format="jsonl")
    )
    assert len(from_store) >= 1
    assert from_file == from_store


def empty_of(path: Path) -> str:
    open_store(f"sqlite:///{path}", step=BUCKET).close()
    return f"sqlite:///{path}"


def test_labels_and_incidents_are_listed_as_others_read_them(
    desk: tuple[str, People, SqlStore], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, people, store = desk
    people.does(ActKind.CONFIRM)
    store.close()
    file = tmp_path / "watch.yaml"
    source = "{kind: zendesk, name: desk, subdomain: acme, client_id: w, category: {field: 1}}"
    file.write_text(f"timezone: Asia/Tokyo\nstore: {url}\nsources: [{source}]\n", encoding="utf-8")
    config = ["--config", str(file)]

    assert main(["export", *config, "--labels-only", "--out", str(tmp_path / "labels.csv")]) == 0
    assert main(["labels", "import", *config, str(tmp_path / "labels.csv")]) == 0
    capsys.readouterr()
    assert main(["export", *config, "--incidents-only"]) == 0

    (incident,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert incident["incident"] == "SW-1"
    assert incident["label"] == "incident"
    assert incident["opened_at"] == OPENED.astimezone(TOKYO).isoformat()


def test_a_backup_needs_a_name_and_its_form_follows_from_it(
    desk: tuple[str, People, SqlStore], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _, store = desk
    store.close()
    file = tmp_path / "watch.yaml"
    file.write_text(f"timezone: Asia/Tokyo\nstore: {url}\n", encoding="utf-8")

    assert main(["export", "--config", str(file)]) == 2
    assert "needs --out" in capsys.readouterr().err
    assert main(["export", "--config", str(file), "--out", str(tmp_path / "a.tar.gz")]) == 0

    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert tar.getnames()[0] == "manifest.json"
    assert "2 tickets" in capsys.readouterr().out
