"""The reasons on a page: what would have kept an incident quiet, in both languages."""

from dataclasses import replace
from datetime import timedelta
from xml.etree.ElementTree import tostring

import pytest

from spikewatch.core.counts import FLEET, SeriesKey
from spikewatch.core.explanations import Explanation, Turning
from spikewatch.core.settings import Language
from spikewatch.lab.pages import Setting
from spikewatch.lab.pages.reasons import reasons
from spikewatch.lab.replay import replay
from tests.lab.pages.reviews import DESK, TOKYO
from tests.simulated_desk import JUDGED, LOGIN, backtester


@pytest.fixture(scope="module")
def kept() -> Explanation:
    """Why the first incident of the small desk opened."""
    short = DESK.recording(until=JUDGED + timedelta(hours=6))
    explanation = replay(short, backtester(), since=JUDGED).incidents[0].explained
    assert explanation is not None
    return explanation


def said(
    explanation: Explanation, turning: Turning | None, language: Language, *, of: SeriesKey = LOGIN
) -> str:
    told = replace(explanation, turning=turning, series=of)
    return tostring(reasons(told, Setting(language, TOKYO)), encoding="unicode")


def test_the_budget_and_the_weight_below_which_it_stays_quiet_are_named(kept: Explanation) -> None:
    turning = Turning(15, 0.218, 0.4)

    english, japanese = (said(kept, turning, language) for language in (Language.EN, Language.JA))

    assert "It would have stayed quiet with false_alarms_per_week below 0.218 or weight below 0.4." in english
    assert (
        "false_alarms_per_week が 0.218 未満、または weight が 0.4 未満なら、通知されませんでした。"
        in japanese
    )


def test_the_whole_fleet_is_told_of_the_budget_alone(kept: Explanation) -> None:
    english = said(kept, Turning(15, 0.218, None), Language.EN, of=FLEET)

    assert "It would have stayed quiet with false_alarms_per_week below 0.218." in english


@pytest.mark.parametrize("turning", [None, Turning(15, 0.001, 0.001), Turning(15, 0.001, None)])
def test_what_nothing_would_have_kept_quiet_names_nothing(kept: Explanation, turning: Turning | None) -> None:
    assert "stayed quiet" not in said(kept, turning, Language.EN)


def test_what_a_replay_kept_says_where_it_turns(kept: Explanation) -> None:
    assert kept.turning is not None
    assert (kept.turning.false_alarms_per_week or 0) <= 1
