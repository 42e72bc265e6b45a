"""A refused configuration in words: what is wrong, that the old one goes on, and later that it is mended."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import HEADER_LIMIT, SECTION_LIMIT, TEXT_LIMIT, block_name
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.message import Message
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.rungs import TEXT_ONLY
from spikewatch.core.wording.untrusted import clip, escaped, harmless

LINE_LIMIT = 300


@dataclass(frozen=True, slots=True)
class _Words:
    """The phrases of one language; braces are filled by name."""

    refused: str
    wrong: str
    restart: str
    more: str
    then: str
    mended: str
    since: str


_JAPANESE = _Words(
    refused="設定の変更を反映できません",
    wrong="{file} の変更に誤りがあるため、以前の設定のまま監視を続けています。",
    restart="{file} の変更には再起動が必要なため、以前の設定のまま監視を続けています。",
    more="ほか{n}件",
    then="全件の確認: `spikewatch check --config {file}`",
    mended="設定の反映を再開しました",
    since="{since} から {until} まで、{file} の変更は反映されていませんでした。",
)

_ENGLISH = _Words(
    refused="A changed configuration is refused",
    wrong="{file} has mistakes, so the configuration before it stays in force.",
    restart="What changed in {file} takes a restart, so the configuration before it stays in force.",
    more="and {n} more",
    then="See all of it: `spikewatch check --config {file}`",
    mended="The configuration is in force again",
    since="From {since} to {until} changes of {file} were refused.",
)

_WORDS = {Language.JA: _JAPANESE, Language.EN: _ENGLISH}


def render(notice: ConfigNotice, *, language: Language, zone: ZoneInfo, plain: int = 0) -> Message:
    """Return the message of a refused configuration; from `plain` 4 on as text only."""
    facts, say, words = notice.facts, Phrases(CATALOGUES[language], zone), _WORDS[language]
    file = harmless(facts.file, limit=LINE_LIMIT)
    stop = CATALOGUES[language].full_stop
    lines: tuple[str, ...] = ()
    if facts.mended is not None:
        title, sign = words.mended, ":white_check_mark:"
        since, until = (say.time(instant, beside=notice.at) for instant in (facts.since, facts.mended))
        said = words.since.format(since=since, until=until, file=file)
    else:
        title, sign = words.refused, ":warning:"
        said = (words.restart if facts.restart else words.wrong).format(file=file)
        lines = tuple(harmless(line, limit=LINE_LIMIT) for line in facts.problems)
    spoken = " ".join((said, *lines[:1]))
    text = clip(escaped(f"{title}{stop}{spoken}"), TEXT_LIMIT)
    urgent = facts.mended is None
    if plain >= TEXT_ONLY:
        return Message(text, urgent=urgent)
    listed = [f"• {escaped(line)}" for line in lines]
    if facts.more and lines:
        listed.append(words.more.format(n=facts.more))
    if lines:
        listed.append(escaped(words.then.format(file=f"{file} --diff" if facts.restart else file)))
    lead = clip("\n".join((f"{sign} *{escaped(said)}*", *listed)), SECTION_LIMIT)
    header = {"type": "plain_text", "text": clip(title, HEADER_LIMIT), "emoji": False}
    section = {"type": "mrkdwn", "text": lead, "verbatim": True}
    blocks = (
        {"type": "header", "block_id": block_name(notice.incident, facts.revision, "head"), "text": header},
        {"type": "section", "block_id": block_name(notice.incident, facts.revision, "lead"), "text": section},
    )
    return Message(text, blocks=blocks, urgent=urgent)
