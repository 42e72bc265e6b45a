"""A changed configuration that was refused: told once, edited while it is corrected, and told as mended at the end.

It is named by the moment at which the first of its mistakes was refused, and carries its own revision, so that a daemon
that starts later edits the same message.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from spikewatch.core.incidents import Phase, Severity

SHOWN = 5
"""Mistakes that a message shows; `spikewatch check` tells all."""


@dataclass(frozen=True, slots=True)
class Misconfiguration:
    """All that a message may state.

    file      as the daemon was told
    problems  the first few mistakes, one line each; of changes that take a restart, one line each
    more      how many there are beside those
    restart   whether all that is wrong is that it takes a restart
    mended    when a configuration came into force again; None while the file is refused
    """

    file: str
    problems: tuple[str, ...]
    more: int
    restart: bool
    since: datetime
    mended: datetime | None
    revision: int

    @property
    def phase(self) -> Phase:
        """Where it stands, in the words of incidents."""
        return Phase.OPEN if self.mended is None else Phase.RESOLVED

    @property
    def severity(self) -> Severity:
        """How bad it is: the old configuration goes on."""
        return Severity.WARNING


@dataclass(frozen=True, slots=True)
class ConfigNotice:
    """A refused configuration to be told; `incident` names its living message, `key` is unique for ever."""

    key: str
    incident: str
    at: datetime
    facts: Misconfiguration

    @property
    def lasts(self) -> bool:
        """Tell whether the file is still refused."""
        return self.facts.mended is None


def refused(
    before: ConfigNotice | None, *, file: str, problems: tuple[str, ...], restart: bool, at: datetime
) -> ConfigNotice | None:
    """Return what is told of a refusal; None where the message says just that already."""
    shown, more = problems[:SHOWN], max(0, len(problems) - SHOWN)
    if before is None or not before.lasts:
        name = f"config-{at:%Y%m%dT%H%M%S%f}"
        return _notice(name, Misconfiguration(file, shown, more, restart, at, None, 1), at=at)
    said = before.facts
    if (said.problems, said.more, said.restart) == (shown, more, restart):
        return None
    facts = replace(said, problems=shown, more=more, restart=restart, revision=said.revision + 1)
    return _notice(before.incident, facts, at=at)


def mended(before: ConfigNotice, *, at: datetime) -> ConfigNotice:
    """Return what is told once a configuration came into force again."""
    facts = replace(before.facts, mended=at, revision=before.facts.revision + 1)
    return _notice(before.incident, facts, at=at)


def _notice(name: str, facts: Misconfiguration, *, at: datetime) -> ConfigNotice:
    return ConfigNotice(f"{name}.{facts.revision}", name, at, facts)
