"""What an account calls its brands, groups, forms, organisations and options: asked for only where a rule needs it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikewatch.adapters.zendesk.client import Client, Declined
from spikewatch.adapters.zendesk.dimensions import FIELD_KIND, needs_names
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.ports import CredentialsRefused, Unavailable

_MOST_AT_ONCE = 100
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class FieldFound:
    """A custom field of the account; `kind` is Zendesk's own word for it, such as `tagger` for a drop-down."""

    number: int
    title: str
    kind: str
    options: tuple[tuple[str, str], ...]


class Vocabulary:
    """The names of one account."""

    def __init__(self, client: Client, settings: ZendeskSettings) -> None:
        """Ask with the client of the account for what its rules look at."""
        self._client = client
        rules = [rule for rule in (*settings.service, *settings.category) if needs_names(rule)]
        self._ways = {rule.way for rule in rules}
        self._fields = {rule.field for rule in rules if rule.field is not None}
        self._needs_options = any(rule.show == "label" or rule.names is not None for rule in rules)

    def names(self, wanted: set[str]) -> Iterator[tuple[str, str]]:
        """Yield words and their names: all brands, groups and forms, the options of the fields in their order.

        Of organisations, of which there may be a hundred thousand, only those that are wanted. Raises Unavailable or
        CredentialsRefused.
        """
        if "brand" in self._ways:
            yield from _named("brand", self._listed("brands"))
        if "group" in self._ways:
            yield from _named("group", self._listed("groups", exclude_deleted="false"))
        if "form" in self._ways:
            yield from _named("form", self._forms())
        if "organisation" in self._ways:
            yield from _named("organisation", self._organisations(wanted))
        self._needs_options |= any(word.startswith(f"{FIELD_KIND}:") for word in wanted)
        if self._needs_options:
            yield from self._options()

    def fields(self) -> tuple[FieldFound, ...]:
        """Return the custom fields of the account, for whoever looks for one to make a rule of."""
        return tuple(
            FieldFound(
                row["id"], str(row.get("title", "")), str(row.get("type", "")), tuple(_options_of(row))
            )
            for row in self._listed("ticket_fields")
        )

    def _options(self) -> Iterator[tuple[str, str]]:
        for field in self.fields():
            if field.number in self._fields:
                for value, name in field.options:
                    yield f"{FIELD_KIND}:{field.number}={value}", name

    def _forms(self) -> Iterator[Mapping[str, Any]]:
        """Return the forms; none on a plan that has none, which answers 403 or 404."""
        try:
            yield from self._client.get("/api/v2/ticket_forms", {}).body["ticket_forms"]
        except CredentialsRefused:
            return
        except Declined as error:
            if error.status != _NOT_FOUND:
                raise Unavailable(f"{error} when asked for ticket_forms") from error

    def _organisations(self, wanted: set[str]) -> Iterator[Mapping[str, Any]]:
        numbers = sorted(word.partition(":")[2] for word in wanted if word.startswith("organisation:"))
        for start in range(0, len(numbers), _MOST_AT_ONCE):
            ids = ",".join(numbers[start : start + _MOST_AT_ONCE])
            body = self._get("organizations/show_many", {"ids": ids}, what="organizations")
            yield from body["organizations"]

    def _listed(self, what: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """Return all brands, groups or fields of the account, by pages of 100."""
        asked: dict[str, str | int] = {"page[size]": _MOST_AT_ONCE, **query}
        while True:
            body = self._get(what, asked, what=what)
            yield from body[what]
            meta = body.get("meta") or {}
            after = meta.get("after_cursor")
            if not meta.get("has_more") or not after or after == asked.get("page[after]"):
                return
            asked["page[after]"] = after

    def _get(self, path: str, query: Mapping[str, str | int], *, what: str) -> Mapping[str, Any]:
        try:
            return self._client.get(f"/api/v2/{path}", query).body
        except Declined as error:
            raise Unavailable(f"{error} when asked for {what}") from error


def _named(way: str, rows: Iterator[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield f"{way}:{row['id']}", str(row["name"])


def _options_of(row: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(str(option["value"]), str(option["name"])) for option in row.get("custom_field_options") or ()]
