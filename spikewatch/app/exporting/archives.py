"""Archives: a manifest and a file a table, in a folder, a .tar.gz or a .zip.

A table is CSV where every value survives that (an empty field is a missing number), else JSON lines. Files are written and
read row by row, so that memory does not grow with them, and an archive appears only when it is whole.
"""

import csv
import hashlib
import io
import json
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from spikewatch.adapters.sql_store.archiving import Cell, Field, Kind, Row, Shelf
from spikewatch.errors import Mistake, unwritten

FORMAT = 1
"""Version of the form of an archive; a change that older programs would misread raises it."""

MANIFEST = "manifest.json"
_MARK = "spikewatch_export"
_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an archive: the table that it holds, how many rows, and the digest of its bytes."""

    name: str
    shelf: Shelf
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself.

    schema    version of the store's schema that the rows were written with
    bucket_s  width of the buckets that were counted in, in seconds
    """

    program: str
    schema: str
    bucket_s: int
    exported_at: str
    parts: tuple[Part, ...] = ()


@dataclass
class _Counted:
    """Rows on their way, and how many have passed."""

    rows: Iterable[Row]
    number: int = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self.rows:
            self.number += 1
            yield row


# -- writing


@dataclass
class Writer:
    """An archive that is being written, as a folder that nobody looks at yet."""

    folder: Path
    parts: list[Part] = field(default_factory=list)

    def add(self, shelf: Shelf, rows: Iterable[Row]) -> Part:
        """Write the rows of a table and return its file."""
        name = f"{shelf.name}.{'csv' if _is_plain(shelf) else 'jsonl'}"
        path, counted = self.folder / name, _Counted(rows)
        with path.open("w", encoding="utf-8", newline="") as stream:
            if _is_plain(shelf):
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow([each.name for each in shelf.fields])
                writer.writerows([_as_text(cell) for cell in row] for row in counted)
            else:
                stream.writelines(f"{_as_json(shelf, row)}\n" for row in counted)
        part = Part(name, shelf, counted.number, _digest(path))
        self.parts.append(part)
        return part

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest over all that was added."""
        said = {_MARK: FORMAT, **asdict(manifest), "parts": [asdict(part) for part in self.parts]}
        text = json.dumps(said, ensure_ascii=False, indent=2)
        (self.folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


@contextmanager
def written(out: Path) -> Iterator[Writer]:
    """Give an archive to write; it appears under its name once all went well, and not at all otherwise.

    Raises Mistake where something stands there already, Fault where it cannot be written.
    """
    if out.exists():
        raise Mistake(f"{out}: stands there already; name another, or move it away")
    if out.suffix == ".gz" and not out.name.endswith(".tar.gz"):
        raise Mistake(f"{out}: an archive is a folder, a .tar.gz or a .zip; name it {out.stem}.tar.gz")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as aside:
            folder = Path(aside) / "archive"
            folder.mkdir()
            writer = Writer(folder)
            yield writer
            _packed(writer, Path(aside) / "packed", like=out).rename(out)
    except OSError as error:
        raise unwritten(out, error) from error


def _packed(writer: Writer, made: Path, *, like: Path) -> Path:
    """Return the archive in the form that a name asks for; the manifest comes first, then tables as they are filled."""
    names = [MANIFEST, *(part.name for part in writer.parts)]
    if like.name.endswith(".tar.gz"):
        with tarfile.open(made, "w:gz") as tar:
            for name in names:
                tar.add(writer.folder / name, arcname=name, recursive=False)
        return made
    if like.suffix == ".zip":
        with zipfile.ZipFile(made, "w", compression=zipfile.ZIP_DEFLATED) as packed:
            for name in names:
                packed.write(writer.folder / name, arcname=name)
        return made
    return writer.folder


def _is_plain(shelf: Shelf) -> bool:
    """Tell whether CSV keeps every value apart: a missing text could not be told from an empty one."""
    return all(
        each.kind in (Kind.NUMBER, Kind.FLAG) or (each.kind is Kind.TEXT and not each.nullable)
        for each in shelf.fields
    )


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, bool) else str(cell)


def _as_json(shelf: Shelf, row: Row) -> str:
    named = {each.name: _jsonable(each, cell) for each, cell in zip(shelf.fields, row, strict=True)}
    return json.dumps(named, ensure_ascii=False, separators=(",", ":"))


def _jsonable(described: Field, cell: Cell) -> object:
    if isinstance(cell, bytes):
        return cell.hex()
    if described.kind is Kind.JSON and isinstance(cell, str):
        return json.loads(cell)
    return cell


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# -- reading


@dataclass
class Reader:
    """An archive that is being read; what it holds is checked while it is read."""

    path: Path
    manifest: Manifest
    _open: Any

    def rows(self, part: Part) -> Iterator[Row]:
        """Yield the rows of a file. Raises Mistake where they are not those that were written."""
        try:
            with self._open(part.name) as raw:
                checked = _Checked(raw)
                text = io.TextIOWrapper(io.BufferedReader(checked, _BYTES), encoding="utf-8", newline="")
                counted = _Counted(_rows(part, text))
                yield from counted
                if counted.number != part.rows or checked.digest.hexdigest() != part.sha256:
                    raise Mistake(
                        f"{self.path}: {part.name} is not as it was written ({counted.number} rows of {part.rows});"
                        " copy the archive again"
                    )
        except (
            OSError,
            EOFError,
            KeyError,
            ValueError,
            zlib.error,
            tarfile.TarError,
            zipfile.BadZipFile,
        ) as error:
            raise Mistake(
                f"{self.path}: {part.name} is missing or damaged ({error}); copy the archive again"
            ) from error


class _Checked(io.RawIOBase):
    """Bytes on their way, with the digest of those that passed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- as the standard library calls it
        got = self._stream.read(len(buffer))
        buffer[: len(got)] = got
        self.digest.update(got)
        return len(got)


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Give an archive to read, in whichever form it is.

    Raises Mistake where it is none, or one of a newer program.
    """
    if not path.exists():
        raise Mistake(f"{path}: there is no such archive; check the path")
    with ExitStack() as stack:
        try:
            open_ = stack.enter_context(_opener(path))
            with open_(MANIFEST) as stream:
                content = stream.read()
        except (KeyError, FileNotFoundError) as error:
            raise _no_export(path, f"it holds no {MANIFEST}") from error
        except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
            why = str(error).partition(":\n")[0]  # tarfile lists every packing that it tried, a line each
            raise _no_export(path, why) from error
        yield Reader(path, _manifest(path, content), open_)


def _no_export(path: Path, why: str) -> Mistake:
    return Mistake(
        f"{path}: this is no export of a store ({why}); name the folder, .tar.gz or .zip that"
        " `spikewatch export` wrote"
    )


@contextmanager
def _opener(path: Path) -> Iterator[Any]:
    """Give what opens a file of the archive by its name."""
    if path.is_dir():
        yield lambda name: (path / name).open("rb")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield packed.open
    else:
        with tarfile.open(path, "r:*") as tar:

            def member(name: str) -> BinaryIO:
                found = tar.extractfile(name)
                if found is None:
                    raise KeyError(name)
                return found  # type: ignore[return-value]  # it reads as any stream does

            yield member


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        said = json.loads(content)
        found = int(said[_MARK])
        if found > FORMAT:
            raise Mistake(
                f"{path}: version {found} of an export, and this spikewatch reads versions up to {FORMAT}:"
                " use the newer spikewatch that wrote it"
            )
        parts = tuple(_part(each) for each in said["parts"])
        return Manifest(said["program"], said["schema"], int(said["bucket_s"]), said["exported_at"], parts)
    except KeyError as error:
        raise Mistake(
            f"{path}: {MANIFEST} is damaged ({error.args[0]} is missing); copy the archive again"
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise Mistake(f"{path}: {MANIFEST} is damaged ({error}); copy the archive again") from error


def _part(said: dict[str, Any]) -> Part:
    shelf = said["shelf"]
    fields = tuple(
        Field(each["name"], Kind(each["kind"]), bool(each["nullable"])) for each in shelf["fields"]
    )
    return Part(said["name"], Shelf(shelf["name"], fields), int(said["rows"]), said["sha256"])


def _rows(part: Part, text: io.TextIOWrapper) -> Iterator[Row]:
    fields = part.shelf.fields
    if part.name.endswith(".csv"):
        lines = csv.reader(text, strict=True)
        next(lines, None)
        for line in lines:
            yield [_from_text(each, cell) for each, cell in zip(fields, line, strict=True)]
    else:
        for named in map(json.loads, text):
            yield [_from_json(each, named[each.name]) for each in fields]


def _from_text(described: Field, cell: str) -> Cell:
    if described.kind is Kind.TEXT:
        return cell
    if cell == "":
        return None
    return cell == "1" if described.kind is Kind.FLAG else int(cell)


def _from_json(described: Field, value: Any) -> Cell:  # noqa: ANN401 -- whatever JSON held
    if value is None:
        return None
    if described.kind is Kind.BYTES:
        return bytes.fromhex(value)
    if described.kind is Kind.JSON:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    checked: Cell = value
    return checked
