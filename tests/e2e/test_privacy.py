"""No subject, body, name or address is ever stored, logged, measured or told: planted everywhere, found nowhere."""

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from spikewatch.adapters import log as logs
from spikewatch.adapters.clock import ManualClock
from spikewatch.app.assembly import Assembly, assemble
from spikewatch.app.explaining import explain
from spikewatch.config import Purpose, load
from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, Fault, HelpDesk, Spell

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIELD, TEXT_FIELD = 900, 901
PLANTED = (
    "山田太郎",
    "Yamada Taro",
    "taro.yamada@example.co.jp",
    "090-1234-5678",
    "+81 90 1234 5678",
    "09012345678",
    "東京都千代田区1-1",
    "ログインできません。パスワードは",
    "Refund for order of Jane Roe",
)
SECRET = "desk-secret-s3cret"
CONFIG = """\
timezone: Asia/Tokyo
language: en
history: 2w
store: sqlite:///{store}
sources:
  - kind: zendesk
    name: desk
    url: {desk}
    client_id: tests
    service: {{from: brand}}
    category: {{field: 900, show: label}}
slack: {{channel: "#ops", url: "{chat}"}}
metrics: {{listen: "127.0.0.1:0"}}
"""


def steady() -> Iterator[DeskTicket]:
    """Three weeks of a ticket every half hour, then sixty in ten minutes."""
    at, number = NOW - timedelta(days=21), 0
    while at < NOW:
        number += 1
        yield ticket(number, at)
        at += 30 * MINUTE
    for extra in range(60):
        yield ticket(number + 1 + extra, NOW + extra * timedelta(seconds=10))


def ticket(number: int, at: datetime) -> DeskTicket:
    return DeskTicket(
        number,
        created_at=at.replace(microsecond=0),
        generated_timestamp=int(at.timestamp()),
        brand_id=1,
        values=((FIELD, "login"), (TEXT_FIELD, PLANTED[number % len(PLANTED)])),
        tags=("vip", PLANTED[2], PLANTED[5]),
        subject=PLANTED[number % len(PLANTED)],
    )


def personal(page: dict[str, Any]) -> dict[str, Any]:
    """Return a page whose rows have personal data in every free text, as Zendesk's have."""
    people = " ".join(PLANTED)
    more = {
        "description": people,
        "recipient": PLANTED[2],
        "external_id": people,
        "via": {
            "channel": "email",
            "source": {"from": {"address": PLANTED[2], "name": PLANTED[0]}, "to": {}},
        },
        "satisfaction_rating": {"score": "bad", "comment": people},
        "custom_status": people,
        "requester": {"name": PLANTED[1], "email": PLANTED[2], "phone": PLANTED[3]},
    }
    return {**page, "users": [more["requester"]], "tickets": [{**row, **more} for row in page["tickets"]]}


def spells() -> Iterator[Spell]:
    """Personal data in every page, and then in every kind of failure, one minute each."""
    people = " ".join(PLANTED).encode()
    html = {"Content-Type": "text/html; charset=utf-8"}
    failures = (
        Fault(status=500, headers={"Content-Type": "application/json"}, body=json.dumps(PLANTED).encode()),
        Fault(status=503, headers=html, body=b"<h1>" + people + b"</h1>"),
        Fault(status=200, headers=html, body=b"<h1>" + people + b"</h1>"),
        Fault(status=403, headers=html, body=people),
        Fault(status=422, body=json.dumps({"error": PLANTED}).encode()),
        Fault(status=429, headers={"Retry-After": "1", "X-Said": PLANTED[1]}, body=people),
        Fault(status=302, headers={"Location": f"https://elsewhere.example/{PLANTED[4].replace(' ', '')}"}),
        Fault(status=200, body=b'{"tickets": [{"id": "' + people + b'"}], "end_of_stream": true}'),
        Fault(status=200, body=b'{"tickets": "' + people),
    )
    for number, fault in enumerate(failures, start=1):
        start = NOW + 20 * MINUTE + number * 10 * MINUTE
        yield Spell(Endpoint.EXPORT, fault, start, start + 2 * MINUTE)
    yield Spell(Endpoint.EXPORT, Fault(edit=personal), NOW - timedelta(days=1), NOW + timedelta(days=1))


def forms_of(text: str) -> Iterator[bytes]:
    """Every way in which a text may lie in a file or a line."""
    yield text.encode()
    yield text.encode("utf-16-le")
    yield json.dumps(text)[1:-1].encode()
    yield base64.b64encode(text.encode()).rstrip(b"=")[:-1]


def scraped(assembly: Assembly) -> bytes:
    """Return all metrics of a daemon, as Prometheus gets them."""
    assembly.http.start()
    try:
        with urlopen(f"http://{assembly.http.address}/metrics") as answer:
            page: bytes = answer.read()
    finally:
        assembly.http.stop()
    return page


def traces(where: bytes) -> set[str]:
    return {text for text in PLANTED if any(form in where for form in forms_of(text))}


@pytest.fixture
def written() -> StringIO:
    """Every log line at DEBUG, those of the libraries included, as they are written."""
    stream = StringIO()
    logs.configure(stream, level="DEBUG", json=True, secrets=[SECRET])
    for name in logs.QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG)
    return stream


def test_planted_personal_data_is_found_nowhere(tmp_path: Path, written: StringIO) -> None:
    clock = ManualClock(NOW)
    fields = (DropDown(FIELD, "Category", {"login": "Log-in"}),)
    with (
        HelpDesk(
            list(steady()),
            now=clock.now,
            client_id="tests",
            client_secret=SECRET,
            catalogue=Catalogue({1: "shop"}, fields),
            exports_per_minute=1000,
            spells=list(spells()),
        ) as desk,
        Chat(clock=clock, channels=("ops",), token="xoxb-tests") as chat,
    ):
        file = tmp_path / "watch.yaml"
        file.write_text(CONFIG.format(store=tmp_path / "watch.db", desk=desk.url, chat=chat.url), "utf-8")
        env = {"SPIKEWATCH_DESK_CLIENT_SECRET": SECRET, "SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-tests"}
        config = load(file, env=env, purpose=Purpose.RUN)
        assembly = assemble(config, clock=clock)
        with closing(assembly.store):
            for _ in range(30):
                for job in ("poll:desk", "beside:desk", "judge", "deliver"):
                    assembly.daemon.run_once(job)
                clock.advance(5 * MINUTE)
            metrics = scraped(assembly)
        told = json.dumps([[each.text, each.blocks] for each in chat.messages], ensure_ascii=False)
        spoiled = desk.spoiled
    explained = "".join(explain(config, service="shop", category=None, at=None, output_format="json"))

    assert min(spoiled) > 0
    assert len(chat.messages) > 0
    assert "poll_failed" in written.getvalue()
    assert "shop" in explained
    places = {
        "store": b"".join(each.read_bytes() for each in tmp_path.glob("watch.db*")),
        "log": written.getvalue().encode(),
        "metrics": metrics,
        "chat": told.encode(),
        "explain": explained.encode(),
    }
    assert all(b"shop" in where for name, where in places.items() if name != "log")
    assert {name: traces(where) for name, where in places.items()} == {name: set() for name in places}
    assert not [name for name, where in places.items() if SECRET.encode() in where]


def test_the_search_for_traces_finds_what_is_there() -> None:
    assert traces(json.dumps({"x": PLANTED[0]}).encode()) == {PLANTED[0]}
    assert traces(PLANTED[4].encode("utf-16-le")) == {PLANTED[4]}
