"""Rules of an account: from what a ticket has to its service and category."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spikewatch.adapters.zendesk.attributes import Kept, attributes_of
from spikewatch.adapters.zendesk.dimensions import naming_of, wanted_names
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.surveying import survey
from spikewatch.core.counts import SeriesKey

NAMES = {
    "brand:21": "Shop JP",
    "brand:22": "Shop EN",
    "group:5": "Night shift",
    "form:7": "Refund form",
    "organisation:9": "Example KK",
    "field:900=parcel": "Lost parcel",
    "field:900=login": "Log-in",
}
ROW: Mapping[str, Any] = {
    "id": 1,
    "brand_id": 21,
    "group_id": 5,
    "ticket_form_id": 7,
    "organization_id": 9,
    "via": {"channel": "voice"},
    "tags": ["vip", "svc_pay", "refund_late"],
    "custom_fields": [{"id": 900, "value": "login"}, {"id": 901, "value": True}],
}


def settings(**rules: object) -> ZendeskSettings:
    given = {
        "kind": "zendesk",
        "name": "desk",
        "subdomain": "acme",
        "client_id": "tests",
        "category": {"default": "none"},
        **rules,
    }
    return ZendeskSettings.model_validate(given)


def service(rules: object, row: Mapping[str, Any] = ROW, *, names: Mapping[str, str] = NAMES) -> str:
    """The service that the rules make of a row."""
    chosen = settings(service=rules)
    return naming_of(chosen, names).series_of(attributes_of(row, kept=Kept.of(chosen))).service


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"from": "brand"}, "Shop JP"),
        ({"from": "group"}, "Night shift"),
        ({"from": "form"}, "Refund form"),
        ({"from": "organisation"}, "Example KK"),
        ({"from": "channel"}, "voice"),
        ({"brand": "Shop *"}, "Shop JP"),
        ({"brand": {"Shop JP": "shop"}}, "shop"),
        ({"brand": {"Shop EN": "abroad", "Shop *": "shop"}}, "shop"),
        ({"brand": {"21": "shop"}}, "shop"),
        ({"brand": {"/^shop/": "no", "/^Shop/": "yes"}}, "yes"),
        ({"group": {"Night *": "night"}}, "night"),
        ({"form": {"Refund form": "refund"}}, "refund"),
        ({"organisation": {"9": "example"}}, "example"),
        ({"channel": {"voice": "phone", "chat": "chat"}}, "phone"),
        ({"field": 900}, "login"),
        ({"field": 900, "show": "label"}, "Log-in"),
        ({"field": 900, "names": {"Log-*": "account"}}, "account"),
        ({"field": 900, "names": {"login": "account"}}, "account"),
        ({"field": 901}, "true"),
        ({"field": 901, "names": {"true": "important"}}, "important"),
        ({"tag": "svc_*"}, "pay"),
        ({"tag": "*_late"}, "refund"),
        ({"tag": "/^svc_(.+)$/"}, "pay"),
        ({"tag": "/^v.p$/"}, "vip"),
        ({"tag": {"vip": "important"}}, "important"),
        ({"tag": {"nothing": "no", "refund_*": "refund"}}, "refund"),
        ({"default": "other"}, "other"),
    ],
)
def test_each_way_finds_its_name(rule: object, name: str) -> None:
    assert service(rule) == name


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([{"brand": {"Shop EN": "abroad"}}, {"tag": "svc_*"}, {"default": "other"}], "pay"),
        ([{"tag": "team_*"}, {"field": 999}, {"default": "other"}], "other"),
        ([{"tag": "team_*"}, {"field": 999}], "uncategorised"),
        ([{"tag": {"vip": "first"}}, {"brand": {"Shop JP": "second"}}], "first"),
        ([{"field": 901, "names": {"false": "no"}}, {"from": "brand"}], "Shop JP"),
    ],
)
def test_the_first_rule_that_finds_a_name_wins(rules: object, name: str) -> None:
    assert service(rules) == name


def test_of_several_tags_that_match_the_first_of_the_alphabet_wins_wherever_it_stands() -> None:
    row = {**ROW, "tags": ["svc_shop", "svc_pay"]}

    assert service({"tag": "svc_*"}, row) == "pay"
    assert service({"tag": {"svc_shop": "shop", "svc_pay": "pay"}}, row) == "shop"


@pytest.mark.parametrize(
    ("rule", "names", "name"),
    [
        ({"field": 900}, NAMES, "parcel"),
        ({"field": 900, "show": "label"}, NAMES, "Lost parcel"),
        ({"field": 900}, {}, "login"),
        ({"field": 900, "names": {"login": "account", "parcel": "post"}}, NAMES, "account"),
        ({"field": 900, "names": {"parcel": "post", "login": "account"}}, NAMES, "post"),
    ],
)
def test_of_several_values_the_first_of_the_configured_names_or_of_the_options_wins(
    rule: object, names: Mapping[str, str], name: str
) -> None:
    row = {**ROW, "custom_fields": [{"id": 900, "value": ["login", "parcel"]}]}

    assert service(rule, row, names=names) == name


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1},
        {"id": 1, "brand_id": None, "ticket_form_id": None, "tags": None, "custom_fields": None, "via": None},
        {"id": 1, "via": {}, "custom_fields": [{"id": 900, "value": None}, {"id": 901, "value": ""}]},
    ],
)
def test_what_a_ticket_does_not_have_no_rule_finds(row: Mapping[str, Any]) -> None:
    ways = [{"from": way} for way in ("brand", "group", "form", "organisation", "channel")]

    assert service([*ways, {"field": 900}, {"field": 901}, {"tag": "*_"}], row) == "uncategorised"


def test_what_has_no_name_is_called_by_its_number_and_a_channel_may_be_one() -> None:
    row = {**ROW, "via": {"channel": 21}}

    assert service({"from": "group"}, names={}) == "group 5"
    assert service({"from": "channel"}, row) == "21"
    assert service({"channel": {"21": "recovered"}}, row) == "recovered"


def test_no_text_and_nobody_is_kept() -> None:
    row = {
        **ROW,
        "subject": "Hanako's parcel",
        "tags": ["vip", "hanako@example.com", "order_20261104", "svc_1234567"],
        "custom_fields": [
            {"id": 900, "value": "login"},
            {"id": 902, "value": "Hanako Yamada"},
            {"id": 903, "value": "vip"},
            {"id": 904, "value": ["vip", "other"]},
            {"id": 905, "value": False},
            {"id": 906, "value": True},
            {"id": 907, "value": "12"},
        ],
    }
    chosen = settings(service={"tag": "svc_*"}, category={"field": 900})

    assert attributes_of(row, kept=Kept.of(chosen)) == (
        "brand:21",
        "channel:voice",
        "field:900=login",
        "field:903=vip",
        "field:906=true",
        "form:7",
        "group:5",
        "organisation:9",
        "tag:svc_1234567",
        "tag:vip",
    )


def test_names_are_wanted_for_what_the_rules_show_and_for_the_order_of_several_values() -> None:
    plain, several = {**ROW}, {**ROW, "custom_fields": [{"id": 900, "value": ["login", "parcel"]}]}
    chosen = settings(service={"from": "brand"}, category={"field": 900})
    labelled = settings(service={"default": "one"}, category={"field": 900, "show": "label"})

    def wanted(row: Mapping[str, Any], by: ZendeskSettings) -> set[str]:
        return wanted_names([attributes_of(row, kept=Kept.of(by))], settings=by)

    assert wanted(plain, chosen) == {"brand:21"}
    assert wanted(several, chosen) == {"brand:21", "field:900=login", "field:900=parcel"}
    assert wanted(plain, labelled) == {"field:900=login"}


def test_a_digest_changes_with_rules_and_names_and_with_nothing_else() -> None:
    plain = settings(service={"from": "brand"})
    same = settings(service=[{"from": "brand"}], per_page=7)
    other = settings(service={"brand": {"Shop JP": "shop"}})

    digests = [naming_of(each, NAMES).digest for each in (plain, same, other)]

    assert digests[0] == digests[1] != digests[2]
    assert naming_of(plain, {**NAMES, "brand:21": "Shop"}).digest != digests[0]


@given(
    st.lists(
        st.sampled_from(["brand:21", "brand:22", "tag:vip", "tag:svc_a", "field:900=login", "channel:web"])
    )
)
def test_every_ticket_counts_somewhere(words: list[str]) -> None:
    chosen = settings(service=[{"brand": {"Shop JP": "shop"}}, {"tag": "svc_*"}], category={"field": 900})

    found = naming_of(chosen, NAMES).series_of(tuple(sorted(words)))

    assert all(found)


def test_a_survey_says_which_rule_found_how_much_and_which_never() -> None:
    chosen = settings(
        service=[{"brand": {"Shop JP": "shop"}}, {"tag": "svc_*"}, {"tag": "team_*"}], category={"field": 900}
    )
    tickets = {
        ("brand:21", "field:900=login"): 6,
        ("brand:22", "field:900=parcel", "tag:svc_pay"): 3,
        ("brand:22",): 1,
    }

    found = survey(tickets, settings=chosen, names=NAMES)

    assert found.tickets == 10
    assert [(use.rule, use.tickets, use.names, use.never) for use in found.service] == [
        ("brand: {Shop JP: shop}", 6, (("shop", 6),), False),
        ("tag: svc_*", 3, (("pay", 3),), False),
        ("tag: team_*", 0, (), True),
    ]
    assert found.no_service == 1
    assert [(use.rule, use.names) for use in found.category] == [
        ("field: 900", (("login", 6), ("parcel", 3)))
    ]
    assert found.no_category == 1
    assert found.present["brand"] == (("21", "Shop JP", 6), ("22", "Shop EN", 4))
    assert found.present["field 900"] == (("login", "Log-in", 6), ("parcel", "Lost parcel", 3))


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"brand": "*", "group": "*"}, "exactly one of"),
        ({"tag": "svc"}, r"write \{tag: \{svc: name\}\}"),
        ({"tag": "/(/"}, "no regular expression"),
        ({"brand": {"Shop": "*"}}, "is no name"),
        ({"brand": "*", "show": "label"}, "belong to field"),
        ([{"default": "a"}, {"from": "brand"}], "rule 1, default: a, leaves nothing"),
        ([], "at least one rule"),
        ({"from": "assignee"}, "brand"),
    ],
)
def test_rules_that_cannot_work_are_refused(rule: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        settings(service=rule)


def test_one_rule_may_stand_alone() -> None:
    assert settings(service={"from": "brand"}) == settings(service=[{"from": "brand"}])
    assert naming_of(settings(), {}).series_of(()) == SeriesKey("uncategorised", "none")


ANY_SIGNS = st.text(st.characters(exclude_categories=()))


@given(ANY_SIGNS, ANY_SIGNS)
def test_what_is_kept_of_a_ticket_can_be_stored_whatever_signs_it_has(value: str, tag: str) -> None:
    row = {**ROW, "tags": [tag], "custom_fields": [{"id": 900, "value": value}]}

    for word in attributes_of(row, kept=Kept.of(settings(service={"field": 900}))):
        assert "\0" not in word.encode().decode()


def test_half_an_emoji_and_a_nul_become_signs_that_can_be_stored() -> None:
    row = {"tags": ["cut\ud83d", "n\0l"], "via": {"channel": "web\ud83d"}}

    assert attributes_of(row, kept=Kept.of(settings())) == ("channel:web?", "tag:cut?", "tag:n l")
