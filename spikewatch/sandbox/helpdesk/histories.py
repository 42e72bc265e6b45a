"""What happens to tickets: further versions for a desk that stands, each history beginning a few minutes in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from spikewatch.sandbox.helpdesk.ledger import DeskTicket, FieldValue
from spikewatch.sandbox.helpdesk.script import Play, Script, Stock

MOST = 5_000
"""Tickets that a mass change meets."""

MERGED_TAG = "closed_by_merge"
UNKNOWN_BRAND = 999_999_999
UNKNOWN_GROUP = 999_999_998
UNKNOWN_FORM = 999_999_997
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_FIRST_UNSAFE = 2**53 + 1
"""From here on two neighbouring ids are one number to whoever reads JSON numbers as floats."""


def _at(stock: Stock, minutes: float) -> datetime:
    return stock.begins + minutes * _MINUTE


def _new(
    stock: Stock, number: int, *, minutes: float, every: timedelta = _SECOND, **fields: Any
) -> list[DeskTicket]:
    """Return so many new tickets like the newest one, created one after the other from then on."""
    like = stock.tickets[-1]
    made = [_at(stock, minutes) + place * every for place in range(number)]
    fresh = {"tags": (), "status": "new", "updated_at": None, **fields}
    return [
        replace(
            like,
            **{
                "id": stock.next_id + place,
                "created_at": at,
                "generated_timestamp": int(at.timestamp()),
                **fresh,
            },
        )
        for place, at in enumerate(made)
    ]


def _changed(
    stock: Stock, tickets: Iterable[DeskTicket], *, minutes: float, **fields: Any
) -> list[DeskTicket]:
    second = int(_at(stock, minutes).timestamp())
    return [replace(ticket, generated_timestamp=second, **fields) for ticket in tickets]


def _field(stock: Stock) -> int:
    return stock.catalogue.fields[0].id


def _valued(stock: Stock, value: FieldValue) -> tuple[tuple[int, FieldValue], ...]:
    return ((_field(stock), value),)


def _value(stock: Stock, ticket: DeskTicket) -> FieldValue:
    return dict(ticket.values).get(_field(stock))


def _another(stock: Stock, ticket: DeskTicket) -> tuple[tuple[int, FieldValue], ...]:
    """Return the field with the option after the ticket's own."""
    options = list(stock.catalogue.fields[0].options)
    value = _value(stock, ticket)
    place = options.index(value) if isinstance(value, str) and value in options else -1
    return _valued(stock, options[(place + 1) % len(options)])


def _old(stock: Stock) -> Sequence[DeskTicket]:
    """Return tickets of more than three hours ago, as many as a mass change meets."""
    return [ticket for ticket in stock.tickets if ticket.created_at < _at(stock, -180)][-MOST:]


# each returns the further versions


def _categorised_later(stock: Stock) -> Iterator[DeskTicket]:
    unset = _new(stock, 40, minutes=5, values=_valued(stock, None))
    yield from unset
    for ticket in unset:
        changed = ticket.generated_timestamp + 180
        yield replace(ticket, generated_timestamp=changed, values=stock.tickets[-1].values)


def _back_and_forth(stock: Stock) -> Iterator[DeskTicket]:
    for ticket in stock.tickets[-60:]:
        yield from _changed(stock, [ticket], minutes=10, values=_another(stock, ticket))
        yield from _changed(stock, [ticket], minutes=30)


def _recategorised(stock: Stock) -> Iterator[DeskTicket]:
    for ticket in _old(stock):
        yield from _changed(stock, [ticket], minutes=15, values=_another(stock, ticket))


def _system_update(stock: Stock) -> Iterator[DeskTicket]:
    for ticket in _old(stock):
        yield from _changed(stock, [ticket], minutes=15, updated_at=ticket.updated_at or ticket.created_at)


def _imported(*, back: timedelta, number: int) -> Callable[[Stock], Iterator[DeskTicket]]:
    def history(stock: Stock) -> Iterator[DeskTicket]:
        for ticket in _new(stock, number, minutes=20, every=timedelta(0)):
            place = ticket.id - stock.next_id
            yield replace(ticket, created_at=ticket.created_at - back + place * _SECOND)

    return history


def _spam(stock: Stock) -> Iterator[DeskTicket]:
    wave = _new(stock, 400, minutes=5)
    yield from wave
    yield from _changed(stock, wave, minutes=32, status="deleted")


def _restored(stock: Stock) -> Iterator[DeskTicket]:
    some = stock.tickets[-30:]
    yield from _changed(stock, some, minutes=10, status="deleted")
    yield from _changed(stock, some, minutes=30)


def _purged(stock: Stock) -> Iterator[DeskTicket]:
    some = stock.tickets[-30:]
    yield from _changed(stock, some, minutes=10, status="deleted")
    yield from _changed(stock, some, minutes=40, **_SCRUBBED)


def _purged_unseen(stock: Stock) -> Iterator[DeskTicket]:
    yield from _new(stock, 30, minutes=10, **_SCRUBBED)


_SCRUBBED: Mapping[str, Any] = {"status": "deleted", "subject": "SCRUBBED", "values": (), "brand_id": None}


def _merged(stock: Stock) -> Iterator[DeskTicket]:
    *away, target = stock.tickets[-31:]
    for ticket in away:
        tags = (*ticket.tags, MERGED_TAG)
        yield from _changed(stock, [ticket], minutes=10, status="closed", tags=tags)
    yield from _changed(stock, [target], minutes=10, status="open")


def _followed_up(stock: Stock) -> Iterator[DeskTicket]:
    closed = _changed(stock, stock.tickets[-10:], minutes=5, status="closed")
    yield from closed
    for ticket, fresh in zip(closed, _new(stock, len(closed), minutes=15), strict=True):
        yield replace(fresh, values=ticket.values, tags=ticket.tags, brand_id=ticket.brand_id)


def _created(instant: Callable[[Stock], datetime]) -> Callable[[Stock], Iterator[DeskTicket]]:
    def history(stock: Stock) -> Iterator[DeskTicket]:
        for ticket in _new(stock, 10, minutes=10):
            yield replace(ticket, created_at=instant(stock))

    return history


def _one_second(stock: Stock) -> Iterator[DeskTicket]:
    yield from _new(stock, 1_500, minutes=10, every=timedelta(0))


def _long_ids(stock: Stock) -> Iterator[DeskTicket]:
    for ticket in _new(stock, 20, minutes=10):
        yield replace(ticket, id=_FIRST_UNSAFE + ticket.id - stock.next_id)


def _with(value: FieldValue) -> Callable[[Stock], Iterator[DeskTicket]]:
    def history(stock: Stock) -> Iterator[DeskTicket]:
        yield from _new(stock, 20, minutes=10, values=_valued(stock, value))

    return history


def _of_unknown_brand(stock: Stock) -> Iterator[DeskTicket]:
    yield from _new(stock, 20, minutes=10, brand_id=UNKNOWN_BRAND)


def _option_removed(stock: Stock) -> Iterator[DeskTicket]:
    gone = _value(stock, stock.tickets[-1])
    for ticket in stock.tickets[-MOST:]:
        if _value(stock, ticket) == gone:
            yield from _changed(stock, [ticket], minutes=15, values=_valued(stock, None))


def _option_retagged(stock: Stock) -> Iterator[DeskTicket]:
    old = _value(stock, stock.tickets[-1])
    for ticket in stock.tickets[-MOST:]:
        if _value(stock, ticket) == old:
            yield from _changed(stock, [ticket], minutes=15, values=_valued(stock, f"{old}_v2"))


def _of_unknown(
    *, group: int | None = None, form: int | None = None
) -> Callable[[Stock], Iterator[DeskTicket]]:
    def history(stock: Stock) -> Iterator[DeskTicket]:
        yield from _new(stock, 20, minutes=10, group_id=group, form_id=form)

    return history


def _form_lost(stock: Stock) -> Iterator[DeskTicket]:
    written = _new(stock, 20, minutes=10, form_id=UNKNOWN_FORM)
    yield from written
    yield from _changed(stock, written, minutes=20, form_id=None)


def _tagged(*tags: str) -> Callable[[Stock], Iterator[DeskTicket]]:
    def history(stock: Stock) -> Iterator[DeskTicket]:
        yield from _new(stock, 20, minutes=10, values=_valued(stock, None), tags=tags)

    return history


def _changing_all_the_time(stock: Stock) -> Iterator[DeskTicket]:
    for ticket in _new(stock, 60, minutes=5):
        for change in range(6):
            status = "open" if change % 2 else "pending"
            yield replace(ticket, generated_timestamp=ticket.generated_timestamp + 61 * change, status=status)


def _played(history: Callable[[Stock], Iterable[DeskTicket]]) -> Play:
    return lambda stock: Script(tickets=tuple(history(stock)))


HISTORIES: Mapping[str, tuple[str, Play]] = {
    name: (says, _played(history))
    for name, says, history in (
        (
            "categorised-later",
            "40 tickets get their category three minutes after they came",
            _categorised_later,
        ),
        ("category-back-and-forth", "60 tickets move to another category and back", _back_and_forth),
        ("bulk-recategorise", "up to 5,000 old tickets get another category at once", _recategorised),
        ("mass-system-update", "up to 5,000 old tickets are sent again, unchanged", _system_update),
        (
            "import-weeks-back",
            "2,000 tickets are imported, three weeks old",
            _imported(back=timedelta(weeks=3), number=2_000),
        ),
        (
            "import-minutes-back",
            "200 tickets are imported, ten minutes old",
            _imported(back=timedelta(minutes=10), number=200),
        ),
        ("spam-wave", "400 tickets of spam, deleted after twenty minutes", _spam),
        ("deleted-and-restored", "30 tickets are deleted, and restored later", _restored),
        ("deleted-and-purged", "30 tickets are deleted, then purged: nothing is left of them", _purged),
        ("purged-unseen", "30 tickets are first seen when they are purged already", _purged_unseen),
        ("merge-thirty", "30 tickets of all brands are merged into one", _merged),
        ("follow-up", "10 tickets are closed, and followed up by new ones", _followed_up),
        (
            "created-in-the-future",
            "10 tickets say that they will be created in two hours",
            _created(lambda stock: stock.begins + timedelta(hours=2)),
        ),
        (
            "created-in-1970",
            "10 tickets say that they were created in 1970",
            _created(lambda stock: datetime.fromtimestamp(0, tz=stock.begins.tzinfo)),
        ),
        ("one-second", "1,500 tickets come within one second", _one_second),
        ("long-ids", "20 tickets have ids beyond 2^53", _long_ids),
        ("odd-names", "20 tickets have a category with emoji and Arabic letters", _with("🎫 تسجيل الدخول")),
        ("several-values", "20 tickets have a category of several values", _with(("refund", "login"))),
        ("checkbox", "20 tickets have a checkbox as category", _with(value=True)),
        (
            "unknown-brand",
            "20 tickets are of a brand that the list of brands does not show",
            _of_unknown_brand,
        ),
        (
            "group-removed",
            "20 tickets are of a group that the list of groups does not show any more",
            _of_unknown(group=UNKNOWN_GROUP),
        ),
        (
            "form-removed",
            "20 tickets are of a form that the list of forms does not show any more",
            _of_unknown(form=UNKNOWN_FORM),
        ),
        ("form-lost", "20 tickets are written in a form, and have none ten minutes later", _form_lost),
        (
            "tag-only",
            "20 tickets have their category in a tag, and none in the field",
            _tagged("category_refund"),
        ),
        (
            "two-categories",
            "20 tickets have tags of two categories",
            _tagged("category_refund", "category_login"),
        ),
        (
            "option-removed",
            "an option of the category is removed, and with it the category of its tickets",
            _option_removed,
        ),
        ("option-retagged", "an option gets another value, and so do all its tickets", _option_retagged),
        (
            "changing-all-the-time",
            "60 tickets change every minute, so that they move while they are read",
            _changing_all_the_time,
        ),
    )
}
"""Name, description and script of each history."""
