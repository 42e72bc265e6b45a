"""What the demo tells of a scenario: every scenario has scenes, in both languages."""

import pytest

from spikewatch.core.settings import Language
from spikewatch.demo.tales import BEGINS, ENDINGS, ending_of, scenes_of
from spikewatch.sandbox.helpdesk import SCENARIOS


def test_endings_belong_to_scenarios() -> None:
    assert ENDINGS.keys() <= SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_a_scene_that_begins_with_it_and_words_in_both_languages(name: str) -> None:
    before, scene = scenes_of(SCENARIOS[name])

    assert before.until < scene.begins == BEGINS < scene.until
    for language in Language:
        assert name in scene.before[language]
        assert ending_of(SCENARIOS[name]).after[language]
