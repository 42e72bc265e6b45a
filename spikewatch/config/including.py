"""Files of teams beside the main one: `include: teams/*.yaml` adds what they hold, each value with its own file and line.

Such a file holds `services` and `maintenance` only: what concerns everybody stands in one place.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spikewatch.config.reading import KeyPath, Problem, Reading, read

KEYS = ("services", "maintenance")
"""What an included file may hold."""

_GLOB = "*?["


def include(reading: Reading, *, main: str, text_of: Callable[[Path], str]) -> list[Problem]:
    """Add what the included files hold to the reading of the main file; return what is wrong with them.

    main     the main file as its user named it; files are looked for beside it
    text_of  reads a file; raises Mistake where that fails
    """
    problems: list[Problem] = []
    seen: set[Path] = {Path(main).resolve()}
    for place, pattern in _patterns(reading):
        found = matching(Path(main).parent, pattern)
        if not found:
            remedy = "matches no file" if any(sign in pattern for sign in _GLOB) else "there is no such file"
            text = f"{pattern!r}: {remedy}; files are looked for beside {Path(main).name}"
            problems.append(Problem(reading.line_of(place), text, place))
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                problems += _added(reading, read(text_of(file)), file=str(file), main=main)
    return problems


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return the files that a pattern names, in the order of their names."""
    if Path(pattern).is_absolute():
        folder, pattern = Path("/"), pattern.lstrip("/")
    return sorted(path for path in folder.glob(pattern) if path.is_file()) if pattern else []


def _patterns(reading: Reading) -> Iterator[tuple[KeyPath, str]]:
    """Yield each pattern with its place; what is none is told by whoever validates the values."""
    given = reading.values.get("include")
    if isinstance(given, str):
        yield ("include",), given
    for place, pattern in enumerate(given if isinstance(given, list) else ()):
        if isinstance(pattern, str):
            yield ("include", place), pattern


def patterns_of(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the patterns in the values of a main file."""
    return tuple(pattern for _, pattern in _patterns(Reading(values)))


def _added(reading: Reading, part: Reading, *, file: str, main: str) -> list[Problem]:
    problems = [Problem(each.line, each.text, each.path, file) for each in part.problems]
    for key, value in part.values.items():
        if key not in KEYS:
            text = (
                f"does not belong into an included file, which holds {' and '.join(KEYS)}; move it to {main}"
            )
            problems.append(Problem(part.line_of((key,)), text, (key,), file))
        elif key == "services" and isinstance(value, dict):
            problems += _services(reading, part, value, file=file, main=main)
        elif key == "maintenance" and isinstance(value, list):
            _maintenance(reading, part, value, file=file)
        else:
            shape = "keys with values, indented below it" if key == "services" else "a list"
            problems.append(Problem(part.line_of((key,)), f"is not understood; write {shape}", (key,), file))
    return problems


def _services(
    reading: Reading, part: Reading, services: dict[str, Any], *, file: str, main: str
) -> Iterator[Problem]:
    own = reading.values.setdefault("services", {})
    for name, settings in services.items():
        path: KeyPath = ("services", name)
        if not isinstance(own, dict):
            return  # the main file's own mistake, which is told there
        if name in own:
            first = f"{reading.file_of(path) or main}:{reading.line_of(path)}"
            text = f"stands twice, first in {first}; keep one of them"
            yield Problem(part.line_of(path), text, path, file)
            continue
        own[name] = settings
        _take_lines(reading, part, path, path, file=file)


def _maintenance(reading: Reading, part: Reading, windows: list[Any], *, file: str) -> None:
    own = reading.values.setdefault("maintenance", [])
    if not isinstance(own, list):
        return
    for place, window in enumerate(windows):
        _take_lines(reading, part, ("maintenance", place), ("maintenance", len(own)), file=file)
        own.append(window)


def _take_lines(reading: Reading, part: Reading, path: KeyPath, into: KeyPath, *, file: str) -> None:
    """Take over where everything below a path stands, under the path that it has now."""
    reading.files[into] = file
    for each, line in part.lines.items():
        if each[: len(path)] == path:
            reading.lines[(*into, *each[len(path) :])] = line
