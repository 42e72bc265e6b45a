"""Alerts on surges, for those who page from Prometheus; whoever is paged by Slack leaves them out.

They go by states, which stay while a source is stale: a page never resolves in mid-outage. Two daemons that watch the
same desk give two copies of everything, hence `max by` before any sum.
"""

from collections.abc import Sequence

from spikewatch.core.settings import format_duration
from spikewatch.prom.alert import Alert, Recording, Runbook, Urgency
from spikewatch.prom.monitored import Monitored

_EXPLAIN = "`spikewatch explain --config F SERVICE [CATEGORY]`: every number and every gate behind it."
_OPEN = "`spikewatch status --config F`: the incident by its id; the same id stands in Slack and in the log."


def _service_labels(monitored: Monitored) -> str:
    return f"cluster, job, {monitored.labels.service}"


def _series_labels(monitored: Monitored) -> str:
    return f"{_service_labels(monitored)}, {monitored.labels.category}"


def recordings(monitored: Monitored) -> tuple[Recording, ...]:
    """Return what dashboards and alerts ask for again and again about services."""
    service, series = _service_labels(monitored), _series_labels(monitored)
    return (
        *(
            Recording(
                f"service:spikewatch_series_{name}:sum",
                f"sum by ({service}, window) (max by ({series}, window) (spikewatch_series_{name}))",
            )
            for name in ("tickets", "tickets_expected")
        ),
        Recording(
            "service:spikewatch_series_surging:sum",
            f"sum by ({service}) (max by ({series}) (spikewatch_series_surging))",
        ),
    )


def alerts(monitored: Monitored) -> Sequence[Alert]:
    """Return the alerts on a series, on a whole service and on the whole company, each quieter than the next."""
    return (_series(monitored), _service(monitored), _company(monitored))


def _series(monitored: Monitored) -> Alert:
    names, service = monitored.labels, _service_labels(monitored)
    return Alert(
        name="SpikewatchTicketSurge",
        expr=f"""\
  max by ({_series_labels(monitored)}) (spikewatch_series_surging) == 1
or
    max by ({service}) (spikewatch_incident_start_timestamp_seconds{{{names.service}!=""}} > bool 0)
  unless on ({service})
    max by ({service}) (spikewatch_series_surging) == 1""",
        keep=monitored.thresholds.keep_firing,
        urgency=Urgency.WARNING,
        summary=f"Ticket surge in {{{{ $labels.{names.service} }}}}"
        f"{{{{ with $labels.{names.category} }}}} / {{{{ . }}}}{{{{ end }}}}",
        description=(
            _incidents(f"{names.service}=%q", f"$labels.{names.service}")
            + _newest(
                monitored, "tickets", "{{ . | first | value | printf `%.0f` }} tickets in the newest WINDOW"
            )
            + _newest(
                monitored, "tickets_expected", ", {{ . | first | value | printf `%.1f` }} expected", orelse=""
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
    name = monitored.labels.service
    return Alert(
        name="SpikewatchServiceSurge",
        expr=f"service:spikewatch_series_surging:sum >= {monitored.thresholds.categories_at_once}",
        keep=monitored.thresholds.keep_firing,
        urgency=Urgency.CRITICAL,
        summary=f"{{{{ $value }}}} categories of {{{{ $labels.{name} }}}} surge at once",
        description=_incidents(f"{name}=%q", f"$labels.{name}")
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
    name = monitored.labels.service
    return Alert(
        name="SpikewatchCompanySurge",
        expr=f"""\
  max by (cluster, job) (spikewatch_fleet_surging) == 1
or
  max by (cluster, job) (spikewatch_incident_start_timestamp_seconds{{{name}=""}} > bool 0) == 1""",
        keep=monitored.thresholds.keep_firing,
        urgency=Urgency.CRITICAL,
        summary="Ticket surge across several services",
        description=_incidents(f'{name}=""')
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


def _newest(
    monitored: Monitored, name: str, text: str, *, orelse: str = "The newest count is not available"
) -> str:
    """Return the part of a text that states a reading of the series that surges."""
    window, labels = format_duration(monitored.window), monitored.labels
    selector = f'spikewatch_series_{name}{{{labels.service}=%q,{labels.category}=%q,window="{window}"}}'
    shown = text.replace("WINDOW", window)
    without = f"{{{{ else }}}}{orelse}" if orelse else ""
    asked = f"printf `{selector}` $labels.{labels.service} $labels.{labels.category} | query"
    return f"{{{{ with {asked} }}}}{shown}{without}{{{{ end }}}}"
