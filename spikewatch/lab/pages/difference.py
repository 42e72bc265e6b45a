"""The page of two replays of one record: what is gained, lost, earlier and later, and what that means to each service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from xml.etree.ElementTree import Element

from spikewatch.core.markup import node
from spikewatch.lab.comparing import Comparison, Effect, Gate, Pair, Shift
from spikewatch.lab.pages.backtest import Reviewed, figure, filters, header, legend, notes
from spikewatch.lab.pages.charts import Mark
from spikewatch.lab.pages.frame import name, page, with_contents
from spikewatch.lab.pages.incidents import Shown, article
from spikewatch.lab.pages.setting import Setting, number
from spikewatch.lab.pages.tables import cells, section, sortable
from spikewatch.lab.tallies import Tallies
from spikewatch.lab.witnessing import NOTHING_SEEN

_TOLD = (Shift.LOST, Shift.GAINED, Shift.EARLIER, Shift.LATER)


@dataclass(frozen=True)
class _Sides:
    """Both replays."""

    before: Reviewed
    after: Reviewed


def diff_page(
    comparison: Comparison,
    *,
    before: Reviewed,
    after: Reviewed,
    setting: Setting,
    gates: Sequence[Gate] = (),
) -> str:
    """Return the whole page, with what came of the gates where some were asked for."""
    words = setting.words
    title = f"{words.title_diff}{words.colon}{name(before.config)} → {name(after.config)}"
    made_of = words.made_of.format(
        input=name(after.source), config=f"A = {name(before.config)}, B = {name(after.config)}"
    )
    sides = _Sides(before, after)
    body = with_contents(
        header(title, after.tallies, made_of, setting),
        node(
            "main",
            None,
            _figures(comparison, sides, setting),
            notes(
                [*_gated(comparison, gates, setting), *([words.flatters] if after.flatters else [])], setting
            ),
            node("p", {"class": "small", "data-plain": ""}, words.no_script),
            _effects(comparison, sides, setting),
            _changes(comparison, sides, setting),
        ),
        label=words.contents,
    )
    return page(title=title, language=setting.language, body=body)


def _gated(comparison: Comparison, gates: Sequence[Gate], setting: Setting) -> Sequence[str]:
    words = setting.words
    unmet = [
        f"{words.gates_missed}{words.colon}{words.shifts[gate.shift]} {comparison.count(gate.shift)}"
        f" > {gate.option} {gate.most}"
        for gate in gates
        if not gate.is_met(comparison)
    ]
    return unmet or ([words.gates_met] if gates else [])


def _figures(comparison: Comparison, sides: _Sides, setting: Setting) -> Element:
    words = setting.words
    cards = [
        figure(words.shifts[shift], str(comparison.count(shift)), words.shift_help[shift], kind=shift.value)
        for shift in _TOLD
    ]
    whole = comparison.whole
    shifted = "" if whole.delay is None else f"{words.delay}{words.colon}{_delay(whole.delay, setting)}"
    cards.append(figure(words.incidents, f"{whole.before} → {whole.after}", shifted))
    before, after = sides.before.tallies, sides.after.tallies
    kind = "good" if after.spent <= after.asked else "bad"
    cards.append(
        figure(words.budget, f"{_spent(before, setting)} → {_spent(after, setting)}", "", kind=f"text {kind}")
    )
    return node("div", {"class": "figures"}, cards)


def _spent(tallies: Tallies, setting: Setting) -> str:
    return setting.words.budget_used.format(spent=tallies.spent, asked=number(tallies.asked))


def _delay(minutes: float, setting: Setting) -> str:
    words = setting.words
    if not minutes:
        return words.minutes.format(minutes=0)
    phrase = words.sooner if minutes < 0 else words.later_by
    return phrase.format(duration=setting.span(timedelta(minutes=abs(minutes))))


def _effects(comparison: Comparison, sides: _Sides, setting: Setting) -> Element | None:
    words = setting.words
    if not comparison.services:
        return None
    spent = [_spent_by_service(side.tallies) for side in (sides.before, sides.after)]
    head = [
        (words.service, False),
        *((f"{words.alerts} {side}", True) for side in (words.before, words.after)),
        *((words.shifts[shift], True) for shift in Shift if shift is not Shift.SAME),
        *((f"{words.spent} {side}", True) for side in (words.before, words.after)),
        (words.delay, True),
    ]
    rows = [_effect(effect, spent, setting) for effect in comparison.services]
    return section("effects", words.by_service_diff, sortable("effects", head, rows, sort_by=words.sort_by))


def _effect(effect: Effect, spent: Sequence[Mapping[str | None, int]], setting: Setting) -> Element:
    shifts = [effect.shifts.get(shift, 0) for shift in Shift if shift is not Shift.SAME]
    used = [side.get(effect.service, 0) for side in spent]
    numbers = [effect.before, effect.after, *shifts, *used, effect.delay or 0]
    shown = [*map(str, numbers[:-1]), "" if effect.delay is None else _delay(effect.delay, setting)]
    return cells([setting.service(effect.service)], numbers, shown=shown)


def _spent_by_service(tallies: Tallies) -> Mapping[str | None, int]:
    return {None if each.series.is_fleet else each.series.service: each.spent for each in tallies.services}


def _changes(comparison: Comparison, sides: _Sides, setting: Setting) -> Element:
    words = setting.words
    changed = [pair for pair in comparison.pairs if pair.shift is not Shift.SAME]
    same = [pair for pair in comparison.pairs if pair.shift is Shift.SAME]
    if not comparison.pairs:
        return section("incidents", words.none_title, node("p", {"class": "empty"}, words.no_change))
    named = sorted({setting.service(pair.service) for pair in comparison.pairs})
    changes = [(shift.value, words.shifts[shift]) for shift in Shift if comparison.count(shift)]
    return section(
        "incidents",
        words.incidents,
        None if changed else node("p", {"class": "empty"}, words.no_change),
        filters(setting, named, changes=changes, labelled=sides.after.tallies.labelled),
        legend(setting),
        node("p", {"class": "empty", "data-nothing": "incidents", "hidden": ""}, words.nothing_shown),
        node(
            "div", {"data-list": "incidents"}, [_article(pair, sides, setting) for pair in (*changed, *same)]
        ),
    )


def _article(pair: Pair, sides: _Sides, setting: Setting) -> Element:
    words, incident = setting.words, pair.told.incident
    side = sides.before if pair.after is None else sides.after
    badge = words.shifts[pair.shift]
    if pair.delay:
        badge = _delay(pair.delay.total_seconds() / 60, setting)
    marks = [
        Mark(told.opened_at, word)
        for told, word in ((pair.before, words.opened_before), (pair.after, words.opened_after))
        if told is not None
    ]
    shown = Shown(
        incident,
        side.sights.get(incident.id, NOTHING_SEEN),
        side.tallies.said.get(incident.id) if side.tallies.labelled else None,
        badges=[(pair.shift.value, badge), ("plain", words.shift_help[pair.shift])],
        marks=marks,
        facts={"data-change": pair.shift.value},
    )
    return article(shown, setting, until=side.tallies.judged_until)
