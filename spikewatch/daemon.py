"""The daemon: named jobs on a scheduler, none of which overlaps itself or stops another.

APScheduler decides when; a job that is woken while it runs runs once more afterwards. Intervals are spans of the given
clock, so a clock that runs faster makes everything run faster. This is the only place that catches `Exception`.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job as ScheduledJob
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from spikewatch.ports import Clock

log = logging.getLogger(__name__)

LEAST_INTERVAL_S = 0.05
"""No job starts more often than this in the machine's time, however fast the clock runs."""

STOP_WITHIN = timedelta(seconds=4)
"""Time that running jobs get to finish; whatever is cut off is safe, for every step is a transaction."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again.

    every     from one start to the next, on the clock
    wakes     names of jobs to run at once after each run that worked
    on_error  is told of each exception that the job let through
    """

    name: str
    every: timedelta
    call: Callable[[], object]
    wakes: tuple[str, ...] = ()
    on_error: Callable[[Exception], None] = lambda _: None


class Daemon:
    """Runs jobs until stopped."""

    def __init__(self, jobs: Sequence[Job], *, clock: Clock) -> None:
        """Hold the jobs; nothing runs before `start`."""
        self._clock = clock
        self._jobs = {job.name: _Guarded(job, self) for job in jobs}
        self._scheduler = BackgroundScheduler(
            executors={"default": _DaemonThreads()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )

    def start(self) -> None:
        """Run every job at once, and from then on at its interval."""
        for name, guarded in self._jobs.items():
            trigger = _OnClock(guarded.job.every, self._clock)
            self._scheduler.add_job(guarded.run, trigger, id=name, name=name)
        self._scheduler.start()

    def wake(self, name: str) -> None:
        """Run a job as soon as it is free, and count its interval from then."""
        guarded = self._jobs[name]
        if not guarded.ask_again() and self._scheduler.running:
            self._scheduler.reschedule_job(name, trigger=_OnClock(guarded.job.every, self._clock))

    def stop(self, *, within: timedelta = STOP_WITHIN) -> bool:
        """Start nothing more, let running jobs finish for a short while, and tell whether all did."""
        self._clock.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        share = within.total_seconds() / max(1, len(self._jobs))
        idle = [guarded.wait_idle(share) for guarded in self._jobs.values()]
        return all(idle)


class _Guarded:
    """One job with its guard: it never runs twice at a time, and a wish for another run is never lost."""

    def __init__(self, job: Job, daemon: Daemon) -> None:
        self.job = job
        self._daemon = daemon
        self._lock = threading.Lock()
        self._running = False
        self._again = False
        self._idle = threading.Event()
        self._idle.set()

    def ask_again(self) -> bool:
        """Ask for another run after the running one; tell whether one is running."""
        with self._lock:
            self._again = self._running
            return self._running

    def run(self) -> None:
        with self._lock:
            if self._running:
                self._again = True
                return
            self._running = True
            self._idle.clear()
        while True:
            self._once()
            with self._lock:
                if not self._again:
                    self._running = False
                    self._idle.set()
                    return
                self._again = False

    def wait_idle(self, seconds: float) -> bool:
        return self._idle.wait(seconds)

    def _once(self) -> None:
        try:
            self.job.call()
        except Exception as error:  # one failing job must never stop the others
            log.error("job_failed", extra={"job": self.job.name, "error": repr(error)}, exc_info=True)  # noqa: G201 -- fields go with the event name
            self.job.on_error(error)
            return
        for name in self.job.wakes:
            self._daemon.wake(name)


class _OnClock(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fires at once, then every span of a clock that may run faster than the machine's."""

    def __init__(self, every: timedelta, clock: Clock) -> None:
        self._every = every
        self._clock = clock

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the machine's time of the next run, as APScheduler asks for it."""
        if previous is None:
            return now
        return now + timedelta(seconds=max(LEAST_INTERVAL_S, self._clock.real_seconds(self._every)))


class _DaemonThreads(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no types
    """Runs each job in a thread that the interpreter does not wait for when it ends, unlike APScheduler's own pool."""

    def _do_submit_job(self, job: ScheduledJob, run_times: list[datetime]) -> None:
        def work() -> None:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)  # noqa: SLF001 -- the executor interface
            self._run_job_success(job.id, events)

        threading.Thread(target=work, name=job.id, daemon=True).start()
