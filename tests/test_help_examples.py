"""Every example in the help and in the README does what it says, in a folder where all that it names is there.

Commands that serve until they are stopped, or ask a server that is not there, are run with `--help` instead: UNTRIED says
which, and where else they are tried.
"""

import argparse
import gzip
import random
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.sql_store import open_store
from spikewatch.cli import main
from spikewatch.cli.frame import command_line
from spikewatch.core.counts import SeriesKey
from spikewatch.core.incidents import Incidents
from spikewatch.ports import CycleCommit, JudgeState
from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import Catalogue, HelpDesk
from tests.core_factories import incident, surge
from tests.e2e.running import (
    BOT_TOKEN,
    CATALOGUE,
    CATEGORY,
    CLIENT_ID,
    CLIENT_SECRET,
    daemon,
    now,
    quiet_weeks,
)

README = Path(__file__).parent.parent / "README.md"

UNTRIED: Mapping[str, str] = {
    "demo": "tells its story for minutes: tests/e2e/test_demo.py",
    "sandbox": "serves until it is stopped: tests/e2e/test_sandbox.py",
    "run": "runs until it is stopped: tests/e2e/test_run.py",
    "notify test": "posts about one message a second for half a minute",
    "prom verify": "asks a Prometheus: tests/prom",
    "prom password": "reads what another program pipes into it",
}

BEFORE: Mapping[str, str] = {
    "silence remove": 'silence add --config spikewatch.yaml "*" --for 2h --reason test --by sato',
    "labels remove": "labels add --config spikewatch.yaml incident --start 2026-11-02 --end 2026-11-03 --by sato",
    "import": "export --config spikewatch.yaml --out backup.tar.gz",
}
"""What has to have happened before an example makes sense."""

CONFIG = """\
timezone: Asia/Tokyo
language: en
bucket: 5m
history: 3w
store: sqlite:///watch.db
sources:
  - kind: zendesk
    name: desk
    url: "{desk}"
    client_id: {client_id}
    category: {{field: {field}}}
    requests_per_minute: 100
    backfill_requests_per_minute: 100
slack: {{channel: "#support", url: "{chat}"}}
metrics: {{listen: "127.0.0.1:0"}}
"""


# -- which examples there are


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command, and every action of a command, by its words."""

    def below(
        parser: argparse.ArgumentParser, words: tuple[str, ...]
    ) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        if words:
            yield " ".join(words), parser
        for action in parser._actions:  # noqa: SLF001 -- argparse has no other way to ask what a parser takes
            if isinstance(action.choices, Mapping):
                for name, inner in action.choices.items():
                    yield from below(inner, (*words, name))

    yield from below(command_line(), ())


def in_help() -> Iterator[str]:
    """Yield the examples of all help pages."""
    for _, parser in commands():
        yield from (line.strip() for line in (parser.epilog or "").splitlines() if line.startswith("  "))


def in_readme() -> Iterator[str]:
    """Yield what the README tells people to type: lines of its shell blocks, and commands in a sentence."""
    text = README.read_text("utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    yield from (line.strip() for block in blocks for line in block.splitlines() if "spikewatch " in line)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"`(spikewatch [a-z][^`\n]*)`", prose)
    yield from (line for line in found if " --" in line)


def argv_of(example: str) -> list[str]:
    """Return what follows `spikewatch`, without variables before it and what happens to its output behind it."""
    words = shlex.split(
        example.partition("|")[0] if "| spikewatch" not in example else example, comments=True
    )
    words = words[words.index("spikewatch") + 1 :]
    return words[: words.index(">")] if ">" in words else words


EXAMPLES = tuple(dict.fromkeys(line for line in (*in_help(), *in_readme()) if "spikewatch " in line))


# -- a folder where all that they name is there


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with files as the examples call them, whose store a daemon has filled; the desk and chat answer."""
    folder = tmp_path_factory.mktemp("examples")
    shown = tuple(quiet_weeks(now() - timedelta(minutes=2)))
    desk = HelpDesk(
        shown,
        now=now,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        catalogue=Catalogue({1: "payments", 2: "shop"}, CATALOGUE.fields),
        exports_per_minute=1000,
    )
    with desk, Chat(clock=SystemClock(), channels=("support",), token=BOT_TOKEN) as chat:
        text = CONFIG.format(desk=desk.url, chat=chat.url, client_id=CLIENT_ID, field=CATEGORY.id)
        for name in ("spikewatch.yaml", "new.yaml", "watch.yaml"):
            (folder / name).write_text(text, "utf-8")
        _write_history(folder)
        with daemon(folder) as running:
            running.wait_for("detection_began")
            running.kill()
        _let_an_incident_be_open(folder)
        yield folder


def _let_an_incident_be_open(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder}/watch.db", step=timedelta(minutes=5))
    judged = store.judge_state().judged_until
    found = replace(incident(surge(SeriesKey("payments", "login"), at=now())), id="SW-1042")
    store.commit_cycle(CycleCommit(JudgeState(judged, Incidents((found,), 1043)), changed=(found,)))
    store.close()


def _write_history(folder: Path) -> None:
    """Write three weeks of two categories up to now as a tickets file and as a counts file."""
    dice, end = random.Random(7), now().replace(minute=0, second=0, microsecond=0)
    stamps = [end - timedelta(minutes=30 * step) for step in range(3 * 7 * 48, 0, -1)]
    tickets, counts = ["id,created_at,service,category"], ["timestamp,service,category,count"]
    for number, half_hour in enumerate(stamps):
        stamp = half_hour + timedelta(minutes=5 * dice.randrange(6))
        category = dice.choice(("login", "refund"))
        tickets.append(f"{number},{stamp.isoformat()},payments,{category}")
        counts.append(f"{stamp.isoformat()},payments,{category},{dice.randint(1, 4)}")
    with gzip.open(folder / "tickets.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(tickets) + "\n")
    (folder / "counts.csv").write_text("\n".join(counts) + "\n", "utf-8")
    began = (end - timedelta(days=2)).isoformat()
    labels = ["start,end,service,category,kind", f"{began},{end.isoformat()},payments,,incident"]
    (folder / "labels.csv").write_text("\n".join(labels) + "\n", "utf-8")


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, for one example, to work in."""
    copy = tmp_path / "here"
    shutil.copytree(prepared, copy)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("SPIKEWATCH_DESK_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("SPIKEWATCH_SLACK_BOT_TOKEN", BOT_TOKEN)
    return copy


def fitted(argv: list[str], folder: Path) -> list[str]:
    """Return the words with what differs here: times that lie in what is known, and places that may be written."""
    recent = now().replace(minute=0, second=0, microsecond=0).isoformat()
    days_ago = now() - timedelta(days=4)
    year, week, _ = days_ago.isocalendar()
    words = [re.sub(r"^\d{4}-W\d\d$", f"{year}-W{week:02}", word) for word in argv]
    words = [recent if before == "--at" else word for before, word in zip(["", *words], words, strict=False)]
    if argv[0] in {"backtest", "tune", "prom"}:
        words = [
            days_ago.date().isoformat() if re.fullmatch(r"\d{4}-\d\d-\d\d", word) else word for word in words
        ]
    return [str(folder / word.lstrip("/")) if word.startswith("/etc/") else word for word in words]


# -- the claims


def test_there_are_examples_everywhere() -> None:
    assert len(EXAMPLES) > 25
    assert len(list(in_readme())) > 3


@pytest.mark.parametrize(
    ("words", "parser"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_help_page_is_complete(words: str, parser: argparse.ArgumentParser) -> None:
    taken = parser._actions  # noqa: SLF001 -- as above
    silent = [action.dest for action in taken if not action.help and not isinstance(action.choices, Mapping)]

    assert parser.description, f"{words} does not say what it does"
    assert f"spikewatch {words}" in (parser.epilog or ""), f"{words} has no example"
    assert silent == [], f"{words} has options without a word"


@pytest.mark.e2e
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_works(example: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    argv = argv_of(example)
    command = next((name for name in UNTRIED if " ".join(argv[:2]).startswith(name)), None)
    if command is not None:
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), "--help"])
        assert ended.value.code == 0
        return
    before = next((line for name, line in BEFORE.items() if " ".join(argv[:2]).startswith(name)), None)
    if before is not None:
        assert main(shlex.split(before)) == 0, capsysbinary.readouterr().err
    if argv[0] in {"init", "import"}:
        (folder / ("watch.db" if argv[0] == "import" else "spikewatch.yaml")).unlink()

    status = main(fitted(argv, folder))

    assert status == 0, capsysbinary.readouterr().err
