"""Every phrase of the page that messages do not have, once a language; one that is missing is an error of types."""

from collections.abc import Mapping
from dataclasses import dataclass

from spikewatch.core.settings import Language


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language; braces are filled by name."""

    title: str
    title_open: str
    languages: str
    as_of: str
    reload: str
    starting: str
    quiet: str
    open_one: str
    open_many: str
    blind: str
    stale: str
    no_turn: str
    waits: Mapping[str, str]
    waits_title: str
    left: str
    incidents: str
    resolved: str
    more_incidents: str
    parts: str
    count_in: str
    usual_mark: str
    out_mark: str
    unknown_mark: str
    ago: str
    just_now: str
    state: str
    sources: str
    source: str
    read_up_to: str
    age: str
    not_read: str
    behind: str
    judged: str
    not_judged: str
    budget: str
    opened: str
    not_real: str
    allowed: str
    over_budget: str
    queue: str
    waiting: str
    nothing_waits: str
    oldest: str
    given_up: str
    silences: str
    no_silences: str
    silence: str
    meant: str
    all_series: str
    until: str
    author: str
    why: str
    elsewhere: str
    metrics: str
    series: str
    health: str
    alive: str
    ready: str
    explained: str
    maintenance: str


JAPANESE = Words(
    title="spikewatch の状態",
    title_open="({n}) spikewatch の状態",
    languages="表示言語",
    as_of="{time} 現在",
    reload="最新の状態にする",
    starting="起動中です。最初の判定が終わると、ここに状態が表示されます。",
    quiet="発生中の急増はありません",
    open_one="急増が1件発生中です",
    open_many="急増が{n}件発生中です",
    blind="{names}を読み取れていません。この間の急増は検知できません。",
    stale="このページの内容は{age}前のものです。更新できていません。",
    no_turn="判定が{age}成功していません。新しい急増は検知できません。",
    waits={
        "first_read": "ヘルプデスクの最初の読み取りを待っています",
        "backfill": "過去のチケットを読み込み中（{percent}%）{left}",
        "history": "学習に必要な履歴: {needed}日のうち{known}日分",
        "tickets": "チケットがまだ1件も読み取られていません",
    },
    waits_title="まだ急増を判定できません",
    left="、残り約{duration}",
    incidents="発生中の急増",
    resolved="解消した急増（再発に備えて監視中）",
    more_incidents="ほか{n}件は spikewatch status で確認できます",
    parts="増加の内訳",
    count_in="{count}（{span}）",
    usual_mark="平常の範囲",
    out_mark="平常より多い",
    unknown_mark="不明",
    ago="{duration}前",
    just_now="1分以内",
    state="稼働状況",
    sources="データの取得",
    source="取得元",
    read_up_to="読み取り済み",
    age="経過",
    not_read="まだ最後まで読み取っていません",
    behind="遅れています",
    judged="判定済み",
    not_judged="まだ判定していません",
    budget="誤検知の予算（直近7日間）",
    opened="検知した急増",
    not_real="実際の障害と記録されていないもの",
    allowed="許容する誤検知",
    over_budget="予算を超えています。実際の障害であれば記録してください",
    queue="通知の送信",
    waiting="送信待ち",
    nothing_waits="なし",
    oldest="最も古いもの",
    given_up="送信できなかったもの",
    silences="通知停止",
    no_silences="現在、停止している通知はありません",
    silence="番号",
    meant="対象",
    all_series="すべて",
    until="終了",
    author="設定した人",
    why="理由",
    elsewhere="その他のページ",
    metrics="すべてのメトリクス",
    series="件数のメトリクスのみ",
    health="稼働状況のメトリクスのみ",
    alive="動作しているか",
    ready="準備ができているか",
    explained="判定の根拠",
    maintenance="メンテナンス",
)

ENGLISH = Words(
    title="spikewatch status",
    title_open="({n}) spikewatch status",
    languages="Language",
    as_of="As of {time}",
    reload="Reload",
    starting="Starting. How things stand is shown here once everything was judged for the first time.",
    quiet="Nothing is surging",
    open_one="1 surge is going on",
    open_many="{n} surges are going on",
    blind="{names} cannot be read at the moment; a surge there would not be seen.",
    stale="This page is {age} old and cannot be renewed.",
    no_turn="Judging has not worked for {age}; a new surge would not be seen.",
    waits={
        "first_read": "waiting for the first complete read of the help desk",
        "backfill": "reading older tickets, {percent} % done{left}",
        "history": "{known} of the {needed} days of history that it learns from are known",
        "tickets": "no ticket was ever read",
    },
    waits_title="No surge can be told yet",
    left=", about {duration} left",
    incidents="Surges going on",
    resolved="Resolved lately (these may reopen)",
    more_incidents="{n} more: spikewatch status lists them",
    parts="What drives it",
    count_in="{count} in {span}",
    usual_mark="Usual",
    out_mark="Above the usual",
    unknown_mark="Unknown",
    ago="{duration} ago",
    just_now="less than 1 min ago",
    state="How the daemon stands",
    sources="Data",
    source="Source",
    read_up_to="Read up to",
    age="Age",
    not_read="not read to the end yet",
    behind="behind",
    judged="Judged up to",
    not_judged="nothing yet",
    budget="Budget for false alarms, last 7 days",
    opened="Incidents opened",
    not_real="Not labelled real",
    allowed="False alarms allowed",
    over_budget="over the budget, unless some were real: label those",
    queue="Messages",
    waiting="Waiting",
    nothing_waits="none",
    oldest="Oldest of them",
    given_up="Given up",
    silences="Silences",
    no_silences="Nothing is silenced at the moment",
    silence="Silence",
    meant="What",
    all_series="everything",
    until="Until",
    author="By",
    why="Why",
    elsewhere="Other pages",
    metrics="all metrics",
    series="metrics of the fleet",
    health="metrics of the daemon",
    alive="does the daemon turn?",
    ready="has it begun to work?",
    explained="Why",
    maintenance="maintenance",
)

WORDS: Mapping[Language, Words] = {Language.JA: JAPANESE, Language.EN: ENGLISH}
