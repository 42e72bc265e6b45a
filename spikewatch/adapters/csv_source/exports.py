"""What status pages and pagers export, as ranges of time that a label can be made of.

pagerduty   created_on (or created_at), resolved_on (or resolved_at); optionally service_name and description (or title)
statuspage  started_at (or created_at), resolved_at; optionally components, name and impact

Several components stand in one field, with commas or semicolons between them. An impact of `maintenance` was expected;
everything else was an incident. What is not over yet is left out. Other columns are ignored.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path

from spikewatch.adapters.csv_source import fields
from spikewatch.adapters.csv_source.lines import Complaints, Table, opened
from spikewatch.core.events import LabelKind
from spikewatch.core.timegrid import Span, aware
from spikewatch.errors import Mistake

_ZONE_APART = re.compile(r"\s+(?:(UTC|GMT|Z)|([+-]\d{2}:?\d{2}))$")
_MAINTENANCE = "maintenance"


class Form(StrEnum):
    """Whose export it is."""

    STATUSPAGE = "statuspage"
    PAGERDUTY = "pagerduty"


@dataclass(frozen=True, slots=True)
class Range:
    """Some time that somebody said something about; names are those of the export, none: everything."""

    span: Span
    names: tuple[str, ...]
    kind: LabelKind
    note: str | None


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds; `lasting` of it was not over and is left out."""

    ranges: tuple[Range, ...]
    lasting: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns say what, the better name first."""

    start: tuple[str, ...]
    end: tuple[str, ...]
    names: str
    note: tuple[str, ...]
    impact: str | None = None


_COLUMNS: Mapping[Form, _Columns] = {
    Form.PAGERDUTY: _Columns(
        ("created_on", "created_at"), ("resolved_on", "resolved_at"), "service_name", ("description", "title")
    ),
    Form.STATUSPAGE: _Columns(
        ("started_at", "created_at"), ("resolved_at",), "components", ("name",), "impact"
    ),
}


def read_export(path: str | PathLike[str], *, form: Form) -> Exported:
    """Return what an export says was when, in file order.

    Raises Mistake with up to twenty lines of what is wrong with it.
    """
    file, columns = Path(path), _COLUMNS[form]
    expected = f"{columns.start[0]},{columns.end[0]},{columns.names}"
    with opened(file, expected=expected) as table:
        place = {name.lower(): number for number, name in enumerate(table.columns)}
        start = _wanted(file, place, columns.start, form=form)
        end = _wanted(file, place, columns.end, form=form)
        complaints = Complaints(file)
        ranges, lasting = _read(table, complaints, place, columns, start=start, end=end)
    complaints.settle()
    return Exported(tuple(ranges), lasting)


def _read(
    table: Table,
    complaints: Complaints,
    place: Mapping[str, int],
    columns: _Columns,
    *,
    start: str,
    end: str,
) -> tuple[list[Range], int]:
    ranges: list[Range] = []
    lasting = 0
    for line, row in table.rows(complaints):
        if not row[place[end]].strip():
            lasting += 1
            continue
        try:
            span = _span(row, place, start=start, end=end)
        except ValueError as error:
            complaints.add(line, str(error))
            continue
        said = {name: row[number].strip() for name, number in place.items()}
        is_planned = columns.impact is not None and said.get(columns.impact, "").lower() == _MAINTENANCE
        kind = LabelKind.EXPECTED if is_planned else LabelKind.INCIDENT
        note = next((said[name] for name in columns.note if said.get(name)), None)
        ranges.append(Range(span, _names(said.get(columns.names, ""), columns), kind, note))
    return ranges, lasting


def _names(text: str, columns: _Columns) -> tuple[str, ...]:
    """Return the names in a field; only components are several in one."""
    parts = re.split(r"[;,]", text) if columns.names == "components" else [text]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _span(row: Sequence[str], place: Mapping[str, int], *, start: str, end: str) -> Span:
    began, ended = (
        aware(fields.instant(_ZONE_APART.sub(_joined, row[place[column]].strip()), column=column))
        for column in (start, end)
    )
    if ended <= began:
        message = f"{end}: {row[place[end]]!r} is not after {start}, {row[place[start]]!r}; check both"
        raise ValueError(message)
    return Span(began, ended)


def _joined(zone: re.Match[str]) -> str:
    """Return an offset as it stands right behind a time: exports write it apart, or as a name."""
    return zone.group(2) or "Z"


def _wanted(file: Path, place: Mapping[str, int], names: Sequence[str], *, form: Form) -> str:
    found = next((name for name in names if name in place), None)
    if found is None:
        some = ", ".join(place) or "nothing"
        raise Mistake(
            f"{file}:1: there is no column {' or '.join(names)}, which an export of {form} has; found: {some}"
        )
    return found
