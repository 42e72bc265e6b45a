"""From a file to a `Config`, or to a list of everything that is wrong with it."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spikewatch.config import secrets
from spikewatch.config.including import include
from spikewatch.config.model import Config
from spikewatch.config.reading import KeyPath, Problem, Reading, read
from spikewatch.config.sections import Purpose
from spikewatch.config.translating import problems_of
from spikewatch.errors import Mistake

_OVERRIDES: Mapping[str, KeyPath] = {"SPIKEWATCH_METRICS_LISTEN": ("metrics", "listen")}


def load(path: str | os.PathLike[str], *, env: Mapping[str, str], purpose: Purpose) -> Config:
    """Return the configuration in the file, completed by the environment.

    Raises Mistake with every problem as a line of its own, `file:line: key: what is wrong; what to do`, by line.
    """
    file = Path(path)
    name = str(path)
    reading = read(_text(file))
    if not reading.values:
        raise Mistake(*(problem.told(name) for problem in reading.problems))
    problems = [*reading.problems, *include(reading, main=name, text_of=_text), *_exposed(reading)]
    overridden = _override(reading, env=env)
    found = secrets.collect(reading, env=env, folder=file.parent, purpose=purpose)
    problems += found.problems
    if purpose is not Purpose.REPLAY and not reading.values.get("sources"):
        problems.append(Problem(1, "is missing; name at least one help desk to read", ("sources",)))
    config = _validated(reading, purpose=purpose, problems=problems)
    if config is None or problems:
        placed = [replace(each, file=each.file or reading.file_of(each.path)) for each in problems]
        raise Mistake(*_told(placed, name=name, overridden=overridden))
    origins = {
        path: f"{reading.file_of(path) or name}:{line}" for path, line in reading.lines.items()
    } | overridden
    origins |= found.origins
    return config.completed(
        origins=origins, secrets=found.secrets, notes=_notes(config, found, purpose=purpose)
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Mistake(f"{file}: there is no such file; `spikewatch init {file}` writes a starter") from None
    except IsADirectoryError:
        raise Mistake(f"{file}: this is a folder; name the file in it") from None
    except OSError as error:
        raise Mistake(f"{file}: cannot be read ({error.strerror}); make it readable for this user") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Mistake(f"{file}:{line}: this is not UTF-8; save the file as UTF-8") from None


def _exposed(reading: Reading) -> list[Problem]:
    """Return a problem for every secret in the file, and forget its text."""
    problems = []
    for path in list(secrets.exposed(reading.values)):
        text = secrets.remedy_for(path, values=reading.values)
        problems.append(Problem(reading.line_of(path), text, path))
        section: Any = reading.values
        for part in path[:-1]:
            section = section[part]
        del section[path[-1]]
    return problems


def _override(reading: Reading, *, env: Mapping[str, str]) -> dict[KeyPath, str]:
    """Put what the environment decides into the values; return which paths it decided."""
    overridden: dict[KeyPath, str] = {}
    for variable, path in _OVERRIDES.items():
        section, key = str(path[0]), str(path[1])
        given = env.get(variable, "").strip()
        inside = reading.values.get(section)
        if given and isinstance(inside, dict | None):
            reading.values[section] = {**(inside or {}), key: given}
            overridden[path] = variable
    return overridden


def _validated(reading: Reading, *, purpose: Purpose, problems: list[Problem]) -> Config | None:
    """Return the configuration; where it is wrong, add to the problems what is not yet known of."""
    try:
        return Config.model_validate(reading.values, context=purpose)
    except ValidationError as error:
        known = {(problem.line, problem.path) for problem in problems if problem.path}
        found = problems_of(error, model=Config, reading=reading)
        problems += [problem for problem in found if (problem.line, problem.path) not in known]
        return None


def _told(problems: list[Problem], *, name: str, overridden: Mapping[KeyPath, str]) -> list[str]:
    lines = []
    for problem in sorted(problems, key=lambda problem: (problem.file, problem.line)):
        variable = overridden.get(problem.path)
        lines.append(f"{variable}: {problem.text}" if variable else problem.told(name))
    return list(dict.fromkeys(lines))


def _notes(config: Config, found: secrets.Found, *, purpose: Purpose) -> tuple[str, ...]:
    notes = list(found.notes)
    if config.calendar.country is None:
        notes.append("calendar.country is not set: no public holidays are known")
    if config.slack is None and not config.receivers and purpose is not Purpose.REPLAY:
        notes.append("there is no section slack: surges are shown in the metrics only")
    return tuple(notes)
