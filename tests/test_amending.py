"""A changed configuration keeps every comment, and says what was asked for."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.config.amending import amended
from spikewatch.config.reading import read
from spikewatch.errors import Mistake

FILE = """\
# the desk of the shop
timezone: Asia/Tokyo   # where we sit

detection:
  windows: [5m, 15m, 1h]
  min_tickets: 5  # agreed in May

# everything that differs
services:
  # pages the payments team
  payments:
    channel: "#payments"  # ask Sato
    categories: {"login*": {min_tickets: 8}}

  shop:
    runbook: https://wiki.example.com/shop

# told to Slack
slack: {channel: "#support"}
"""


def test_a_value_that_stands_there_is_replaced_and_nothing_else() -> None:
    found = amended(FILE, {("detection", "min_tickets"): 12})

    assert found == FILE.replace("min_tickets: 5 ", "min_tickets: 12 ")


def test_a_new_key_goes_below_the_last_one_of_its_section_and_above_the_comment_of_the_next() -> None:
    found = amended(FILE, {("services", "shop", "categories", "parcel", "min_ratio"): 2.5})

    assert found == FILE.replace("/shop\n", "/shop\n    categories:\n      parcel:\n        min_ratio: 2.5\n")


def test_a_section_in_braces_grows_in_its_braces() -> None:
    found = amended(FILE, {("services", "payments", "categories", "login*", "weight"): 0.5})

    assert found == FILE.replace("{min_tickets: 8}", "{min_tickets: 8, weight: 0.5}")


def test_a_section_that_is_missing_goes_to_the_end() -> None:
    text = "timezone: Asia/Tokyo\n"

    found = amended(text, {("services", "決済", "categories", "yes", "min_tickets"): 9})

    assert found == (
        'timezone: Asia/Tokyo\nservices:\n  "決済":\n    categories:\n      "yes":\n        min_tickets: 9\n'
    )


def test_a_section_that_is_empty_is_filled() -> None:
    text = "services:\n  shop:  # nothing yet\ntimezone: UTC\n"

    found = amended(text, {("services", "shop", "min_tickets"): 9})

    assert found == "services:\n  shop:  # nothing yet\n    min_tickets: 9\ntimezone: UTC\n"


def test_a_list_in_lines_becomes_one_line() -> None:
    text = "detection:\n  windows:\n    - 5m\n    - 1h\n  # floors\n  min_tickets: 5\n"

    found = amended(text, {("detection", "windows"): ["1h"]})

    assert found == "detection:\n  windows: [1h]\n  # floors\n  min_tickets: 5\n"


def test_several_changes_build_on_each_other() -> None:
    service = ("services", "shop")

    found = amended(FILE, {(*service, "min_tickets"): 9, (*service, "weight"): 0.25})

    assert "/shop\n    min_tickets: 9\n    weight: 0.25\n" in found


def test_what_two_places_share_is_refused() -> None:
    text = "services:\n  shop: &same {min_tickets: 4}\n  app: *same\n"

    with pytest.raises(Mistake, match=r"services\.shop\.min_tickets: .* set it to 9 by hand"):
        amended(text, {("services", "shop", "min_tickets"): 9})


@given(
    service=st.sampled_from(["shop", "payments", "新規", "a: b", "#hash", "12", "*", "null", "it's"]),
    category=st.text(min_size=1, max_size=12).filter(str.isprintable),
    value=st.one_of(st.integers(1, 900), st.sampled_from([0.25, 1.5, 12.75])),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_named_reads_back_and_the_rest_stays(service: str, category: str, value: float) -> None:
    path = ("services", service, "categories", category, "min_ratio")

    found = amended(FILE, {path: value})

    left: Any = read(found).values
    for part in path:
        left = left[part]
    assert float(left) == value
    kept = iter(found.splitlines())
    braces = "categories: {"
    assert all(
        any(line == other or (braces in line and braces in other) for other in kept)
        for line in FILE.splitlines()
    )
