"""What Slack checks about blocks before it takes a message, each refusal with a JSON pointer to what is wrong."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]

BLOCK_LIMIT = 50


def _units(text: Any) -> int:
    return len(str(text).encode("utf-16-le", "surrogatepass")) // 2


def wrong_blocks(blocks: Sequence[Json]) -> Iterator[str]:
    """Yield what Slack would refuse about blocks, each with a JSON pointer."""
    if len(blocks) > BLOCK_LIMIT:
        yield f"no more than {BLOCK_LIMIT} items allowed [json-pointer:/blocks]"
    names = [block.get("block_id") for block in blocks]
    if len(set(names)) < len(names):
        yield "block_id must be unique [json-pointer:/blocks]"
    if sum(block.get("type") == "table" for block in blocks) > 1:
        yield "only_one_table_allowed [json-pointer:/blocks]"
    for place, block in enumerate(blocks):
        pointer = f"/blocks/{place}"
        if _units(block.get("block_id", "")) > 255:  # noqa: PLR2004 -- Slack's limit
            yield f"must be less than 256 characters [json-pointer:{pointer}/block_id]"
        check = _CHECKS.get(str(block.get("type")))
        if check is None:
            yield f"unsupported type: {block.get('type')} [json-pointer:{pointer}/type]"
        else:
            yield from check(block, pointer)


def _wrong_text(element: Any, pointer: str, *, limit: int, kinds: Sequence[str]) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        yield f"must be {' or '.join(kinds)} [json-pointer:{pointer}]"
    elif not 1 <= _units(element.get("text", "")) <= limit:
        yield f"must be 1 to {limit} characters [json-pointer:{pointer}/text]"


_ANY_TEXT = ("plain_text", "mrkdwn")


def _wrong_header(block: Json, pointer: str) -> Iterator[str]:
    yield from _wrong_text(block.get("text"), f"{pointer}/text", limit=150, kinds=("plain_text",))


def _wrong_section(block: Json, pointer: str) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield f"missing required field: text [json-pointer:{pointer}]"
    if "text" in block:
        yield from _wrong_text(block["text"], f"{pointer}/text", limit=3_000, kinds=_ANY_TEXT)
    if len(fields) > 10:  # noqa: PLR2004 -- Slack's limit
        yield f"no more than 10 items allowed [json-pointer:{pointer}/fields]"
    for place, element in enumerate(fields):
        yield from _wrong_text(element, f"{pointer}/fields/{place}", limit=2_000, kinds=_ANY_TEXT)


def _wrong_context(block: Json, pointer: str) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:  # noqa: PLR2004 -- Slack's limit
        yield f"must have 1 to 10 items [json-pointer:{pointer}/elements]"
    for place, element in enumerate(elements):
        yield from _wrong_text(element, f"{pointer}/elements/{place}", limit=3_000, kinds=_ANY_TEXT)


def _wrong_table(block: Json, pointer: str) -> Iterator[str]:
    rows = block.get("rows", [])
    if not 1 <= len(rows) <= 100 or any(not 1 <= len(row) <= 20 for row in rows):  # noqa: PLR2004 -- Slack's limits
        yield f"must have 1 to 100 rows of 1 to 20 cells [json-pointer:{pointer}/rows]"
    cells = [cell for row in rows for cell in row]
    if any(cell.get("type") != "raw_text" or not cell.get("text") for cell in cells):
        yield f"cells must be raw_text and not empty [json-pointer:{pointer}/rows]"
    if sum(_units(cell.get("text", "")) for cell in cells) > 10_000:  # noqa: PLR2004 -- Slack's limit
        yield f"must be less than 10001 characters [json-pointer:{pointer}/rows]"


def _wrong_image(block: Json, pointer: str) -> Iterator[str]:
    if not 1 <= _units(block.get("alt_text", "")) <= 2_000:  # noqa: PLR2004 -- Slack's limit
        yield f"must be 1 to 2000 characters [json-pointer:{pointer}/alt_text]"
    if set(block.get("slack_file") or ()) not in ({"id"}, {"url"}):
        yield f"must have one of id and url [json-pointer:{pointer}/slack_file]"
    if "title" in block:
        yield from _wrong_text(block["title"], f"{pointer}/title", limit=2_000, kinds=("plain_text",))


def _wrong_chart(block: Json, pointer: str) -> Iterator[str]:
    """Yield what is wrong with a chart: its names are short, its points few, and every line has a number at each."""
    chart = block.get("chart") or {}
    axis = chart.get("axis_config") or {}
    labels, lines = axis.get("categories") or [], chart.get("series") or []
    if not 1 <= _units(block.get("title", "")) <= 50:  # noqa: PLR2004 -- Slack's limit
        yield f"must be 1 to 50 characters [json-pointer:{pointer}/title]"
    if not 1 <= len(labels) <= 20 or len(set(labels)) < len(labels):  # noqa: PLR2004 -- Slack's limit
        yield f"must have 1 to 20 different labels [json-pointer:{pointer}/chart/axis_config/categories]"
    if not 1 <= len(lines) <= 6:  # noqa: PLR2004 -- Slack's limit
        yield f"must have 1 to 6 series [json-pointer:{pointer}/chart/series]"
    names = [*labels, *(line.get("name", "") for line in lines)]
    if any(not 1 <= _units(name) <= 20 for name in names):  # noqa: PLR2004 -- Slack's limit
        yield f"must be 1 to 20 characters [json-pointer:{pointer}/chart]"
    for place, line in enumerate(lines):
        data = line.get("data") or []
        numbers = [point.get("value") for point in data]
        if [point.get("label") for point in data] != list(labels) or not all(map(_is_finite, numbers)):
            yield f"must have a number for every label [json-pointer:{pointer}/chart/series/{place}]"


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _wrong_actions(block: Json, pointer: str) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 25:  # noqa: PLR2004 -- Slack's limit
        yield f"must have 1 to 25 items [json-pointer:{pointer}/elements]"
    names = [element.get("action_id") for element in elements]
    if len(set(names)) < len(names) or not all(names):
        yield f"action_id must be there and unique [json-pointer:{pointer}/elements]"
    for place, element in enumerate(elements):
        yield from _wrong_element(element, f"{pointer}/elements/{place}")


def _wrong_element(element: Json, pointer: str) -> Iterator[str]:
    match element.get("type"):
        case "button":
            yield from _wrong_text(element.get("text"), f"{pointer}/text", limit=75, kinds=("plain_text",))
            if not 1 <= _units(element.get("value", "")) <= 2_000:  # noqa: PLR2004 -- Slack's limit
                yield f"must be 1 to 2000 characters [json-pointer:{pointer}/value]"
        case "static_select":
            yield from _wrong_options(element.get("options", []), f"{pointer}/options")
        case other:
            yield f"unsupported type: {other} [json-pointer:{pointer}/type]"
    for part, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if "confirm" in element:
            asked = element["confirm"].get(part)
            yield from _wrong_text(asked, f"{pointer}/confirm/{part}", limit=limit, kinds=("plain_text",))


def _wrong_options(options: Sequence[Json], pointer: str) -> Iterator[str]:
    if not 1 <= len(options) <= 100:  # noqa: PLR2004 -- Slack's limit
        yield f"must have 1 to 100 items [json-pointer:{pointer}]"
    for place, option in enumerate(options):
        yield from _wrong_text(option.get("text"), f"{pointer}/{place}/text", limit=75, kinds=("plain_text",))
        if not 1 <= _units(option.get("value", "")) <= 150:  # noqa: PLR2004 -- Slack's limit
            yield f"must be 1 to 150 characters [json-pointer:{pointer}/{place}/value]"


def _wrong_nothing(_: Json, __: str) -> Iterator[str]:
    return iter(())


_CHECKS: Mapping[str, Callable[[Json, str], Iterator[str]]] = {
    "header": _wrong_header,
    "section": _wrong_section,
    "context": _wrong_context,
    "table": _wrong_table,
    "actions": _wrong_actions,
    "image": _wrong_image,
    "data_visualization": _wrong_chart,
    "divider": _wrong_nothing,
}
