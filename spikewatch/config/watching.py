"""Whether anything that a configuration is read from has changed: the file, those it includes, those that hold secrets."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spikewatch.config.including import matching, patterns_of
from spikewatch.config.reading import read


class Watch:
    """Looks at contents, not at times of change: what a mount or an editor puts in place anew is often the same."""

    def __init__(self, path: str | Path) -> None:
        """Watch the configuration in a file."""
        self._path = Path(path)
        self._main: bytes | None = None
        self._patterns: tuple[str, ...] = ()
        self._secrets: tuple[Path, ...] = ()

    def digest(self) -> str:
        """Return letters that change with the content of any of the files, and with their number."""
        main = _content(self._path)
        if main != self._main:
            self._main = main
            self._learn(main)
        parts = [f"{self._path}:{_digest(main)}"]
        parts += [f"{file}:{_digest(_content(file))}" for file in self._others()]
        return _digest("\n".join(parts).encode())

    def _others(self) -> Iterable[Path]:
        included = (file for each in self._patterns for file in matching(self._path.parent, each))
        return (*included, *self._secrets)

    def _learn(self, main: bytes) -> None:
        """Find out which other files the file names; what cannot be read names none."""
        values = read(main.decode("utf-8-sig", errors="replace")).values
        self._patterns = patterns_of(values)
        self._secrets = tuple(self._path.parent / name for name in _secret_files(values))


def _secret_files(value: Any) -> Iterator[str]:  # noqa: ANN401 -- whatever the YAML holds
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith("_file") and isinstance(inner, str):
                yield inner
            yield from _secret_files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _secret_files(inner)


def _content(file: Path) -> bytes:
    """Return what stands in a file; of one that cannot be read, nothing: whoever loads it says why."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
