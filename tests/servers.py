"""Servers that tests run for real: where their programs are, or a skip that is loud."""

import os
import shutil
from pathlib import Path

import pytest

_PACKAGES = {
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "victoria-metrics": "victoria-metrics",
    "postgres": "postgresql",
    "chromium": "chromium",
    "yaml-language-server": "yaml-language-server (of npm)",
}
_ASIDE = {"postgres": "postgresql/*/bin"}
"""Below /usr/lib: where a distribution keeps programs that it does not put on the path."""


def require(name: str, *programs: str) -> Path:
    """Return the path of the first program that is there.

    Without any the test is skipped, or fails where SPIKEWATCH_REQUIRE names the server.
    """
    aside = sorted(Path("/usr/lib").glob(_ASIDE[name]), reverse=True) if name in _ASIDE else []
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, aside)])
    for program in programs:
        found = shutil.which(program, path=places)
        if found is not None:
            return Path(found)
    remedy = f"{' or '.join(programs)} not found: install the package {_PACKAGES.get(name, name)}"
    if name in os.environ.get("SPIKEWATCH_REQUIRE", "").split(","):
        pytest.fail(f"{name} is required and absent: {remedy}")
    pytest.skip(f"{name} is absent: {remedy}")
