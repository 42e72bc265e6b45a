"""What there is to say: every phrase by its key. One that a language lacks is an error of types."""

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
    ebbing_of: str
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
    merged_owned: str
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
    joined_joint: str
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
