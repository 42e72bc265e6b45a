"""`spikewatch demo --scenario`: what happens to the desk ends on the screen as it has to."""

from pathlib import Path

import pytest

from spikewatch.core.settings import Language
from spikewatch.demo.tales import ENDINGS
from tests.e2e.running import spikewatch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_a_wave_of_spam_is_told_and_resolved_once_it_is_deleted(tmp_path: Path) -> None:
    told = spikewatch(
        "demo", "--once", "--language", "en", "--scenario", "spam-wave", folder=tmp_path, timeout_s=170
    )

    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    said = " ".join(told.stdout.split())
    assert "Ticket surge: Login" in said
    assert "Resolved: Login" in said
    assert ENDINGS["spam-wave"].after[Language.EN] in said


def test_scenarios_are_listed_and_an_unknown_one_names_the_nearest(tmp_path: Path) -> None:
    listed = spikewatch("demo", "--scenario", "list", folder=tmp_path)
    unknown = spikewatch("demo", "--scenario", "spam-wav", folder=tmp_path)

    assert listed.returncode == 0
    assert ENDINGS.keys() <= {line.split()[0] for line in listed.stdout.splitlines()}
    assert unknown.returncode == 2
    assert unknown.stderr == "spikewatch: --scenario: 'spam-wav' is no scenario; did you mean spam-wave?\n"
