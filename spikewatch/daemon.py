"""The daemon: named jobs on a scheduler, none of which overlaps itself or stops another.

APScheduler decides when. A job that is due while it still runs is left out; one that is woken while it runs runs once
more afterwards. Intervals are spans of the given clock, so a clock that runs faster makes everything run faster. This is
the only place that catches `Exception`.
"""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job as ScheduledJob
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from spikewatch.ports import Clock

log = logging.getLogger(__name__)

LEAST_INTERVAL_S = 0.05
"""No job starts more often than this in the machine's time, however fast the clock runs."""

STOP_WITHIN = timedelta(seconds=3)
"""Time that running jobs get to finish, of the five seconds in which the program ends; what is cut off is safe, for every
step is a transaction."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again.

    every       from one start to the next, on the clock
    wakes       names of jobs to run at once after each run that worked
    on_error    is told of each exception that the job let through
    on_overlap  is told of each run that was due while the one before went on, and is left out
    spread      share by which the time between two starts is longer or shorter, so that programs that were started
                together do not go on in step
    """

    name: str
    every: timedelta
    call: Callable[[], object]
    wakes: tuple[str, ...] = ()
    on_error: Callable[[Exception], None] = lambda _: None
    on_overlap: Callable[[], None] = lambda: None
    spread: float = 0.0


_NO_LIMIT = 1_000_000
"""The guard below keeps runs apart; APScheduler's own limit would write a warning for each run left out."""


class Daemon:
    """Runs jobs until stopped."""

    def __init__(self, jobs: Sequence[Job], *, clock: Clock) -> None:
        """Hold the jobs; nothing runs before `start` or `run_once`."""
        self._clock = clock
        self._changed = threading.Condition()
        self._jobs = {job.name: _Guarded(job, self._changed, self._after) for job in jobs}
        self._failing: dict[str, str] = {}
        self._stopping = False
        self._scheduler = BackgroundScheduler(
            executors={"default": _DaemonThreads()},
            job_defaults={"coalesce": True, "max_instances": _NO_LIMIT, "misfire_grace_time": None},
            timezone="UTC",
        )

    def run_once(self, name: str) -> None:
        """Run a job here and now, before `start`; a failure is treated as in any other run."""
        self._jobs[name].run()

    def start(self) -> None:
        """Run every job at once, and from then on at its interval."""
        for name, guarded in self._jobs.items():
            trigger = _OnClock(guarded.job, self._clock)
            self._scheduler.add_job(guarded.run, trigger, id=name, name=name)
        self._scheduler.start()

    def wake(self, name: str) -> None:
        """Run a job as soon as it is free, and count its interval from then; nothing where there is none of that name."""
        guarded = self._jobs.get(name)
        if guarded is None or self._stopping or guarded.ask_again() or not self._scheduler.running:
            return
        try:
            self._scheduler.reschedule_job(name, trigger=_OnClock(guarded.job, self._clock))
        except JobLookupError:
            log.debug("wake_after_stop", extra={"job": name})

    def replace(self, jobs: Sequence[Job]) -> None:
        """Go on with these jobs.

        One of a new name starts at once, one that is gone never again, one whose interval is another counts it from now;
        for the rest only what their next run calls is new. A run under way ends as it began.
        """
        before = self._jobs
        self._jobs = {
            job.name: before.get(job.name) or _Guarded(job, self._changed, self._after) for job in jobs
        }
        for name in before.keys() - self._jobs.keys():
            self._failing.pop(name, None)
            if self._scheduler.running:
                self._scheduler.remove_job(name)
        for job in jobs:
            self._put(self._jobs[job.name], job, is_new=job.name not in before)

    def _put(self, guarded: "_Guarded", job: Job, *, is_new: bool) -> None:
        was, guarded.job = guarded.job, job
        if self._stopping or not self._scheduler.running:
            return
        if is_new:
            self._scheduler.add_job(guarded.run, _OnClock(job, self._clock), id=job.name, name=job.name)
        elif (was.every, was.spread) != (job.every, job.spread):
            self._scheduler.reschedule_job(job.name, trigger=_OnClock(job, self._clock, at_once=False))

    def stop(self, *, within: timedelta = STOP_WITHIN) -> bool:
        """Start nothing more, let running jobs finish for a short while, and tell whether all did."""
        self._stopping = True
        self._clock.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(guarded.is_running for guarded in self._jobs.values()),
                within.total_seconds(),
            )

    def _after(self, job: Job, error: Exception | None) -> None:
        """Wake what follows a run that worked, or make a failure known."""
        if error is None:
            if self._failing.pop(job.name, None) is not None:
                log.info("job_recovered", extra={"job": job.name})
            for name in job.wakes:
                self.wake(name)
        elif self._stopping:
            log.info("job_cut_off", extra={"job": job.name, "error": repr(error)})
        else:
            if self._failing.get(job.name) != repr(error):
                self._failing[job.name] = repr(error)
                log.error("job_failed", extra={"job": job.name, "error": repr(error)}, exc_info=error)
            job.on_error(error)


class _Guarded:
    """One job with its guard: it never runs twice at a time, and a wish for another run is never lost."""

    def __init__(
        self, job: Job, changed: threading.Condition, after: Callable[[Job, Exception | None], None]
    ) -> None:
        self.job = job
        self.is_running = False
        self._changed = changed
        self._after = after
        self._again = False

    def ask_again(self) -> bool:
        """Ask for another run after the running one; tell whether one is running."""
        with self._changed:
            self._again = self.is_running
            return self.is_running

    def run(self) -> None:
        with self._changed:
            overlaps, self.is_running = self.is_running, True
        if overlaps:
            self.job.on_overlap()
            return
        while True:
            self._after(self.job, self._failure())
            with self._changed:
                if not self._again:
                    self.is_running = False
                    self._changed.notify_all()
                    return
                self._again = False

    def _failure(self) -> Exception | None:
        try:
            self.job.call()
        except Exception as error:  # one failing job must never stop the others
            return error
        return None


class _OnClock(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fires at once, then every span of a clock that may run faster than the machine's."""

    def __init__(self, job: Job, clock: Clock, *, at_once: bool = True) -> None:
        self._job = job
        self._clock = clock
        self._at_once = at_once

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the machine's time of the next run, as APScheduler asks for it."""
        if previous is None and self._at_once:
            return now
        every = self._job.every * (1 + self._job.spread * random.uniform(-1, 1))  # noqa: S311 -- no secret hangs on it
        return now + timedelta(seconds=max(LEAST_INTERVAL_S, self._clock.real_seconds(every)))


class _DaemonThreads(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no types
    """Runs each job in a thread that the interpreter does not wait for when it ends, unlike APScheduler's own pool."""

    def _do_submit_job(self, job: ScheduledJob, run_times: list[datetime]) -> None:
        def work() -> None:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)  # noqa: SLF001 -- the executor interface
            self._run_job_success(job.id, events)

        threading.Thread(target=work, name=job.id, daemon=True).start()
