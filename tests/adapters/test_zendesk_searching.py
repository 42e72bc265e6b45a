from typing import Any

import pytest

from spikewatch.adapters.zendesk.searching import search_of
from spikewatch.adapters.zendesk.settings import ZendeskSettings


def settings(**changes: Any) -> ZendeskSettings:  # noqa: ANN401 -- whatever the YAML may hold
    given: dict[str, Any] = {
        "kind": "zendesk",
        "name": "desk",
        "subdomain": "acme",
        "client_id": "spikewatch",
        "category": {"field": 7},
    }
    return ZendeskSettings.model_validate(given | changes)


def test_the_search_is_that_of_the_account_and_passes_by_what_has_no_name() -> None:
    search = search_of(settings())

    assert search.address == "https://acme.zendesk.com/agent/search/1?type=ticket&q={query}"
    assert search.unnamed == "uncategorised"


@pytest.mark.parametrize(
    ("rules", "part"),
    [
        ({"from": "brand"}, 'brand:"{name}"'),
        ({"from": "organisation"}, 'organization:"{name}"'),
        ({"field": 7}, 'custom_field_7:"{name}"'),
        ({"tag": "svc_*"}, 'tags:"svc_{name}"'),
        ({"brand": "Shop *"}, 'brand:"{name}"'),
        ([{"from": "group"}, {"default": "others"}], 'group:"{name}"'),
        ({"field": 7, "show": "label"}, None),
        ({"field": 7, "names": {"a": "b"}}, None),
        ({"brand": {"Shop JP": "shop"}}, None),
        ({"tag": "/^svc_(.+)$/"}, None),
        ([{"from": "brand"}, {"from": "group"}], None),
    ],
)
def test_what_one_word_of_the_search_finds_is_searched_for(rules: Any, part: str | None) -> None:  # noqa: ANN401 -- as above
    assert search_of(settings(service=rules)).service == part
