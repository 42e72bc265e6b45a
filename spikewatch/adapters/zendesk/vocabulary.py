"""What an account calls its brands, groups, forms, organisations and options: one request after the other, and no memory."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spikewatch.adapters.zendesk.answers import Declined
from spikewatch.adapters.zendesk.attributes import FIELD_KIND, ORGANISATION_KIND, kind_of, storable
from spikewatch.adapters.zendesk.client import Client
from spikewatch.adapters.zendesk.dimensions import needs_names
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.ports import CredentialsRefused, QueryRefused, Unavailable

MOST_AT_ONCE = 100
"""Rows of one answer, and organisations of one question."""

_NOT_FOUND = 404

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldFound:
    """A custom field of the account; `kind` is Zendesk's own word for it, such as `tagger` for a drop-down."""

    number: int
    title: str
    kind: str
    options: tuple[tuple[str, str], ...]


class Vocabulary:
    """The names of one account, as it states them; every question raises Unavailable, CredentialsRefused or QueryRefused."""

    def __init__(self, client: Client, settings: ZendeskSettings) -> None:
        """Ask with the client of the account for what its rules look at."""
        self._client = client
        rules = [rule for rule in (*settings.service, *settings.category) if needs_names(rule)]
        self._ways = {rule.way for rule in rules}
        self._fields = {rule.field for rule in rules if rule.field is not None}
        self._needs_options = any(rule.show == "label" or rule.names is not None for rule in rules)

    def names(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield the words that the rules look at, and their names; of organisations only those that are wanted."""
        for way in ("brand", "group", "form"):
            if way in self._ways:
                yield from self.listed(way)
        yield from self.looked_up(word for word in sorted(wanted) if kind_of(word) == ORGANISATION_KIND)
        if self._needs_options or any(kind_of(word) == FIELD_KIND for word in wanted):
            yield from self.listed(FIELD_KIND)

    def listed(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield all words of a kind and their names; of fields the options of those that rules look at, in their order."""
        match kind:
            case "brand":
                yield from _named(kind, self._pages("brands"), what="brands")
            case "group":
                yield from _named(kind, self._pages("groups", exclude_deleted="false"), what="groups")
            case "form":
                yield from _named(kind, self._forms(), what="ticket_forms")
            case _:
                yield from self._options()

    def looked_up(self, words: Iterator[str]) -> Iterator[tuple[str, str]]:
        """Yield these organisations and their names; there may be a hundred thousand, so nobody lists them all."""
        numbers = [word.partition(":")[2] for word in words]
        for start in range(0, len(numbers), MOST_AT_ONCE):
            ids = ",".join(numbers[start : start + MOST_AT_ONCE])
            body = self._get("organizations/show_many", {"ids": ids}, what="organizations")
            yield from _named(ORGANISATION_KIND, _rows(body, "organizations"), what="organizations")

    def fields(self) -> tuple[FieldFound, ...]:
        """Return the custom fields of the account, for whoever looks for one to make a rule of."""
        return tuple(_field(row) for row in self._pages("ticket_fields"))

    def _options(self) -> Iterator[tuple[str, str]]:
        for field in self.fields():
            if field.number in self._fields:
                for value, name in field.options:
                    yield f"{FIELD_KIND}:{field.number}={value}", name

    def _forms(self) -> Iterator[_Row]:
        """Return the forms; none on a plan that has none, which answers 403 or 404."""
        try:
            body = self._client.get("/api/v2/ticket_forms", {}).body
        except CredentialsRefused:
            return
        except Declined as error:
            if error.status != _NOT_FOUND:
                raise _declined(error, "ticket_forms") from error
            return
        yield from _rows(body, "ticket_forms")

    def _pages(self, what: str, **query: str) -> Iterator[_Row]:
        """Return all brands, groups or fields of the account, by pages of 100."""
        asked: dict[str, str | int] = {"page[size]": MOST_AT_ONCE, **query}
        while True:
            body = self._get(what, asked, what=what)
            yield from _rows(body, what)
            meta = body.get("meta") or {}
            after = meta.get("after_cursor")
            if not meta.get("has_more") or not after or after == asked.get("page[after]"):
                return
            asked["page[after]"] = after

    def _get(self, path: str, query: Mapping[str, str | int], *, what: str) -> _Row:
        try:
            return self._client.get(f"/api/v2/{path}", query).body
        except Declined as error:
            raise _declined(error, what) from error


def _rows(body: _Row, what: str) -> Iterator[_Row]:
    rows = body.get(what)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _garbled(what, "no such list")
    yield from rows


def _named(way: str, rows: Iterator[_Row], *, what: str) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row.get("id") is None or row.get("name") is None:
            raise _garbled(what, "one without id or name")
        yield f"{way}:{row['id']}", storable(str(row["name"]))


def _field(row: _Row) -> FieldFound:
    options = row.get("custom_field_options") or ()
    try:
        found = tuple((storable(str(option["value"])), storable(str(option["name"]))) for option in options)
        return FieldFound(int(row["id"]), str(row.get("title", "")), str(row.get("type", "")), found)
    except (KeyError, TypeError, ValueError) as error:
        raise _garbled("ticket_fields", "one that cannot be read") from error


def _garbled(what: str, found: str) -> Unavailable:
    return Unavailable(f"the account answers with {found} when asked for {what}", reason="parse")


def _declined(error: Declined, what: str) -> QueryRefused:
    return QueryRefused(f"{error} when asked for {what}")
