"""A blindness in words: since when, why, and later what was missed; in Japanese or English."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from spikewatch.core.blindness import Blindness, BlindNotice, Cause
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import HEADER_LIMIT, TEXT_LIMIT, block_name
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.message import Message
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.rungs import TEXT_ONLY
from spikewatch.core.wording.untrusted import clip, escaped, harmless

NAME_LIMIT = 60


@dataclass(frozen=True, slots=True)
class _Words:
    """The phrases of one language; braces are filled by name."""

    blind: str
    seeing: str
    blind_since: str
    quiet: str
    blind_was: str
    judged: str
    no_surge: str
    one_surge: str
    surges: str
    joint: str
    removed: str
    removed_at: str
    unknown: str
    causes: Mapping[Cause, str]


_JAPANESE = _Words(
    blind="監視できていません: {source}",
    seeing="監視再開: {source}",
    blind_since="{since} 以降の問い合わせを確認できていません。{cause}",
    quiet="静かに見えても、問題がないとは限りません。この間の急増は、読み取りが再開してからお知らせします。",
    blind_was="{since} から {until} まで（{duration}）、問い合わせを確認できていませんでした。",
    judged="この間に届いた{tickets}の判定が完了しました。",
    no_surge="急増はありませんでした。",
    one_surge="急増が1件あり、別のメッセージでお知らせします。",
    surges="急増が{n}件あり、別のメッセージでお知らせします。",
    joint="",
    removed="監視終了: {source}",
    removed_at="{since} 以降の問い合わせを確認できないまま、{until} に設定から削除されました。",
    unknown="この間に急増があったかどうかは分かりません。この件の通知はこれで終わりです。",
    causes={
        Cause.UNREACHABLE: "ヘルプデスクから正常な応答がありません。",
        Cause.LIMITED: "ヘルプデスクのリクエスト上限に達しています。",
        Cause.REFUSED: "ヘルプデスクに認証を拒否されています。認証情報と権限を確認してください。",
        Cause.CLOCK: "ヘルプデスクの時刻が得られないか、時計がずれています。このサーバーの時計を確認してください。",
        Cause.BEHIND: "未読の更新が多く、読み取りが追いついていません。",
    },
)

_ENGLISH = _Words(
    blind="Blind: {source} is not being read",
    seeing="Seeing again: {source}",
    blind_since="Blind since {since} because {cause}.",
    quiet="Quiet does not mean well: a surge in this time is told once reading goes on.",
    blind_was="Blind from {since} to {until} ({duration}).",
    judged="{tickets} came in during that time, judged only now.",
    no_surge="No surge was missed.",
    one_surge="One surge began in it and has a message of its own.",
    surges="{n} surges began in it and have messages of their own.",
    joint=" ",
    removed="No longer watched: {source}",
    removed_at="Blind since {since}, and taken out of the configuration at {until}.",
    unknown="Whether there was a surge in that time is not known. Nothing more follows about it.",
    causes={
        Cause.UNREACHABLE: "the help desk gives no proper answer",
        Cause.LIMITED: "the request limit of the help desk is used up",
        Cause.REFUSED: "the help desk refuses our credentials (check the OAuth client and its permissions)",
        Cause.CLOCK: "the help desk states no time, or a clock is wrong (check the clock of this machine)",
        Cause.BEHIND: "there are more changes to read than reading keeps up with",
    },
)

_WORDS = {Language.JA: _JAPANESE, Language.EN: _ENGLISH}


def render(notice: BlindNotice, *, language: Language, zone: ZoneInfo, plain: int = 0) -> Message:
    """Return the message of a blindness; from `plain` 4 on as text only."""
    facts, say, words = notice.facts, Phrases(CATALOGUES[language], zone), _WORDS[language]
    title = _title(facts, words).format(source=harmless(facts.source, limit=NAME_LIMIT))
    spoken = words.joint.join(
        _sentences(facts, say, words, when=lambda instant: say.time(instant, beside=notice.at))
    )
    stop = CATALOGUES[language].full_stop
    text = clip(escaped(f"{title}{stop}{spoken}"), TEXT_LIMIT)
    urgent = facts.until is None
    if plain >= TEXT_ONLY:
        return Message(text, urgent=urgent)
    first, *others = _sentences(facts, say, words, when=say.token)
    sign = _sign(facts)
    lead = f"{sign} *{first}*\n{words.joint.join(others)}"
    header = {"type": "plain_text", "text": clip(title, HEADER_LIMIT), "emoji": False}
    section = {"type": "mrkdwn", "text": lead, "verbatim": True}
    blocks = (
        {"type": "header", "block_id": block_name(notice.incident, facts.revision, "head"), "text": header},
        {"type": "section", "block_id": block_name(notice.incident, facts.revision, "lead"), "text": section},
    )
    return Message(text, blocks=blocks, urgent=urgent)


def because(cause: Cause) -> str:
    """Return why a source is not read, in English, as the end of a line."""
    return _ENGLISH.causes[cause]


def _title(facts: Blindness, words: _Words) -> str:
    if facts.until is None:
        return words.blind
    return words.removed if facts.removed else words.seeing


def _sign(facts: Blindness) -> str:
    if facts.until is None:
        return ":large_orange_circle:"
    return ":black_square_for_stop:" if facts.removed else ":white_check_mark:"


def _sentences(
    facts: Blindness, say: Phrases, words: _Words, *, when: Callable[[datetime], str]
) -> Iterable[str]:
    """Yield what there is to say; `when` shows an instant."""
    since = when(facts.since)
    if facts.until is None:
        yield words.blind_since.format(since=since, cause=words.causes[facts.cause])
        yield words.quiet
        return
    if facts.removed:
        yield words.removed_at.format(since=since, until=when(facts.until))
        yield words.unknown
        return
    duration = say.duration(facts.until - facts.since)
    yield words.blind_was.format(since=since, until=when(facts.until), duration=duration)
    yield words.judged.format(tickets=say.tickets(facts.tickets))
    if facts.incidents > 1:
        yield words.surges.format(n=facts.incidents)
    else:
        yield words.one_surge if facts.incidents else words.no_surge
