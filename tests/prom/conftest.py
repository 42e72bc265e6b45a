"""Programs that these tests need."""

import pytest

from tests.servers import require


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool."""
    return str(require("prometheus", "promtool"))
