"""Names that people mistype in labels and silences: told with the nearest one that is known."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.sql_store import open_store
from spikewatch.cli import main
from spikewatch.core.counts import Ticket
from spikewatch.ports import Page

T0 = datetime(2026, 5, 11, 1, tzinfo=UTC)
CONFIG = """\
timezone: Asia/Tokyo
store: sqlite:///{folder}/watch.db
sources:
  - {{kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {{field: 1}}}}
renames: {{services: {{tills: payments}}, categories: {{payments/sign-in: login}}}}
services: {{academy: {{categories: {{course: {{min_tickets: 9}}, "exam*": {{min_tickets: 9}}}}}}}}
"""
SPAN = ("--start", "2026-05-11", "--end", "2026-05-12", "--by", "sato")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on a store that knows payments with two categories, and shop with another."""
    (tmp_path / "watch.yaml").write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    counted = (("payments", "login"), ("payments", "refund"), ("shop", "parcel"))
    store = open_store(f"sqlite:///{tmp_path}/watch.db", step=timedelta(minutes=5))
    tickets = [Ticket("/".join(names), T0, *names, version=1) for names in counted]
    store.commit_page("desk", Page(tickets, "c", caught_up=True, watermark=T0), since=T0, seen_at=T0)
    store.close()

    def ran(command: str, action: str, *argv: str) -> tuple[int, str, str]:
        status = main([command, action, "--config", str(tmp_path / "watch.yaml"), *argv])
        told = capsys.readouterr()
        return status, told.out.strip(), told.err.strip()

    return ran


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["--service", "payment"], "no service is called 'payment'; did you mean 'payments'?"),
        (["--service", "zzz"], "no service is called 'zzz'; there is academy, payments, shop"),
        (
            ["--service", "payments", "--category", "logn"],
            "no category of payments is called 'logn'; did you mean 'login'?",
        ),
        (
            ["--service", "shop", "--category", "login"],
            "no category of shop is called 'login'; there is parcel",
        ),
        (["--category", "refnd"], "no category is called 'refnd'; did you mean 'refund'?"),
        (
            ["--service", "academy", "--category", "exam*"],
            "no category of academy is called 'exam*'; there is course",
        ),
    ],
)
def test_a_label_about_a_name_that_nothing_counts_under_is_refused_with_the_nearest(
    run: Run, names: list[str], said: str
) -> None:
    status, out, err = run("labels", "add", "incident", *SPAN, *names)

    assert (status, out) == (2, "")
    assert said in err
    assert "--new" in err
    assert run("labels", "list")[1] == "no labels"


@pytest.mark.parametrize(
    "names",
    [
        ["--service", "payments", "--category", "refund"],
        ["--category", "parcel"],
        ["--service", "academy", "--category", "course"],
        ["--service", "tills", "--category", "sign-in"],
    ],
    ids=["counted", "counted in any service", "configured", "renamed"],
)
def test_a_label_about_a_name_that_is_known_is_kept(run: Run, names: list[str]) -> None:
    assert run("labels", "add", "incident", *SPAN, *names)[0] == 0


def test_a_name_that_is_still_to_come_can_be_labelled_on_request(run: Run) -> None:
    status, out, err = run("labels", "add", "expected", *SPAN, "--service", "payment", "--new")

    assert (status, err) == (0, "")
    assert out.startswith("labelled expected")
    assert "payment/*" in run("labels", "list")[1]


def test_names_of_a_labels_file_that_nothing_counts_under_are_kept_and_told_once(
    run: Run, tmp_path: Path
) -> None:
    day = "2026-05-11T01:00:00Z,2026-05-11T02:00:00Z"
    rows = [f"{day},{name},,incident" for name in ("shop", "shoop", "shoop")]
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["start,end,service,category,kind", *rows, ""]), encoding="utf-8")

    status, out, err = run("labels", "import", str(file))

    assert status == 0
    assert out.startswith("2 of 3 labels")
    assert err == f"spikewatch: note: {file}: no service is called 'shoop'; did you mean 'shop'?"


@pytest.mark.parametrize(
    ("matcher", "note"),
    [
        ("payment", "no service is called 'payment' so far; did you mean 'payments'?"),
        ("pay*/logn", "no category is called 'logn' there so far; did you mean 'login'?"),
        ("pay*/log*", ""),
        ("*/parcel", ""),
        ("*", ""),
    ],
)
def test_a_silence_that_matches_nothing_so_far_begins_and_says_so(run: Run, matcher: str, note: str) -> None:
    status, out, err = run("silence", "add", matcher, "--for", "2h", "--reason", "bank", "--by", "sato")

    assert (status, out.startswith("silence 1: ")) == (0, True)
    assert err == (f"spikewatch: note: {note}" if note else "")
