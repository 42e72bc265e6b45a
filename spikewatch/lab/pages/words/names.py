"""Names of closed sets, in both languages side by side; a member without a name fails a test."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from spikewatch.core.explanations import GateName
from spikewatch.core.incidents import Severity
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import Language
from spikewatch.lab.comparing import Shift
from spikewatch.lab.tallies import Said

Member = TypeVar("Member", bound=StrEnum)
Both = tuple[str, str]
"""English, then Japanese."""

_PLACES = {Language.EN: 0, Language.JA: 1}


def in_one(names: Mapping[Member, Both], language: Language) -> Mapping[Member, str]:
    """Return the names of one language."""
    return {member: both[_PLACES[language]] for member, both in names.items()}


SAID: Mapping[Said, Both] = {
    Said.RIGHT: ("right", "実際の障害"),
    Said.EXPECTED: ("expected", "想定内"),
    Said.WRONG: ("false alarm", "誤検知"),
    Said.UNLABELLED: ("not labelled", "ラベルなし"),
}

SEVERITIES: Mapping[Severity, Both] = {
    Severity.CRITICAL: ("critical", "重大"),
    Severity.WARNING: ("warning", "警告"),
}

GATE_NAMES: Mapping[GateName, Both] = {
    GateName.HISTORY: ("known days of history", "既知の履歴日数"),
    GateName.LEARNED: ("time since the first ticket", "最初の問い合わせからの日数"),
    GateName.ENABLED: ("enabled", "有効"),
    GateName.KNOWN: ("known share of the window", "期間のうち既知の割合"),
    GateName.UNUSUAL: ("surprise and evidence", "意外度と継続の証拠"),
    GateName.MIN_TICKETS: ("min_tickets", "最小件数（min_tickets）"),
    GateName.MIN_RATIO: ("min_ratio (times the usual)", "最小倍率（min_ratio）"),
    GateName.STILL_RISING: ("still rising (next shorter window)", "増加が続いているか（一つ短い期間）"),
}

WHY: Mapping[WhyNot, Both] = {
    WhyNot.ALERTS: ("alerts", "通知"),
    WhyNot.NORMAL: ("not unusual enough", "通常の範囲"),
    WhyNot.MIN_TICKETS: ("held back by min_tickets", "最小件数に満たない"),
    WhyNot.MIN_RATIO: ("held back by min_ratio", "最小倍率に満たない"),
    WhyNot.SUBSIDED: ("the rise is over", "増加は収まっている"),
    WhyNot.LEARNING: ("still learning", "学習中"),
    WhyNot.EVENT: ("muted by the calendar", "カレンダーにより停止中"),
    WhyNot.UNKNOWN: ("too little is known", "データ不足"),
    WhyNot.DISABLED: ("disabled", "無効"),
}

SHIFTS: Mapping[Shift, Both] = {
    Shift.LOST: ("lost", "なくなる"),
    Shift.GAINED: ("gained", "増える"),
    Shift.EARLIER: ("earlier", "早まる"),
    Shift.LATER: ("later", "遅れる"),
    Shift.JOINED: ("joined", "まとまる"),
    Shift.SPLIT: ("split", "分かれる"),
    Shift.SAME: ("same", "同じ"),
}

SHIFT_HELP: Mapping[Shift, Both] = {
    Shift.LOST: ("only A tells it", "A だけが通知します"),
    Shift.GAINED: ("only B tells it", "B だけが通知します"),
    Shift.EARLIER: ("B tells it sooner", "B のほうが早く通知します"),
    Shift.LATER: ("B tells it later", "B のほうが遅く通知します"),
    Shift.JOINED: ("B tells it within another incident", "B では別のインシデントに含まれます"),
    Shift.SPLIT: ("A told it within another incident", "A では別のインシデントに含まれていました"),
    Shift.SAME: ("both tell it at the same time", "同じ時刻に通知します"),
}
