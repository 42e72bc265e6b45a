"""`run`: the daemon until it is told to stop."""

import logging
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from threadpoolctl import threadpool_limits

from spikewatch import __version__
from spikewatch.adapters.clock import SystemClock
from spikewatch.app.assembly import assemble
from spikewatch.app.reloading import Reloader, hide
from spikewatch.app.signals import relayed
from spikewatch.config import Purpose, load

log = logging.getLogger(__name__)


def run(path: str | Path, *, env: Mapping[str, str]) -> int:
    """Run the daemon of a configuration file until SIGTERM or SIGINT, and return the exit status."""
    config = load(path, env=env, purpose=Purpose.RUN)
    hide([secret.get_secret_value() for secret in config.secrets.values()])
    for note in config.notes:
        log.warning("configuration_note", extra={"note": note})
    stopped = threading.Event()
    _stop_on_signal(stopped)
    # many small matrix products: a second BLAS thread costs more than it brings, and takes a core that others need
    threadpool_limits(limits=1, user_api="blas")
    assembly = assemble(config, clock=SystemClock())
    reloader = Reloader(assembly, path, env=env, on_secrets=hide)
    _reload_on_signal(reloader)
    try:
        reloader.begin()
        assembly.start()
        log.info("started", extra={"version": __version__, "metrics": f"{assembly.http.url}/metrics"})
        stopped.wait()
    finally:
        log.info("stopping")
        finished = assembly.stop()
        log.info("stopped", extra={"all_jobs_finished": finished})
    return 0


def _reload_on_signal(reloader: Reloader) -> None:
    ask = relayed(reloader.ask, name="reload")

    def reload(_number: int, _frame: FrameType | None) -> None:
        ask()

    signal.signal(signal.SIGHUP, reload)


def _stop_on_signal(stopped: threading.Event) -> None:
    end = relayed(stopped.set, name="stop")

    def stop(_number: int, _frame: FrameType | None) -> None:
        end()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
