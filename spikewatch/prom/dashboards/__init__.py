"""Three Grafana dashboards as plain values: the overview, one service, and the daemon's health.

Classic dashboard JSON (schema version 39), which file provisioning accepts from Grafana 9 to 13.
"""

from spikewatch.prom.dashboards import health, overview, service
from spikewatch.prom.dashboards.board import Board
from spikewatch.prom.monitored import Monitored


def boards(monitored: Monitored) -> tuple[Board, ...]:
    """Return the dashboards, the one to open first in front."""
    return (overview.board(monitored), service.board(monitored), health.board(monitored))
