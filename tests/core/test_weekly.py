"""A week in figures: which week, what was right, what grew; and the same in words within Slack's limits."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from spikewatch.core.counts import FLEET, SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Incident, Severity
from spikewatch.core.labels import Noted
from spikewatch.core.outbox import Delivery
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Span
from spikewatch.core.weekly import (
    Accuracy,
    Blind,
    Line,
    Noise,
    Volume,
    Week,
    Weekly,
    accuracy_of,
    due_at,
    label_of,
    noise_of,
    notice_of_week,
)
from spikewatch.core.wording import render
from spikewatch.core.wording.weekly import sections_of
from spikewatch.sandbox.block_rules import wrong_blocks
from tests.core_factories import LOGIN, NOON, incident, surge

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
WEEK = Week(2026, 20)
SPAN = WEEK.span(TOKYO)


def said(
    kind: LabelKind, *, start: datetime = NOON, hours: float = 1, service: str | None = "payments"
) -> Noted:
    return Noted(Label(Span(start - HOUR, start + hours * HOUR), service, None, kind), "sato")


def judged(kind: LabelKind, found: Incident) -> Incident:
    return replace(found, handling=Handling(verdict=Verdict(kind, "sato", NOON)))


def weekly(**changes: Any) -> Weekly:  # noqa: ANN401 -- any field of Weekly
    volumes = (
        Volume(FLEET, 520, 480.0, 400),
        Volume(SeriesKey("payments", "*"), 520, 480.0, 400),
        Volume(LOGIN, 300, 200.0, 180),
        Volume(SeriesKey("payments", "new"), 220, None, None),
    )
    line = Line(
        "SW-1",
        "payments",
        Severity.WARNING,
        NOON,
        NOON + HOUR,
        None,
        None,
        (LOGIN,),
        0,
        40,
        6.2,
        15,
        30.0,
        None,
    )
    made = Weekly(
        week=WEEK,
        span=SPAN,
        until=SPAN.end,
        incidents=(line,),
        accuracy=Accuracy(real=2, false_alarms=1, unlabelled=1, known=3, found=2),
        budget=1.0,
        typical=HOUR,
        slowest=2 * HOUR,
        noisiest=(Noise(LOGIN, 2, 1),),
        volumes=volumes,
        blind=(Blind("desk", NOON, NOON + HOUR),),
    )
    return replace(made, **changes)


def text_of(facts: Weekly, key: str, language: Language = Language.EN) -> str:
    (section,) = (each for each in sections_of(facts, language=language, zone=TOKYO) if each.key == key)
    cells = [] if section.table is None else [" ".join(row) for row in section.table.rows]
    return "\n".join([*section.lines, *cells])


# -- which week


@pytest.mark.parametrize("name", ["2026-46", "2026-W54", "W46", "2025-W53", "next", ""])
def test_what_is_no_week_is_refused_with_one_that_is(name: str) -> None:
    with pytest.raises(ValueError, match="2026-W46"):
        Week.named(name)


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1)))
def test_every_day_lies_in_its_week_and_weeks_follow_each_other(day: date) -> None:
    week = Week.of(day)

    assert 0 <= (day - week.monday).days < 7
    assert Week.named(str(week)) == week
    assert week.before.span(BERLIN).end == week.span(BERLIN).start


def test_a_week_in_which_the_clock_is_changed_is_an_hour_shorter_or_longer() -> None:
    spring, autumn = (Week.named(name).span(BERLIN) for name in ("2026-W13", "2026-W43"))

    assert spring.end - spring.start == timedelta(weeks=1) - HOUR
    assert autumn.end - autumn.start == timedelta(weeks=1) + HOUR


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-16T09:00+09:00", "2026-11-16T09:00+09:00"),
        ("2026-11-16T08:59+09:00", "2026-11-09T09:00+09:00"),
        ("2026-11-22T23:00+09:00", "2026-11-16T09:00+09:00"),
    ],
)
def test_a_report_is_due_from_its_minute_on_until_the_next_one(now: str, due: str) -> None:
    found = due_at(datetime.fromisoformat(now), weekday=0, at=time(9), zone=TOKYO)

    assert found == datetime.fromisoformat(due)


# -- what was right


def test_precision_is_of_those_that_were_labelled() -> None:
    kinds = [LabelKind.INCIDENT, LabelKind.INCIDENT, LabelKind.EXPECTED, LabelKind.FALSE_ALARM]
    incidents = [judged(kind, incident(surge(), id=f"SW-{n}")) for n, kind in enumerate(kinds)]

    found = accuracy_of([*incidents, incident(surge(), id="SW-9")], [], span=SPAN)

    assert (found.precision, found.unlabelled, found.spent) == (0.5, 1, 3)
    assert Accuracy(unlabelled=3).precision is None


def test_a_known_incident_that_was_not_told_lowers_recall() -> None:
    labels = [said(LabelKind.INCIDENT), said(LabelKind.INCIDENT, service="shop")]

    found = accuracy_of([incident(surge())], labels, span=SPAN)

    assert (found.known, found.found, found.recall) == (2, 1, 0.5)
    assert found.real == 1


def test_a_confirmed_incident_that_nobody_knew_of_beside_us_counts_as_known_and_told() -> None:
    found = accuracy_of([judged(LabelKind.INCIDENT, incident(surge()))], [], span=SPAN)

    assert (found.known, found.found) == (1, 1)


def test_a_child_of_a_company_wide_incident_is_not_counted_twice() -> None:
    child = replace(incident(surge(), id="SW-1"), merged_into="SW-2")

    assert accuracy_of([child, incident(surge(), id="SW-2")], [], span=SPAN).opened == 1


def test_a_verdict_on_the_incident_outdoes_a_label_of_its_time() -> None:
    alarm = judged(LabelKind.FALSE_ALARM, incident(surge()))

    assert label_of(alarm, [said(LabelKind.INCIDENT)]) is LabelKind.FALSE_ALARM
    assert (
        label_of(incident(surge()), [said(LabelKind.EXPECTED), said(LabelKind.INCIDENT)])
        is LabelKind.INCIDENT
    )
    assert label_of(incident(surge()), [said(LabelKind.INCIDENT, start=NOON + 5 * HOUR)]) is None
    assert label_of(incident(surge()), [said(LabelKind.INCIDENT, service="shop")]) is None


def test_the_noisiest_series_has_most_incidents_that_nobody_called_real() -> None:
    cards = SeriesKey("payments", "cards")
    pairs = [
        (incident(surge(LOGIN)), LabelKind.INCIDENT),
        (incident(surge(LOGIN)), LabelKind.INCIDENT),
        (incident(surge(cards)), None),
    ]

    assert noise_of(pairs) == (Noise(cards, 1, 1), Noise(LOGIN, 2, 0))


# -- what grew


@pytest.mark.parametrize(
    ("now", "before", "grew"),
    [
        (300, 180, True),
        (12, 8, False),
        (10_500, 10_000, False),
        (9, 0, True),
        (3, 0, False),
        (5, None, False),
    ],
)
def test_only_growth_beyond_chance_and_of_some_size_is_told(now: int, before: int | None, grew: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert Volume(LOGIN, now, None, before).has_grown is grew


# -- in words


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("rung", [0, 4])
def test_a_week_of_four_hundred_categories_fits_into_a_message(language: Language, rung: int) -> None:
    many = [Volume(SeriesKey("<!channel> *x*" * 9, f"{n} お問い合わせ" * 20), n, 9.0, 1) for n in range(400)]
    lines = [
        replace(weekly().incidents[0], incident=f"SW-{n}", series=tuple(each.series for each in many[:3]))
        for n in range(80)
    ]
    big = weekly(volumes=(*weekly().volumes, *many), incidents=tuple(lines), blind=weekly().blind * 30)

    message = render(notice_of_week(big, at=NOON), language=language, zone=TOKYO, plain=rung)

    assert not list(wrong_blocks(list(message.blocks)))
    assert len(message.blocks) <= 50
    assert len(json.dumps(message.blocks, ensure_ascii=False)) < 12_000
    assert len(message.text) <= 3_500
    assert "<!" not in message.text + json.dumps(message.blocks)
    assert message.urgent is False


@pytest.mark.parametrize("language", Language)
def test_a_week_in_which_nothing_came_is_a_message_that_slack_takes(language: Language) -> None:
    empty = weekly(volumes=(), incidents=(), noisiest=(), accuracy=Accuracy(), blind=())

    message = render(notice_of_week(empty, at=SPAN.end), language=language, zone=TOKYO)

    assert not list(wrong_blocks(list(message.blocks)))


def test_a_message_counts_all_that_it_leaves_out() -> None:
    services = tuple(Volume(SeriesKey(f"s{n:02}", "*"), 900 - n, 500.0, 500) for n in range(30))
    categories = tuple(Volume(SeriesKey("s00", f"c{n:02}"), 800 - n, 100.0, 100) for n in range(40))
    noisy = tuple(Noise(SeriesKey("s00", f"c{n:02}"), 9, 9) for n in range(20))
    told = notice_of_week(weekly(volumes=(*services, *categories), noisiest=noisy), at=NOON).facts

    rest = {each.key: each.rest for each in sections_of(told, language=Language.EN, zone=TOKYO, most=6)}

    assert [rest[key] for key in ("services", "asked_most", "grew", "noisiest")] == [
        "and 24 more",
        "and 34 more",
        "and 34 more",
        "and 14 more",
    ]


def test_what_is_told_survives_the_outbox_unchanged() -> None:
    notice = notice_of_week(weekly(), at=NOON)
    adapter = TypeAdapter(Delivery)
    delivery = Delivery("k", "slack", "#desk", notice, created_at=NOON, due=NOON)

    again = adapter.validate_json(adapter.dump_json(delivery))

    assert again == delivery
    assert render(again.notice, language=Language.JA, zone=TOKYO) == render(
        notice, language=Language.JA, zone=TOKYO
    )


def test_a_share_of_nothing_is_said_to_be_new_or_unknown_and_never_a_number() -> None:
    volumes = (
        Volume(LOGIN, 5, 0.0, 0),
        Volume(SeriesKey("a", "b"), 5, None, None),
        Volume(SeriesKey("a", "c"), 5, 5.0, 10),
    )

    rows = text_of(weekly(volumes=volumes), "asked_most").splitlines()

    assert rows == ["payments / login 5 new new", "a / b 5 unknown unknown", "a / c 5 ±0 % -50 %"]


def test_quiet_is_not_claimed_of_what_was_not_seen() -> None:
    quiet = weekly(incidents=(), accuracy=Accuracy(), typical=None, slowest=None, noisiest=())
    half = replace(quiet, until=SPAN.start + 3 * HOUR)

    assert "known" in text_of(quiet, "incidents")
    assert text_of(replace(quiet, blind=()), "incidents") == "No incident."
    assert "Known up to Mon 05-11 03:00 only" in text_of(half, "summary")


def test_figures_are_said_in_japanese() -> None:
    assert text_of(weekly(), "accuracy", Language.JA).splitlines() == [
        "適合率 67 %: 判定済み 3件のうち、実際の障害 2件、想定内 0件、誤検知 1件。",
        "未判定: 1件。",
        "再現率 67 %: 把握されている障害 3件のうち 2件を検知しました。",
        "誤検知の予算: 週 1件に対し 2件（実際の障害と判定されていないもの）。",
        "増加の始まりから通知まで: 中央値 1時間、最長 2時間。",
    ]
    assert text_of(weekly(), "grew", Language.JA) == "payments / login 300 +50 % +67 %"


def test_the_week_is_named_in_local_days() -> None:
    assert text_of(weekly(), "summary").splitlines()[0] == "Mon 05-11 to Sun 05-17, times in JST"
    assert SPAN.start == datetime(2026, 5, 10, 15, tzinfo=UTC)
