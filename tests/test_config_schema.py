"""The schema and the reference, made from the settings: current, right about every example, and of use in an editor."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from spikewatch.cli.frame import main
from spikewatch.config import reference, schema

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "config_cases"
FILES = sorted(
    (ROOT / "config" / "spikewatch.yaml", *(ROOT / "config" / "examples").rglob("*.yaml")), key=str
)
SEEN = {
    "unknown_top_level_key",
    "unknown_nested_key",
    "bucket_without_unit",
    "enabled_is_text",
    "language_unknown",
    "model_unknown",
    "windows_not_a_list",
    "section_is_a_number",
    "source_kind_unknown",
    "source_without_kind",
    "timezone_missing",
    "weight_is_text",
    "rule_key_unknown",
    "event_unknown_key",
    "business_hours_no_time",
    "min_tickets_fractional",
    "maintenance_weekday_unknown",
    "route_when_unknown",
    "auth_unknown",
}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    made = schema.schema()
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def plain(value: Any) -> Any:  # noqa: ANN401 -- whatever the YAML holds
    """Return YAML values as an editor's JSON would hold them."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def values(file: Path) -> Any:  # noqa: ANN401 -- whatever the YAML holds
    return plain(YAML(typ="safe", pure=True).load(file.read_text("utf-8")))


def test_the_schema_in_the_repository_is_the_generated_one() -> None:
    assert (ROOT / "config" / schema.NAME).read_text("utf-8") == schema.text()


def test_the_reference_in_the_repository_is_the_generated_one() -> None:
    assert (ROOT / "config" / "reference.md").read_text("utf-8") == reference.text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_example_fits_the_schema_and_names_it(file: Path, validator: Draft202012Validator) -> None:
    first = file.read_text("utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")

    assert [error.message for error in validator.iter_errors(values(file))] == []
    assert (file.parent / named).resolve() == ROOT / "config" / schema.NAME


@pytest.mark.parametrize("case", sorted(SEEN))
def test_a_mistake_of_form_is_seen_by_the_schema(case: str, validator: Draft202012Validator) -> None:
    assert not validator.is_valid(values(CASES / f"{case}.yaml"))


def test_every_key_has_a_meaning() -> None:
    def keys(part: Mapping[str, Any], name: str) -> Iterator[str]:
        for key, field in part.get("properties", {}).items():
            target = made["$defs"].get(str(field.get("$ref", "")).rpartition("/")[2], {})
            if not field.get("description") and not target.get("description"):
                yield f"{name}.{key}"

    made = schema.schema()

    assert [*keys(made, ""), *(key for name, part in made["$defs"].items() for key in keys(part, name))] == []


def test_no_value_may_be_empty_and_durations_have_a_form(validator: Draft202012Validator) -> None:
    config = values(ROOT / "config" / "spikewatch.yaml")

    assert not validator.is_valid({**config, "language": None})
    assert not validator.is_valid({**config, "history": "8 weeks"})
    assert validator.is_valid({**config, "history": "1w2d"})
    assert validator.is_valid({"services": {"shop": {"min_tickets": 5}}})
    assert not validator.is_valid({"services": {"shop": {"min_tickets": 5}}, "poll": {"every": "1m"}})


def test_the_schema_is_printed_without_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--schema"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == schema.text()


def test_a_starter_has_its_schema_beside_it(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "spikewatch.yaml")]) == 0

    assert (tmp_path / schema.NAME).read_text("utf-8") == schema.text()
