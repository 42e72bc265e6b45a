"""The weekly report: its figures out of a store, its forms, and that the daemon tells each week once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from threading import Lock
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter
from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.app.assembly import assemble
from spikewatch.app.detecting import detector_of
from spikewatch.app.reporting.forms import Form
from spikewatch.app.reporting.gathering import gather
from spikewatch.app.reporting.on_demand import report
from spikewatch.app.reporting.weekly import WeeklyReport
from spikewatch.cli import main
from spikewatch.config import Purpose, load
from spikewatch.config.model import Config
from spikewatch.core.counts import Ticket
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.labels import Noted
from spikewatch.core.outbox import Stage
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Span
from spikewatch.core.weekly import Week
from spikewatch.delivery import Deliverer
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import Page
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, PARCEL, STEP, Desk, Live, Surge

TOKYO = ZoneInfo("Asia/Tokyo")
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 5, 4, 0, 0, tzinfo=UTC)
"""When the report of 2026-W18 is due: nine in Tokyo."""

CONFIG = """\
timezone: Asia/Tokyo
bucket: 15m
language: en
history: 3w
store: sqlite:///{folder}/watch.db
slack: {{channel: "#desk"}}
report: {{channel: "#week"}}
"""


@pytest.fixture
def configured(tmp_path: Path) -> Config:
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    return load(file, env={}, purpose=Purpose.REPLAY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(f"sqlite:///{tmp_path}/watch.db", step=STEP)
    yield made
    made.close()


def lived(store: SqlStore, *, until: datetime) -> Live:
    """A desk with a surge of logins in 2026-W18, and more parcels all that week."""
    more = Surge(PARCEL, datetime(2026, 4, 26, 15, tzinfo=UTC), 3, 7 * 96)
    desk = Desk.simulated(Surge(LOGIN, JUDGED + 2 * HOUR, 20, 4), more)
    live = Live(desk, store=store)  # type: ignore[arg-type]  # any store will do
    live.begin().live_through(JUDGED + 6 * HOUR, every=HOUR)
    live.poll(until)
    return live


def reporter(store: SqlStore, config: Config) -> WeeklyReport:
    return WeeklyReport(store, config=config, detector_at=lambda at: detector_of(config, at=at), turn=Lock())


def read_until(store: SqlStore, until: datetime, *, since: datetime = BEGAN) -> None:
    ticket = Ticket("1", until - 20 * HOUR, "shop", "parcel", version=1)
    page = Page([ticket], until.isoformat(), caught_up=True, watermark=until)
    store.commit_page("desk", page, since=since, seen_at=until)


def test_the_figures_of_a_week_are_those_of_the_store(store: SqlStore, configured: Config) -> None:
    lived(store, until=MONDAY)
    store.add_labels(
        [Noted(Label(Span(JUDGED + HOUR, JUDGED + 4 * HOUR), "payments", None, LabelKind.INCIDENT), "sato")]
    )

    week = gather(
        store,
        Week.named("2026-W18"),
        config=configured,
        detector_at=lambda at: detector_of(configured, at=at),
    )

    counted = store.counts(first=0, stop=2**40)
    span = week.span
    inside = [
        row.tickets
        for row in counted
        if span.start <= datetime.fromtimestamp(row.bucket * 900, tz=UTC) < span.end
    ]
    assert week.fleet is not None
    assert week.fleet.tickets == sum(inside)
    assert week.fleet.tickets == sum(each.tickets for each in week.categories)
    assert [each.series for each in week.grown][:1] == [PARCEL]
    (found,) = (line for line in week.incidents if LOGIN in line.series)
    assert found.label is LabelKind.INCIDENT
    assert week.accuracy.recall == 1.0
    assert week.is_whole


def test_what_was_expected_is_what_was_normal_when_the_week_began(
    store: SqlStore, configured: Config
) -> None:
    lived(store, until=datetime(2026, 5, 10, 15, tzinfo=UTC))

    week = gather(
        store,
        Week.named("2026-W19"),
        config=configured,
        detector_at=lambda at: detector_of(configured, at=at),
    )

    (login,) = (each for each in week.categories if each.series == LOGIN)
    assert login.expected is not None
    assert login.expected == pytest.approx(login.tickets, rel=0.25)
    assert week.fleet is not None
    assert week.fleet.expected is not None


def test_a_week_half_known_is_compared_with_the_same_half(store: SqlStore, configured: Config) -> None:
    lived(store, until=datetime(2026, 5, 1, 3, tzinfo=UTC))

    week = gather(
        store,
        Week.named("2026-W18"),
        config=configured,
        detector_at=lambda at: detector_of(configured, at=at),
    )

    assert not week.is_whole
    assert week.fleet is not None
    assert week.fleet.before is not None
    assert week.fleet.tickets / week.fleet.before == pytest.approx(1.6, rel=0.2)


class Checker(HTMLParser):
    """Notes what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("language", Language)
def test_every_form_holds_what_was_asked_most(
    store: SqlStore, configured: Config, form: Form, language: Language
) -> None:
    read_until(store, MONDAY)

    told = "\n".join(report(configured, week="2026-W18", form=form, language=language))

    assert "parcel" in told
    assert told.endswith("\n") is False
    if form in (Form.JSON, Form.SLACK):
        assert json.loads(told)
    if form is Form.HTML:
        checker = Checker()
        checker.feed(told)
        assert not {"script", "link", "img", "iframe"} & set(checker.tags)
        assert f'lang="{language.value}"' in told


def test_names_from_the_help_desk_run_nothing(store: SqlStore, configured: Config) -> None:
    ticket = Ticket("1", MONDAY - 20 * HOUR, "<script>x</script>", "a|b *c* `d`", version=1)
    store.commit_page(
        "desk", Page([ticket], "c", caught_up=True, watermark=MONDAY), since=BEGAN, seen_at=MONDAY
    )

    page = "\n".join(report(configured, week="2026-W18", form=Form.HTML))
    text = "\n".join(report(configured, week="2026-W18", form=Form.MARKDOWN))

    assert "<script" not in page
    assert "<script" not in text
    assert r"a\|b \*c\* \`d\`" in text


def test_a_week_that_is_none_or_unknown_says_what_to_name(store: SqlStore, configured: Config) -> None:
    with pytest.raises(Fault, match="holds no counts yet"):
        report(configured, week="2026-W18", form=Form.JSON)
    read_until(store, MONDAY)

    with pytest.raises(Mistake, match="no week 54"):
        report(configured, week="2026-W54", form=Form.JSON)
    with pytest.raises(Mistake, match="has not begun yet"):
        report(configured, week="2199-W01", form=Form.JSON)
    with pytest.raises(Fault, match="knows nothing of 2026-W10: it begins on 2026-0"):
        report(configured, week="2026-W10", form=Form.JSON)


def test_the_command_writes_a_file(
    store: SqlStore, configured: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_until(store, MONDAY)
    asked = ["report", "--config", str(tmp_path / "watch.yaml"), "--week", "2026-W18"]

    assert main([*asked, "--format", "html", "--out", str(tmp_path / "week.html")]) == 0
    assert main([*asked, "--language", "ja"]) == 0

    assert (tmp_path / "week.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "問い合わせ週報 2026-W18" in capsys.readouterr().out
    assert configured.report.channel == "#week"


# -- told by the daemon


def told(store: SqlStore, messenger: MemoryMessenger, *, now: datetime) -> int:
    Deliverer(
        store=store,
        messenger=messenger,
        clock=ManualClock(now),
        meter=MemoryMeter(),
        language=Language.EN,
        zone=TOKYO,
    ).drain()
    return len(messenger.messages("#week"))


def test_a_week_is_told_once_from_monday_nine_on(store: SqlStore, configured: Config) -> None:
    messenger = MemoryMessenger(name="slack")
    read_until(store, MONDAY - 4 * HOUR)
    reporter(store, configured).look(now=MONDAY - 24 * HOUR)
    weekly = reporter(store, configured)
    read_until(store, MONDAY)

    early = weekly.look(now=MONDAY - timedelta(seconds=1))
    due = weekly.look(now=MONDAY)
    again = weekly.look(now=MONDAY + timedelta(minutes=5))
    restarted = reporter(store, configured).look(now=MONDAY + 2 * HOUR)

    assert (early, str(due), again, restarted) == (None, "2026-W18", None, None)
    assert told(store, messenger, now=MONDAY) == 1
    assert told(store, messenger, now=MONDAY + HOUR) == 1
    assert "Support week 2026-W18" in messenger.messages("#week")[0].message.text


def test_a_daemon_that_was_down_tells_it_when_it_is_up_again(store: SqlStore, configured: Config) -> None:
    read_until(store, MONDAY)
    reporter(store, configured).look(now=MONDAY - 24 * HOUR)

    late = reporter(store, configured).look(now=MONDAY + 50 * HOUR)

    assert str(late) == "2026-W18"


def test_a_daemon_that_starts_for_the_first_time_says_nothing_of_what_it_did_not_see(
    store: SqlStore, configured: Config
) -> None:
    read_until(store, MONDAY)

    first = reporter(store, configured).look(now=MONDAY + HOUR)
    next_week = reporter(store, configured).look(now=MONDAY + timedelta(weeks=1, hours=7))

    assert first is None
    assert str(next_week) == "2026-W19"
    assert [each.stage for each in store.deliveries()] == [Stage.SUPERSEDED, Stage.QUEUED]


def test_a_week_that_is_not_read_to_its_end_is_waited_for_but_not_for_ever(
    store: SqlStore, configured: Config
) -> None:
    read_until(store, MONDAY - 30 * HOUR)
    weekly = reporter(store, configured)
    weekly.look(now=MONDAY - 24 * HOUR)

    assert weekly.look(now=MONDAY) is None
    assert str(weekly.look(now=MONDAY + 6 * HOUR)) == "2026-W18"


RECEIVERS = """\
receivers:
  - {kind: webhook, name: hook, url: "https://hooks.example.com/x", report: true}
  - {kind: webhook, name: other, url: "https://hooks.example.com/y"}
  - {kind: mail, name: team, host: smtp.example.com, sender: a@example.com, to: [b@example.com], report: true, language: ja}
"""


@pytest.mark.parametrize("slack", [True, False])
def test_receivers_that_want_the_report_are_told_it_by_the_same_outbox(
    store: SqlStore, tmp_path: Path, *, slack: bool
) -> None:
    file = tmp_path / "more.yaml"
    text = CONFIG.format(folder=tmp_path)
    kept = [line for line in text.splitlines() if slack or not line.startswith("slack")]
    file.write_text("\n".join([*kept, RECEIVERS]), encoding="utf-8")
    config = load(file, env={}, purpose=Purpose.REPLAY)
    read_until(store, MONDAY)
    reporter(store, config).look(now=MONDAY - 24 * HOUR)

    week = reporter(store, config).look(now=MONDAY)
    again = reporter(store, config).look(now=MONDAY + HOUR)

    assert (str(week), again) == ("2026-W18", None)
    rows = [row for row in store.deliveries() if row.stage is Stage.QUEUED]
    beside = {("hook", "webhook:hook"), ("team", "mail:team")}
    assert {(row.receiver, row.channel) for row in rows} == beside | (
        {("slack", "#week")} if slack else set()
    )
    assert len({row.key for row in rows}) == len(rows)


@pytest.mark.parametrize("change", ["report: {enabled: false}", "slack: null"])
def test_without_slack_or_where_it_is_off_nothing_is_told(
    store: SqlStore, tmp_path: Path, change: str
) -> None:
    file = tmp_path / "off.yaml"
    key = change.partition(":")[0]
    kept = [line for line in CONFIG.format(folder=tmp_path).splitlines() if not line.startswith(key)]
    file.write_text("\n".join([*kept, change]), encoding="utf-8")
    config = load(file, env={}, purpose=Purpose.REPLAY)
    read_until(store, MONDAY)

    for hours in (-24, 0, 48):
        assert reporter(store, config).look(now=MONDAY + hours * HOUR) is None

    assert not store.deliveries()


def test_the_daemon_has_a_job_that_looks_whether_a_week_is_due(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("id,created_at,service,category\n", encoding="utf-8")
    file = tmp_path / "watch.yaml"
    source = f"sources: [{{kind: csv, name: file, path: {tmp_path}/tickets.csv}}]"
    text = CONFIG.format(folder=tmp_path) + f'{source}\nmetrics: {{listen: "127.0.0.1:0"}}\n'
    file.write_text(text, encoding="utf-8")
    config = load(file, env={"SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-1"}, purpose=Purpose.RUN)
    clock = ManualClock(MONDAY + HOUR)
    assembly = assemble(config, clock=clock)
    (job,) = (each for each in assembly.parts.jobs if each.name == "report")

    job.call()

    (row,) = assembly.store.deliveries()
    assert (row.incident, row.channel, row.stage) == ("report-2026-W18", "#week", Stage.SUPERSEDED)
    assembly.store.close()
