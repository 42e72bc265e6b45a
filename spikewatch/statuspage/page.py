"""The page as bytes: the most important first, every age as of the instant at which it is asked for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element, tostring

from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.markup import node
from spikewatch.core.muting import Muted, Silence
from spikewatch.core.settings import Language
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.phrases import Phrases
from spikewatch.statuspage.elements import Part, facts_of, link, name_of, table
from spikewatch.statuspage.incident import Voice, incident, resolved
from spikewatch.statuspage.standing import Queue, Shown, SourceAge, Spent, Standing, Waits
from spikewatch.statuspage.style import STYLE
from spikewatch.statuspage.words import WORDS, Words

MOST_IN_FULL = 20
"""Incidents shown in full; more of them at once are a story that a page cannot tell."""

STALE_AFTER = timedelta(minutes=5)
"""A page whose facts are older says so first of all."""

NO_TURN_AFTER = timedelta(minutes=5)

_NAMES = {Language.JA: "日本語", Language.EN: "English"}
_PAGES = ("/metrics", "/metrics/series", "/metrics/health", "/healthz", "/readyz")


def starting(language: Language) -> bytes:
    """Return the page before there is anything to show."""
    words = WORDS[language]
    return _document(
        language,
        words.title,
        node("main", None, node("p", {"class": "tell warn"}, words.starting), _elsewhere(words)),
    )


def render(standing: Standing, *, language: Language, now: datetime) -> bytes:
    """Return the page in a language; what people or the help desk wrote can be nothing but text on it."""
    words = WORDS[language]
    voice = Voice(Phrases(CATALOGUES[language], standing.zone), words, now)
    lasting = [shown for shown in standing.incidents if shown.facts.phase is Phase.OPEN]
    over = [shown for shown in standing.incidents if shown.facts.phase is Phase.RESOLVED]
    main = node(
        "main",
        None,
        *_told(standing, lasting, voice),
        *_lasting(lasting, voice),
        _over(over, voice) if over else None,
        node("h2", None, words.state),
        node(
            "div",
            {"class": "panels"},
            _panel(words.sources, _sources(standing, voice)),
            _panel(words.budget, _budget(standing.spent, voice)),
            _panel(words.queue, _queue(standing.queue, voice)),
            _panel(words.silences, _silences(standing.silences, voice)),
        ),
        _elsewhere(words),
    )
    title = words.title_open.format(n=len(lasting)) if lasting else words.title
    time = voice.say.time(standing.at, beside=now)
    return _document(language, title, main, as_of=words.as_of.format(time=time))


def _document(language: Language, title: str, main: Element, *, as_of: str | None = None) -> bytes:
    words = WORDS[language]
    head = node(
        "head",
        None,
        node("meta", {"charset": "utf-8"}),
        node("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        node("meta", {"name": "robots", "content": "noindex"}),
        node("title", None, title),
        node("style", None, STYLE),
    )
    again = (
        None if as_of is None else node("span", None, f"{as_of} · ", link(words.reload, f"?lang={language}"))
    )
    header = node(
        "header",
        None,
        node("h1", None, words.title),
        node("p", {"class": "soft"}, again) if again is not None else None,
        node("nav", {"aria-label": words.languages}, node("ul", None, *_languages(language))),
    )
    page = node("html", {"lang": language.value}, head, node("body", None, header, main))
    return ("<!doctype html>\n" + tostring(page, encoding="unicode", method="html") + "\n").encode()


def _languages(chosen: Language) -> Iterator[Element]:
    for language, name in _NAMES.items():
        current = {"aria-current": "true"} if language is chosen else {}
        address = f"?lang={language}"
        yield node(
            "li", None, link(name, address, {"lang": language.value, "hreflang": language.value, **current})
        )


def _told(standing: Standing, lasting: list[Shown], voice: Voice) -> Iterator[Element]:
    """Yield what a person has to know first: trouble of our own, then surges, then what is awaited."""
    words, now = voice.words, voice.now
    if now - standing.at > STALE_AFTER:
        yield _loud(words.stale.format(age=voice.say.duration(now - standing.at)))
    if now - standing.turned_at > NO_TURN_AFTER:
        yield _loud(words.no_turn.format(age=voice.say.duration(now - standing.turned_at)))
    behind = [source.name for source in standing.sources if source.watermark and source.is_behind(now=now)]
    if behind:
        names = voice.say.words.breakdown_joint.join(map(name_of, behind))
        yield _loud(words.blind.format(names=names))
    if lasting:
        loud = any(shown.facts.severity is Severity.CRITICAL for shown in lasting)
        said = words.open_one if len(lasting) == 1 else words.open_many.format(n=len(lasting))
        yield node("p", {"class": f"tell {'bad' if loud else 'warn'}"}, said)
    elif standing.waits is None:
        yield node("p", {"class": "tell good"}, words.quiet)
    if standing.waits is not None:
        said = _waits(standing.waits, voice)
        yield node("div", {"class": "tell warn"}, words.waits_title, node("p", None, said))


def _loud(said: str) -> Element:
    return node("p", {"class": "tell bad"}, said)


def _waits(waits: Waits, voice: Voice) -> str:
    left = "" if waits.left is None else voice.words.left.format(duration=voice.say.duration(waits.left))
    return voice.words.waits[waits.reason].format(
        percent=int(waits.fraction * 100), left=left, known=waits.known_days, needed=waits.needed_days
    )


def _lasting(lasting: list[Shown], voice: Voice) -> Iterator[Element]:
    if not lasting:
        return
    yield node("h2", None, voice.words.incidents)
    yield from (incident(shown, voice) for shown in lasting[:MOST_IN_FULL])
    yield from _more(lasting, voice)


def _over(over: list[Shown], voice: Voice) -> Element:
    words = voice.say.words
    heads = (words.service, words.started, words.ended, words.peaked)
    rows = (resolved(shown, voice) for shown in over[:MOST_IN_FULL])
    return _panel(voice.words.resolved, table(voice.words.resolved, heads, rows), *_more(over, voice))


def _more(incidents: list[Shown], voice: Voice) -> Iterator[Element]:
    """Yield how many have no place on the page, where there are any."""
    if len(incidents) > MOST_IN_FULL:
        yield node("p", None, voice.words.more_incidents.format(n=len(incidents) - MOST_IN_FULL))


def _panel(title: str, *parts: Part) -> Element:
    return node("section", {"class": "panel"}, node("h2", None, title), *parts)


def _sources(standing: Standing, voice: Voice) -> Element:
    words = voice.words
    rows = (_source(source, voice) for source in standing.sources)
    judged: Part = words.not_judged if standing.judged_until is None else voice.since(standing.judged_until)
    return node(
        "div",
        None,
        table(words.sources, (words.source, words.read_up_to, words.age), rows),
        facts_of(((words.judged, judged),)),
    )


def _source(source: SourceAge, voice: Voice) -> Iterator[Part]:
    yield name_of(source.name)
    if source.watermark is None:
        yield voice.words.not_read
        yield "–"
        return
    yield voice.when(source.watermark)
    age = voice.ago(source.watermark)
    late = node("span", {"class": "badge bad"}, voice.words.behind)
    yield node("span", None, f"{age} ", late) if source.is_behind(now=voice.now) else age


def _budget(spent: Spent, voice: Voice) -> Element:
    words = voice.words
    over = node(
        "span", None, f"{spent.not_real} ", node("span", {"class": "badge warn long"}, words.over_budget)
    )
    return facts_of(
        (
            (words.opened, str(spent.opened)),
            (words.not_real, over if spent.not_real > spent.budget else str(spent.not_real)),
            (words.allowed, f"{spent.budget:g}"),
        )
    )


def _queue(queue: Queue, voice: Voice) -> Element:
    words = voice.words
    return facts_of(
        (
            (words.waiting, str(queue.waiting) if queue.waiting else words.nothing_waits),
            (words.oldest, None if queue.oldest is None else voice.since(queue.oldest)),
            (words.given_up, str(queue.given_up) if queue.given_up else None),
        )
    )


def _silences(silences: tuple[Silence, ...], voice: Voice) -> Element:
    words = voice.words
    if not silences:
        return node("p", None, words.no_silences)
    rows = (_silence(silence, voice) for silence in silences)
    return table(words.silences, (words.silence, words.meant, words.until, words.author, words.why), rows)


def _silence(silence: Silence, voice: Voice) -> Iterator[Part]:
    planned = silence.why is Muted.MAINTENANCE
    meant = str(silence.matcher)
    yield voice.words.maintenance if planned else str(silence.number)
    yield voice.words.all_series if meant == "*/*" else name_of(meant)
    yield voice.when(silence.span.end)
    yield "–" if planned else name_of(silence.author)
    yield name_of(silence.reason)


def _elsewhere(words: Words) -> Element:
    said = (words.metrics, words.series, words.health, words.alive, words.ready)
    items = (node("li", None, link(path, path), f" {text}") for path, text in zip(_PAGES, said, strict=True))
    return node("section", None, node("h2", None, words.elsewhere), node("ul", {"class": "links"}, *items))
