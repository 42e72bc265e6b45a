"""The lists of a simulated desk: fields, brands, groups, forms and organisations, whole or by pages. No sockets."""

from collections.abc import Sequence
from typing import Any

from spikewatch.sandbox.helpdesk.faults import Answer
from spikewatch.sandbox.helpdesk.ledger import Catalogue
from spikewatch.sandbox.helpdesk.questions import Asked, bad_request, number_of


def fields(catalogue: Catalogue, asked: Asked, url: str) -> Answer:
    """Return the custom fields with their options."""
    rows = [
        {
            "url": f"{url}/api/v2/ticket_fields/{drop_down.id}.json",
            "id": drop_down.id,
            "type": drop_down.kind,
            "title": drop_down.title,
            "raw_title": drop_down.title,
            "position": position,
            "active": True,
            "custom_field_options": [
                {"id": drop_down.id + number, "name": name, "raw_name": name, "value": value}
                for number, (value, name) in enumerate(drop_down.options.items(), start=1)
            ],
        }
        for position, drop_down in enumerate(catalogue.fields)
    ]
    return _listed("ticket_fields", rows, asked)


def brands(catalogue: Catalogue, asked: Asked, url: str) -> Answer:
    """Return the brands."""
    rows = [
        {
            "url": f"{url}/api/v2/brands/{brand_id}.json",
            "id": brand_id,
            "name": name,
            "active": True,
            "default": position == 0,
            "is_deleted": False,
        }
        for position, (brand_id, name) in enumerate(catalogue.brands.items())
    ]
    return _listed("brands", rows, asked)


def groups(catalogue: Catalogue, asked: Asked, _url: str) -> Answer:
    """Return the groups."""
    rows = [{"id": each, "name": name, "deleted": False} for each, name in catalogue.groups.items()]
    return _listed("groups", rows, asked)


def forms(catalogue: Catalogue, _asked: Asked, _url: str) -> Answer:
    """Return the forms, which come without pages."""
    rows = [{"id": each, "name": name, "active": True} for each, name in catalogue.forms.items()]
    return Answer.of(200, {"ticket_forms": rows, "count": len(rows), "next_page": None})


def organizations(catalogue: Catalogue, asked: Asked, _url: str) -> Answer:
    """Return those organisations that are asked for by number."""
    wanted = asked.query.get("ids", "").split(",")
    named = catalogue.organizations.items()
    rows = [{"id": each, "name": name} for each, name in named if str(each) in wanted]
    return Answer.of(200, {"organizations": rows, "count": len(rows), "next_page": None})


def _listed(key: str, rows: Sequence[Any], asked: Asked) -> Answer:
    """Return all rows at once, or one page of them where `page[size]` asks for that."""
    if "page[size]" not in asked.query:
        return Answer.of(200, {key: rows, "count": len(rows), "next_page": None, "previous_page": None})
    size = number_of(asked.query["page[size]"], default=None)
    first = number_of(asked.query.get("page[after]"), default=0)
    if size is None or first is None or not 0 < size <= 100:  # noqa: PLR2004 -- the vendor's limit, said below
        return bad_request("page[size] is 1 to 100, page[after] a cursor")
    stop = first + size
    after = str(stop) if stop < len(rows) else None
    return Answer.of(
        200, {key: rows[first:stop], "meta": {"has_more": after is not None, "after_cursor": after}}
    )
