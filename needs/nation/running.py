"""Run tasks one after the other, or on a Dask cluster: here, or on machines that a scheduler has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from needs import kernels
from needs.errors import Fault, SettingsError, fail
from needs.nation.each import Does, Here, Refused, Runner, Task
from needs.toolkit import code_hash

WORKER_GB = 2.0  # memory of a worker, if not told otherwise; what it may use at most
TRIES = 3  # workers that a task may lose before it is given up
_AHEAD = 2  # tasks that wait for each worker: few, since each holds its tables
ANSWER_S = 10.0  # until a scheduler answers
_TO_INSTALL = "install it: pip install 'needs[cluster]'"


class Cluster:
    """On the workers of a Dask scheduler; a task whose worker is lost is done again by another."""

    def __init__(self, client: Any, told: str) -> None:
        self.client = client
        self.told = told

    def each(self, work: Does, tasks: Iterator[Task]) -> Iterator[tuple[str, Any]]:
        """Give the scheduler a few tasks for each worker at a time; what is finished is forgotten there."""
        from distributed import KilledWorker, as_completed

        waiting: dict[Any, str] = {}
        running: Any = as_completed()  # type: ignore[no-untyped-call]

        def more() -> bool:
            task = next(tasks, None)
            if task is None:
                return False
            # The tables go with the task, so that the scheduler can give it to another worker.
            future = self.client.submit(
                work, task.make(), pure=False, retries=0, key=f"{work_name(work)}-{task.council}-{uuid4().hex}"
            )
            waiting[future] = task.council
            running.add(future)
            return True

        try:
            while len(waiting) < self._room() and more():
                pass
            for future in running:
                name = waiting.pop(future)
                if future.status == "error" and isinstance(future.exception(), KilledWorker):
                    yield name, _killed(name)
                else:
                    yield name, future.result()
                future.release()
                while len(waiting) < self._room() and more():
                    pass
        finally:
            self.client.cancel(list(waiting))

    def _room(self) -> int:
        return _AHEAD * max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))


def work_name(work: Does) -> str:
    """Name what is done, for the scheduler."""
    return str(getattr(work, "__name__", getattr(getattr(work, "func", None), "__name__", "task")))


def _killed(name: str) -> Refused:
    what = f"its task ended {TRIES} workers, which is mostly for want of memory"
    return Refused((Fault(name, what, "give workers more memory, or fewer workers on each machine"),))


@contextmanager
def runner(
    *, scheduler: str | None = None, workers: int | None = None, memory_gb: float = WORKER_GB
) -> Iterator[Runner]:
    """Open what runs tasks, and close it afterwards.

    Parameters
    ----------
    scheduler
        Address of a Dask scheduler, such as tcp://10.0.0.5:8786.
    workers
        How many processes to open on this machine where there is no scheduler; 0 for none: tasks are then done in this
        process, one after the other. None for as many as cores and memory allow, if Dask is installed.
    memory_gb
        Memory of each of these workers: one that passes it is ended, and its task done by another.

    Raises
    ------
    SettingsError
        If Dask is wanted and not installed, or no scheduler answers, or its workers have other code.
    """
    if scheduler is None and workers is None:
        workers = _fitting(memory_gb) if _installed() else 0
    if scheduler is None and workers == 0:
        yield Here()
        return
    if not _installed():
        fail(
            SettingsError,
            "--scheduler" if scheduler else "--workers",
            "needs Dask, which is not installed",
            _TO_INSTALL,
        )
    if scheduler is not None:
        with _joined(scheduler) as client:
            yield Cluster(client, f"on the workers of {scheduler}")
        return
    with _local(int(workers or 1), memory_gb) as client:
        yield Cluster(client, f"on {workers} worker{'s' if workers != 1 else ''} of {memory_gb:g} GB on this machine")


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("distributed") is not None


def _fitting(memory_gb: float) -> int:
    """Count the workers that cores and memory allow; with one core tasks are done in this process."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9 if hasattr(os, "sysconf") else memory_gb
    fitting = min(kernels.cores(), int(memory * 0.8 // memory_gb))
    return fitting if fitting > 1 else 0


@contextmanager
def _local(workers: int, memory_gb: float) -> Iterator[Any]:
    """Open workers on this machine, on loopback, without a page of their own."""
    import dask
    from distributed import Client, LocalCluster

    settings = {"distributed.scheduler.allowed-failures": TRIES - 1, "distributed.worker.daemon": False}
    with (
        dask.config.set(settings),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=f"{memory_gb}GB",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client


@contextmanager
def _joined(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout=ANSWER_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        fail(SettingsError, f"--scheduler {address}", f"no scheduler answers ({error})", "start it: dask scheduler")
    with client:
        found = client.run(code_hash)
        if not found:
            fail(SettingsError, f"--scheduler {address}", "has no worker", "start some: dask worker ADDRESS")
        other = sorted(worker for worker, digest in found.items() if digest != code_hash())
        if other:
            what = f"{len(other)} of {len(found)} workers have another version of this toolkit, {other[0]} among them"
            fail(SettingsError, f"--scheduler {address}", what, "install the same version on all machines")
        yield client
