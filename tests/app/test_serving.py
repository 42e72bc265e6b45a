"""The daemon's port as a configuration and its secrets describe it."""

from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.http.guarding import hashed
from spikewatch.app.assembly import assemble
from spikewatch.config import Config, Purpose, load
from spikewatch.errors import Fault, Mistake
from tests.core_factories import NOON

TEXT = """\
timezone: Asia/Tokyo
store: sqlite:///{folder}/watch.db
sources: [{{kind: csv, name: desk, path: "{folder}/none.csv"}}]
metrics: {{listen: "127.0.0.1:0"{more}}}
"""


def configured(folder: Path, *, more: str = "", env: Mapping[str, str] | None = None) -> Config:
    file = folder / "watch.yaml"
    file.write_text(TEXT.format(folder=folder, more=more), encoding="utf-8")
    return load(file, env=env or {}, purpose=Purpose.RUN)


def statuses(config: Config, *, authorization: str) -> list[int]:
    """What the daemon answers to a stranger, to a reader and to a probe."""
    assembly = assemble(config, clock=ManualClock(NOON))
    try:
        assembly.http.start()
        found = []
        for path, header in (("/", ""), ("/", authorization), ("/healthz", "")):
            connection = HTTPConnection(assembly.http.address, timeout=10)
            connection.request("GET", path, headers={"Authorization": header})
            found.append(connection.getresponse().status)
            connection.close()
        return found
    finally:
        assembly.stop()


def test_a_hash_in_the_environment_closes_the_port_to_strangers(tmp_path: Path) -> None:
    config = configured(tmp_path, env={"SPIKEWATCH_METRICS_PASSWORD_HASH": hashed("hunter2")})

    assert statuses(config, authorization="Basic cHJvbWV0aGV1czpodW50ZXIy") == [401, 200, 200]


def test_a_token_in_a_file_does_so_too(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("letmein\n", "utf-8")

    config = configured(tmp_path, more=", bearer_token_file: token")

    assert statuses(config, authorization="Bearer letmein") == [401, 200, 200]


def test_what_is_no_hash_is_told_without_showing_it(tmp_path: Path) -> None:
    config = configured(tmp_path, env={"SPIKEWATCH_METRICS_PASSWORD_HASH": "hunter2"})

    with pytest.raises(Mistake, match="spikewatch prom password") as caught:
        assemble(config, clock=ManualClock(NOON))

    assert "hunter2" not in str(caught.value)


def test_a_certificate_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    config = configured(tmp_path, more=", tls: {cert_file: no.crt, key_file: no.key}")

    with pytest.raises(Fault, match=r"metrics\.tls: no\.crt and no\.key cannot be used"):
        assemble(config, clock=ManualClock(NOON))
