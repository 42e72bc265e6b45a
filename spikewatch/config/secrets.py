"""Secrets: from the environment or from files, never from the configuration itself.

Nothing here puts a secret's text into a message.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikewatch.adapters.zendesk.settings import SECRET_KEYS, Auth
from spikewatch.config.reading import KeyPath, Problem, Reading
from spikewatch.config.sections import Purpose, environment_word
from spikewatch.core.settings import Secret

_NEEDED = {"slack": ("bot_token",)}
_OPTIONAL = {"slack": ("app_token",), "heartbeat": ("url",), "metrics": ("password_hash", "bearer_token")}
_OF_RECEIVERS = {
    "webhook": ("url", "signing_secret", "token"),
    "alertmanager": ("password", "token"),
    "mail": ("password",),
}
_STORE = "store.password"
_NAMES = {"password", "password_hash", "secret", "token", "api_key", "apikey", "credentials", "webhook_url"}
_ENDINGS = ("_secret", "_token", "_password", "_api_key", "_passphrase")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A secret that some section takes.

    place     how the program asks for it: `sources.desk.client_secret`
    variable  the environment variable that holds it
    path      where its `*_file` key stands in the file
    """

    place: str
    variable: str
    path: KeyPath
    is_needed: bool

    @property
    def file_key(self) -> str:
        """The key that names a file with it."""
        return str(self.path[-1])


@dataclass(frozen=True, slots=True)
class Found:
    """The secrets by place and where each came from, the mistakes on the way, and what is missing."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(reading: Reading, *, env: Mapping[str, str], folder: Path, purpose: Purpose) -> Found:
    """Return the secrets of every section; files are looked for beside the configuration.

    A variable wins over a file. What is missing is a mistake for the daemon and a note for a check. A replay needs none
    but the store's, whose counts it may be asked to replay.
    """
    found = Found()
    for wanted in _wanted(reading.values):
        if purpose is Purpose.REPLAY and wanted.place != _STORE:
            continue
        file = _at(reading.values, wanted.path)
        if env.get(wanted.variable, "").strip():
            found.secrets[wanted.place] = Secret(env[wanted.variable].strip())
            found.origins[wanted.place,] = wanted.variable
        elif isinstance(file, str):
            _take_file(found, wanted, folder / file, reading=reading)
        elif wanted.is_needed:
            _miss(found, wanted, reading=reading, purpose=purpose)
    if purpose is not Purpose.REPLAY:
        found.notes.extend(_strays(reading.values, env))
    return found


def _take_file(found: Found, wanted: Wanted, file: Path, *, reading: Reading) -> None:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        text, remedy = "", f"{file} cannot be read ({why}); make it readable, or set {wanted.variable}"
    else:
        remedy = f"{file} is empty; write the secret into it, or set {wanted.variable}"
    if text:
        found.secrets[wanted.place] = Secret(text)
        found.origins[wanted.place,] = str(file)
    else:
        found.problems.append(Problem(reading.line_of(wanted.path), remedy, wanted.path))


def _miss(found: Found, wanted: Wanted, *, reading: Reading, purpose: Purpose) -> None:
    ways = f"set {wanted.variable} in the environment, or name a file that holds it with {wanted.file_key}"
    if purpose is Purpose.RUN:
        text = f"the secret {wanted.place} is missing; {ways}"
        found.problems.append(Problem(reading.line_of(wanted.path[:-1]), text))
    else:
        found.notes.append(f"the secret {wanted.place} is not set here; `run` needs it: {ways}")


def _wanted(values: Mapping[str, Any]) -> Iterator[Wanted]:
    sources = values.get("sources")
    for place, source in enumerate(sources if isinstance(sources, list) else []):
        name = source.get("name") if isinstance(source, dict) else None
        if isinstance(name, str):
            yield from _of_source(source, name=name, path=("sources", place))
    receivers = values.get("receivers")
    for place, receiver in enumerate(receivers if isinstance(receivers, list) else []):
        name = receiver.get("name") if isinstance(receiver, dict) else None
        if isinstance(name, str):
            yield from _of_receiver(receiver, name=name, path=("receivers", place))
    if isinstance(values.get("slack"), dict):
        yield from _of_section("slack")
    yield from _of_section("heartbeat")
    yield from _of_section("metrics")
    yield Wanted(_STORE, "SPIKEWATCH_STORE_PASSWORD", ("store_password_file",), is_needed=False)


def _of_source(source: Mapping[str, Any], *, name: str, path: KeyPath) -> Iterator[Wanted]:
    """Return the secret of a source, which depends on its kind and on how it signs in; a file has none."""
    kind = source.get("kind")
    if kind == "csv":
        return
    key = "password" if kind == "sql" else _key_of(source.get("auth"))
    variable = f"SPIKEWATCH_{environment_word(name)}_{key.upper()}"
    yield Wanted(f"sources.{name}.{key}", variable, (*path, f"{key}_file"), is_needed=kind != "sql")


def _of_receiver(receiver: Mapping[str, Any], *, name: str, path: KeyPath) -> Iterator[Wanted]:
    """Return the secrets of a receiver: the address of a webhook is needed where the file does not say it."""
    kind = str(receiver.get("kind"))
    for key in _OF_RECEIVERS.get(kind, ()):
        is_needed = (kind == "webhook" and key == "url" and receiver.get("url") is None) or (
            key == "password" and receiver.get("username") is not None
        )
        variable = f"SPIKEWATCH_{environment_word(name)}_{key.upper()}"
        yield Wanted(f"receivers.{name}.{key}", variable, (*path, f"{key}_file"), is_needed=is_needed)


def _key_of(auth: object) -> str:
    chosen = next((each for each in Auth if each == auth), Auth.CLIENT_CREDENTIALS)
    return SECRET_KEYS[chosen]


def _strays(values: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[str]:
    """Return a line for each secret in the environment that its source does not use."""
    sources = values.get("sources")
    for source in sources if isinstance(sources, list) else ():
        name = source.get("name") if isinstance(source, dict) else None
        if not isinstance(name, str) or source.get("kind") != "zendesk":
            continue
        used = _key_of(source.get("auth"))
        for auth, key in SECRET_KEYS.items():
            variable = f"SPIKEWATCH_{environment_word(name)}_{key.upper()}"
            if key != used and env.get(variable, "").strip():
                yield f"{variable} is set and not used: source {name} needs `auth: {auth}` for it"


def _of_section(section: str) -> Iterator[Wanted]:
    needed = _NEEDED.get(section, ())
    for key in (*needed, *_OPTIONAL.get(section, ())):
        variable = f"SPIKEWATCH_{section.upper()}_{key.upper()}"
        yield Wanted(f"{section}.{key}", variable, (section, f"{key}_file"), is_needed=key in needed)


def exposed(values: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Return every key of a section that would hold a secret; names of services and categories are no such keys."""
    for key, value in values.items():
        if key == "services":
            continue
        if _is_secret(key):
            yield (key,)
        for path, section in _sections(key, value):
            yield from ((*path, inner) for inner in section if _is_secret(inner))


def _sections(key: str, value: object) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    if isinstance(value, dict):
        yield (key,), value
    elif isinstance(value, list):
        yield from (((key, place), item) for place, item in enumerate(value) if isinstance(item, dict))


def _is_secret(key: str) -> bool:
    folded = key.casefold().replace("-", "_")
    return folded in _NAMES or folded.endswith(_ENDINGS)


def remedy_for(path: KeyPath, *, values: Mapping[str, Any]) -> str:
    """Return what to do with a secret that stands in the file."""
    key = str(path[-1]).casefold().replace("-", "_")
    for wanted in _wanted(values):
        if wanted.path == (*path[:-1], f"{key}_file"):
            ways = f"set {wanted.variable} in the environment, or name a file that holds it with {wanted.file_key}"
            return f"a secret must not stand in this file; remove it, and {ways}"
    return "a secret must not stand in this file; remove it (secrets come from the environment or from *_file keys)"


def _at(values: Any, path: KeyPath) -> Any:  # noqa: ANN401 -- whatever the YAML holds
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values
