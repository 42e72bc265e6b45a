"""The real daemon in a process of its own, on a simulated desk and chat in this one.

The desk's tickets are made relative to the machine's clock: three quiet weeks, then half an hour of surge. With buckets of
ten seconds the daemon has something new to judge six times a minute.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

from spikewatch.adapters.clock import SystemClock
from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, HelpDesk

CLIENT_ID, CLIENT_SECRET, BOT_TOKEN = "tests", "desk-secret-of-the-tests", "xoxb-of-the-tests"
CATEGORY = DropDown(
    360001,
    "Category",
    {"login": "Cannot log in", "late": "Late parcel", "refund": "Refund", "card": "Card declined"},
)
CATALOGUE = Catalogue({1: "shop", 2: "pay"}, (CATEGORY,))
SERIES = ((1, "login"), (1, "late"), (1, "refund"), (2, "card"))
QUIET_DAYS = 23
TURN_S = 0.05
STOPS_WITHIN = timedelta(seconds=5)
GONE_WITHIN_S = 40.0

CONFIG = """\
timezone: Asia/Tokyo
language: en
bucket: 10s
history: 3w
store: sqlite:///watch.db
poll: {{every: 10s}}
detection: {{critical_score: 90, windows: [5m, 15m, 1h]}}
sources:
  - kind: zendesk
    name: desk
    url: {desk}
    client_id: {client_id}
    service: {{from: brand}}
    category: {{field: {field}, show: label}}
    requests_per_minute: 100
    backfill_requests_per_minute: 100
slack: {{channel: "#alerts", url: "{chat}"}}
services: {{pay: {{channel: "#pay"}}}}
metrics: {{listen: "127.0.0.1:0", windows: [15m]}}
"""


# -- time


def now() -> datetime:
    """Return the machine's time; the daemon under test has no other."""
    return SystemClock().now()


def eventually(claim: Callable[[], bool], *, within_s: float = 40.0, why: Callable[[], str] = str) -> None:
    """Wait until a claim holds, and fail with `why` when it does not within the time."""
    pause = threading.Event()
    for _ in range(int(within_s / TURN_S)):
        if claim():
            return
        pause.wait(TURN_S)
    message = f"not within {within_s} s: {why()}"
    raise AssertionError(message)


# -- the desk


def quiet_weeks(until: datetime) -> Iterator[DeskTicket]:
    """Yield about six tickets an hour up to an instant, in three series."""
    dice, at, ids = random.Random(20261121), until - timedelta(days=QUIET_DAYS), count(1)
    while at < until:
        brand, option = dice.choices(SERIES, weights=[3, 1, 1, 2])[0]
        yield ticket(next(ids), at, brand=brand, option=option)
        at += timedelta(seconds=dice.expovariate(1 / 600))


def surge(
    since: datetime, *, tickets: int, first_id: int, option: str = "login", shown_at: datetime | None = None
) -> Iterator[DeskTicket]:
    """Yield tickets of the shop at four a minute; the desk shows each at once, or all of them later."""
    for number in range(tickets):
        created = since + timedelta(seconds=15 * number)
        yield ticket(first_id + number, created, brand=1, option=option, shown_at=shown_at)


def ticket(
    number: int, created: datetime, *, brand: int, option: str, shown_at: datetime | None = None
) -> DeskTicket:
    """Return a ticket that was never edited."""
    return DeskTicket(
        id=number,
        created_at=created.replace(microsecond=0),
        generated_timestamp=int((shown_at or created).timestamp()),
        brand_id=brand,
        values=((CATEGORY.id, option),),
    )


def desk_of(tickets: Sequence[DeskTicket], *, port: int = 0) -> HelpDesk:
    """Return a desk on the machine's clock that allows as much as the daemon asks."""
    return HelpDesk(
        tickets,
        now=now,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        catalogue=CATALOGUE,
        port=port,
        exports_per_minute=1000,
    )


def exports(desk: HelpDesk) -> Sequence[Mapping[str, str]]:
    """Return the queries of every export request."""
    return [asked.query for asked in desk.requests if asked.endpoint is Endpoint.EXPORT]


def chat_of() -> Chat:
    """Return a chat with the channels of the configuration."""
    return Chat(clock=SystemClock(), channels=("alerts", "pay"), token=BOT_TOKEN)


# -- the program


def write_config(folder: Path, *, desk: HelpDesk, chat: Chat) -> Path:
    """Write the configuration of these stand-ins and return its path."""
    file = folder / "watch.yaml"
    text = CONFIG.format(desk=desk.url, chat=chat.url, client_id=CLIENT_ID, field=CATEGORY.id)
    file.write_text(text, encoding="utf-8")
    return file


def environment() -> dict[str, str]:
    """Return an environment with the secrets of the stand-ins and no other setting of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPIKEWATCH_")}
    return clean | {
        "SPIKEWATCH_DESK_CLIENT_SECRET": CLIENT_SECRET,
        "SPIKEWATCH_SLACK_BOT_TOKEN": BOT_TOKEN,
    }


def spikewatch(*argv: str, folder: Path, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "spikewatch", *argv],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass
class Running:
    """A daemon under way: what it logged, and what its port answers."""

    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def lines(self) -> Sequence[str]:
        """Every complete line of standard error so far."""
        return [
            line for line in self.log_file.read_text("utf-8").splitlines(keepends=True) if line[-1] == "\n"
        ]

    @property
    def events(self) -> Sequence[Mapping[str, object]]:
        """Every log line as an object; a line that is no JSON fails the test."""
        return [json.loads(line) for line in self.lines]

    def says(self, event: str) -> bool:
        """Tell whether an event was logged."""
        return any(line["event"] == event for line in self.events)

    def wait_for(self, event: str) -> None:
        """Wait until an event is logged."""
        eventually(lambda: self.says(event) or self._has_ended(), why=self.story)
        assert self.says(event), self.story()

    def story(self) -> str:
        """Return what was logged, short enough to be read in a failed test."""
        return "\n".join(f"{line['event']} {line.get('error', '')}" for line in self.events)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page of the daemon."""
        url = next(str(line["metrics"]) for line in self.events if line["event"] == "started")
        connection = HTTPConnection(url.split("/")[2], timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def terminate(self) -> int:
        """Ask the daemon to end and return its exit status; more than five seconds of its own fail the test."""
        return self.end(signal.SIGTERM)

    def end(self, number: signal.Signals) -> int:
        """The same with a signal; the log says how long it took, for starting and ending a process is the machine's."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=GONE_WITHIN_S)
        moments = {line["event"]: datetime.fromisoformat(str(line["timestamp"])) for line in self.events}
        assert moments["stopped"] - moments["stopping"] < STOPS_WITHIN, self.story()
        return status

    def kill(self) -> None:
        """End the daemon as a power cut would."""
        self.process.kill()
        self.process.wait(timeout=GONE_WITHIN_S)

    def _has_ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def daemon(folder: Path) -> Iterator[Running]:
    """Run the daemon of the folder's configuration, and see to it that nothing is left of it."""
    log_file = folder / f"log-{len(list(folder.glob('log-*')))}"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "spikewatch", "run", "--config", "watch.yaml"],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
        )
        try:
            yield Running(process, log_file)
        finally:
            process.kill()
            process.wait(timeout=GONE_WITHIN_S)
