"""From a row of the export to a ticket. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.core.counts import Attributes, Ticket
from spikewatch.ports import Naming

_DELETED = "deleted"


def to_ticket(
    row: Mapping[str, Any], attributes: Attributes, *, settings: ZendeskSettings, naming: Naming
) -> Ticket:
    """Return the ticket of a row; raises KeyError, TypeError, ValueError, OverflowError or OSError if it is none."""
    service, category = naming.series_of(attributes)
    return Ticket(
        id=str(int(row["id"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        service=service,
        category=category,
        version=_version(row["generated_timestamp"]),
        counted=row["status"] != _DELETED and settings.merged_tag not in (row.get("tags") or ()),
        attributes=attributes,
    )


def _version(second: Any) -> int:
    """Return the second of a change, which must be an instant."""
    datetime.fromtimestamp(second, tz=UTC)
    return int(second)
