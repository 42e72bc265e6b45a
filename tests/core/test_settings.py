"""What a person may choose: durations, floors, and which override holds for a series."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spikewatch.core.settings import (
    CategorySettings,
    DetectionSettings,
    GridSettings,
    Secret,
    ServiceSettings,
    format_duration,
    parse_duration,
    rule_for,
)

DETECTION = DetectionSettings()
SERVICES = {
    "payments": ServiceSettings(
        min_tickets=9,
        weight=2.0,
        categories={
            "log*": CategorySettings(min_tickets=4, runbook="https://wiki.example.com/log"),
            "login": CategorySettings(min_tickets=3),
            "log?n": CategorySettings(min_ratio=3.0),
            "spam": CategorySettings(enabled=False),
        },
    ),
    "shop": ServiceSettings(enabled=False, categories={"parcel": CategorySettings(enabled=True)}),
}


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("8w", timedelta(weeks=8)),
        (timedelta(minutes=5), timedelta(minutes=5)),
    ],
)
def test_a_duration_is_read(text: object, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "5M", "-5m", "1.5h", 5, 5.0, None, "5m!"])
def test_what_is_no_duration_is_refused_with_the_remedy(text: object) -> None:
    with pytest.raises(ValueError, match="write a number and a unit"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["5219w", "99999999999999w", "36524d24h1s"])
def test_a_duration_of_more_than_a_hundred_years_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(
        ValueError, match=f"'{text}' is longer than a hundred years; write a number and a unit"
    ):
        parse_duration(text)


def test_a_duration_of_a_hundred_years_is_read() -> None:
    assert parse_duration("36525d") == timedelta(days=36_525)


@given(st.integers(0, 10**8))
def test_a_duration_reads_as_it_was_written(total: int) -> None:
    duration = timedelta(seconds=total)

    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (45, "45s"), (300, "5m"), (5400, "90m"), (7200, "2h"), (86400, "1d"), (604800, "1w")],
)
def test_a_duration_is_written_in_its_largest_whole_unit(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("ratio", [0.99, 0.0, -1.0, float("nan")])
def test_a_ratio_that_would_alert_on_falls_is_refused(ratio: float) -> None:
    with pytest.raises(ValidationError, match=r"would alert on falls; use 1\.0 or more"):
        DetectionSettings(min_ratio=ratio)


def test_a_ratio_of_one_lets_the_statistics_alone_decide() -> None:
    assert DetectionSettings(min_ratio=1.0).min_ratio == 1.0


def test_windows_are_sorted_and_each_stands_once() -> None:
    quarter, hour = timedelta(minutes=15), timedelta(hours=1)

    assert DetectionSettings(windows=(hour, quarter, hour)).windows == (quarter, hour)


@pytest.mark.parametrize("windows", [(), (timedelta(0),)])
def test_no_windows_are_refused(windows: tuple[timedelta, ...]) -> None:
    with pytest.raises(ValidationError, match="name at least one window"):
        DetectionSettings(windows=windows)


@pytest.mark.parametrize("budget", [0.0, -1.0, 1001.0])
def test_a_budget_of_nothing_or_of_everything_is_refused(budget: float) -> None:
    with pytest.raises(ValidationError):
        DetectionSettings(false_alarms_per_week=budget)


@pytest.mark.parametrize("minutes", [0, 7, 25, 90, 120])
def test_a_bucket_that_does_not_divide_an_hour_is_refused(minutes: int) -> None:
    with pytest.raises(ValidationError, match="does not divide an hour"):
        GridSettings(bucket=timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [1, 5, 15, 60])
def test_a_bucket_that_divides_an_hour_is_taken(minutes: int) -> None:
    assert GridSettings(bucket=timedelta(minutes=minutes)).bucket == timedelta(minutes=minutes)


@pytest.mark.parametrize("days", [7, 13, 15])
def test_a_history_of_less_than_two_whole_weeks_is_refused(days: int) -> None:
    with pytest.raises(ValidationError, match="is not two or more whole weeks"):
        GridSettings(history=timedelta(days=days))


def test_two_weeks_of_history_are_enough() -> None:
    assert GridSettings(history=timedelta(weeks=2)).history == timedelta(weeks=2)


@pytest.mark.parametrize(
    ("service", "category", "min_tickets", "origin"),
    [
        ("app", "crash", 5, "detection.min_tickets"),
        ("payments", "refund", 9, "services.payments.min_tickets"),
        ("payments", "*", 9, "services.payments.min_tickets"),
        ("payments", "logout", 4, "services.payments.categories.log*.min_tickets"),
        ("payments", "login", 3, "services.payments.categories.login.min_tickets"),
        ("*", "*", 5, "detection.min_tickets"),
    ],
    ids=[
        "nothing said",
        "by service",
        "the roll-up by service",
        "by glob",
        "by name before globs",
        "the fleet",
    ],
)
def test_the_nearest_override_holds_and_says_where_it_stands(
    service: str, category: str, min_tickets: int, origin: str
) -> None:
    rule = rule_for(service, category, detection=DETECTION, services=SERVICES)

    assert (rule.min_tickets, rule.origin["min_tickets"]) == (min_tickets, origin)


def test_the_first_glob_that_matches_wins() -> None:
    rule = rule_for("payments", "logan", detection=DETECTION, services=SERVICES)

    assert rule.min_tickets == 4
    assert rule.min_ratio == DETECTION.min_ratio


def test_what_a_category_leaves_out_comes_from_its_service() -> None:
    rule = rule_for("payments", "login", detection=DETECTION, services=SERVICES)

    assert (rule.weight, rule.origin["weight"]) == (2.0, "services.payments.weight")
    assert (rule.runbook, rule.origin["runbook"]) == (None, "default")


@pytest.mark.parametrize(
    ("service", "category", "enabled"),
    [
        ("payments", "spam", False),
        ("payments", "login", True),
        ("payments", "*", True),
        ("shop", "parcel", True),
        ("shop", "returns", False),
        ("shop", "*", False),
    ],
)
def test_a_category_can_be_judged_or_not_against_its_service(
    service: str, category: str, *, enabled: bool
) -> None:
    assert rule_for(service, category, detection=DETECTION, services=SERVICES).enabled is enabled


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="min_ticket"):
        CategorySettings.model_validate({"min_ticket": 3})


def test_the_star_is_no_category_to_configure() -> None:
    with pytest.raises(ValidationError, match="is no category"):
        ServiceSettings(categories={"*": CategorySettings()})


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")

    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.get_secret_value() == "hunter2"
