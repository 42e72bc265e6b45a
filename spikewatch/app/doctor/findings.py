"""What a check came to, in words for a person and as JSON."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from spikewatch.ports import PortError


class Result(StrEnum):
    """How a check ended: `warn` works and deserves a look, `skip` could not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to.

    part    what was looked at: `source desk`, `slack`, `store`
    check   what about it, in a word or two
    remedy  what to do, empty where all is well
    """

    part: str
    check: str
    result: Result
    says: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Refuse a failure that leaves the reader alone."""
        if self.result in {Result.FAIL, Result.WARN} and not self.remedy:
            message = f"{self.part}, {self.check}: {self.says!r} has no remedy"
            raise ValueError(message)

    def as_json(self) -> dict[str, str]:
        """Return it as an object."""
        return {
            "part": self.part,
            "check": self.check,
            "result": self.result.value,
            "says": self.says,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """Makes the findings of one part."""

    name: str

    def ok(self, check: str, says: str) -> Finding:
        """Return that all is well."""
        return Finding(self.name, check, Result.OK, says)

    def warn(self, check: str, says: str, *, remedy: str) -> Finding:
        """Return that it works, and what deserves a look."""
        return Finding(self.name, check, Result.WARN, says, remedy)

    def fail(self, check: str, says: str, *, remedy: str) -> Finding:
        """Return what does not work, and what to do."""
        return Finding(self.name, check, Result.FAIL, says, remedy)

    def skip(self, check: str, says: str) -> Finding:
        """Return why it could not be looked at."""
        return Finding(self.name, check, Result.SKIP, says)

    def failed(self, check: str, error: PortError, *, remedy: str) -> Finding:
        """Return what a failure means; what the error itself advises goes before the remedy given here."""
        says, advice = divided(str(error))
        return self.fail(check, says, remedy=advice or remedy)


_ADVICE = re.compile(
    r"[:;] (?=check |was the |email must |the OAuth client needs |the token needs |make |install )"
)
"""Where the advice in an error begins."""


def divided(message: str) -> tuple[str, str]:
    """Return what an error says and what it advises, which is empty where it advises nothing.

    >>> divided("https://acme.zendesk.com refuses the token: check SPIKEWATCH_DESK_OAUTH_TOKEN")
    ('https://acme.zendesk.com refuses the token', 'check SPIKEWATCH_DESK_OAUTH_TOKEN')
    >>> divided("no answer in time: ReadTimeout")
    ('no answer in time: ReadTimeout', '')
    """
    says, *advice = _ADVICE.split(message, maxsplit=1)
    return says, "".join(advice)


_SHORTEST = 4
"""A shorter secret would hide every other word."""


def scrubbed(findings: Iterable[Finding], *, secrets: Iterable[str]) -> Iterator[Finding]:
    """Yield the findings without the text of any secret, should an outside answer ever repeat one."""
    hidden = [secret for secret in secrets if len(secret) >= _SHORTEST]
    for finding in findings:
        says, remedy = finding.says, finding.remedy
        for secret in hidden:
            says, remedy = says.replace(secret, "<secret>"), remedy.replace(secret, "<secret>")
        yield replace(finding, says=says, remedy=remedy)


def count_of(findings: Sequence[Finding], result: Result) -> int:
    """Return how many findings ended so."""
    return sum(finding.result is result for finding in findings)


def some(names: Sequence[str], *, most: int = 5) -> str:
    """Return a few names, and how many more there are.

    >>> some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
