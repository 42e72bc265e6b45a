"""A counts file becomes a recording, and mistakes in naming a series are told with what would be right."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from spikewatch.core.counts import FLEET, Roster, SeriesKey
from spikewatch.core.settings import CalendarSettings
from spikewatch.errors import Mistake
from spikewatch.lab.recordings import baseline_at, detector_for, read_recording, series_row

TOKYO = ZoneInfo("Asia/Tokyo")
CARD, LOGIN = SeriesKey("payments", "card"), SeriesKey("shop", "login")
ROSTER = Roster.of([CARD, LOGIN])


def counts_file(folder: Path, *rows: str) -> Path:
    file = folder / "counts.csv"
    file.write_text("\n".join(["timestamp,service,category,count", *rows]), "utf-8")
    return file


def test_a_counts_file_is_read_onto_the_grid_with_its_roll_ups(tmp_path: Path) -> None:
    file = counts_file(
        tmp_path,
        "2026-05-11T10:02:00+09:00,payments,card,2",
        "2026-05-11T10:04:00+09:00,shop,login,3",
        "2026-05-11T10:21:00+09:00,payments,card,4",
    )

    recording = read_recording(file)

    assert recording.until == datetime(2026, 5, 11, 1, 25, tzinfo=UTC)
    fleet = recording.panel.counts[recording.panel.roster.rows[FLEET]]
    assert fleet.tolist()[:5] == [5, 0, 0, 0, 4]


def test_a_gap_is_unknown_and_the_input_can_end_early(tmp_path: Path) -> None:
    file = counts_file(
        tmp_path, "2026-05-11T10:00:00+09:00,shop,login,2", "2026-05-11T10:55:00+09:00,shop,login,3"
    )
    gaps = tmp_path / "gaps.csv"
    gaps.write_text("start,end,service\n2026-05-11T10:10:00+09:00,2026-05-11T10:20:00+09:00,\n", "utf-8")

    recording = read_recording(file, until=datetime(2026, 5, 11, 1, 30, tzinfo=UTC), gaps=gaps)

    assert recording.panel.known[0].tolist() == [*[True] * 2, *[False] * 2, *[True] * 2, *[False] * 6]


def test_it_says_that_tickets_flatter(tmp_path: Path) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text("id,created_at,service,category\n1,2026-05-11T10:00:00+09:00,shop,login\n", "utf-8")
    said: list[str] = []

    read_recording(file, say=said.append)

    assert said == ["tickets are known from creation and under their final category: this flatters"]


def test_a_grid_finer_than_the_counts_is_refused(tmp_path: Path) -> None:
    rows = [f"2026-05-{day:02}T{hour:02}:00:00+09:00,shop,login,1" for day in (1, 2, 3) for hour in range(24)]

    with pytest.raises(Mistake, match="use bucket: 1h"):
        read_recording(counts_file(tmp_path, *rows))


def test_a_detector_keeps_the_grid_of_its_recording_and_knows_the_holidays(tmp_path: Path) -> None:
    file = counts_file(tmp_path, "2026-05-11T10:00:00+09:00,shop,login,2")
    recording = read_recording(file, bucket=timedelta(minutes=15))

    detector = detector_for(recording, zone=TOKYO, calendar=CalendarSettings(country="JP"))

    assert detector.step == timedelta(minutes=15)
    assert date(2026, 11, 3) in detector.calendar.days_off
    assert not baseline_at(recording, detector, at=recording.until).warm


@pytest.mark.parametrize(
    ("service", "category", "key"),
    [("payments", "card", CARD), ("payments", None, SeriesKey("payments", "*")), (None, None, FLEET)],
)
def test_a_series_is_named_by_service_and_category(
    service: str | None, category: str | None, key: SeriesKey
) -> None:
    assert ROSTER.keys[series_row(ROSTER, service=service, category=category)] == key


@pytest.mark.parametrize(
    ("service", "category", "told"),
    [
        pytest.param("payment", "card", "payment/card was never counted; there is payments/card", id="near"),
        pytest.param("魚", "虫", "there is payments/card, shop/login, payments", id="nothing near"),
        pytest.param(None, "card", "category 'card' belongs to a service", id="no service"),
    ],
)
def test_a_series_that_is_not_there_is_told_with_a_remedy(
    service: str | None, category: str | None, told: str
) -> None:
    with pytest.raises(Mistake, match=told):
        series_row(ROSTER, service=service, category=category)
