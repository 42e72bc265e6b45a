"""What keeps a notice back, and what never does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Matcher, Mute, Muted, Silence, maintenance, why_muted
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.oncall import MaintenanceSettings
from spikewatch.core.timegrid import Span
from tests.factories import OPENED, grouped, notice, part

TOKYO = ZoneInfo("Asia/Tokyo")
HOUR = timedelta(hours=1)


def silence(service: str = "*", category: str = "*", severity: Severity | None = None) -> Silence:
    return Silence(Matcher(service, category, severity), Span(OPENED, OPENED + HOUR), "sato", "bank", 3)


def why(told: Notice, *silences: Silence, at: datetime = OPENED) -> Muted | None:
    found = why_muted(told, silences=silences, at=at)
    return None if found is None else found.why


@pytest.mark.parametrize(
    ("at", "muted"),
    [
        (OPENED - timedelta(microseconds=1), None),
        (OPENED, Muted.SILENCE),
        (OPENED + HOUR - timedelta(microseconds=1), Muted.SILENCE),
        (OPENED + HOUR, None),
    ],
)
def test_a_silence_holds_from_its_beginning_until_before_its_end(at: datetime, muted: Muted | None) -> None:
    assert why(notice(), silence(), at=at) is muted


@pytest.mark.parametrize(
    ("given", "muted"),
    [
        (silence("payments"), True),
        (silence("pay*", "log*"), True),
        (silence("payments", "refund"), False),
        (silence("shop"), False),
        (silence(severity=Severity.WARNING), True),
        (silence(severity=Severity.CRITICAL), False),
    ],
)
def test_a_silence_is_for_what_it_matches(given: Silence, muted: bool) -> None:  # noqa: FBT001 -- a table
    assert (why(notice(), given) is Muted.SILENCE) is muted


def test_a_silence_for_one_category_never_hides_another() -> None:
    told = notice(**grouped())

    assert why(told, silence("payments", "login")) is None
    assert why(told, silence("payments")) is Muted.SILENCE
    assert why(notice(**grouped(more=4)), silence("payments", "*a*")) is None


def test_a_category_that_only_drives_the_rise_needs_no_silence_of_its_own() -> None:
    parts = (part("login", 42, expected=6.0, share=0.9), part("x", 3, expected=1.0, share=0.1, surging=False))

    assert why(notice(parts=parts), silence("payments", "login")) is Muted.SILENCE


def test_a_company_wide_incident_is_muted_by_what_matches_every_service_of_it() -> None:
    parts = tuple(
        replace(part("login", 42, expected=6.0, share=0.5), series=SeriesKey(service, ALL))
        for service in ("payments", "payouts")
    )
    told = notice(service=None, lead_series=SeriesKey(ALL, ALL), parts=parts)

    assert why(told, silence("pay*")) is Muted.SILENCE
    assert why(told, silence("payments")) is None
    assert why(told, silence("pay*", "login")) is None


@pytest.mark.parametrize(
    "reason", [Reason.ACKNOWLEDGED, Reason.DISMISSED, Reason.LABELLED, Reason.RESOLVED, Reason.MERGED]
)
def test_what_a_person_did_and_that_it_is_over_is_never_kept_back(reason: Reason) -> None:
    handling = Handling(dismissed_by="sato", dismissed_at=OPENED)

    assert why(notice(reason, handling=handling), silence()) is None


def test_a_snooze_mutes_until_its_end() -> None:
    asleep = Handling(snoozed_by="sato", snoozed_until=OPENED + HOUR)

    assert why_muted(notice(Reason.CHANGED, handling=asleep), silences=(), at=OPENED) == Mute(
        Muted.SNOOZE, OPENED + HOUR, "by sato"
    )
    assert why(notice(Reason.CHANGED, handling=asleep), at=OPENED + HOUR) is None


def test_a_dismissal_mutes_without_end() -> None:
    closed = Handling(dismissed_by="sato", dismissed_at=OPENED)

    assert why(notice(Reason.CHANGED, handling=closed), at=OPENED + 1000 * HOUR) is Muted.DISMISSED


# -- maintenance windows


def window(**fields: object) -> MaintenanceSettings:
    return MaintenanceSettings.model_validate({"name": "release", **fields})


WEEKLY = window(weekly={"days": ["sun"], "at": "23:00", "lasts": "3h"})


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-11-22T22:59:59+09:00", False),
        ("2026-11-22T23:00:00+09:00", True),
        ("2026-11-23T01:59:59+09:00", True),
        ("2026-11-23T02:00:00+09:00", False),
        ("2026-11-23T23:30:00+09:00", False),
        ("2026-11-29T23:00:00+09:00", True),
    ],
)
def test_a_weekly_window_comes_back_in_local_time_and_reaches_past_midnight(at: str, holds: bool) -> None:  # noqa: FBT001 -- a table
    instant = datetime.fromisoformat(at).astimezone(UTC)

    assert bool(maintenance([WEEKLY], zone=TOKYO, at=instant)) is holds


def test_a_weekly_window_keeps_local_time_when_the_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    early = window(weekly={"days": ["sun"], "at": "05:00", "lasts": "1h"})
    summer, winter = datetime(2026, 10, 18, 3, tzinfo=UTC), datetime(2026, 10, 25, 4, tzinfo=UTC)

    assert maintenance([early], zone=berlin, at=summer)
    assert maintenance([early], zone=berlin, at=winter)
    assert not maintenance([early], zone=berlin, at=winter - HOUR)


def test_a_window_that_comes_once_mutes_as_maintenance() -> None:
    once = window(service="payments", start="2026-11-20", end="2026-11-21")
    at = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)

    found = maintenance([once], zone=TOKYO, at=at)

    assert [str(each.mute()) for each in found] == ["maintenance release"]
    assert why_muted(notice(), silences=found, at=at) is not None
