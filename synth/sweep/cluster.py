"""Points on many processes: those of this machine, or of a Dask cluster. One way for both."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pkgutil import resolve_name

from golden.errors import BadInput

from .work import Record, Task, evaluate, record

WAIT = 20.0
"""Seconds that a scheduler, or its first worker, may keep us waiting."""
PATIENCE = {
    # A busy machine takes its time to start a worker in place of a dead one; after 15 s, the
    # default, Dask would give it up, and the sweep would wait for ever.
    "distributed.deploy.lost-worker-timeout": "1h",
    "distributed.comm.timeouts.connect": "120s",
    "distributed.comm.timeouts.tcp": "120s",
}
"""Settings of Dask for processes of this machine."""


def run(
    tasks: Sequence[Task], scheduler: str | None, workers: int | None
) -> Iterator[tuple[Task, Record]]:
    """Each task with its record, as they are done, in no order.

    ``scheduler``: address of a Dask scheduler, whose workers see the same files at the same paths;
    None: ``workers`` processes here (all cores). A worker that dies takes nothing with it but what
    it was at; a point at which three have died is failed. :class:`BadInput` when the scheduler is
    not there, has no workers, or goes away.
    """
    from distributed import as_completed  # a second to import, which most commands do without

    with _client(scheduler, min(workers or os.cpu_count() or 1, len(tasks))) as client:
        futures = client.map(evaluate, tasks, pure=False)
        of = {future.key: task for future, task in zip(futures, tasks, strict=True)}
        for done, future in enumerate(as_completed(futures)):
            if future.status == "finished":
                found = future.result()
            elif future.status == "error":
                said = " ".join(str(future.exception()).split())
                found = record("failed", "worker", said, lasting=False)
            else:
                raise BadInput(
                    f"scheduler {scheduler} went away after {done} of {len(tasks)} points; run the"
                    " same command again to go on"
                )
            yield of[future.key], found
            future.release()  # nobody asks for it again: the scheduler may forget it


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BadInput("Dask is not installed; `make setup` installs it") from error
    if scheduler is None:
        with (
            dask.config.set(PATIENCE),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=":0",  # any port: two sweeps may run
                memory_limit=None,  # Yosys is a process beside the worker, which Dask cannot see
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    for name in ("distributed", "distributed.client", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they say, we say in one line
    try:
        client = Client(scheduler, timeout=WAIT)
    except (OSError, TimeoutError, ValueError) as error:
        raise BadInput(
            f"scheduler {scheduler!r} does not answer ({type(error).__name__}); allowed: the"
            " address that `dask scheduler` printed, such as tcp://host:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise BadInput(
                f"scheduler {scheduler} has no workers; `dask worker {scheduler}` starts one"
            ) from error
        try:  # a task that a worker cannot load would never come back
            client.run(resolve_name, "synth.sweep.work:SCHEMA")
        except Exception as error:
            raise BadInput(
                f"a worker of {scheduler} cannot load this project ({error}); allowed: workers"
                " that are started in its folder"
            ) from error
        yield client
