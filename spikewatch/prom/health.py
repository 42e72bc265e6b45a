"""Alerts on the daemon itself: while one of them fires, quiet means nothing."""

from collections.abc import Sequence

from spikewatch.prom.alert import LOG, Alert, Recording, Runbook, Urgency
from spikewatch.prom.monitored import Monitored

_DOCTOR = "`spikewatch doctor --config F`: credentials, permissions, reachability, each with its remedy."


def recordings() -> tuple[Recording, ...]:
    """Return the share of polls that fail."""
    return (
        Recording(
            "source:spikewatch_poll_failures_per_polls:ratio_rate15m",
            """\
  sum without (reason) (rate(spikewatch_poll_failures_total[15m]))
/
  rate(spikewatch_polls_total[15m])""",
        ),
    )


def alerts(monitored: Monitored) -> Sequence[Alert]:
    """Return the alerts on the way from the help desk to a judgement."""
    return (
        _down(monitored),
        _source_stale(monitored),
        _data_behind(monitored),
        _polls_failing(monitored),
        _api_budget_low(monitored),
        _detection_late(monitored),
    )


def _down(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchDown",
        expr=f"""\
  up{{job="{monitored.job}"}} == 0
or
  absent(up{{job="{monitored.job}"}})
or
    up{{job="{monitored.series_job}"}} == 0
  unless on (cluster, instance)
    up{{job="{monitored.job}"}} == 0""",
        wait=monitored.thresholds.down_for,
        urgency=Urgency.CRITICAL,
        summary="No answer from spikewatch{{ with $labels.instance }} at {{ . }}{{ end }}",
        description="Prometheus gets no metrics of the job {{ $labels.job }}. If the daemon is down, no surge is noticed.",
        runbook=Runbook(
            means="Prometheus cannot read the metrics, or knows of no target at all. If the daemon itself is down, nobody "
            "notices a surge, in Slack neither.",
            look=(
                (
                    "Prometheus, Status, Targets: the error of the last scrape. `sample limit exceeded`, `401` and `403` "
                    "are answers of a daemon that runs."
                ),
                "`systemctl status spikewatch`, or the state of its container.",
                LOG,
            ),
            do=(
                (
                    "Start it again; it goes on where it stopped and tells nothing twice. If it ends at once, "
                    "`spikewatch check --config F` says whether the configuration is why."
                ),
                (
                    "With `401`, `403` or an error of a certificate: give Prometheus what "
                    "`spikewatch prom scrape --config F` asks for."
                ),
                "With `sample limit exceeded`: raise `sample_limit` of the scrape, or lower `metrics.max_series`.",
                "With no target: add the scrape that `spikewatch prom scrape` prints.",
            ),
        ),
    )


def _source_stale(monitored: Monitored) -> Alert:
    polled = "spikewatch_poll_last_success_timestamp_seconds"
    return Alert(
        name="SpikewatchSourceStale",
        # The interval includes back-off, which must not put the alert off: hence the shortest of the last hour.
        expr=f"""\
  time()
-
  (
      {polled} > 0
    or
      ({polled} == 0) + on (cluster, job, instance) group_left () process_start_time_seconds
  )
> on (cluster, job, instance, source)
  {monitored.thresholds.stale_polls} * min_over_time(spikewatch_poll_interval_seconds[1h])""",
        wait=monitored.thresholds.stale_for,
        urgency=Urgency.CRITICAL,
        summary="No good poll of {{ $labels.source }} for {{ $value | humanizeDuration }}",
        description="Counts of {{ $labels.source }} stand still. No surge that begins now is seen until polls work.",
        runbook=Runbook(
            means="The help desk was not read for several intervals. What was known stays on display, what is new is not "
            "seen: a surge that begins now is not told.",
            look=(
                (
                    "`spikewatch_poll_failures_total` by `reason` on the health dashboard: `auth`, `rate_limited`, "
                    "`timeout` and `connect` have different cures."
                ),
                "The status page of the help desk's vendor.",
                _DOCTOR,
            ),
            do=(
                (
                    "`auth`: put a valid client secret into the environment, or into the file that the configuration "
                    "names, and start the daemon again."
                ),
                "`rate_limited`: another integration uses up the account's limit; lower `requests_per_minute` or theirs.",
                (
                    "`timeout`, `connect`, `server`: if the network or the proxy of this machine is well, nothing to do but "
                    "wait; what was missed is read and judged afterwards."
                ),
                "Any other: the log says what the help desk answered; keep it, for if it lasts it is a bug to report.",
            ),
        ),
    )


def _data_behind(monitored: Monitored) -> Alert:
    limit = int(monitored.thresholds.behind.total_seconds())
    return Alert(
        name="SpikewatchDataBehind",
        expr=f"time() - min by (cluster, job, source) (spikewatch_window_end_timestamp_seconds) > {limit}",
        wait=monitored.thresholds.behind_for,
        urgency=Urgency.CRITICAL,
        summary="The newest judged data of {{ $labels.source }} are {{ $value | humanizeDuration }} old",
        description="Polls may work, yet the tickets read are old: a surge that begins now is told late.",
        runbook=Runbook(
            means="Tickets are read and judged, but not up to the present: the daemon reads history first, cannot keep up "
            "with the request limit, or the clock is wrong.",
            look=(
                "`spikewatch status --config F`: how far each source was read.",
                "Requests by code and the request limit on the health dashboard.",
                "`spikewatch_source_clock_skew_seconds`: more than a minute either way is a wrong clock.",
            ),
            do=(
                "If SpikewatchSourceStale or SpikewatchDetectionLate fires as well: begin there.",
                "After a first start or a long stop: wait, it catches up by itself.",
                "With a limit that is always used up: raise `requests_per_minute` as far as the account allows.",
                "With a wrong clock: bring the machine's clock in step (NTP).",
            ),
        ),
    )


def _polls_failing(monitored: Monitored) -> Alert:
    limit = monitored.thresholds.polls_failing
    return Alert(
        name="SpikewatchPollsFailing",
        expr=f"source:spikewatch_poll_failures_per_polls:ratio_rate15m > {limit}",
        wait=monitored.thresholds.polls_failing_for,
        urgency=Urgency.WARNING,
        summary="{{ $value | humanizePercentage }} of the polls of {{ $labels.source }} fail",
        description="Some polls still work, so surges are told, but later than they should be.",
        runbook=Runbook(
            means="A good part of the polls fails. Each is repeated, so nothing is lost, but surges are told later.",
            look=("`spikewatch_poll_failures_total` by `reason` on the health dashboard.", LOG, _DOCTOR),
            do=("As for SpikewatchSourceStale, with less haste.",),
        ),
    )


def _api_budget_low(monitored: Monitored) -> Alert:
    limit = monitored.thresholds.api_budget_low
    return Alert(
        name="SpikewatchApiBudgetLow",
        expr=f"spikewatch_api_remaining_requests / (spikewatch_api_limit_requests > 0) < {limit}",
        wait=monitored.thresholds.api_budget_low_for,
        urgency=Urgency.WARNING,
        summary="{{ $value | humanizePercentage }} of the request limit of {{ $labels.source }} is left",
        description="Soon the source refuses requests, ours and those of every other integration of the account.",
        runbook=Runbook(
            means="The account's limit on requests is nearly used up, by us or by another integration. We stop before it "
            "is reached, so data get older.",
            look=(
                "Requests by code on the health dashboard: are they ours?",
                "The API usage page of the help desk, which names the other integrations.",
            ),
            do=("Lower `requests_per_minute` or `poll.every`, or ask the other integration to slow down.",),
        ),
    )


def _detection_late(monitored: Monitored) -> Alert:
    polls = monitored.thresholds.late_polls
    return Alert(
        name="SpikewatchDetectionLate",
        expr=f"""\
  time() - spikewatch_detection_last_run_timestamp_seconds
> on (cluster, job, instance)
  {polls} * max by (cluster, job, instance) (min_over_time(spikewatch_poll_interval_seconds[1h]))""",
        wait=monitored.thresholds.late_for,
        urgency=Urgency.CRITICAL,
        summary="spikewatch at {{ $labels.instance }} does not judge",
        description="The daemon answers, yet no pass of judging works. No surge is noticed meanwhile.",
        runbook=Runbook(
            means="Passes of judging fail or hang. Tickets are read and kept; they are judged once a pass works again.",
            look=(
                "`spikewatch_detection_failures_total` by `reason`: `store` is the disk or the database.",
                LOG,
                "`/healthz`: 503 means that the judging loop hangs.",
            ),
            do=(
                "`store`: see SpikewatchStoreWriteFailing.",
                "Otherwise start the daemon again, and keep its log: this is a bug to report.",
            ),
        ),
    )
