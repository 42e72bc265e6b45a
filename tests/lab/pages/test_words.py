"""Both languages say everything, and fill in the same facts."""

from dataclasses import fields
from enum import StrEnum
from string import Formatter

import pytest

from spikewatch.core.explanations import GateName
from spikewatch.core.incidents import Severity
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import Language
from spikewatch.lab.comparing import Shift
from spikewatch.lab.pages.words import WORDS, Words
from spikewatch.lab.tallies import Said


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("field", [each.name for each in fields(Words)])
def test_both_languages_fill_in_the_same_facts(field: str) -> None:
    english, japanese = (getattr(WORDS[language], field) for language in (Language.EN, Language.JA))

    assert english
    assert japanese
    if isinstance(english, str):
        assert placeholders(english) == placeholders(japanese)
    else:
        assert len(english) == len(japanese)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("said", Said),
        ("severities", Severity),
        ("gate_names", GateName),
        ("why", WhyNot),
        ("shifts", Shift),
        ("shift_help", Shift),
    ],
)
def test_every_member_has_a_word(language: Language, field: str, members: type[StrEnum]) -> None:
    assert set(getattr(WORDS[language], field)) == set(members)
