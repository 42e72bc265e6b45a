"""The demo's script: when it hurries, when it takes its time, and what the narrator says in each language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch.core.settings import Language

HURRY = 7200.0
LINGER = 720.0
BACKFILL = 150.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the story; times are from the start of the live part.

    begins   when the narrator speaks; the way there is at the scene's speed
    until    end of the scene
    speed    simulated seconds in a real one
    before   what the narrator says first; may name {began}, when the outage began
    after    what is said at the end if everything went as expected
    expects  incidents that open in it
    """

    begins: timedelta
    until: timedelta
    speed: float
    before: Mapping[Language, str]
    after: Mapping[Language, str]
    expects: int = 0


def both(ja: str, en: str) -> Mapping[Language, str]:
    """Return what is said in each language."""
    return {Language.JA: ja, Language.EN: en}


SCENES = (
    Scene(
        timedelta(hours=0),
        timedelta(hours=7),
        HURRY,
        both(
            "月曜の朝です。週末にたまった問い合わせが 9 時から一気に届きます。",
            "Monday morning: the weekend's backlog arrives all at once from 9:00.",
        ),
        both(
            "通知はありません。月曜の朝が忙しいことは、過去 8 週間から学習済みです。",
            "Nothing was sent: eight weeks of history say that Monday mornings are busy.",
        ),
    ),
    Scene(
        timedelta(hours=8, minutes=10),
        timedelta(hours=11, minutes=30),
        LINGER,
        both(
            "{began}、ログインに障害が起きました。サーバーの監視画面はまだ緑のままです。",
            "{began}: login breaks. The server dashboards are still green.",
        ),
        both(
            "1 件の障害に、通知は 1 通。その 1 通が解消まで更新されました。",
            "One outage, one message, kept up to date until it was over.",
        ),
        expects=1,
    ),
    Scene(
        timedelta(hours=11, minutes=30),
        timedelta(hours=42),
        HURRY,
        both(
            "翌日の火曜は祝日（文化の日）です。問い合わせは日曜並みに減ります。",
            "Tuesday is a public holiday (Culture Day): as quiet as a Sunday.",
        ),
        both("祝日も通知はありません。", "Nothing was sent on the holiday either."),
    ),
    Scene(
        timedelta(hours=42),
        timedelta(hours=53),
        HURRY,
        both(
            "水曜は祝日明けです。休みの分が朝に集中します。",
            "Wednesday is the first business day after it: its morning brings the backlog.",
        ),
        both(
            "祝日明けの朝も通知はありません。カレンダーで予告したキャンペーンも、通知なしで過ぎました。",
            "Nothing was sent, not even on a campaign that the calendar had announced.",
        ),
    ),
)

WORDS: Mapping[str, Mapping[Language, str]] = {
    "title": both(
        "spikewatch デモ: 模擬のヘルプデスクと模擬の Slack。時計だけが速く進みます。",
        "spikewatch demo: a simulated help desk and a simulated Slack; only the clock runs fast.",
    ),
    "building": both("模擬デスクを用意しています…", "Setting up the simulated desk…"),
    "desk": both(
        "サービス {services}、カテゴリ {categories}、過去 8 週間の問い合わせ {tickets:,} 件",
        "{services} services, {categories} categories, {tickets:,} tickets in eight weeks of history",
    ),
    "reading": both("過去の問い合わせを読み込み中", "Reading past tickets"),
    "read": both(
        "読み込み完了: {tickets:,} 行、{pages} ページ（Zendesk の API、1 ページ 1 トランザクション）",
        "Read: {tickets:,} rows in {pages} pages (Zendesk's API, one transaction a page)",
    ),
    "metrics": both(
        "状態ページ http://{address}/?lang=ja （ブラウザーで開けます）\n"
        "メトリクス http://{address}/metrics ・ 稼働確認 http://{address}/healthz",
        "Status page at http://{address}/?lang=en (open it in a browser)\n"
        "Metrics at http://{address}/metrics, health at http://{address}/healthz",
    ),
    "campaign": both("抽選キャンペーン", "Prize draw"),
    "uncategorised": both("未分類", "Uncategorised"),
    "posted": both("Slack に投稿されました", "Posted to Slack"),
    "edited": both("同じメッセージが更新されました", "The same message was edited"),
    "replied": both("スレッドに返信されました", "Replied in the thread"),
    "told": both(
        "障害の発生 {began} → {found} までのデータで検知 → Slack へ {told}",
        "The outage began at {began} -> seen in the data up to {found} -> told at {told}",
    ),
    "unexpected": both(
        "予定外: この場面の通知は {seen} 件でした（予定は {expected} 件）。",
        "Unexpected: {seen} incidents in this scene instead of {expected}.",
    ),
    "behind": both(
        "予定外: デスクは {minutes:.0f} 分前までしか読めていません。",
        "Unexpected: the desk has only been read up to {minutes:.0f} minutes ago.",
    ),
    "blindness": both(
        "予定外: 読めなくなったことの通知は {seen} 通でした（予定は {expected} 通）。",
        "Unexpected: {seen} messages about blindness instead of {expected}.",
    ),
    "unresolved": both(
        "予定外: 未解消の障害が {seen} 件残っています。",
        "Unexpected: {seen} incidents are still open.",
    ),
    "stuck": both(
        "判定が {seconds:.0f} 秒進まないため中止します。原因は標準エラー出力にあります。",
        "Judging has not moved for {seconds:.0f} s, so the story ends here; standard error says why.",
    ),
    "end": both(
        "おわり: {hours:.0f} 時間を {seconds:.0f} 秒で再生。取得 {polls} 回、障害 {incidents} 件、"
        "Slack は投稿 {posts} 通、更新 {edits} 回、返信 {replies} 通。\n"
        "次の一歩: `spikewatch init` で設定ファイルのひな形を作成。手順は README の Running it for real にあります。",
        "The end: {hours:.0f} hours in {seconds:.0f} s. Polls: {polls}, incidents: {incidents}, "
        "Slack messages: {posts} (edited {edits} times), replies: {replies}.\n"
        "Next: `spikewatch init` writes a starter configuration; the README says how, under Running it for real.",
    ),
    "stay": both(
        "メトリクスを表示し続けます。Ctrl-C で終了します。",
        "Still serving the metrics; Ctrl-C ends it.",
    ),
}


def said(key: str, language: Language, **values: object) -> str:
    """Return what the narrator says."""
    return WORDS[key][language].format(**values)


_WEEKDAYS = "月火水木金土日"


def moment(instant: datetime, language: Language) -> str:
    """Return a local instant as a scene's heading has it.

    >>> moment(datetime(2026, 11, 2, 14, 10), Language.JA), moment(datetime(2026, 11, 2, 14, 10), Language.EN)
    ('11月2日（月） 14:10', 'Mon 2 Nov, 14:10')
    """
    if language is Language.JA:
        return f"{instant.month}月{instant.day}日（{_WEEKDAYS[instant.weekday()]}） {instant:%H:%M}"
    return f"{instant:%a} {instant.day} {instant:%b, %H:%M}"
