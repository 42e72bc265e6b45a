"""Alerts on surges, for those who page from Prometheus; whoever is paged by Slack leaves them out.

They go by states, which stay while a source is stale: a page never resolves in mid-outage. Two daemons that watch the
same desk give two copies of everything, hence `max by` before any sum.
"""

from collections.abc import Sequence

from spikewatch.core.settings import format_duration
from spikewatch.prom.alert import Alert, Recording, Runbook, Urgency
from spikewatch.prom.monitored import Monitored

_SERIES = "cluster, job, service, category"
_SERVICE = "cluster, job, service"
_EXPLAIN = "`spikewatch explain --config F SERVICE [CATEGORY]`: every number and every gate behind it."
_OPEN = "`spikewatch status --config F`: the incident by its id; the same id stands in Slack and in the log."


def recordings() -> tuple[Recording, ...]:
    """Return what dashboards and alerts ask for again and again about services."""
    return (
        *(
            Recording(
                f"service:spikewatch_series_{name}:sum",
                f"sum by ({_SERVICE}, window) (max by ({_SERIES}, window) (spikewatch_series_{name}))",
            )
            for name in ("tickets", "tickets_expected")
        ),
        Recording(
            "service:spikewatch_series_surging:sum",
            f"sum by ({_SERVICE}) (max by ({_SERIES}) (spikewatch_series_surging))",
        ),
    )


def alerts(monitored: Monitored) -> Sequence[Alert]:
    """Return the alerts on a series, on a whole service and on the whole company, each quieter than the next."""
    return (_series(monitored), _service(monitored), _company(monitored))


def _series(monitored: Monitored) -> Alert:
    window = format_duration(monitored.window)
    return Alert(
        name="SpikewatchTicketSurge",
        expr=f"""\
  max by ({_SERIES}) (spikewatch_series_surging) == 1
or
    max by ({_SERVICE}) (spikewatch_incident_start_timestamp_seconds{{service!=""}} > bool 0)
  unless on ({_SERVICE})
    max by ({_SERVICE}) (spikewatch_series_surging) == 1""",
        keep=monitored.thresholds.keep_firing,
        urgency=Urgency.WARNING,
        summary="Ticket surge in {{ $labels.service }}{{ with $labels.category }} / {{ . }}{{ end }}",
        description=(
            _incidents("service=%q", "$labels.service")
            + _newest(
                "tickets", window, "{{ . | first | value | printf `%.0f` }} tickets in the newest WINDOW"
            )
            + _newest(
                "tickets_expected", window, ", {{ . | first | value | printf `%.1f` }} expected", orelse=""
            )
            + "."
        ),
        runbook=Runbook(
            means="More customers write about one subject than its past explains. Something they use is probably broken, "
            "or something was announced.",
            look=(
                "The service dashboard: when it began, and whether other categories rise too.",
                _EXPLAIN,
                "A few of the newest tickets of the category in the help desk: what do they say?",
            ),
            do=(
                "Tell the team that owns the service; the runbook of its own is linked in Slack where one is configured.",
                "If it was announced (a campaign, a sale), put it under `calendar.events`, so that it is expected.",
            ),
        ),
    )


def _service(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchServiceSurge",
        expr=f"service:spikewatch_series_surging:sum >= {monitored.thresholds.categories_at_once}",
        keep=monitored.thresholds.keep_firing,
        urgency=Urgency.CRITICAL,
        summary="{{ $value }} categories of {{ $labels.service }} surge at once",
        description=_incidents("service=%q", "$labels.service")
        + "Several categories of one service surge together: an outage rather than one broken feature.",
        runbook=Runbook(
            means="Several categories of one service surge together, which usually means that the service is down or slow "
            "as a whole. The alerts on its categories are held back meanwhile.",
            look=(
                "The service's own monitoring: is it up?",
                "The service dashboard: which category rose first often names the cause.",
                _OPEN,
            ),
            do=("Start the incident process of the service; support needs a text to answer with.",),
        ),
    )


def _company(monitored: Monitored) -> Alert:
    return Alert(
        name="SpikewatchCompanySurge",
        expr="""\
  max by (cluster, job) (spikewatch_fleet_surging) == 1
or
  max by (cluster, job) (spikewatch_incident_start_timestamp_seconds{service=""} > bool 0) == 1""",
        keep=monitored.thresholds.keep_firing,
        urgency=Urgency.CRITICAL,
        summary="Ticket surge across several services",
        description=_incidents('service=""')
        + "Several services surge within half an hour: look for what they share (login, payment, network, a release).",
        runbook=Runbook(
            means="Several services surge together, or the company as a whole does. The cause is likely to be shared. "
            "The alerts on services and categories are held back meanwhile.",
            look=(
                "What the services share: sign-in, payment, network, a release, an app store, a news report.",
                "The overview dashboard: the order in which the services began.",
                _OPEN,
            ),
            do=("Start the incident process of the company.",),
        ),
    )


def _incidents(matcher: str, *values: str) -> str:
    """Return the part of a text that names the open incidents by their ids, which Slack and the log name too."""
    selector = f"max by (incident) (spikewatch_incident_start_timestamp_seconds{{{matcher}}})"
    asked = f"printf `{selector}` {' '.join(values)}".rstrip()
    return f"{{{{ range {asked} | query | sortByLabel `incident` }}}}Incident {{{{ .Labels.incident }}}}. {{{{ end }}}}"


def _newest(name: str, window: str, text: str, *, orelse: str = "The newest count is not available") -> str:
    """Return the part of a text that states a reading of the series that surges."""
    selector = f'spikewatch_series_{name}{{service=%q,category=%q,window="{window}"}}'
    shown = text.replace("WINDOW", window)
    without = f"{{{{ else }}}}{orelse}" if orelse else ""
    asked = f"printf `{selector}` $labels.service $labels.category | query"
    return f"{{{{ with {asked} }}}}{shown}{without}{{{{ end }}}}"
