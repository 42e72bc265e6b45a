"""Certificates of an authority of the tests' own, made by openssl while a test runs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers import require


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Signs certificates, whose files go into a folder."""

    folder: Path
    own: Pair

    def signed(
        self, name: str, *, subject: str = "localhost", names: str = "IP:127.0.0.1,DNS:localhost"
    ) -> Pair:
        """A certificate for loopback, or for other names."""
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        _openssl(
            *_request(pair, subject=subject),
            *("-CA", str(self.own.cert), "-CAkey", str(self.own.key)),
            *("-addext", f"subjectAltName={names}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )
        return pair


def authority(folder: Path) -> Authority:
    """A new authority; the test is skipped loudly where openssl is absent."""
    own = Pair(folder / "authority.crt", folder / "authority.key")
    _openssl(*_request(own, subject="tests"), "-addext", "keyUsage=critical,keyCertSign")
    return Authority(folder, own)


def _request(pair: Pair, *, subject: str) -> tuple[str, ...]:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pair.key))
    return ("req", "-x509", "-days", "2", "-subj", f"/CN={subject}", *key, "-out", str(pair.cert))


def _openssl(*arguments: str) -> None:
    program = str(require("openssl", "openssl"))
    subprocess.run([program, *arguments], check=True, capture_output=True)
