"""Whether the simulated desk answers in the shape of recorded answers: keys and types only, never their content."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint
from spikewatch.sandbox.helpdesk.api import Api
from spikewatch.sandbox.helpdesk.ledger import Ledger
from spikewatch.sandbox.helpdesk.questions import Asked

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
FOLDER = "zendesk_recorded"
LISTS = {"tickets": Endpoint.EXPORT, "ticket_fields": Endpoint.FIELDS, "brands": Endpoint.BRANDS}


def shape(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """Return what kind of value it is."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"


def differences(ours: Mapping[str, Any], recorded: list[Mapping[str, Any]], *, where: str) -> Iterator[str]:
    """Yield what one of our objects has that none of the recorded ones has: a key, or a kind of value."""
    for key, value in ours.items():
        kinds = {shape(each[key]) for each in recorded if key in each}
        if not kinds:
            yield f"{where}.{key} was never recorded"
        elif shape(value) not in kinds and shape(value) != "null" and kinds != {"null"}:
            yield f"{where}.{key} is {shape(value)}, recorded {sorted(kinds)}"


def simulated(endpoint: Endpoint) -> Mapping[str, Any]:
    """Return a good answer of the simulated desk."""
    field = DropDown(900, "Category", {"login": "Log-in"})
    ticket = DeskTicket(
        1,
        created_at=NOW - timedelta(hours=1),
        generated_timestamp=int(NOW.timestamp()) - 3600,
        brand_id=21,
        values=((900, "login"),),
    )
    api = Api(
        Ledger([ticket]),
        catalogue=Catalogue({21: "shop"}, (field,)),
        client_id="tests",
        client_secret="s3cret",
        exports_per_minute=10,
        requests_per_minute=700,
        token_life=timedelta(minutes=30),
        tokens=["lasting"],
    )
    asked = Asked(endpoint, {"start_time": "0"}, at=NOW, token="lasting")
    body: Mapping[str, Any] = json.loads(api.answer(asked, url="http://127.0.0.1:1").body)
    return body


def recorded_lists(folder: Path, key: str) -> list[Mapping[str, Any]]:
    """Return every recorded object that stands in a list of that name at the top of an answer."""
    rows: list[Mapping[str, Any]] = []
    for file in sorted(folder.rglob("*.json")):
        body = json.loads(file.read_text("utf-8"))
        found = body.get(key) if isinstance(body, dict) else None
        rows += [row for row in found or () if isinstance(row, dict)] if isinstance(found, list) else []
    return rows


def check(folder: Path, key: str) -> list[str]:
    """Return how an answer of ours differs from the recorded ones; nothing where none was recorded."""
    recorded = recorded_lists(folder, key)
    return [
        line
        for row in simulated(LISTS[key])[key]
        if recorded
        for line in differences(row, recorded, where=key)
    ]


@pytest.mark.data
@pytest.mark.parametrize("key", LISTS)
def test_answers_have_the_shape_of_recorded_ones(key: str, recorded_data: Path) -> None:
    folder = recorded_data / FOLDER
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: put recorded answers of a desk there, one JSON file each")

    assert check(folder, key) == []


def test_the_check_finds_a_key_and_a_kind_that_were_never_recorded(tmp_path: Path) -> None:
    (row,) = simulated(Endpoint.BRANDS)["brands"]
    other = {**row, "id": "text", "new": 1}
    del other["active"]
    (tmp_path / "page.json").write_text(json.dumps({"brands": [other]}), "utf-8")

    assert check(tmp_path, "brands") == [
        "brands.id is number, recorded ['text']",
        "brands.active was never recorded",
    ]
