from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.counts import ALL, FLEET, SeriesKey
from spikewatch.core.wording.links import Links, Search, is_link

SINCE = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=2)
SEARCH = Search(
    "https://acme.zendesk.com/agent/search/1?type=ticket&q={query}",
    since="type:ticket created>={since}",
    service='brand:"{name}"',
    category='custom_field_7:"{name}"',
    unnamed="uncategorised",
)
LINKS = Links({"desk": SEARCH}, grafana="https://grafana.example.com")


def query(series: SeriesKey) -> str:
    [found] = parse_qs(urlsplit(LINKS.tickets(series, since=SINCE)["desk"]).query)["q"]
    return found


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (SeriesKey("pay", "log in"), 'brand:"pay" custom_field_7:"log in"'),
        (SeriesKey("pay", ALL), 'brand:"pay"'),
        (FLEET, ""),
        (SeriesKey("決済", "返金"), 'brand:"決済" custom_field_7:"返金"'),
        (SeriesKey("pay", "uncategorised"), 'brand:"pay"'),
        (SeriesKey('a" OR brand:"b', ALL), 'brand:"a OR brand: b"'),
        (SeriesKey("{since}", "{name}"), 'brand:"{since}" custom_field_7:"{name}"'),
    ],
)
def test_the_desks_own_search_comes_nearest_to_the_tickets(series: SeriesKey, words: str) -> None:
    assert query(series) == f"type:ticket created>=2026-11-20T00:45:00Z {words}".rstrip()


def test_the_graph_shows_the_service_from_an_hour_before_the_rise() -> None:
    address = LINKS.graph(SeriesKey("pay", "log in"), since=SINCE, until=UNTIL)

    parts = urlsplit(address or "")
    assert parts.path == "/d/spikewatch-service"
    assert {key: values for key, (values,) in parse_qs(parts.query).items()} == {
        "from": str(int((SINCE - timedelta(hours=1)).timestamp() * 1000)),
        "to": str(int(UNTIL.timestamp() * 1000)),
        "var-service": "pay",
        "var-category": "log in",
    }


def test_without_an_address_of_grafana_there_is_no_graph() -> None:
    assert Links().graph(FLEET, since=SINCE, until=UNTIL) is None


@pytest.mark.parametrize(
    "base",
    [
        "javascript:alert(1)",
        "https://a.example/|x",
        "https://a.example/>",
        "https://a example",
        "https://a.example/\u202e",
        "//a.example",
        "https://a.example/" + "x" * 1_000,
    ],
)
def test_an_address_that_could_break_out_of_a_message_is_no_link(base: str) -> None:
    links = Links({"desk": Search(base, since="")}, grafana=base)

    assert not is_link(base)
    assert (links.tickets(FLEET, since=SINCE), links.graph(FLEET, since=SINCE, until=UNTIL)) == ({}, None)


@given(service=st.text(min_size=1).filter(lambda name: name != ALL), category=st.text(min_size=1))
def test_no_name_can_break_out_of_an_address(service: str, category: str) -> None:
    series = SeriesKey(service, category)

    found = [*LINKS.tickets(series, since=SINCE).values(), LINKS.graph(series, since=SINCE, until=UNTIL)]

    assert all(address is None or is_link(address) for address in found)
