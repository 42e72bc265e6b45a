"""The right to be the only daemon on a file: an advisory lock that ends with the process, however that ends."""

import fcntl
import os
from pathlib import Path
from typing import Self

from spikewatch.errors import Fault


class FileLock:
    """A lock held on `<store>.lock`. The file stays behind; only the lock counts."""

    def __init__(self, handle: int) -> None:
        """Take over an open file whose lock is held."""
        self._handle = handle

    @classmethod
    def taken(cls, store: Path) -> Self:
        """Return the lock of a store; raise Fault where another daemon has it or the file cannot be made."""
        path = Path(f"{store}.lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Fault(
                f"store {store}: cannot make {path}: {error.strerror}; {_remedy(error, store)}"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise Fault(
                f"store {store} is in use by another spikewatch (process {holder or 'unknown'}):"
                " stop that one first, or give this one a `store` of its own"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)
        return cls(handle)

    @staticmethod
    def holder(store: Path) -> str | None:
        """Return the process that has the lock of a store, as far as it is known; None where nobody has it."""
        try:
            handle = os.open(f"{store}.lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return f"process {os.read(handle, 20).decode('ascii', 'replace').strip() or 'unknown'}"
        finally:
            os.close(handle)
        return None

    def release(self) -> None:
        """Let another have it; doing so twice does no harm."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _remedy(error: OSError, store: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"create the directory {store.parent}, or name another file under `store`"
    return f"let this user write in {store.parent}, or name another file under `store`"
