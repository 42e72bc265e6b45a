"""Every phrase of a message, once a language; a phrase missing in one of them is an error of types.

Braces are filled by name. Japanese is written in です・ます with the desk's fixed terms: 急増, 発生中, 対応中, 解消, 誤検知,
統合.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spikewatch.core.settings import Language


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The phrases of one language.

    numbers  words for 1, 2, 3 …; larger numbers are written in digits
    """

    language: Language
    # titles
    surge: str
    resolved: str
    merged: str
    series: str
    and_more_categories: str
    and_more_services: str
    mostly: str
    whole_with_parts: str
    several: str
    everything: str
    # counts
    ticket: str
    tickets: str
    minutes: str
    hour: str
    hours: str
    days: str
    duration_joint: str
    within: str
    per: str
    about: str
    almost_none: str
    times: str
    ratio_and_usual: str
    usual_only: str
    no_alert_up_to: str
    peak: str
    # sentences of the notification
    now_count: str
    since: str
    severity_is: str
    resolved_at: str
    merged_into: str
    excess_was: str
    breakdown: str
    breakdown_item: str
    breakdown_joint: str
    data_until: str
    runbook_at: str
    full_stop: str
    # sentences of the lead
    lead_usual: str
    lead_resolved: str
    lead_lasted: str
    lead_merged: str
    together_categories: str
    together_services: str
    at_least: str
    raised: str
    joined: str
    reopened: str
    ebbing: str
    by_chance: str
    by_chance_then: str
    by_rule: str
    sentence_joint: str
    # how often by chance
    very_often: str
    times_a_week: str
    once_a_week: str
    once_in_weeks: str
    once_in_years: str
    hardly_ever: str
    numbers: tuple[str, ...]
    # fields and table
    status: str
    severity: str
    started: str
    ended: str
    usual: str
    peaked: str
    moved_to: str
    open_: str
    closed_by_calm: str
    closed_by_merge: str
    warning: str
    critical: str
    category: str
    service: str
    count: str
    ratio: str
    share: str
    not_alone: str
    more: str
    # the headline and the states of an incident
    headline: str
    headline_ratio: str
    headline_resolved: str
    false_alarm_of: str
    expected_of: str
    dismissed_of: str
    growing: str
    ebbing_state: str
    dismissed: str
    false_alarm: str
    expected_event: str
    real_incident: str
    owner: str
    nobody: str
    owned_since: str
    state_with_owner: str
    acknowledged: str
    extra: str
    snoozed_until: str
    said_to_be: str
    verdict_note: str
    lead_dismissed: str
    # the chart and the links
    chart_title: str
    chart_tickets: str
    chart_upper: str
    chart_week_ago: str
    chart_axis: str
    chart_axis_gaps: str
    tickets_link: str
    tickets_link_of: str
    graph_link: str
    # replies in the thread
    reply_raised: str
    reply_joined: str
    reply_acknowledged: str
    reply_handed_back: str
    reply_snoozed: str
    reply_labelled: str
    reply_dismissed: str
    reply_closed: str
    reply_unmuted: str
    reply_reopened: str
    reply_resolved: str
    reply_lasted: str
    reply_peak: str
    reply_excess: str
    reply_joint: str
    reply_folded: str
    reply_at: str
    somebody: str
    # context
    data_until_local: str
    runbook: str
    reopens: str
    explained: str


JAPANESE = Catalogue(
    language=Language.JA,
    surge="問い合わせ急増: {name}",
    resolved="解消: {name}",
    merged="統合: {name}",
    series="{service} / {category}",
    and_more_categories="{name} ほか{n}カテゴリ",
    and_more_services="{name} ほか{n}サービス",
    mostly="主に{name}",
    whole_with_parts="{whole}（{parts}）",
    several="複数サービス",
    everything="全サービス",
    ticket="{n}件",
    tickets="{n}件",
    minutes="{n}分",
    hour="1時間",
    hours="{n}時間",
    days="{n}日",
    duration_joint="",
    within="{span}で{count}",
    per="{span}あたり{count}",
    about="約{n}件",
    almost_none="ほぼ0件",
    times="{n}倍",
    ratio_and_usual="（平常は{usual}、{ratio}）",
    usual_only="（平常は{usual}）",
    no_alert_up_to="{usual}（{count}までは通知なし）",
    peak="{count}（{ratio}）",
    now_count="直近{span}で{count}{against}",
    since="{time} に始まりました",
    severity_is="重大度: {severity}",
    resolved_at="{time} に解消しました（開始から{duration}）",
    merged_into="複数サービスにまたがる急増 {incident} に統合しました",
    excess_was="平常より約{count}多い問い合わせがありました",
    breakdown="内訳: {items}",
    breakdown_item="{name} {count}",
    breakdown_joint="、",
    data_until="{time} までのデータ",
    runbook_at="手順書 {link}",
    full_stop="。",
    lead_usual="*直近{span}で{count}の問い合わせがありました。平常は{usual}です。*",
    lead_resolved="*解消しました。平常の範囲に戻ってから{calm}が経過しました。*",
    lead_lasted="開始から解消まで{duration}、平常より約{count}多い問い合わせがありました。",
    lead_merged="*複数サービスにまたがる急増 {incident} に統合しました。*\n"
    "この先の経過はそちらでお知らせし、このメッセージは更新しません。",
    together_categories="{n}カテゴリが同時に急増しています。",
    together_services="{n}サービスで同時に急増しています。",
    at_least="少なくとも{n}",
    raised="重大度を「{severity}」に引き上げました。",
    joined="急増の範囲が広がりました。",
    reopened="いったん解消しましたが、再び急増しています。",
    ebbing="平常に戻りつつあります。",
    by_chance="偶然でここまで増えるのは、{chance}です。",
    by_chance_then="ピーク時ほどの増加が偶然に起こるのは、{chance}です。",
    by_rule="固定ルール（{span}で{limit}以上）に達しました: {count}。",
    sentence_joint="",
    very_often="頻繁にあること",
    times_a_week="週に{n}度ほど",
    once_a_week="およそ週に1度",
    once_in_weeks="およそ{n}週に1度",
    once_in_years="およそ{n}年に1度",
    hardly_ever="10年に1度未満",
    numbers=(),
    status="状態",
    severity="重大度",
    started="開始",
    ended="解消",
    usual="平常",
    peaked="ピーク",
    moved_to="統合先",
    open_="発生中",
    closed_by_calm="解消",
    closed_by_merge="統合済み",
    warning="警告",
    critical="緊急",
    category="カテゴリ",
    service="サービス",
    count="件数",
    ratio="倍率",
    share="増加分の割合",
    not_alone="{name}（単独では通知なし）",
    more="ほか{n}項目は省略",
    headline="{title}、現在は{gist}（{time} に開始）",
    headline_ratio="平常の{ratio}",
    headline_resolved="{title}（継続{duration}）",
    false_alarm_of="誤検知: {name}",
    expected_of="想定内: {name}",
    dismissed_of="手動で終了: {name}",
    growing="増加中",
    ebbing_state="収束中",
    dismissed="手動で終了",
    false_alarm="誤検知",
    expected_event="想定内",
    real_incident="実際の障害",
    owner="担当",
    nobody="未対応",
    owned_since="{who}（{time} から）",
    state_with_owner="{owned}・{state}",
    acknowledged="対応中",
    extra="平常を超えた件数",
    snoozed_until="{time} まで通知停止中",
    said_to_be="{who} が「{kind}」と記録",
    verdict_note="{kind}: {note}",
    lead_dismissed="*{said}。*\n"
    "急増の範囲が広がった場合や重大度が上がった場合は、あらためてお知らせします。",
    chart_title="{span}ごとの件数: {name}",
    chart_tickets="件数",
    chart_upper="平常の上限",
    chart_week_ago="先週の同時刻",
    chart_axis="時刻（{zone}）",
    chart_axis_gaps="時刻（{zone}）、不明な時間帯は省略",
    tickets_link="該当チケット",
    tickets_link_of="該当チケット（{desk}）",
    graph_link="グラフ",
    reply_raised="重大度を「{severity}」に引き上げました",
    reply_joined="{names} でも急増しています",
    reply_acknowledged="{who} が対応を始めました",
    reply_handed_back="担当者が外れました。未対応です",
    reply_snoozed="{who} が {time} まで通知を止めました",
    reply_labelled="{who} が「{kind}」と記録しました",
    reply_dismissed="{who} が「{kind}」として閉じました",
    reply_closed="{who} が手動で終了しました",
    reply_unmuted="通知を再開しました。急増は続いています",
    reply_reopened="いったん解消しましたが、再び急増しています",
    reply_resolved="解消しました",
    reply_lasted="継続{duration}",
    reply_peak="ピーク {peak}",
    reply_excess="平常より約{count}多い問い合わせ",
    reply_joint="、",
    reply_folded="お届けできなかった間の経過をまとめてお知らせします",
    reply_at="{time}  {said}",
    somebody="担当者",
    data_until_local="{time} までのデータ",
    runbook="手順書",
    reopens="{span}以内に再発した場合は、このメッセージで再開します",
    explained="判定の根拠: {command}",
)

ENGLISH = Catalogue(
    language=Language.EN,
    surge="Ticket surge: {name}",
    resolved="Resolved: {name}",
    merged="Merged: {name}",
    series="{service} / {category}",
    and_more_categories="{name} and {n} more",
    and_more_services="{name} and {n} more",
    mostly="mostly {name}",
    whole_with_parts="{whole} ({parts})",
    several="several services",
    everything="all services",
    ticket="{n} ticket",
    tickets="{n} tickets",
    minutes="{n} min",
    hour="1 h",
    hours="{n} h",
    days="{n} d",
    duration_joint=" ",
    within="{count} in {span}",
    per="{count} per {span}",
    about="about {n}",
    almost_none="almost none",
    times="{n} times",
    ratio_and_usual=", {usual} expected ({ratio})",
    usual_only=", normally {usual}",
    no_alert_up_to="{usual} (no alert up to {count})",
    peak="{count} ({ratio})",
    now_count="{count} in the last {span}{against}",
    since="It began at {time}",
    severity_is="Severity: {severity}",
    resolved_at="All-clear at {time}, {duration} after the start",
    merged_into="Merged into the company-wide incident {incident}",
    excess_was="About {count} more than usual",
    breakdown="Largest: {items}",
    breakdown_item="{name} {count}",
    breakdown_joint=", ",
    data_until="Data until {time}",
    runbook_at="Runbook: {link}",
    full_stop=". ",
    lead_usual="*{count} in the last {span}, normally {usual}.*",
    lead_resolved="*Resolved: back in the usual range for {calm}.*",
    lead_lasted="It took {duration} from start to all-clear, with about {count} more than usual.",
    lead_merged="*Merged into the company-wide incident {incident}.*\n"
    "Follow it there; this message will not change any more.",
    together_categories="{n} categories are rising together.",
    together_services="{n} services are rising together.",
    at_least="At least {n}",
    raised="Severity raised to {severity}.",
    joined="The surge has spread.",
    reopened="It was resolved, and is back.",
    ebbing="Subsiding: on its way back to normal.",
    by_chance="By chance this would happen {chance}.",
    by_chance_then="By chance its peak would happen {chance}.",
    by_rule="The static rule of {limit} or more in {span} is met: {count}.",
    sentence_joint=" ",
    very_often="often",
    times_a_week="about {n} times a week",
    once_a_week="about once a week",
    once_in_weeks="about once in {n} weeks",
    once_in_years="about once in {n} years",
    hardly_ever="less than once in ten years",
    numbers=("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    status="Status",
    severity="Severity",
    started="Started",
    ended="Resolved",
    usual="Usual",
    peaked="Peak",
    moved_to="Merged into",
    open_="Ongoing",
    closed_by_calm="Resolved",
    closed_by_merge="Merged",
    warning="Warning",
    critical="Critical",
    category="Category",
    service="Service",
    count="Tickets",
    ratio="Against usual",
    share="Share of rise",
    not_alone="{name} (no alert alone)",
    more="and {n} more",
    headline="{title}, now {gist} (began {time})",
    headline_ratio="{ratio} the usual",
    headline_resolved="{title}, after {duration}",
    false_alarm_of="False alarm: {name}",
    expected_of="Expected: {name}",
    dismissed_of="Closed by hand: {name}",
    growing="Growing",
    ebbing_state="Subsiding",
    dismissed="Closed by hand",
    false_alarm="False alarm",
    expected_event="Expected",
    real_incident="Real incident",
    owner="Owner",
    nobody="Nobody yet",
    owned_since="{who}, since {time}",
    state_with_owner="{owned}, {state}",
    acknowledged="Acknowledged",
    extra="Extra tickets",
    snoozed_until="snoozed until {time}",
    said_to_be="{kind}, says {who}",
    verdict_note="{kind}: {note}",
    lead_dismissed="*{said}.*\nIt is told again if it spreads or gets more severe.",
    chart_title="Tickets per {span}: {name}",
    chart_tickets="Tickets",
    chart_upper="Usual, at most",
    chart_week_ago="A week ago",
    chart_axis="Time ({zone})",
    chart_axis_gaps="Time ({zone}), unknown times left out",
    tickets_link="Tickets",
    tickets_link_of="Tickets ({desk})",
    graph_link="Graph",
    reply_raised="Severity raised to {severity}",
    reply_joined="Spread to {names}",
    reply_acknowledged="{who} is on it",
    reply_handed_back="Handed back, nobody is on it now",
    reply_snoozed="{who} snoozed it until {time}",
    reply_labelled='{who} labelled it "{kind}"',
    reply_dismissed='{who} closed it as "{kind}"',
    reply_closed="{who} closed it by hand",
    reply_unmuted="No longer muted, and still surging",
    reply_reopened="It was resolved, and is back",
    reply_resolved="Resolved",
    reply_lasted="Lasted {duration}",
    reply_peak="peak {peak}",
    reply_excess="about {count} more than usual",
    reply_joint=", ",
    reply_folded="What happened while messages could not be delivered",
    reply_at="{time}  {said}",
    somebody="somebody",
    data_until_local="data until {time}",
    runbook="Runbook",
    reopens="if it returns within {span}, this message reopens",
    explained="why: {command}",
)

CATALOGUES: Mapping[Language, Catalogue] = {Language.JA: JAPANESE, Language.EN: ENGLISH}
