"""Reasons on a page: the windows and the gates of the judgement that opened an incident, as it was kept."""

from collections.abc import Sequence
from typing import assert_never
from xml.etree.ElementTree import Element

from spikewatch.core.explanations import Explanation, Gate, GateName, WindowPart
from spikewatch.core.markup import node
from spikewatch.core.scoring import Reading
from spikewatch.core.timegrid import HOUR
from spikewatch.core.turning import LEAST
from spikewatch.lab.pages.frame import name
from spikewatch.lab.pages.setting import Setting, number


def sentence(explanation: Explanation, setting: Setting) -> str:
    """Return in one sentence why the incident opened."""
    words, reading, met = setting.words, explanation.leading.reading, explanation.rule_met
    called = setting.series(explanation.series)
    if met is not None:
        window = setting.minutes(met.within_minutes)
        return words.reason_rule.format(name=called, observed=met.observed, window=window, least=met.tickets)
    return words.reason.format(
        name=called,
        observed=reading.observed,
        window=setting.minutes(reading.window_minutes),
        expected=number(reading.expected),
        least=reading.upper + 1,
    )


def reasons(explanation: Explanation, setting: Setting) -> Element:
    """Return every window and every gate, folded away until somebody asks."""
    words = setting.words
    window = setting.minutes(explanation.leading.reading.window_minutes)
    gates = words.gates.format(series=setting.series(explanation.series), window=window)
    return node(
        "details",
        {"class": "why"},
        node("summary", None, words.why_title),
        table(
            words.windows.format(at=setting.local(explanation.at)),
            (
                words.window,
                words.observed,
                words.expected,
                words.upper,
                words.surprise,
                words.evidence,
                words.score.format(score="").strip().capitalize(),
                "",
            ),
            [_window(part, explanation, setting) for part in explanation.windows],
        ),
        table(
            gates,
            (words.gate, words.value, words.limit, "", words.origin),
            [_gate(gate, explanation, setting) for gate in explanation.gates],
        ),
        _quieter(explanation, setting),
        node("p", {"class": "small"}, _normal(explanation, setting)),
    )


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, captioned: bool = True
) -> Element:
    """Return a small table; the first column names the row. The caption may be left to a heading."""
    return node(
        "div",
        {"class": "wide", "tabindex": "0", "role": "group", "aria-label": caption},
        node(
            "table",
            None,
            node("caption", None, caption) if captioned else None,
            node(
                "thead",
                None,
                node(
                    "tr",
                    None,
                    [node("th", {"scope": "col"}, cell) if cell else node("td", None, cell) for cell in head],
                ),
            ),
            node(
                "tbody",
                None,
                [
                    node(
                        "tr",
                        None,
                        node("th", {"scope": "row"}, row[0]),
                        [node("td", None, cell) for cell in row[1:]],
                    )
                    for row in rows
                ],
            ),
        ),
    )


def readings(parts: Sequence[tuple[str, Reading, str]], setting: Setting, *, caption: str) -> Element:
    """Return a table of series, each with a reading and a remark."""
    words = setting.words
    return table(
        caption,
        (words.driver, words.observed, words.expected, words.share),
        [
            (called, str(reading.observed), number(reading.expected), remark)
            for called, reading, remark in parts
        ],
    )


def _window(part: WindowPart, explanation: Explanation, setting: Setting) -> Sequence[str]:
    words, reading = setting.words, part.reading
    decided = f" ({words.decided})" if part is explanation.leading else ""
    return (
        setting.minutes(reading.window_minutes),
        str(reading.observed),
        number(reading.expected),
        str(reading.upper),
        f"{part.counted:.1f}",
        f"+{part.evidence:.1f}",
        f"{reading.score:.2f}",
        words.why[part.why] + decided,
    )


def _gate(gate: Gate, explanation: Explanation, setting: Setting) -> Sequence[str]:
    words = setting.words
    value, limit = _measured(gate, explanation, setting)
    passed = f"✓ {words.passed}" if gate.holds else f"✗ {words.failed}"
    return (words.gate_names[gate.name], value, limit, passed, _origin(gate.origin, setting))


def _quieter(explanation: Explanation, setting: Setting) -> Element | None:
    """Return below which budget, and below which weight, nobody would have been told."""
    words, turning = setting.words, explanation.turning
    if turning is None:
        return None
    asked = {"false_alarms_per_week": turning.false_alarms_per_week, "weight": turning.weight}
    below = [
        words.below.format(name=key, number=f"{value:g}")
        for key, value in asked.items()
        if value is not None and value > LEAST
    ]
    return (
        node("p", {"class": "small"}, words.quiet_below.format(settings=words.either.join(below)))
        if below
        else None
    )


def _origin(origin: str | None, setting: Setting) -> str:
    if origin is None:
        return ""
    place = setting.place_of(origin)
    return setting.words.default if place == "default" else f"{name(origin)}, {place}"


def _measured(gate: Gate, explanation: Explanation, setting: Setting) -> tuple[str, str]:
    words = setting.words
    match gate.name:
        case GateName.HISTORY | GateName.LEARNED:
            measured = (
                words.in_days.format(days=f"{gate.value:.0f}"),
                f"≥ {words.in_days.format(days=f'{gate.limit:g}')}",
            )
        case GateName.ENABLED:
            measured = (words.yes if gate.value else words.no, words.yes)
        case GateName.KNOWN:
            measured = (f"{gate.value:.0%}", f"≥ {gate.limit:.0%}")
        case GateName.MIN_TICKETS:
            measured = (f"{gate.value:g}", f"≥ {gate.limit:g}")
        case GateName.MIN_RATIO:
            measured = (f"× {number(gate.value)}", f"≥ × {gate.limit:g}")
        case GateName.UNUSUAL:
            measured = (f"{gate.value:.1f}", f"≥ {gate.limit:.1f}")
        case GateName.STILL_RISING:
            shorter = explanation.windows[explanation.lead - 1].reading.window_minutes
            measured = (f"{gate.value:.1f} ({setting.minutes(shorter)})", f"≥ {gate.limit:.1f}")
        case _:
            assert_never(gate.name)
    return measured


def _normal(explanation: Explanation, setting: Setting) -> str:
    normal = explanation.normal
    return setting.words.normal.format(
        bucket=number(normal.bucket),
        shape=number(normal.shape),
        level=f"{normal.level:.2f}",
        today=f"{normal.today:.2f}",
        day=f"{normal.of_day:.2f}",
        event=f"{normal.event:.2f}",
        within=f"{normal.within:.2f}",
        buckets=max(1, int(HOUR / explanation.step)),
    )
