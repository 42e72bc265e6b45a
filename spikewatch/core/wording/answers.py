"""What the one person who pressed a button or ran a command is told: done, or why not and what to do instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from spikewatch.core.acts import ActKind, Entry, Refusal
from spikewatch.core.incidents import Incident
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import identifier, person
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.phrases import Phrases


@dataclass(frozen=True, slots=True)
class _Words:
    """The answers of one language; braces are filled by name."""

    done: Mapping[ActKind, str]
    refused: Mapping[Refusal, str]
    yourself: str
    somebody: str
    once: str
    """Stands for an instant that nobody noted."""


_JAPANESE = _Words(
    done={
        ActKind.ACKNOWLEDGE: "{incident} の対応者になりました。",
        ActKind.HAND_BACK: "{incident} の対応を返しました。対応者はいません。",
        ActKind.SNOOZE: "{incident} の更新と呼び出しを {until} まで止めました。重大度が上がった場合はお知らせします。",
        ActKind.EXPECTED: "{incident} を想定内として記録しました。この期間は平常の学習に使いません。",
        ActKind.CONFIRM: "{incident} を実際の障害として記録しました。この期間は平常の学習に使いません。",
        ActKind.FALSE_ALARM: "{incident} を誤検知として閉じました。",
        ActKind.RESOLVE: "{incident} を閉じました。急増が広がった場合や重大度が上がった場合はお知らせします。",
    },
    refused={
        Refusal.UNKNOWN: "{incident} というインシデントはありません。番号を確認してください。",
        Refusal.ELSEWHERE: "このメッセージは別の spikewatch のものです。何も変更していません。",
        Refusal.NOT_ALLOWED: "この操作は許可されていません。何も変更していません。担当者に依頼してください。",
        Refusal.NOT_CHECKED: "操作の権限を確認できませんでした。何も変更していません。少し待って再度押すか、"
        "コマンドを使ってください。",
        Refusal.OVER: "{incident} は {at} に解消しています。何も変更していません。",
        Refusal.DISMISSED: "{incident} は {at} に {by} が閉じています。何も変更していません。",
        Refusal.ALREADY: "{incident}: {at} に {by} が同じ操作をしています。何も変更していません。",
        Refusal.NOBODY: "{incident} には対応者がいません。何も変更していません。",
        Refusal.PAST: "{until} はすでに過ぎています。何も変更していません。先の時刻を指定してください。",
    },
    yourself="あなた",
    somebody="だれか",
    once="以前",
)

_ENGLISH = _Words(
    done={
        ActKind.ACKNOWLEDGE: "{incident} is yours.",
        ActKind.HAND_BACK: "{incident} is handed back: nobody has it.",
        ActKind.SNOOZE: "{incident} keeps quiet until {until}, unless its severity rises.",
        ActKind.EXPECTED: "{incident} is noted as expected. Nothing is learnt from its time.",
        ActKind.CONFIRM: "{incident} is noted as a real incident. Nothing is learnt from its time.",
        ActKind.FALSE_ALARM: "{incident} is closed as a false alarm.",
        ActKind.RESOLVE: "{incident} is closed. You hear of it again if it spreads or its severity rises.",
    },
    refused={
        Refusal.UNKNOWN: "There is no incident {incident}; check the number.",
        Refusal.ELSEWHERE: "This message belongs to another spikewatch. Nothing was changed.",
        Refusal.NOT_ALLOWED: "You are not among those who may do this. Nothing was changed; ask someone on call.",
        Refusal.NOT_CHECKED: "Whether you may do this could not be checked. Nothing was changed; press again in a while,"
        " or use the command.",
        Refusal.OVER: "{incident} was over at {at}. Nothing was changed.",
        Refusal.DISMISSED: "{incident} was closed by {by} at {at}. Nothing was changed.",
        Refusal.ALREADY: "{incident}: {by} did so at {at}. Nothing was changed.",
        Refusal.NOBODY: "Nobody has {incident}. Nothing was changed.",
        Refusal.PAST: "{until} is over already. Nothing was changed; name a later time.",
    },
    yourself="you",
    somebody="somebody",
    once="an earlier time",
)

_WORDS: Mapping[Language, _Words] = {Language.JA: _JAPANESE, Language.EN: _ENGLISH}


def answer(entry: Entry, incident: Incident | None, *, language: Language, zone: ZoneInfo) -> str:
    """Return what became of an act, as plain text.

    incident  as it is now; None where it is not known
    """
    words, act, refused = _WORDS[language], entry.act, entry.refused
    say = Phrases(CATALOGUES[language], zone)
    now = entry.settled_at or act.at

    def time(instant: datetime | None) -> str:
        return words.once if instant is None else say.time(instant, beside=now)

    if refused is None:
        until = None if incident is None else incident.handling.snoozed_until
        pattern, who, at = words.done[act.kind], None, None
    else:
        pattern, who, at = words.refused[refused.why], refused.by, refused.at
        until = at
    by = words.somebody if who is None else words.yourself if who == act.by else person(who)
    return pattern.format(incident=identifier(act.incident), by=by, at=time(at), until=time(until))
