"""A store of each kind, for every suite of the store's contract."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from spikewatch.ports import Store
from tests.contract.stores import Open, Opened, Schemas
from tests.postgres import Cluster


@pytest.fixture(scope="session")
def schemas(postgres: Cluster) -> Schemas:
    """Schemas of this session's server."""
    return Schemas(postgres)


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest) -> Open:
    """Open stores of one kind that can be opened again."""
    if request.param == "postgresql":
        schemas: Schemas = request.getfixturevalue("schemas")
        return schemas
    chosen: Open = request.param
    return chosen


@pytest.fixture(scope="session")
def opened(request: pytest.FixtureRequest) -> Opened:
    """Open stores of one kind."""
    chosen: Open = request.getfixturevalue("schemas") if request.param == "postgresql" else request.param

    @contextmanager
    def store() -> Iterator[Store]:
        with chosen() as kept:
            yield kept.store

    return store
