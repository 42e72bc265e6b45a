"""The demo's desk: ten services of a Japanese shop, eight quiet weeks, and a login outage on a Monday afternoon.

The same tickets in either language: nothing is drawn by name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.core.counts import Floats, Gap, SeriesKey
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Grid, Span, aware
from spikewatch.lab.synthetic.seasons import Habits, LocalTime
from spikewatch.lab.synthetic.surges import (
    Ground,
    PlantedSurge,
    Shape,
    extra_tickets,
    negative_binomial,
    profile_of,
)
from spikewatch.lab.synthetic.worlds import (
    STEP,
    Benign,
    Desk,
    World,
    campaign_factor,
    day_levels,
    expected_of,
)

TOKYO: Final = ZoneInfo("Asia/Tokyo")

START_OF_LIVE: Final = datetime(2026, 11, 2, 6, 0, tzinfo=TOKYO)
"""A Monday morning; Culture Day follows."""

LIVE: Final = timedelta(hours=54)
HISTORY: Final = timedelta(weeks=8)
TICKETS: Final = 60_000
"""Tickets to expect in the history."""

CAMPAIGN_BEGINS: Final = timedelta(hours=49)
CAMPAIGN_LASTS: Final = timedelta(hours=3, minutes=30)
CAMPAIGN_FACTOR: Final = 1.6
"""The campaign of the live part: Wednesday 07:00 to 10:30, announced in the demo's calendar."""

_SEED: Final = 20261102
_DAY_CV: Final = (0.07, 0.04)
_SPREAD: Final = 1.3


@dataclass(frozen=True, slots=True)
class Label:
    """One name of the desk: a neutral id, and what people call it."""

    id: str
    ja: str
    en: str

    def told(self, language: Language) -> str:
        """Return the name in a language."""
        return self.ja if language is Language.JA else self.en


@dataclass(frozen=True, slots=True)
class DeskService:
    """One service of the demo.

    size        tickets against the other services
    categories  largest first
    """

    label: Label
    size: float
    categories: tuple[Label, ...]


def _service(name: tuple[str, str, str], size: float, *categories: tuple[str, str, str]) -> DeskService:
    return DeskService(Label(*name), size, tuple(Label(*category) for category in categories))


DESK: Final = (
    _service(
        ("payments", "決済", "Payments"),
        16.0,
        ("card_declined", "カード決済エラー", "Card declined"),
        ("double_charge", "二重請求", "Double charge"),
        ("receipt", "領収書", "Receipt"),
        ("convenience_store", "コンビニ払い", "Pay at store"),
        ("code_payment", "コード決済", "QR payment"),
        ("instalments", "分割払い", "Instalments"),
        ("invoice", "請求書払い", "Invoice"),
    ),
    _service(
        ("login", "ログイン", "Login"),
        15.0,
        ("cannot_log_in", "ログインできない", "Cannot log in"),
        ("password_reset", "パスワード再設定", "Password reset"),
        ("verification_code", "認証コードが届かない", "Code not received"),
        ("two_factor", "二段階認証", "Two-factor"),
        ("account_locked", "アカウントロック", "Account locked"),
        ("social_login", "外部アカウント連携", "Social login"),
    ),
    _service(
        ("delivery", "配送", "Delivery"),
        20.0,
        ("where_is_it", "お届け状況", "Where is my order"),
        ("delayed", "配送遅延", "Delayed"),
        ("change_address", "お届け先変更", "Change address"),
        ("damaged", "破損", "Damaged"),
        ("redelivery", "再配達", "Redelivery"),
        ("missing_item", "商品不足", "Missing item"),
        ("date_change", "日時指定", "Delivery date"),
        ("overseas", "海外配送", "Overseas"),
    ),
    _service(
        ("returns", "返品・返金", "Returns"),
        11.0,
        ("return_request", "返品依頼", "Return request"),
        ("refund_status", "返金状況", "Refund status"),
        ("exchange", "交換", "Exchange"),
        ("wrong_item", "商品違い", "Wrong item"),
        ("return_label", "返品伝票", "Return label"),
        ("refund_method", "返金方法", "Refund method"),
    ),
    _service(
        ("app", "アプリ", "App"),
        9.0,
        ("crash", "強制終了", "Crash"),
        ("update", "アップデート", "Update"),
        ("push", "プッシュ通知", "Push notifications"),
        ("display", "表示不具合", "Display"),
        ("slow", "動作が重い", "Slow"),
        ("feature_request", "機能要望", "Feature request"),
        ("old_device", "旧端末", "Old device"),
    ),
    _service(
        ("points", "ポイント", "Points"),
        8.0,
        ("not_credited", "ポイント未付与", "Not credited"),
        ("expiry", "有効期限", "Expiry"),
        ("redeem", "ポイント利用", "Redeem"),
        ("balance", "残高確認", "Balance"),
        ("transfer", "ポイント移行", "Transfer"),
    ),
    _service(
        ("account", "会員情報", "Account"),
        7.0,
        ("change_profile", "登録情報変更", "Change profile"),
        ("change_email", "メールアドレス変更", "Change email"),
        ("withdraw", "退会", "Close account"),
        ("rank", "会員ランク", "Membership rank"),
        ("newsletter", "メール配信停止", "Unsubscribe"),
        ("privacy", "個人情報", "Privacy"),
    ),
    _service(
        ("stores", "店舗", "Stores"),
        4.5,
        ("opening_hours", "営業時間", "Opening hours"),
        ("stock", "店舗在庫", "Stock"),
        ("service", "接客", "Service"),
        ("pickup", "店舗受取", "Pickup"),
        ("parking", "駐車場", "Parking"),
    ),
    _service(
        ("booking", "予約", "Bookings"),
        3.5,
        ("change_booking", "予約変更", "Change booking"),
        ("cancel_booking", "予約キャンセル", "Cancel booking"),
        ("confirm_booking", "予約確認", "Confirm booking"),
        ("waiting_list", "キャンセル待ち", "Waiting list"),
        ("group", "団体予約", "Group booking"),
    ),
    _service(
        ("campaign", "キャンペーン", "Campaigns"),
        2.5,
        ("how_to_enter", "応募方法", "How to enter"),
        ("coupon", "クーポン", "Coupon"),
        ("prize", "当選・賞品", "Prize"),
        ("terms", "利用条件", "Terms"),
        ("collaboration", "コラボ企画", "Collaboration"),
    ),
)
"""Services and categories, largest category first."""


def demo_world(*, language: Language = Language.JA, start_of_live: datetime = START_OF_LIVE) -> World:
    """Return the demo's world: eight weeks of history and 54 live hours, always the same.

    start_of_live  a Monday 06:00 in Tokyo; another Monday moves the story, and meets that week's holidays
    """
    calendar, people, days, noise, extra = np.random.default_rng(_SEED).spawn(5)
    start_of_live = aware(start_of_live)
    start, end = start_of_live - HISTORY, start_of_live + LIVE
    grid, judged = Grid.between(start, end, STEP), Span(start_of_live, end)
    local = LocalTime.of(grid, zone=TOKYO, country="JP")
    desk = _demo_desk(calendar, language)
    benign = _campaigns(language, start_of_live)
    expected = expected_of(desk, local=local, grid=grid, rng=people) * campaign_factor(
        desk, benign, grid=grid
    )
    expected *= TICKETS / expected[:, : grid.column(start_of_live)].sum()
    busy = expected * day_levels(days, desk, local=local, day_cv=_DAY_CV)
    ground = Ground(desk.leaves, grid, busy, desk.spread, _DAY_CV[0], Span(grid.start, grid.end))
    surges = _story(ground, language, start_of_live)
    counts = negative_binomial(noise, busy, dispersion=_SPREAD) + extra_tickets(extra, ground, surges)
    order = sorted(range(len(desk.leaves)), key=lambda row: desk.leaves[row])
    gaps: tuple[Gap, ...] = ()
    return World(
        leaves=tuple(desk.leaves[row] for row in order),
        grid=grid,
        expected=expected[order],
        counts=counts[order],
        dispersion=desk.spread[order],
        judged=judged,
        surges=surges,
        benign=benign,
        gaps=gaps,
    )


def _demo_desk(rng: np.random.Generator, language: Language) -> Desk:
    leaves: list[SeriesKey] = []
    peaks: list[float] = []
    mixes: list[Floats] = []
    habits = {}
    for service in DESK:
        name = service.label.told(language)
        size = len(service.categories)
        weights = (np.arange(size) + 1.0) ** -1.1
        leaves += [SeriesKey(name, category.told(language)) for category in service.categories]
        peaks += list(service.size * weights / weights.sum())
        mixes += list(rng.dirichlet([12.0, 9.0, 4.0], size=size))
        habits[name] = Habits.drawn(rng)
    return Desk(tuple(leaves), np.array(peaks), np.array(mixes), np.full(len(leaves), _SPREAD), habits)


def _named(language: Language, service: str, *categories: str) -> tuple[str, tuple[SeriesKey, ...]]:
    """Return the service and the series of these ids, in a language."""
    found = next(entry for entry in DESK if entry.label.id == service)
    name = found.label.told(language)
    return name, tuple(
        SeriesKey(name, label.told(language)) for label in found.categories if label.id in categories
    )


def _campaigns(language: Language, start_of_live: datetime) -> tuple[Benign, ...]:
    """Return a sale of the past, and a campaign that begins on Wednesday morning."""
    name, _ = _named(language, "campaign")
    noon = start_of_live - timedelta(days=24) + timedelta(hours=6)
    sale = Benign(name, Span(noon, noon + timedelta(days=2)), CAMPAIGN_FACTOR, "autumn sale")
    begins = start_of_live + CAMPAIGN_BEGINS
    span = Span(begins, begins + CAMPAIGN_LASTS)
    return sale, Benign(name, span, CAMPAIGN_FACTOR, "prize draw")


def _story(ground: Ground, language: Language, start_of_live: datetime) -> tuple[PlantedSurge, ...]:
    """Return a payment incident of the past and Monday's login outage."""
    payments, cards = _named(language, "payments", "card_declined", "double_charge")
    login, doors = _named(language, "login", "cannot_log_in", "password_reset", "verification_code")
    past = start_of_live - timedelta(days=19) + timedelta(hours=13, minutes=20)
    outage = start_of_live + timedelta(hours=8, minutes=10)
    return (
        _told(ground, service=payments, series=cards, start=past, lasts=timedelta(minutes=100), factor=5.0),
        _told(ground, service=login, series=doors, start=outage, lasts=timedelta(minutes=100), factor=16.0),
    )


def _told(
    ground: Ground,
    *,
    service: str,
    series: tuple[SeriesKey, ...],
    start: datetime,
    lasts: timedelta,
    factor: float,
) -> PlantedSurge:
    at = slice(ground.grid.column(start), ground.grid.column(start + lasts))
    course = profile_of(Shape.OUTAGE, at.stop - at.start)
    rows = [ground.leaves.index(key) for key in series]
    extra = float(((factor - 1.0) * ground.base[rows, at] * course).sum())
    return PlantedSurge(service, series, start, start + lasts, Shape.OUTAGE, factor, extra)
