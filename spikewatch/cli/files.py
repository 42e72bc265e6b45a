"""Where results go: to standard output, or whole into a file."""

import gzip
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO

from spikewatch.errors import Fault, Mistake, unwritten

_DESCRIPTORS = Path("/proc/self/fd")


def write(lines: Iterable[str], *, out: Path | None) -> None:
    """Write each line to standard output, or all to a file that appears only when it is complete.

    Raises Fault when the file cannot be written; what stood there before then still does.
    """
    if out is None:
        for line in lines:
            print(line)
        return
    try:
        _replace(out, lines)
    except OSError as error:
        raise unwritten(out, error) from error


def require_place(out: Path | None) -> None:
    """Raise Fault where a file could not be written anyway: before long work, not after it."""
    if out is not None and out.is_dir():
        raise Fault(f"{out}: is a folder; name a file in it")
    if out is not None and not os.access(out.parent, os.W_OK | os.X_OK):
        raise unwritten(out, OSError("no writable folder"))


def write_bytes(content: bytes, *, what: str) -> None:
    """Write a file to standard output. Raises Mistake where that is a terminal, which cannot show it."""
    if sys.stdout.isatty():
        message = f"{what} is no text; send it into a file: add > FILE"
        raise Mistake(message)
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _replace(out: Path, lines: Iterable[str]) -> None:
    descriptor, name = _opened(out)
    try:
        with (
            os.fdopen(descriptor, "wb", closefd=False) as raw,
            _text_into(raw, packed=out.suffix == ".gz") as stream,
        ):
            stream.writelines(f"{line}\n" for line in lines)
        name = name or _named(descriptor, out)
        name.replace(out)
    except BaseException:
        if name is not None:
            name.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _opened(out: Path) -> tuple[int, Path | None]:
    """Return a new file beside another, and its name; where the system can, it has none and is gone with the process."""
    nameless: int = getattr(os, "O_TMPFILE", 0)
    if nameless and _DESCRIPTORS.is_dir():
        with suppress(OSError):
            return os.open(out.parent, nameless | os.O_WRONLY, 0o666), None
    descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    os.fchmod(descriptor, 0o666 & ~_umask())
    return descriptor, Path(name)


def _named(descriptor: int, out: Path) -> Path:
    """Give a nameless file a name beside another, and return it."""
    name = out.with_name(f".{out.name}.{token_hex(4)}")
    # the source is absolute, so that its folder is not looked at; naming one makes Python follow the link (linkat(2))
    os.link(_DESCRIPTORS / str(descriptor), name, src_dir_fd=descriptor)
    return name


@contextmanager
def _text_into(raw: IO[bytes], *, packed: bool) -> Iterator[IO[str]]:
    """Give what takes text into a file, packed without the time of day, so that the same text gives the same bytes."""
    if not packed:
        with io.TextIOWrapper(raw, encoding="utf-8") as stream:
            yield stream
        return
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as squeezed,
        io.TextIOWrapper(squeezed, encoding="utf-8") as stream,
    ):
        yield stream


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def warn(lines: Iterable[str]) -> None:
    """Write lines that are no results to standard error."""
    for line in lines:
        print(f"spikewatch: {line}", file=sys.stderr)


def note(line: str) -> None:
    """Write what a person should know about a result to standard error."""
    warn([f"note: {line}"])
