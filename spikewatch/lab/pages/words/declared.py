"""What a page can say: a phrase that is missing in one language is an error of types."""

from collections.abc import Mapping
from dataclasses import dataclass

from spikewatch.core.explanations import GateName
from spikewatch.core.incidents import Severity
from spikewatch.core.scoring import WhyNot
from spikewatch.lab.comparing import Shift
from spikewatch.lab.tallies import Said


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language; braces are filled by name."""

    # the page
    title: str
    title_diff: str
    span: str
    contents: str
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
    quiet_below: str
    below: str
    either: str
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
