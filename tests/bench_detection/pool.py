"""Worlds side by side: a process each, results in the order in which they were asked for."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from threadpoolctl import threadpool_limits

from spikewatch.cli.progress import shown

Job = TypeVar("Job")
Result = TypeVar("Result")


def each(jobs: Sequence[Job], work: Callable[[Job], Result], *, what: str, workers: int) -> Sequence[Result]:
    """Return what the work made of each job; with several workers it must be a function of a module.

    what  is shown beside the progress bar, on a terminal
    """
    with shown(what) as on_progress:
        if workers == 1:
            return _one_by_one(jobs, work, on_progress)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(_on_one_core, work, job) for job in jobs]
            for done, _ in enumerate(as_completed(futures), start=1):
                on_progress(done / len(jobs))
            return [future.result() for future in futures]


def _one_by_one(
    jobs: Sequence[Job], work: Callable[[Job], Result], on_progress: Callable[[float], None]
) -> Sequence[Result]:
    results = []
    for done, job in enumerate(jobs, start=1):
        results.append(_on_one_core(work, job))
        on_progress(done / len(jobs))
    return results


def _on_one_core(work: Callable[[Job], Result], job: Job) -> Result:
    """Do the work with one thread of linear algebra, whose libraries are loaded by now: the work brought them along."""
    with threadpool_limits(limits=1, user_api="blas"):
        return work(job)
