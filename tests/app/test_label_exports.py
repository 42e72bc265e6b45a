"""Labels out of what status pages and pagers export."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.csv_source import Form, read_export
from spikewatch.adapters.sql_store import open_store
from spikewatch.cli import main
from spikewatch.core.counts import Ticket
from spikewatch.core.events import LabelKind
from spikewatch.errors import Mistake
from spikewatch.ports import Page

T0 = datetime(2026, 5, 11, 1, tzinfo=UTC)
CONFIG = """\
timezone: Asia/Tokyo
store: sqlite:///{folder}/watch.db
sources:
  - {{kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {{field: 1}}}}
"""
PAGERDUTY = """\
id,incident_number,description,service_id,service_name,created_on,resolved_on,urgency
Q1,12,Login is down,P1,payments,2026-05-11T10:00:00+09:00,2026-05-11T11:30:00+09:00,high
Q2,13,Search is slow,P2,Search API,2026-05-12 01:00:00 UTC,2026-05-12 02:00:00 UTC,low
Q3,14,Still on,P1,payments,2026-05-13 10:00:00 +0900,,high
"""
STATUSPAGE = """\
name,impact,components,started_at,created_at,resolved_at
Payments outage,critical,"payments, shop",2026-05-11T01:00:00Z,2026-05-11T01:09:00Z,2026-05-11T02:00:00Z
Planned work,maintenance,,2026-05-12T01:00:00Z,2026-05-12T01:00:00Z,2026-05-12T02:00:00Z
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `labels` on a store that knows payments and shop."""
    (tmp_path / "watch.yaml").write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    store = open_store(f"sqlite:///{tmp_path}/watch.db", step=timedelta(minutes=5))
    tickets = [Ticket(name, T0, name, "login", version=1) for name in ("payments", "shop")]
    store.commit_page("desk", Page(tickets, "c", caught_up=True, watermark=T0), since=T0, seen_at=T0)
    store.close()

    def ran(action: str, *argv: str) -> tuple[int, str, str]:
        status = main(["labels", action, "--config", str(tmp_path / "watch.yaml"), *argv])
        told = capsys.readouterr()
        return status, told.out.strip(), told.err.strip()

    return ran


def written(folder: Path, text: str) -> Path:
    file = folder / "export.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_pagers_incidents_are_labels_of_their_services(run: Run, tmp_path: Path) -> None:
    file = str(written(tmp_path, PAGERDUTY))
    asked = [file, "--from", "pagerduty", "--map", "Search API=shop", "--by", "sato"]

    first, again = run("import", *asked), run("import", *asked)

    assert first[:2] == (
        0,
        "\n".join(
            [
                f"2 of 2 labels out of {file} are new; they take effect within the hour",
                "1 left out, for they are not over yet: import the file again later",
            ]
        ),
    )
    assert again[1].startswith("0 of 2 labels")
    one, two = json.loads(run("list", "--json")[1])
    assert (one["service"], one["kind"], one["note"]) == ("payments", "incident", "Login is down")
    assert (one["start"], one["end"]) == ("2026-05-11T10:00:00+09:00", "2026-05-11T11:30:00+09:00")
    assert (two["service"], two["start"]) == ("shop", "2026-05-12T10:00:00+09:00")


def test_a_status_pages_maintenance_was_expected_and_components_are_services(
    run: Run, tmp_path: Path
) -> None:
    file = str(written(tmp_path, STATUSPAGE))

    status, _, err = run("import", file, "--from", "statuspage")

    assert (status, err) == (0, "")
    kept = [(each["service"], each["kind"]) for each in json.loads(run("list", "--json")[1])]
    assert sorted(kept, key=str) == [("payments", "incident"), ("shop", "incident"), (None, "expected")]


def test_the_beginning_is_when_it_started_rather_than_when_it_was_published(tmp_path: Path) -> None:
    found = read_export(written(tmp_path, STATUSPAGE), form=Form.STATUSPAGE)

    assert found.ranges[0].span.start == T0
    assert found.ranges[1].kind is LabelKind.EXPECTED


@pytest.mark.parametrize(
    ("named", "kept"),
    [("Search API=*", [("payments"), (None)]), ("Search API=", ["payments"])],
)
def test_a_name_may_mean_all_services_or_nothing(
    run: Run, tmp_path: Path, named: str, kept: list[str | None]
) -> None:
    status, _, _ = run("import", str(written(tmp_path, PAGERDUTY)), "--from", "pagerduty", "--map", named)

    assert status == 0
    assert [each["service"] for each in json.loads(run("list", "--json")[1])] == kept


def test_a_name_that_is_no_service_is_asked_about_and_nothing_is_kept(run: Run, tmp_path: Path) -> None:
    file = str(written(tmp_path, PAGERDUTY))

    unknown, wrong = (
        run("import", file, "--from", "pagerduty"),
        run("import", file, "--from", "pagerduty", "--map", "Search API=shops"),
    )

    assert unknown[0] == 2
    assert "'Search API' is no service here; say --map 'Search API=SERVICE'" in unknown[2]
    assert (wrong[0], "--map: 'shops' is no service here; these are: payments, shop" in wrong[2]) == (2, True)
    assert run("list")[1] == "no labels"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id,service_name\n1,a\n", "no column created_on or created_at"),
        (
            "created_on,resolved_on\n2026-05-11T10:00:00,2026-05-11T11:00:00Z\n",
            ":2: created_on: .* no UTC offset",
        ),
        (
            "created_on,resolved_on\n2026-05-11T10:00:00Z,2026-05-11T09:00:00Z\n",
            ":2: resolved_on: .* is not after",
        ),
        ("", "the file is empty"),
    ],
)
def test_an_export_that_cannot_be_read_says_where(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(Mistake, match=complaint):
        read_export(written(tmp_path, text), form=Form.PAGERDUTY)


def test_a_map_without_an_export_or_without_two_names_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    file = str(written(tmp_path, PAGERDUTY))

    assert run("import", file, "--map", "a=b")[0] == 2
    assert "write THEIRS=OURS" in run("import", file, "--from", "pagerduty", "--map", "payments")[2]
