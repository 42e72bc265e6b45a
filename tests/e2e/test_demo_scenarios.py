"""`spikewatch demo --scenario`: which there are, and how a mistyped one is told."""

from pathlib import Path

import pytest

from spikewatch.demo.tales import ENDINGS
from tests.e2e.running import spikewatch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]


def test_scenarios_are_listed_and_an_unknown_one_names_the_nearest(tmp_path: Path) -> None:
    listed = spikewatch("demo", "--scenario", "list", folder=tmp_path)
    unknown = spikewatch("demo", "--scenario", "spam-wav", folder=tmp_path)

    assert listed.returncode == 0
    assert ENDINGS.keys() <= {line.split()[0] for line in listed.stdout.splitlines()}
    assert unknown.returncode == 2
    assert unknown.stderr == "spikewatch: --scenario: 'spam-wav' is no scenario; did you mean spam-wave?\n"
