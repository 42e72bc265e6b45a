"""The demo's script says everything in both languages, and scenes follow each other."""

import string
from itertools import pairwise

import pytest

from spikewatch.core.settings import Language
from spikewatch.demo.script import SCENES, WORDS, said
from spikewatch.lab.synthetic import START_OF_LIVE, demo_world


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_every_line_names_the_same_values_in_both_languages(key: str) -> None:
    japanese, english = WORDS[key][Language.JA], WORDS[key][Language.EN]

    assert japanese.strip()
    assert english.strip()
    assert fields(japanese) == fields(english)
    assert english.isascii() or "…" in english


def test_a_line_is_told_with_its_values() -> None:
    told = said("told", Language.EN, began="14:10", found="14:30", told="14:32")

    assert told == "The outage began at 14:10 -> seen in the data up to 14:30 -> told at 14:32"


def test_scenes_have_words_in_both_languages_and_follow_each_other() -> None:
    for scene in SCENES:
        assert scene.begins < scene.until
        for language in Language:
            assert scene.before[language]
            assert scene.after[language]
    assert all(left.until <= right.begins for left, right in pairwise(SCENES))


def test_the_scene_of_the_outage_begins_with_it_and_expects_one_incident() -> None:
    (outage,) = demo_world().judged_surges
    (scene,) = [scene for scene in SCENES if scene.expects]

    assert START_OF_LIVE + scene.begins == outage.start
    assert outage.end < START_OF_LIVE + scene.until
    assert "{began}" in scene.before[Language.JA]
    assert "{began}" in scene.before[Language.EN]
