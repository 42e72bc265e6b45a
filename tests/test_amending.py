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


SHARED = """\
floors: &floors  # for small teams
  min_tickets: 4  # agreed in May
  categories: {login: {weight: 2}, refund: {min_ratio: 3}}
services:
  shop: &same
    min_tickets: 4  # ask Sato
    note: >
      two lines

      of text
  # the app of the shop
  app: *same
  wear: {<<: *same, weight: 2}
  sale: &braces {min_tickets: 4}
  gift: *braces
  club: {min_tickets: &least 7}
  desk: {min_tickets: *least}  # as club
  till: {min_tickets: *least}
  mall: *floors
  post:
    <<: *floors
    weight: 3
last: 1
"""


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (("app", "min_tickets"), "app: *same\n", "app: {<<: *same, min_tickets: 9}\n"),
        (("app", "weight"), "app: *same\n", "app: {<<: *same, weight: 9}\n"),
        (("wear", "min_tickets"), "*same, weight: 2}", "*same, weight: 2, min_tickets: 9}"),
        (
            ("shop", "min_tickets"),
            """\
  shop: &same
    min_tickets: 4  # ask Sato
    note: >
      two lines

      of text
""",
            """\
  shop:
    <<: &same
      min_tickets: 4  # ask Sato
      note: >
        two lines

        of text
    min_tickets: 9
""",
        ),
        (
            ("sale", "min_tickets"),
            "sale: &braces {min_tickets: 4}",
            "sale: {<<: &braces {min_tickets: 4}, min_tickets: 9}",
        ),
        (("desk", "min_tickets"), "desk: {min_tickets: *least}", "desk: {min_tickets: 9}"),
        (
            ("club", "min_tickets"),
            "club: {min_tickets: &least 7}\n  desk: {min_tickets: *least}",
            "club: {min_tickets: 9}\n  desk: {min_tickets: &least 7}",
        ),
        (
            ("mall", "categories", "login", "weight"),
            "mall: *floors",
            "mall: {<<: *floors, categories: {login: {weight: 9}, refund: {min_ratio: 3}}}",
        ),
        (
            ("post", "categories", "login", "weight"),
            "    weight: 3\n",
            "    weight: 3\n    categories:\n      login:\n        weight: 9\n      refund:\n        min_ratio: 3\n",
        ),
    ],
    ids=lambda given: ".".join(given) if isinstance(given, tuple) else "",
)
def test_what_several_places_share_is_changed_in_one_of_them_alone(
    path: tuple[str, ...], before: str, after: str
) -> None:
    found = amended(SHARED, {("services", *path): 9})

    assert SHARED.count(before) == 1
    assert found == SHARED.replace(before, after)


def test_where_an_alias_cannot_be_replaced_safely_the_line_is_told() -> None:
    text = "services:\n  shop: &same {min_tickets: 4}\n  app:  # as the shop\n    *same\n"

    with pytest.raises(Mistake, match=r"services\.app\.min_tickets \(line 3\): .* set it to 9 by hand"):
        amended(text, {("services", "app", "min_tickets"): 9})


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
