"""`status` as text and as JSON, from a store that was left in some state."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spikewatch.adapters.sql_store import open_store
from spikewatch.app.standing import status
from spikewatch.core.blindness import BlindNotice, Cause, begun, ended
from spikewatch.core.counts import Ticket
from spikewatch.core.outbox import Delivery
from spikewatch.core.timegrid import bucket_number
from spikewatch.ports import CycleCommit, JudgeState, Page

STEP = timedelta(minutes=5)
T = datetime(2026, 5, 11, 1, 0, tzinfo=UTC)
CONFIG = """\
timezone: Asia/Tokyo
calendar: {{country: JP}}
store: sqlite:///{folder}/watch.db
sources:
  - {{kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {{field: 1}}}}
"""


def configured(folder: Path) -> Path:
    file = folder / "watch.yaml"
    file.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    return file


def test_a_store_that_was_never_read_to_the_end_says_so(tmp_path: Path) -> None:
    file = configured(tmp_path)
    with_page(tmp_path, watermark=None)

    told = list(status(file, env={}, as_json=False))

    assert told[:4] == [
        "source desk: not read to the end yet",
        "judged: nothing yet",
        "detection waits: backfill 0 %",
        "open incidents: none",
    ]
    assert "messages waiting: none" in told
    assert told[-1].endswith("1 tickets, 1 counts")


def test_a_store_at_rest_tells_how_old_its_data_are(tmp_path: Path) -> None:
    file = configured(tmp_path)
    with_page(tmp_path, watermark=T)

    told = list(status(file, env={}, as_json=False))
    (line,) = status(file, env={}, as_json=True)

    assert told[0].startswith("source desk: read up to 2026-05-11 10:00 JST, ")
    assert told[0].endswith(" ago")
    assert told[1] == "judged: up to 2026-05-11 10:00 JST"
    facts = json.loads(line)
    assert facts["sources"]["desk"]["watermark"] == "2026-05-11T10:00:00+09:00"
    assert facts["judged_until"] == "2026-05-11T10:00:00+09:00"
    assert facts["incidents"] == []
    assert facts["queue"] == {}


def test_a_source_that_is_blind_says_since_when_and_why_until_it_sees_again(tmp_path: Path) -> None:
    file = configured(tmp_path)
    with_page(tmp_path, watermark=T)
    notice = begun("desk", Cause.REFUSED, since=T, at=T + timedelta(minutes=16))

    with_notice(tmp_path, notice)
    blind = list(status(file, env={}, as_json=False))
    (as_json,) = status(file, env={}, as_json=True)
    seeing = ended(notice, until=T + timedelta(hours=1), tickets=0, incidents=0, at=T + timedelta(hours=1))
    with_notice(tmp_path, seeing)
    (later,) = status(file, env={}, as_json=True)

    assert blind[1] == (
        "  blind since 2026-05-11 10:00 JST: the help desk refuses our credentials"
        " (check the OAuth client and its permissions)"
    )
    assert json.loads(as_json)["sources"]["desk"]["blind_because"] == "refused"
    assert json.loads(later)["sources"]["desk"]["blind_because"] is None


def test_sources_that_were_never_read_and_those_that_are_read_no_more_say_so(tmp_path: Path) -> None:
    file = configured(tmp_path)
    with_page(tmp_path, watermark=T, source="former")

    told = list(status(file, env={}, as_json=False))
    (line,) = status(file, env={}, as_json=True)

    assert told[0] == "source desk: nothing read yet; `spikewatch doctor` says what stands in the way"
    assert told[1].startswith("source former: read up to 2026-05-11 10:00 JST, ")
    assert told[1].endswith(" ago; no longer in the configuration")
    assert set(json.loads(line)["sources"]) == {"desk", "former"}


def with_notice(folder: Path, notice: BlindNotice) -> None:
    """Leave a delivery behind that tells of a blindness."""
    store = open_store(f"sqlite:///{folder}/watch.db", step=STEP)
    delivery = Delivery(f"{notice.key}:slack", "slack", "#desk", notice, created_at=notice.at, due=notice.at)
    store.commit_cycle(CycleCommit(store.judge_state(), deliveries=(delivery,)))
    store.close()


def with_page(folder: Path, *, watermark: datetime | None, source: str = "desk") -> None:
    """Leave a store behind that has read one ticket, and judged where it was read to the end."""
    ticket = Ticket("1", T - timedelta(hours=1), "pay", "login", version=1)
    store = open_store(f"sqlite:///{folder}/watch.db", step=STEP)
    page = Page((ticket,), "next", caught_up=watermark is not None, watermark=watermark)
    store.commit_page(source, page, since=T - timedelta(weeks=8), seen_at=T)
    if watermark is not None:
        store.commit_cycle(CycleCommit(JudgeState(judged_until=bucket_number(watermark, STEP))))
    store.close()
