"""Rules that make services and categories, as a person writes them; imports nothing heavy."""

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from spikewatch.core.settings import Settings

WAYS = ("brand", "group", "form", "organisation", "channel", "field", "tag", "default")
"""What a rule may look at."""

NAMED_WAYS = ("brand", "group", "form", "organisation", "channel")
"""Those that a ticket has one of."""


def _legal_name(name: str) -> str:
    if "*" in name or not name.isprintable() or not name.strip():
        message = f"{name!r} is no name for a service or category; use letters, for example uncategorised"
        raise ValueError(message)
    return name


def as_pattern(text: str) -> re.Pattern[str] | None:
    """Return the regular expression that stands between slashes; None where the text is a name or a glob.

    >>> as_pattern("/^svc_(.+)$/").pattern, as_pattern("svc_*")
    ('^svc_(.+)$', None)
    """
    if len(text) > len("//") and text.startswith("/") and text.endswith("/"):
        return re.compile(text[1:-1])
    return None


def _matchable(text: object) -> str:
    if not isinstance(text, str) or not text:
        message = f"{text!r} is no text to look for; put it in quotes"
        raise ValueError(message)
    try:
        as_pattern(text)
    except re.error as error:
        message = (
            f"{text!r} is no regular expression ({error}); for a glob leave the slashes out, such as 'svc_*'"
        )
        raise ValueError(message) from None
    return text


def _picks(given: Any) -> Any:
    """Check what a rule looks for: a text, or a section of texts and names. Raises ValueError with the remedy."""
    if not isinstance(given, dict):
        return _matchable(given)
    for sought, name in given.items():
        if not isinstance(name, str):
            message = f"{sought}: {name!r} is no name; put it in quotes"
            raise ValueError(message)  # noqa: TRY004 -- pydantic reports a ValueError and lets a TypeError through
        _legal_name(name)
        _matchable(sought)
    if not given:
        message = "names nothing; write for example {Shop JP: shop}"
        raise ValueError(message)
    return given


LegalName = Annotated[str, AfterValidator(_legal_name)]
Names = Annotated[dict[str, str], BeforeValidator(_picks)]
Picks: TypeAlias = Annotated[
    str | dict[str, str], BeforeValidator(_picks, json_schema_input_type=str | int | dict[str, str])
]


class Rule(Settings):
    """Where a service or category may come from; a list of rules is tried in order, and the first that finds a name wins.

    Exactly one of the keys but `show` and `names`. A text is a glob (`Shop *`) for what keeps its own name; a section
    gives names: `{Shop JP: shop, "Shop *": abroad}`. A pattern between slashes is a regular expression.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    origin: Annotated[
        Literal["brand", "group", "form", "organisation", "channel"] | None, Field(alias="from")
    ] = None
    """`brand`, `group`, `form`, `organisation` or `channel`: its name, whatever it is."""
    brand: Picks | None = None
    """The ticket's brand, by its name or number."""
    group: Picks | None = None
    """The group it is assigned to, by its name or number."""
    form: Picks | None = None
    """The form it was written in, by its name or number."""
    organisation: Picks | None = None
    """The organisation of whoever wrote it, by its name or number."""
    channel: Picks | None = None
    """How it came: web, email, api, chat, voice and so on."""
    field: Annotated[int | None, Field(gt=0)] = None
    """Number of a custom field, as Admin Center shows it: a drop-down, a multi-select or a checkbox."""
    show: Literal["value", "label"] = "value"
    """For a field: `value` is the option's tag and survives renaming; `label` is what agents see."""
    names: Names | None = None
    """For a field: names by value or label; the first line that fits one of the values wins, other values find no name."""
    tag: Picks | None = None
    """`svc_*`: the name is what the star stands for in the first tag that matches; `/^svc_(.+)$/`: what the group holds."""
    default: LegalName | None = None
    """The name where no rule before it has found one; only the last rule may say so."""

    @model_validator(mode="after")
    def _one_way(self) -> "Rule":
        ways = [way for way in ("origin", *WAYS) if getattr(self, way) is not None]
        if len(ways) != 1:
            message = (
                "name exactly one of brand, group, form, organisation, channel, field, tag and default, for example"
                " {from: brand}, {brand: {Shop JP: shop}}, {field: 360001234567} or {tag: 'svc_*'}"
            )
            raise ValueError(message)
        if self.field is None and self.model_fields_set & {"show", "names"}:
            message = f"show and names belong to field; for a {ways[0]} write {{{ways[0]}: {{old: new}}}}"
            raise ValueError(message)
        if isinstance(self.tag, str) and as_pattern(self.tag) is None and self.tag.count("*") != 1:
            message = (
                f"tag: {self.tag!r} needs one star for the part that is the name, for example 'svc_*';"
                f" to name one tag write {{tag: {{{self.tag}: name}}}}"
            )
            raise ValueError(message)
        return self

    @property
    def way(self) -> str:
        """What the rule looks at: one of WAYS."""
        return self.origin or next(way for way in WAYS if getattr(self, way) is not None)

    @property
    def picks(self) -> str | dict[str, str]:
        """What it looks for there: a glob or a pattern for what keeps its name, or names by glob or pattern."""
        if self.field is not None:
            return "*" if self.names is None else self.names
        picks: str | dict[str, str] | None = None if self.origin else getattr(self, self.way)
        return "*" if picks is None else picks

    def __str__(self) -> str:
        """Return the rule about as it stands in the file."""
        given = self.model_dump(exclude_defaults=True)
        return ", ".join(f"{key}: {_shown(value)}" for key, value in given.items())


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {name}" for key, name in value.items()) + "}"
    return str(value)


def _listed(given: Any) -> Any:
    """Return the rules as a list, where only one was written."""
    return [given] if isinstance(given, dict | Rule) else given


def _defaults_last(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if not rules:
        message = "name at least one rule, for example {from: brand}"
        raise ValueError(message)
    for number, rule in enumerate(rules[:-1], start=1):
        if rule.default is not None:
            message = f"rule {number}, default: {rule.default}, leaves nothing to the rules below it; move it to the end"
            raise ValueError(message)
    return rules


Rules = Annotated[
    tuple[Rule, ...],
    BeforeValidator(_listed, json_schema_input_type=Rule | tuple[Rule, ...]),
    AfterValidator(_defaults_last),
]
