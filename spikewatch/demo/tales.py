"""What the demo tells when something happens to the desk: a scene for every scenario, and how it has to end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from spikewatch.core.settings import Language
from spikewatch.demo.script import HURRY, Scene, both
from spikewatch.sandbox.helpdesk import Scenario

BEGINS = timedelta(hours=3)
"""Of the scenario, after the start of the live part: a Monday at nine."""

SPEED = 240.0
_LASTS = timedelta(minutes=110)
_LOOKS_BACK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a scenario has to end.

    incidents    that open; None where any number is right
    is_blind     whether blindness is told, and that it is over
    after        what is said if all of that is so
    """

    incidents: int | None
    after: Mapping[Language, str]
    is_blind: bool = False


_DEFAULT = Ending(
    None,
    both(
        "デスクに何が起きても、読み取りは現在まで追いつきました。",
        "Whatever happened to the desk, it has been read up to the present.",
    ),
)

ENDINGS: Mapping[str, Ending] = {
    "spam-wave": Ending(
        1,
        both(
            "スパム 400 件は急増として通知され、削除されると件数から消え、同じメッセージが解消に変わりました。",
            "400 tickets of spam were told as a surge; once deleted they count no more, and the same message says resolved.",
        ),
    ),
    "bulk-recategorise": Ending(
        0,
        both(
            "古い問い合わせの一括再分類では、通知はありません。件数は作成時刻のまま、新しい分類に移っただけです。",
            "Nothing was told: old tickets moved to other categories in the hours in which they were created.",
        ),
    ),
    "mass-system-update": Ending(
        0,
        both(
            "システムによる一括更新では、通知はありません。どの件数も変わりませんでした。",
            "Nothing was told: the same tickets came once more, and no count changed.",
        ),
    ),
    "import-weeks-back": Ending(
        0,
        both(
            "3 週間前の日付で取り込まれた 2,000 件では、通知はありません。過去の件数にだけ加わります。",
            "Nothing was told: 2,000 tickets with old dates count in history, never in the live window.",
        ),
    ),
    "desk-down": Ending(
        None,
        both(
            "読めない間は「静か」とは言わず、読めなくなったことと、再び読めたことを知らせました。",
            "Silence was not taken for quiet: it was told that nothing could be read, and that it could again.",
        ),
        is_blind=True,
    ),
    "rate-limited": Ending(
        0,
        both(
            "制限の間は指定された時間だけ待ち、明けると何も失わずに追いつきました。",
            "While limited it waited as long as it was asked to, and then caught up without losing anything.",
        ),
    ),
}
"""Those whose ending is checked closely; every other one has to be read up to the present in the end."""


def ending_of(scenario: Scenario) -> Ending:
    """Return how a scenario has to end."""
    return ENDINGS.get(scenario.name, _DEFAULT)


def scenes_of(scenario: Scenario) -> tuple[Scene, ...]:
    """Return the scenes in which a scenario is told: a normal morning, then what happens."""
    nothing = both("", "")
    return (
        Scene(
            timedelta(0),
            BEGINS - _LOOKS_BACK,
            HURRY,
            both("いつもの月曜の朝です。", "A Monday morning like any other."),
            nothing,
        ),
        Scene(
            BEGINS,
            BEGINS + _LASTS,
            SPEED,
            both(f"シナリオ {scenario.name}: {scenario.says}", f"Scenario {scenario.name}: {scenario.says}."),
            ending_of(scenario).after,
        ),
    )
