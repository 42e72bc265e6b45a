"""Alerts on telling, on the store, and on how Prometheus sees us."""

from collections.abc import Sequence

from spikewatch.core.settings import format_duration
from spikewatch.prom.alert import LOG, Alert, Recording, Runbook, Urgency
from spikewatch.prom.monitored import Monitored


def recordings() -> tuple[Recording, ...]:
    """Return the share of delivery attempts that fail."""
    return (
        Recording(
            "channel:spikewatch_notification_failures_per_notifications:ratio_rate15m",
            """\
  sum without (reason) (rate(spikewatch_notification_failures_total[15m]))
/
  rate(spikewatch_notifications_total[15m])""",
        ),
    )


def alerts(monitored: Monitored) -> Sequence[Alert]:
    """Return the alerts beside the way from the help desk to a judgement."""
    return (
        _deliveries_failing(monitored),
        _backlog(monitored),
        _store_nearly_full(monitored),
        _store_failing(monitored),
        _reload_failed(monitored),
        _series_hidden(monitored),
        _label_clash(monitored),
        _restarting(monitored),
        _mostly_learning(monitored),
        _watchdog(),
    )


def _deliveries_failing(monitored: Monitored) -> Alert:
    limit = monitored.thresholds.deliveries_failing
    return Alert(
        name="SpikewatchNotificationsFailing",
        expr=f"""\
  channel:spikewatch_notification_failures_per_notifications:ratio_rate15m > {limit}
or
  increase(spikewatch_notifications_dropped_total[15m]) > 0""",
        wait=monitored.thresholds.deliveries_failing_for,
        urgency=Urgency.CRITICAL,
        summary="Deliveries to {{ $labels.channel }} fail",
        description="More than half of the attempts failed, or a delivery was given up: people may not know of an incident.",
        runbook=Runbook(
            means="Messages do not arrive in a channel. Those that may still arrive wait and are repeated; a dropped one "
            "will not be told there at all.",
            look=(
                "`spikewatch_notification_failures_total` by `reason`: `auth` is the token, `channel` the channel.",
                "`spikewatch outbox list --config F`: what waits, and the last error of each.",
            ),
            do=(
                (
                    "`auth`: install the Slack app again and put the new token into the environment, or into the file that "
                    "the configuration names; for another receiver its own password, key or address. Start the daemon again."
                ),
                "`channel`: invite the app, or name another channel; set `slack.fallback_channel`.",
                (
                    "`timeout`, `connect`, `server`, `rate_limited`: the receiver or the way to it is down; messages wait "
                    "and are repeated."
                ),
                "`spikewatch outbox retry --config F all` sends again what was given up.",
                "Read the open incidents with `spikewatch status --config F` meanwhile.",
            ),
        ),
    )


def _backlog(monitored: Monitored) -> Alert:
    limit = int(monitored.thresholds.backlog.total_seconds())
    return Alert(
        name="SpikewatchNotificationBacklog",
        expr=f"time() - spikewatch_notification_oldest_pending_timestamp_seconds > {limit}",
        wait=monitored.thresholds.backlog_for,
        urgency=Urgency.CRITICAL,
        summary="Deliveries to {{ $labels.channel }} wait for {{ $value | humanizeDuration }}",
        description="An incident is known and not told yet.",
        runbook=Runbook(
            means="The oldest message of a channel waits longer than a retry or two would take.",
            look=(
                "`spikewatch outbox list --config F`: what waits, and the last error of each.",
                "The status page of Slack, or of whatever else receives the channel.",
            ),
            do=("As for SpikewatchNotificationsFailing.",),
        ),
    )


def _store_nearly_full(monitored: Monitored) -> Alert:
    limits = monitored.thresholds
    ahead = int(limits.store_full_within.total_seconds())
    return Alert(
        name="SpikewatchStoreNearlyFull",
        # A tenth of a large disk is still much, and what a small store leaves of a full disk is not: hence both.
        expr=f"""\
    spikewatch_store_free_bytes < {limits.store_free} * spikewatch_store_volume_bytes
  and
    spikewatch_store_free_bytes < {limits.store_room} + spikewatch_store_size_bytes
or
    spikewatch_store_free_bytes < {limits.store_trend_free} * spikewatch_store_volume_bytes
  and
    predict_linear(spikewatch_store_free_bytes[6h], {ahead}) < 0""",
        wait=monitored.thresholds.store_full_for,
        urgency=Urgency.WARNING,
        summary="{{ $value | humanize1024 }}B are left where the store of {{ $labels.instance }} lies",
        description="A store without space refuses writes, and then nothing is judged or told.",
        runbook=Runbook(
            means="The volume where the store lies is nearly full, whoever filled it, or at the pace of the last hours soon "
            "will be.",
            look=(
                "`df -h` on the machine.",
                "Size of the store, and the free space beside it, on the health dashboard.",
            ),
            do=(
                "Free some space, or move the store to a larger disk (stop, copy, change `store`, start).",
                "Shorten `retention.tickets` and `retention.counts`.",
            ),
        ),
    )


def _store_failing(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchStoreWriteFailing",
        expr="increase(spikewatch_store_write_failures_total[10m]) > 0",
        wait=monitored.thresholds.store_failing_for,
        urgency=Urgency.CRITICAL,
        summary="The store of {{ $labels.instance }} refuses writes",
        description="Nothing new is counted, judged or told until it accepts them again.",
        runbook=Runbook(
            means="The disk or the database refuses writes. Every step is one transaction, so nothing is half done.",
            look=(
                LOG,
                "`df -h`, and the kernel's log for errors of the disk.",
                "The database server, if there is one.",
            ),
            do=(
                "A full disk: free some space; the daemon goes on by itself.",
                (
                    "A damaged file: stop the daemon and move the file away. `spikewatch import --config F ARCHIVE` brings "
                    "back what `spikewatch export` wrote; without such a backup `spikewatch backfill --config F` reads the "
                    "history anew. Start the daemon again."
                ),
            ),
        ),
    )


def _reload_failed(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchConfigReloadFailed",
        expr="max_over_time(spikewatch_config_last_reload_successful[5m]) == 0",
        wait=monitored.thresholds.reload_failed_for,
        urgency=Urgency.WARNING,
        summary="{{ $labels.instance }} refused its newest configuration",
        description="The configuration before it stays in force. A restart would fail.",
        runbook=Runbook(
            means="The file was changed and has a mistake. The daemon goes on with what it had; it would not start again.",
            look=("`spikewatch check --config F`: every mistake at once, with its line.",),
            do=("Mend the file, or take the change back.",),
        ),
    )


def _series_hidden(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchSeriesHidden",
        expr='spikewatch_series_hidden{reason="limit"} > 0',
        wait=monitored.thresholds.hidden_for,
        urgency=Urgency.INFO,
        summary="{{ $value }} series are not exposed",
        description="They are judged and told as usual, but dashboards do not show them.",
        runbook=Runbook(
            means="There are more series than `metrics.max_series`. Those that surge, score high or are busy come first; "
            "the rest is judged and told as usual, but has no metrics.",
            look=("Series hidden on the health dashboard; `spikewatch_series_limit` is the limit in force.",),
            do=(
                "Raise `metrics.max_series` (six samples a series), or set `metrics.detail: active` or `surging`.",
                "A category field with free text makes thousands of series: choose another field.",
            ),
        ),
    )


def _label_clash(monitored: Monitored) -> Alert:
    label = monitored.labels.service
    return Alert(
        name="SpikewatchLabelClash",
        expr=f'count by (job) ({{__name__=~"spikewatch_(series|service)_.+",exported_{label}!=""}}) > 0',
        wait=monitored.thresholds.clash_for,
        urgency=Urgency.WARNING,
        summary=f"The scrape job {{{{ $labels.job }}}} hides the label {label}",
        description=f"The target has a label {label} of its own, so ours arrives as exported_{label} "
        "and alerts see nothing.",
        runbook=Runbook(
            means=f"The scrape adds a label `{label}` to the target, as Kubernetes does. Ours is renamed to "
            f"`exported_{label}`, and rules and dashboards look at the wrong one.",
            look=("Prometheus, Status, Targets: the labels of the target.",),
            do=(
                (
                    "Take over the `metric_relabel_configs` (or `metricRelabelings`) that `spikewatch prom scrape` prints: "
                    f"they copy `exported_{label}` to `{label}`, which works even where `honor_labels` is overruled."
                ),
            ),
        ),
    )


def _restarting(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchRestarting",
        expr=f'changes(process_start_time_seconds{{job="{monitored.job}"}}[1h]) > {monitored.thresholds.restarts}',
        urgency=Urgency.WARNING,
        summary="spikewatch at {{ $labels.instance }} restarted {{ $value }} times within an hour",
        description="Each start costs a minute or two in which nothing is judged.",
        runbook=Runbook(
            means="The daemon ends again and again, and something starts it anew.",
            look=(
                "The last lines of the log before each start, and the exit status: 2 is the configuration.",
                "Memory on the health dashboard against the limit of the unit or container: status 137 is out of memory.",
            ),
            do=(
                "Mend the configuration (`spikewatch check --config F` names what is wrong), or raise the memory limit.",
            ),
        ),
    )


def _mostly_learning(monitored: Monitored) -> Alert:
    share, after = monitored.thresholds.learning, monitored.thresholds.learning_after
    return Alert(
        name="SpikewatchMostlyLearning",
        expr=f"""\
  sum by (cluster, job, instance) (spikewatch_series{{state="learning"}})
/
  sum by (cluster, job, instance) (spikewatch_series)
> {share}
and on (cluster, instance)
  time() - process_start_time_seconds{{job="{monitored.job}"}} > {int(after.total_seconds())}""",
        wait=monitored.thresholds.learning_for,
        urgency=Urgency.INFO,
        summary="{{ $value | humanizePercentage }} of the series have no baseline",
        description=f"After {format_duration(after)} most series should have one; a series without one is not judged.",
        runbook=Runbook(
            means="Most series have too little history to be judged by themselves; their service is judged as a whole.",
            look=(
                "Series by state on the overview dashboard.",
                "`spikewatch explain --config F SERVICE CATEGORY`.",
            ),
            do=(
                "`spikewatch backfill --config F` reads more history.",
                "Categories that are made anew all the time never learn: choose another field for the category.",
            ),
        ),
    )


def _watchdog() -> Alert:
    return Alert(
        name="SpikewatchWatchdog",
        expr="vector(1)",
        urgency=Urgency.NONE,
        summary="Always firing",
        description="Route this to a dead man's switch: it raises the alarm when this alert does not arrive any more.",
        runbook=Runbook(
            means="Nothing is wrong. As long as this arrives, Prometheus, its rules and Alertmanager work.",
            look=("If it stopped arriving: Prometheus, its rules page, Alertmanager.",),
            do=(
                "Route it to a dead man's switch, never to people.",
                "Where nobody runs Prometheus, set `heartbeat.url`: the daemon then calls the switch itself.",
            ),
        ),
    )
