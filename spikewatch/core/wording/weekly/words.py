"""Every phrase of the week's report, once a language; braces are filled by name."""

from dataclasses import dataclass

from spikewatch.core.settings import Language


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language."""

    title: str
    days: tuple[str, ...]
    day: str
    span: str
    not_whole: str
    summary: str
    incidents: str
    one_incident: str
    several_incidents: str
    no_incident: str
    no_incident_seen: str
    no_tickets: str
    in_all: str
    against_expected: str
    against_before: str
    joint: str
    precision: str
    precision_is: str
    precision_unknown: str
    unlabelled: str
    recall_is: str
    recall_unknown: str
    budget_is: str
    delay_is: str
    noisiest: str
    volume: str
    asked_most: str
    grew: str
    grew_none: str
    grew_unknown: str
    blind: str
    blind_none: str
    blind_was: str
    blind_is: str
    more: str
    opened: str
    what: str
    seen: str
    usual: str
    within: str
    told_after: str
    verdict: str
    severity: str
    name: str
    series: str
    service: str
    category: str
    number: str
    parts: str
    not_real: str
    expected: str
    week_before: str
    unknown: str
    new: str
    company: str
    nobody_said: str
    and_more: str


_ENGLISH = Words(
    title="Support week {week}",
    days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    day="{day} {month:02}-{date:02}",
    span="{first} to {last}, times in {zone}",
    not_whole="Known up to {until} only: counts are of that part, and so is what was expected.",
    summary="At a glance",
    incidents="Incidents",
    one_incident="1 incident",
    several_incidents="{n} incidents",
    no_incident="No incident.",
    no_incident_seen="No incident was seen in the part of the week that is known.",
    no_tickets="No tickets were counted in this week.",
    in_all="{n} tickets in all",
    against_expected="{change} against expectation",
    against_before="{change} against the week before",
    joint=", ",
    precision="Were we right?",
    precision_is="Precision {share}: of {n} labelled incidents {real} were real, {expected} expected, {false} false alarms.",
    precision_unknown="Precision is unknown: no incident of the week is labelled. The buttons below each message do that.",
    unlabelled="Not labelled yet: {n}.",
    recall_is="Recall {share}: of {n} known incidents {found} were told.",
    recall_unknown="Recall is unknown: nobody named an incident that could have been missed (labels add, labels import).",
    budget_is="Budget for false alarms: {spent} spent of {asked} a week (incidents that nobody called real).",
    delay_is="From the beginning of a rise until it was told: typically {typical}, at most {slowest}.",
    noisiest="Noisiest series",
    volume="Tickets by service",
    asked_most="Asked most",
    grew="Grew most",
    grew_none="Nothing grew by more than chance against the week before.",
    grew_unknown="What grew is unknown: the week before is not known as a whole.",
    blind="Not seen",
    blind_none="Every source was read all week.",
    blind_was="{source}: {since} to {until}",
    blind_is="{source}: since {since}, and still",
    more="and {n} more",
    opened="opened",
    what="what rose",
    seen="tickets (usual)",
    usual="{observed} ({expected})",
    within="{counts} in {minutes} min",
    told_after="told after",
    verdict="label",
    severity="severity",
    name="incident",
    series="series",
    service="service",
    category="category",
    number="tickets",
    parts="incidents",
    not_real="not called real",
    expected="against expectation",
    week_before="against the week before",
    unknown="unknown",
    new="new",
    company="company-wide",
    nobody_said="none",
    and_more="{names} and {n} more",
)

_JAPANESE = Words(
    title="問い合わせ週報 {week}",
    days=("月", "火", "水", "木", "金", "土", "日"),
    day="{month}/{date}({day})",
    span="{first} 〜 {last}（時刻は {zone}）",
    not_whole="{until} までの集計です。想定もその範囲で計算しています。",
    summary="この週のまとめ",
    incidents="インシデント",
    one_incident="インシデント 1件",
    several_incidents="インシデント {n}件",
    no_incident="インシデントはありませんでした。",
    no_incident_seen="確認できた範囲では、インシデントはありませんでした。",
    no_tickets="この週の問い合わせは記録されていません。",
    in_all="問い合わせ合計 {n}件",
    against_expected="想定比 {change}",
    against_before="前週比 {change}",
    joint="、",
    precision="検知は正しかったか",
    precision_is="適合率 {share}: 判定済み {n}件のうち、実際の障害 {real}件、想定内 {expected}件、誤検知 {false}件。",
    precision_unknown="適合率は不明です。この週のインシデントはまだ判定されていません。各メッセージのボタンで判定できます。",
    unlabelled="未判定: {n}件。",
    recall_is="再現率 {share}: 把握されている障害 {n}件のうち {found}件を検知しました。",
    recall_unknown="再現率は不明です。検知と照合できる障害の記録がありません（labels add、labels import で登録できます）。",
    budget_is="誤検知の予算: 週 {asked}件に対し {spent}件（実際の障害と判定されていないもの）。",
    delay_is="増加の始まりから通知まで: 中央値 {typical}、最長 {slowest}。",
    noisiest="通知の多い系列",
    volume="サービス別の問い合わせ",
    asked_most="問い合わせの多いカテゴリ",
    grew="増えたカテゴリ",
    grew_none="前週より明らかに増えたカテゴリはありません。",
    grew_unknown="前週のデータがそろっていないため、増減は分かりません。",
    blind="監視できなかった時間",
    blind_none="すべてのソースを読み取れていました。",
    blind_was="{source}: {since} 〜 {until}",
    blind_is="{source}: {since} から継続中",
    more="ほか {n}件",
    opened="検知",
    what="増えたもの",
    seen="件数（平常）",
    usual="{observed}（{expected}）",
    within="{minutes}分で {counts}",
    told_after="通知まで",
    verdict="判定",
    severity="重大度",
    name="番号",
    series="系列",
    service="サービス",
    category="カテゴリ",
    number="件数",
    parts="インシデント",
    not_real="障害と判定されず",
    expected="想定比",
    week_before="前週比",
    unknown="不明",
    new="新規",
    company="全社",
    nobody_said="未判定",
    and_more="{names} ほか{n}件",
)

WORDS = {Language.JA: _JAPANESE, Language.EN: _ENGLISH}
