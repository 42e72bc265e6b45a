"""Fitting: from history to a baseline, by the model that the settings name."""

from typing import assert_never

import numpy as np

from spikewatch.core.baseline.model import LEAST_DISPERSION, WARM_DAYS, Baseline, History, Learnt
from spikewatch.core.baseline.occasions import with_occasions
from spikewatch.core.baseline.profile import by_profile, todays_gain
from spikewatch.core.baseline.seasonal import SlotProfile, slot_profile
from spikewatch.core.baseline.stl import by_stl
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Bools, Floats, Panel, Roster
from spikewatch.core.settings import ModelName
from spikewatch.core.timegrid import HOUR, seconds

DAY_SPREAD = 0.10
ROLLUP_DAY_SPREAD = 0.12
"""Relative variation that a day shares, at least: call centres and desks show 0.08 to 0.15, totals more than their parts;
a history without a strange day says nothing of the next one."""

LEARNED_AFTER_HOURS = 7 * 24
"""A series is judged once its first ticket is this old."""

WITHIN_TICKETS = 60.0
"""Tickets that an even spread over the hour is worth, against what a service's own hours show."""


def fit(history: History, *, calendar: Calendar, model: ModelName, epoch: int, learn_until: int) -> Baseline:
    """Return the baseline for one epoch (an hour number).

    history      all that may be looked at: how busy today is follows from its end
    learn_until  number of the hour before which shapes, levels and spreads are learnt
    """
    past = history.before(learn_until, hours=history.hourly.grid.length)
    hourly = past.hourly
    profile, modelled = _profile(hourly, history.hourly, calendar=calendar, model=model)
    roster = hourly.roster
    n_series = len(roster)
    learnt = _learnt(hourly)
    fitted = Baseline(
        roster=roster,
        epoch=epoch,
        name=model,
        calendar=calendar,
        slot_mean=profile.mean.astype(np.float32),
        slot_variance=profile.variance.astype(np.float32),
        day_spread=_day_spread(profile, roster),
        dispersion=np.maximum(profile.dispersion, LEAST_DISPERSION),
        learned=(learnt.age_hours >= LEARNED_AFTER_HOURS) & (learnt.known_hours >= WARM_DAYS * 24),
        learnt=learnt,
        within=_within_hours(past, calendar),
        modelled=modelled,
        factors=profile.factors,
        warm=bool(n_series) and int(hourly.known.any(axis=0).sum()) >= WARM_DAYS * 24,
    )
    return with_occasions(fitted, history)


def gain_of_today(baseline: Baseline, recent: Panel) -> Floats:
    """Return (n_series,) what a baseline of some hours ago is to be multiplied by, to follow how busy it is now.

    recent  hours up to the last one that may be looked at, of the baseline's roster
    """
    if baseline.factors is None:
        return np.ones(len(baseline.roster))
    then = baseline.factors.today
    mean = baseline.slot_mean / then[:, None]
    return todays_gain(mean, baseline.dispersion, recent, baseline.calendar) / then


def _profile(
    hourly: Panel, recent: Panel, *, calendar: Calendar, model: ModelName
) -> tuple[SlotProfile, Bools]:
    """Return the profile and which (n_series,) rows of it are the model's own; the others are seasonal."""
    everyone = np.ones(len(hourly.roster), dtype=np.bool_)
    if model is ModelName.PROFILE:
        return by_profile(hourly, recent, calendar=calendar), everyone
    local = calendar.local(hourly.grid.first, hourly.grid.stop, HOUR)
    seasonal = slot_profile(hourly, local.slot)
    if model is ModelName.SEASONAL_ZSCORE:
        return seasonal, everyone
    if model is ModelName.STL:
        return by_stl(hourly, calendar=calendar, seasonal=seasonal)
    assert_never(model)


def _day_spread(profile: SlotProfile, roster: Roster) -> Floats:
    """Return (n_series,) the relative variation that a day shares: as measured, if that is more than the usual."""
    usual = np.where(np.arange(len(roster)) < roster.n_leaves, DAY_SPREAD, ROLLUP_DAY_SPREAD)
    return usual if profile.spread is None else np.maximum(usual, profile.spread)


def _learnt(hourly: Panel) -> Learnt:
    """Return how much of each series there was to learn from."""
    if not hourly.grid.length:
        nothing = np.zeros(len(hourly.roster), dtype=np.int64)
        return Learnt(hourly.grid.stop, nothing, nothing)
    seen: Bools = np.asarray(hourly.counts > 0)
    age = np.where(seen.any(axis=1), hourly.grid.length - seen.argmax(axis=1), 0)
    return Learnt(hourly.grid.stop, hourly.known_rows.sum(axis=1), age)


def _within_hours(history: History, calendar: Calendar) -> Floats:
    """Return (n_services + 1, 2, buckets a day): how an hour's tickets spread over its buckets, mean 1 over each hour."""
    roster: Roster = history.hourly.roster
    step = history.grid.step
    per_hour, per_day = 3600 // seconds(step), 86400 // seconds(step)
    local = calendar.local(history.grid.first, history.grid.stop, step)
    sums = np.zeros((len(roster.services) + 1, 2 * per_day))
    place = local.off.astype(np.int64) * per_day + local.bucket_of_day
    masked = history.hourly.masked
    for row, counts in enumerate(history.services):
        learnt = counts
        if masked is not None:
            learnt = np.where(np.repeat(masked[roster.n_leaves + row], per_hour), 0, counts)
        sums[row] = np.bincount(place, weights=learnt, minlength=2 * per_day)
    sums[-1] = sums[:-1].sum(axis=0)
    hours = sums.reshape(-1, 2, 24, per_hour)
    even = WITHIN_TICKETS / per_hour
    share = (hours + even) / (hours.sum(axis=-1, keepdims=True) + WITHIN_TICKETS) * per_hour
    return share.reshape(-1, 2, per_day)
