"""The demo: the main story on a simulated help desk and a simulated Slack, through the daemon as it is.

Only the vendors are simulated, and the clock runs fast. Everything between their sockets is what production runs.
"""

from spikewatch.demo.desk import serve
from spikewatch.demo.telling import tell

__all__ = ["serve", "tell"]
