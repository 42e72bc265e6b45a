"""Every phrase of a page, once a language; a phrase missing in one of them is an error of types.

Japanese is written with the terms of the messages: 急増, 発生中, 解消, 誤検知, 統合.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spikewatch.core.explanations import GateName
from spikewatch.core.incidents import Severity
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import Language
from spikewatch.lab.comparing import Shift
from spikewatch.lab.tallies import Said


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language; braces are filled by name."""

    # the page
    title: str
    title_diff: str
    span: str
    notes: str
    colon: str
    made_of: str
    no_script: str
    flatters: str
    # figures
    incidents: str
    a_week: str
    budget: str
    budget_used: str
    budget_of: str
    budget_within: str
    budget_beyond: str
    labels: str
    no_labels: str
    missed: str
    missed_title: str
    missed_none: str
    time: str
    # calendar
    calendar: str
    calendar_help: str
    week_of: str
    week_count: str
    week_spent: str
    cell: str
    cell_lasting: str
    days: tuple[str, ...]
    # tables
    by_service: str
    by_category: str
    service: str
    category: str
    company: str
    whole_service: str
    fleet: str
    tickets: str
    alerts: str
    critical: str
    asked: str
    spent: str
    asked_help: str
    # filters
    find: str
    all_services: str
    all_severities: str
    all_labels: str
    all_changes: str
    only_alerting: str
    order: str
    newest: str
    oldest: str
    highest: str
    largest: str
    longest: str
    shown: str
    nothing_shown: str
    sort_by: str
    # incidents
    none_title: str
    none_text: str
    unjudged_text: str
    open: str
    lasted: str
    minutes: str
    hours: str
    full_hours: str
    score: str
    extra: str
    reason: str
    reason_rule: str
    opened: str
    opened_before: str
    opened_after: str
    drivers: str
    driver: str
    driver_quiet: str
    observed: str
    expected: str
    upper: str
    share: str
    window: str
    surprise: str
    evidence: str
    decided: str
    more_drivers: str
    why_title: str
    windows: str
    gates: str
    gate: str
    value: str
    limit: str
    origin: str
    passed: str
    failed: str
    normal: str
    chart: str
    legend: tuple[str, str, str, str]
    chance: str
    yes: str
    no: str
    in_days: str
    default: str
    # difference
    before: str
    after: str
    delay: str
    sooner: str
    later_by: str
    by_service_diff: str
    no_change: str
    gates_met: str
    gates_missed: str
    said: Mapping[Said, str]
    severities: Mapping[Severity, str]
    gate_names: Mapping[GateName, str]
    why: Mapping[WhyNot, str]
    shifts: Mapping[Shift, str]
    shift_help: Mapping[Shift, str]


_EN = Words(
    title="Backtest",
    title_diff="What would change",
    span="{start} to {end} ({weeks} weeks), times in {zone}",
    notes="Good to know",
    colon=": ",
    made_of="Input: {input} · settings: {config}",
    no_script="Filters and sorting need JavaScript; everything is on the page without it too.",
    flatters="Tickets are known from creation and under their final category: this flatters.",
    incidents="Incidents",
    a_week="{number} a week, {critical} critical",
    budget="False alarms",
    budget_used="{spent} of {asked}",
    budget_of="the budget allows {per_week} a week; incidents that no label calls real",
    budget_within="within the budget",
    budget_beyond="beyond the budget",
    labels="Labels",
    no_labels="No labels were given: every incident counts as a false alarm until one calls it real (--labels).",
    missed="{number} labelled incidents without an alert",
    missed_title="Labelled incidents that nothing was opened for",
    missed_none="Every labelled incident was found.",
    time="Time",
    calendar="Weeks",
    calendar_help="One cell is an hour: strong where an incident opened, pale while it lasted, hatched where nothing"
    " was judged.",
    week_of="Week of {monday}",
    week_count="{number} incidents",
    week_spent="{number} not labelled real",
    cell="{day} {hour}:00: {number} opened",
    cell_lasting="{day} {hour}:00: under way",
    days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    by_service="Services",
    by_category="Categories",
    service="Service",
    category="Category",
    company="(company-wide)",
    whole_service="whole service",
    fleet="whole company",
    tickets="Tickets",
    alerts="Alerts",
    critical="Critical",
    asked="Budget",
    spent="Spent",
    asked_help="Budget: its share, by weight, of the false alarms allowed in this time. Spent: incidents that no label"
    " calls real. An incident counts for each category that surged in it.",
    find="Find",
    all_services="All services",
    all_severities="Any severity",
    all_labels="Any label",
    all_changes="Any change",
    only_alerting="Only those that alerted",
    order="Order",
    newest="newest first",
    oldest="oldest first",
    highest="highest score",
    largest="most extra tickets",
    longest="longest",
    shown="{shown} of {all} shown",
    nothing_shown="Nothing matches these filters.",
    sort_by="sort",
    none_title="No incident",
    none_text="Nothing rose above its threshold in this time. To see how near it came: a larger"
    " detection.false_alarms_per_week, or lower min_tickets and min_ratio, in another backtest or with --diff.",
    unjudged_text="Nothing was judged: the baseline needs 14 known days before the first judgement."
    " Give a longer history, or a later --since.",
    open="still open",
    lasted="lasted {duration}",
    minutes="{minutes} min",
    hours="{hours} h {minutes:02d} min",
    full_hours="{hours} h",
    score="score {score}",
    extra="+{tickets} tickets",
    reason="{name}: {observed} in {window} where {expected} are usual; from {least} on it alerts.",
    reason_rule="{name}: {observed} in {window}; a static rule alerts from {least} on.",
    opened="opened",
    opened_before="A",
    opened_after="B",
    drivers="What drove it",
    driver="What rose",
    driver_quiet="not unusual by itself",
    observed="Tickets",
    expected="Usual",
    upper="No alert up to",
    share="Share of the rise",
    window="Window",
    surprise="Surprise",
    evidence="Evidence",
    decided="decided",
    more_drivers="and {number} more",
    why_title="Why it alerted: every window and every gate",
    windows="Windows at {at}",
    gates="Gates of {series} in {window}",
    gate="Gate",
    value="Value",
    limit="Limit",
    origin="Set by",
    passed="passed",
    failed="held back",
    normal="Usual in that bucket: {bucket} = {shape} an hour × {level} lately × {today} today × {day} kind of day"
    " × {event} events × {within} within the hour ÷ {buckets}",
    chart="Tickets in the last {window}: {name}, {start} to {end}",
    legend=("tickets", "usual", "usual band", "no alert below"),
    chance="about once in {weeks} weeks by chance",
    yes="yes",
    no="no",
    in_days="{days} days",
    default="default",
    before="A",
    after="B",
    delay="Median shift",
    sooner="{duration} earlier",
    later_by="{duration} later",
    by_service_diff="Effect on each service",
    no_change="Both say the same: no incident is gained, lost, earlier or later.",
    gates_met="Every gate is met.",
    gates_missed="Not met",
    said={
        Said.RIGHT: "right",
        Said.EXPECTED: "expected",
        Said.WRONG: "false alarm",
        Said.UNLABELLED: "not labelled",
    },
    severities={Severity.CRITICAL: "critical", Severity.WARNING: "warning"},
    gate_names={
        GateName.HISTORY: "known days of history",
        GateName.LEARNED: "time since the first ticket",
        GateName.ENABLED: "enabled",
        GateName.KNOWN: "known share of the window",
        GateName.UNUSUAL: "surprise and evidence",
        GateName.MIN_TICKETS: "min_tickets",
        GateName.MIN_RATIO: "min_ratio (times the usual)",
        GateName.STILL_RISING: "still rising (next shorter window)",
    },
    why={
        WhyNot.ALERTS: "alerts",
        WhyNot.NORMAL: "not unusual enough",
        WhyNot.MIN_TICKETS: "held back by min_tickets",
        WhyNot.MIN_RATIO: "held back by min_ratio",
        WhyNot.SUBSIDED: "the rise is over",
        WhyNot.LEARNING: "still learning",
        WhyNot.EVENT: "muted by the calendar",
        WhyNot.UNKNOWN: "too little is known",
        WhyNot.DISABLED: "disabled",
    },
    shifts={
        Shift.LOST: "lost",
        Shift.GAINED: "gained",
        Shift.EARLIER: "earlier",
        Shift.LATER: "later",
        Shift.JOINED: "joined",
        Shift.SPLIT: "split",
        Shift.SAME: "same",
    },
    shift_help={
        Shift.LOST: "only A tells it",
        Shift.GAINED: "only B tells it",
        Shift.EARLIER: "B tells it sooner",
        Shift.LATER: "B tells it later",
        Shift.JOINED: "B tells it within another incident",
        Shift.SPLIT: "A told it within another incident",
        Shift.SAME: "both tell it at the same time",
    },
)

_JA = Words(
    title="バックテスト",
    title_diff="設定変更の影響",
    span="{start} ～ {end}（{weeks}週間）、時刻は {zone}",
    notes="補足",
    colon="：",
    made_of="入力：{input}　設定：{config}",
    no_script="絞り込みと並べ替えには JavaScript が必要です。無効でも、すべての内容をこのページで確認できます。",
    flatters="問い合わせを作成時点から最終カテゴリで数えているため、実際の運用より良い結果になります。",
    incidents="インシデント",
    a_week="週あたり {number} 件、うち重大 {critical} 件",
    budget="誤検知",
    budget_used="{spent} 件（予算 {asked} 件）",
    budget_of="予算は週 {per_week} 件です。実際の障害とラベル付けされていないインシデントを数えます",
    budget_within="予算内",
    budget_beyond="予算超過",
    labels="ラベル",
    no_labels="ラベルの指定がありません。実際の障害とラベル付けされるまで、すべて誤検知として数えます（--labels）。",
    missed="通知のなかったラベル付き障害 {number} 件",
    missed_title="インシデントにならなかったラベル付き障害",
    missed_none="ラベル付きの障害はすべて検知されています。",
    time="時間",
    calendar="週ごとの発生状況",
    calendar_help="1マスが1時間です。濃い色は発生、淡い色は継続中、斜線は判定していない時間です。",
    week_of="{monday} の週",
    week_count="{number} 件",
    week_spent="実際の障害と確認されていないもの {number} 件",
    cell="{day} {hour}時：{number} 件発生",
    cell_lasting="{day} {hour}時：継続中",
    days=("月", "火", "水", "木", "金", "土", "日"),
    by_service="サービス別",
    by_category="カテゴリ別",
    service="サービス",
    category="カテゴリ",
    company="（全社）",
    whole_service="サービス全体",
    fleet="全社",
    tickets="問い合わせ",
    alerts="通知",
    critical="重大",
    asked="予算",
    spent="消費",
    asked_help="予算：この期間に許容される誤検知のうち、重みに応じた割り当てです。消費：実際の障害とラベル付けされていない"
    "インシデントの数です。インシデントは、急増したカテゴリごとに数えます。",
    find="検索",
    all_services="すべてのサービス",
    all_severities="すべての重大度",
    all_labels="すべてのラベル",
    all_changes="すべての変化",
    only_alerting="通知があったものだけ",
    order="並び順",
    newest="新しい順",
    oldest="古い順",
    highest="スコアの高い順",
    largest="超過件数の多い順",
    longest="継続時間の長い順",
    shown="{all} 件中 {shown} 件を表示",
    nothing_shown="条件に一致するものはありません。",
    sort_by="並べ替え",
    none_title="インシデントはありません",
    none_text="この期間に、しきい値を超えたものはありません。どこまで近づいていたかは、"
    "detection.false_alarms_per_week を増やすか、min_tickets と min_ratio を下げて、"
    "もう一度バックテストするか --diff で確認できます。",
    unjudged_text="判定できた時間がありません。最初の判定までに、既知の日が14日分必要です。"
    "より長い履歴を指定するか、--since を後ろにずらしてください。",
    open="発生中",
    lasted="継続 {duration}",
    minutes="{minutes}分",
    hours="{hours}時間{minutes:02d}分",
    full_hours="{hours}時間",
    score="スコア {score}",
    extra="+{tickets} 件",
    reason="{name}：{window}に {observed} 件（通常 {expected} 件）。{least} 件以上で通知します。",
    reason_rule="{name}：{window}に {observed} 件。固定ルールにより {least} 件以上で通知します。",
    opened="発生",
    opened_before="A",
    opened_after="B",
    drivers="急増の内訳",
    driver="急増したもの",
    driver_quiet="単独では通常の範囲",
    observed="件数",
    expected="通常",
    upper="通知しない上限",
    share="増加分の割合",
    window="期間",
    surprise="意外度",
    evidence="継続の証拠",
    decided="決め手",
    more_drivers="ほか {number} 件",
    why_title="通知した理由：すべての期間と条件",
    windows="{at} 時点の各期間",
    gates="{series}（{window}）の条件",
    gate="条件",
    value="値",
    limit="基準",
    origin="設定箇所",
    passed="通過",
    failed="未達",
    normal="このバケットの通常値：{bucket} ＝ 1時間 {shape} × 最近 {level} × 当日 {today} × 曜日など {day}"
    " × イベント {event} × 時間内 {within} ÷ {buckets}",
    chart="直近{window}の問い合わせ：{name}、{start} ～ {end}",
    legend=("問い合わせ", "通常", "通常の幅", "通知しない上限"),
    chance="偶然なら約 {weeks} 週に1回",
    yes="はい",
    no="いいえ",
    in_days="{days}日",
    default="既定値",
    before="A",
    after="B",
    delay="時間差（中央値）",
    sooner="{duration}早い",
    later_by="{duration}遅い",
    by_service_diff="サービスごとの影響",
    no_change="どちらも同じ結果です。増減も、早い・遅いもありません。",
    gates_met="すべての条件を満たしています。",
    gates_missed="満たしていない条件",
    said={
        Said.RIGHT: "実際の障害",
        Said.EXPECTED: "想定内",
        Said.WRONG: "誤検知",
        Said.UNLABELLED: "ラベルなし",
    },
    severities={Severity.CRITICAL: "重大", Severity.WARNING: "警告"},
    gate_names={
        GateName.HISTORY: "既知の履歴日数",
        GateName.LEARNED: "最初の問い合わせからの日数",
        GateName.ENABLED: "有効",
        GateName.KNOWN: "期間のうち既知の割合",
        GateName.UNUSUAL: "意外度と継続の証拠",
        GateName.MIN_TICKETS: "最小件数（min_tickets）",
        GateName.MIN_RATIO: "最小倍率（min_ratio）",
        GateName.STILL_RISING: "増加が続いているか（一つ短い期間）",
    },
    why={
        WhyNot.ALERTS: "通知",
        WhyNot.NORMAL: "通常の範囲",
        WhyNot.MIN_TICKETS: "最小件数に満たない",
        WhyNot.MIN_RATIO: "最小倍率に満たない",
        WhyNot.SUBSIDED: "増加は収まっている",
        WhyNot.LEARNING: "学習中",
        WhyNot.EVENT: "カレンダーにより停止中",
        WhyNot.UNKNOWN: "データ不足",
        WhyNot.DISABLED: "無効",
    },
    shifts={
        Shift.LOST: "なくなる",
        Shift.GAINED: "増える",
        Shift.EARLIER: "早まる",
        Shift.LATER: "遅れる",
        Shift.JOINED: "まとまる",
        Shift.SPLIT: "分かれる",
        Shift.SAME: "同じ",
    },
    shift_help={
        Shift.LOST: "A だけが通知します",
        Shift.GAINED: "B だけが通知します",
        Shift.EARLIER: "B のほうが早く通知します",
        Shift.LATER: "B のほうが遅く通知します",
        Shift.JOINED: "B では別のインシデントに含まれます",
        Shift.SPLIT: "A では別のインシデントに含まれていました",
        Shift.SAME: "同じ時刻に通知します",
    },
)

WORDS: Mapping[Language, Words] = {Language.EN: _EN, Language.JA: _JA}
