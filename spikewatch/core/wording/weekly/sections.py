"""The figures of a week as sections: a heading, lines, and a table of short cells, whatever form shows them.

Sections are values in a list, so that another kind of figure is another function. Names that people typed are harmless here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.counts import SeriesKey
from spikewatch.core.settings import Language
from spikewatch.core.weekly import Blind, Line, Noise, Volume, Weekly
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.names import series_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.untrusted import harmless
from spikewatch.core.wording.weekly.words import WORDS, Words

NAME_LIMIT = 60
LEAST_EXPECTED = 1.0
"""Below this many expected tickets a share of them says nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of short cells.

    numeric  columns that hold numbers, to be aligned to the right
    named    columns whose cells say nothing without their heading, where there is no table to stand in
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, lines below it, a table below them where there is one, and how much was left out of that."""

    key: str
    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    rest: str | None = None


@dataclass(frozen=True, slots=True)
class _Say:
    """The words of a language, and what they are used with."""

    words: Words
    language: Language
    zone: ZoneInfo

    @property
    def phrases(self) -> Phrases:
        return Phrases(CATALOGUES[self.language], self.zone)

    def day(self, instant: datetime) -> str:
        local = instant.astimezone(self.zone)
        return self.words.day.format(day=self.words.days[local.weekday()], month=local.month, date=local.day)

    def when(self, instant: datetime) -> str:
        return f"{self.day(instant)} {instant.astimezone(self.zone):%H:%M}"

    def series(self, series: SeriesKey) -> str:
        return series_name(series, CATALOGUES[self.language])

    def change(self, tickets: int, other: float | None) -> str:
        """Return `+12 %`; what cannot be compared says so."""
        if other is None:
            return self.words.unknown
        if other < LEAST_EXPECTED:
            return self.words.new if tickets else "±0 %"
        share = round(100 * (tickets / other - 1))
        return f"{share:+,d} %" if share else "±0 %"

    def share(self, share: float) -> str:
        return f"{100 * share:.0f} %"


def title_of(weekly: Weekly, *, language: Language) -> str:
    """Return the heading of the whole report."""
    return WORDS[language].title.format(week=weekly.week)


def sections_of(
    weekly: Weekly, *, language: Language, zone: ZoneInfo, most: int | None = None
) -> tuple[Section, ...]:
    """Return the report in the order in which it is read.

    most  rows of a table; None: all of them
    """
    say = _Say(WORDS[language], language, zone)
    made: Sequence[Callable[[Weekly, _Say, int | None], Section]] = (
        _summary,
        _incidents,
        _accuracy,
        _noisiest,
        _services,
        _asked_most,
        _grew,
        _blind,
    )
    return tuple(make(weekly, say, most) for make in made)


def _summary(weekly: Weekly, say: _Say, _most: int | None) -> Section:
    words, fleet = say.words, weekly.fleet
    last = weekly.span.end - timedelta(microseconds=1)
    zone = say.phrases.zone_name(weekly.span.start)
    lines = [words.span.format(first=say.day(weekly.span.start), last=say.day(last), zone=zone)]
    if not weekly.is_whole:
        lines.append(words.not_whole.format(until=say.when(weekly.until)))
    if fleet is not None:
        lines.append(_volume_line(fleet, say))
    opened = weekly.accuracy.opened
    lines.append(
        words.one_incident
        if opened == 1
        else words.several_incidents.format(n=opened)
        if opened
        else _none(weekly, words)
    )
    return Section("summary", words.summary, tuple(lines))


def _none(weekly: Weekly, words: Words) -> str:
    """Nothing is said about what was not seen."""
    return words.no_incident if weekly.is_whole and not weekly.blind else words.no_incident_seen


def _volume_line(volume: Volume, say: _Say) -> str:
    words = say.words
    parts = [words.in_all.format(n=f"{volume.tickets:,}")]
    if volume.expected is not None:
        parts.append(words.against_expected.format(change=say.change(volume.tickets, volume.expected)))
    if volume.before is not None:
        parts.append(words.against_before.format(change=say.change(volume.tickets, volume.before)))
    return words.joint.join(parts)


def _incidents(weekly: Weekly, say: _Say, most: int | None) -> Section:
    words = say.words
    if not weekly.incidents:
        return Section("incidents", words.incidents, (_none(weekly, words),))
    shown = weekly.incidents[-most:] if most else weekly.incidents
    table = Table(
        (words.opened, words.what, words.seen, words.severity, words.told_after, words.verdict, words.name),
        tuple(_incident(line, say) for line in shown),
        named=frozenset({4, 5}),
    )
    left = len(weekly.incidents) - len(shown) + weekly.unlisted.incidents
    return Section("incidents", words.incidents, (), table, _rest(left, words))


def _incident(line: Line, say: _Say) -> tuple[str, ...]:
    words = say.words
    expected = f"{line.expected:,.1f}".removesuffix(".0")
    counts = words.usual.format(observed=f"{line.observed:,}", expected=expected)
    return (
        say.when(line.opened_at),
        _what(line, say),
        words.within.format(counts=counts, minutes=line.window_minutes),
        say.phrases.severity(line.severity),
        say.phrases.duration(line.delay),
        words.nobody_said if line.label is None else say.phrases.verdict(line.label),
        harmless(line.incident, limit=NAME_LIMIT),
    )


def _what(line: Line, say: _Say) -> str:
    names = say.words.joint.join(say.series(series) for series in line.series)
    told = say.words.and_more.format(names=names, n=line.more) if line.more else names
    return told if line.service is not None else f"{say.words.company}: {told}"


def _accuracy(weekly: Weekly, say: _Say, _most: int | None) -> Section:
    words, found = say.words, weekly.accuracy
    lines = []
    if found.precision is not None:
        lines.append(
            words.precision_is.format(
                share=say.share(found.precision),
                n=found.labelled,
                real=found.real,
                expected=found.expected,
                false=found.false_alarms,
            )
        )
        lines += [words.unlabelled.format(n=found.unlabelled)] if found.unlabelled else []
    elif found.opened:
        lines.append(words.precision_unknown)
    lines.append(
        words.recall_unknown
        if found.recall is None
        else words.recall_is.format(share=say.share(found.recall), n=found.known, found=found.found)
    )
    lines.append(words.budget_is.format(spent=found.spent, asked=f"{weekly.budget:g}"))
    if weekly.typical is not None and weekly.slowest is not None:
        duration = say.phrases.duration
        lines.append(
            words.delay_is.format(typical=duration(weekly.typical), slowest=duration(weekly.slowest))
        )
    return Section("accuracy", words.precision, tuple(lines))


def _noisiest(weekly: Weekly, say: _Say, most: int | None) -> Section:
    words = say.words
    if not weekly.noisiest:
        return Section("noisiest", words.noisiest, (_none(weekly, words),))
    shown = weekly.noisiest[:most]
    table = Table(
        (words.series, words.parts, words.not_real),
        tuple(_noise(each, say) for each in shown),
        frozenset({1, 2}),
        frozenset({1, 2}),
    )
    left = len(weekly.noisiest) - len(shown) + weekly.unlisted.noisiest
    return Section("noisiest", words.noisiest, (), table, _rest(left, words))


def _noise(each: Noise, say: _Say) -> tuple[str, ...]:
    return say.series(each.series), str(each.incidents), str(each.not_real)


def _services(weekly: Weekly, say: _Say, most: int | None) -> Section:
    left = weekly.unlisted.services
    return _volumes("services", say.words.volume, weekly.services, say, most=most, unlisted=left)


def _asked_most(weekly: Weekly, say: _Say, most: int | None) -> Section:
    left = weekly.unlisted.categories
    return _volumes("asked_most", say.words.asked_most, weekly.categories, say, most=most, unlisted=left)


def _grew(weekly: Weekly, say: _Say, most: int | None) -> Section:
    words = say.words
    if weekly.grown:
        left = weekly.unlisted.grown
        return _volumes("grew", words.grew, weekly.grown, say, most=most, unlisted=left)
    is_known = any(each.before is not None for each in weekly.volumes)
    return Section("grew", words.grew, (words.grew_none if is_known else words.grew_unknown,))


def _volumes(
    key: str, title: str, volumes: Sequence[Volume], say: _Say, *, most: int | None, unlisted: int
) -> Section:
    words = say.words
    if not volumes:
        return Section(key, title, (words.no_tickets,))
    shown = volumes[:most]
    is_service = key == "services"
    table = Table(
        (
            words.service if is_service else words.category,
            words.number,
            words.expected,
            words.week_before,
        ),
        tuple(_volume(each, say) for each in shown),
        frozenset({1, 2, 3}),
        frozenset({1, 2, 3}),
    )
    return Section(key, title, (), table, _rest(len(volumes) - len(shown) + unlisted, words))


def _volume(each: Volume, say: _Say) -> tuple[str, ...]:
    return (
        say.series(each.series),
        f"{each.tickets:,}",
        say.change(each.tickets, each.expected),
        say.change(each.tickets, each.before),
    )


def _blind(weekly: Weekly, say: _Say, _most: int | None) -> Section:
    words = say.words
    lines = tuple(_blind_line(each, say) for each in weekly.blind)
    return Section("blind", words.blind, lines or (words.blind_none,))


def _blind_line(each: Blind, say: _Say) -> str:
    source = harmless(each.source, limit=NAME_LIMIT)
    if each.until is None:
        return say.words.blind_is.format(source=source, since=say.when(each.since))
    return say.words.blind_was.format(source=source, since=say.when(each.since), until=say.when(each.until))


def _rest(number: int, words: Words) -> str | None:
    return words.more.format(n=number) if number > 0 else None
