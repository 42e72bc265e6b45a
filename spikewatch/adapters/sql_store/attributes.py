"""Statements of attributes: what the services and categories of tickets were made of, each distinct set once.

A ticket holds the number of its set, a set the numbers of its members in as few bytes as they need. A set also says which
series it makes now: whichever of its tickets counts elsewhere has to be moved (see `recounting`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from sqlalchemy import Connection, bindparam, delete, func, select

from spikewatch.adapters.sql_store.tables import attribute, attribute_set, ticket
from spikewatch.adapters.sql_store.upserts import insert_new
from spikewatch.core.counts import Attributes

_CHUNK = 1000
_LOW_BITS = 0x7F
_MORE = 0x80


def keep(connection: Connection, source: str, sets: Mapping[int, tuple[Attributes, int]]) -> None:
    """Write the sets that are not kept yet.

    sets  by number: the attributes, and the id of the series they make
    """
    known = _known(connection, source, list(sets))
    new = {number: each for number, each in sets.items() if number not in known}
    if not new:
        return
    ids = _with_new(connection, {name for members, _ in new.values() for name in members})
    rows = [
        {
            "source": source,
            "id": number,
            "members": packed(ids[name] for name in members),
            "series_id": series_id,
        }
        for number, (members, series_id) in new.items()
    ]
    connection.execute(insert_new(connection.dialect, attribute_set), rows)


def sets_of(connection: Connection, source: str) -> Iterator[tuple[int, Attributes, int]]:
    """Yield the number, the attributes and the series of each set of a source."""
    columns = (attribute_set.c.id, attribute_set.c.members, attribute_set.c.series_id)
    names = _names(connection)
    for number, members, series_id in connection.execute(
        select(*columns).where(attribute_set.c.source == source)
    ):
        yield number, tuple(sorted(names[each] for each in unpacked(members))), series_id


def newest(connection: Connection, source: str, *, tickets: int) -> Mapping[Attributes, int]:
    """Return the attributes of the newest tickets that count, with how many tickets have them."""
    latest = (
        select(ticket.c.attributes)
        .where(ticket.c.source == source, ticket.c.counted, ticket.c.attributes.is_not(None))
        .order_by(ticket.c.created_at.desc(), ticket.c.id.desc())
        .limit(tickets)
        .subquery()
    )
    held = (latest.c.attributes, func.count().label("tickets"))
    found = {
        row.attributes: row.tickets for row in connection.execute(select(*held).group_by(latest.c.attributes))
    }
    return {members: found[number] for number, members, _ in sets_of(connection, source) if number in found}


def drop_unused(connection: Connection) -> None:
    """Drop the sets that no ticket has any more; looks at every ticket."""
    used = select(ticket.c.attributes).where(ticket.c.attributes.is_not(None))
    connection.execute(delete(attribute_set).where(attribute_set.c.id.not_in(used)))


def packed(numbers: Iterable[int]) -> bytes:
    """Return numbers in order, seven bits to a byte, the highest bit set where more of a number follows.

    >>> packed([300, 5]).hex(), unpacked(packed([300, 5]))
    ('05ac02', [5, 300])
    """
    return bytes(chain.from_iterable(map(_bytes, sorted(numbers))))


def unpacked(members: bytes) -> list[int]:
    """Return the numbers that were packed."""
    numbers, number, shift = [], 0, 0
    for byte in members:
        number |= (byte & _LOW_BITS) << shift
        shift += 7
        if not byte & _MORE:
            numbers.append(number)
            number = shift = 0
    return numbers


def _bytes(number: int) -> Iterator[int]:
    while number > _LOW_BITS:
        yield number & _LOW_BITS | _MORE
        number >>= 7
    yield number


def _known(connection: Connection, source: str, wanted: Sequence[int]) -> set[int]:
    query = select(attribute_set.c.id).where(
        attribute_set.c.source == source, attribute_set.c.id.in_(bindparam("wanted", expanding=True))
    )
    chunks = (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))
    return {number for chunk in chunks for number in connection.scalars(query, {"wanted": chunk})}


def _names(connection: Connection) -> Mapping[int, str]:
    return {row.id: row.name for row in connection.execute(select(attribute.c.id, attribute.c.name))}


def _with_new(connection: Connection, names: set[str]) -> Mapping[str, int]:
    known = {name: number for number, name in _names(connection).items()}
    rows = [{"name": name} for name in sorted(names - known.keys())]
    if not rows:
        return known
    connection.execute(insert_new(connection.dialect, attribute), rows)
    return {name: number for number, name in _names(connection).items()}
