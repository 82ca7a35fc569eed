"""Manners shared by the command lines of all floors: errors, progress, parallel jobs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .errors import BadInput

console = Console(stderr=True, highlight=False)
"""Where progress goes."""

output = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
"""Where results go; a file or a pipe has no width that a table should be cut to."""


def main(command: click.Command) -> None:
    """Run ``command``; bad input is one line on stderr and exit status 2, what the machine refuses
    (a full disk) one line and status 1."""
    try:
        status = command.main(standalone_mode=False)
    except (BadInput, click.UsageError) as error:
        message = error.format_message() if isinstance(error, click.UsageError) else str(error)
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output (head, less) has gone: not our error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a full disk, no permission: files are whole or absent all the same
        where = f": {error.filename}" if error.filename else ""
        print(f"error: {error.strerror or error}{where}", file=sys.stderr)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


@contextmanager
def progress(label: str, total: int, every: float = 0.0) -> Iterator[Callable[[str], None]]:
    """A progress display of ``total`` steps; call what it yields with a line when a step is done.

    On a terminal a bar; elsewhere (a log) one plain line a step, but not within ``every`` seconds
    of the last.
    """
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}"),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(label, total=total, last="")
            yield lambda line: bar.update(task, advance=1, last=line)
        return
    begin = last = time.monotonic()
    done = 0

    def step(line: str) -> None:
        nonlocal done, last
        done += 1
        if time.monotonic() - last < every:
            return
        last = time.monotonic()
        console.out(f"{label} [{done}/{total}] {time.monotonic() - begin:5.0f}s  {line}")

    yield step


def parallel(
    function: Callable[[Any], Any],
    jobs: Iterable[Any],
    *,
    label: str,
    describe: Callable[[Any, Any], str],
    workers: int | None = None,
) -> list[Any]:
    """``[function(job) for job in jobs]`` in parallel processes, in order, with progress.

    ``function`` must be importable and its results picklable. ``describe(job, result)`` is the
    progress line. The first exception ends the run and is raised here.
    """
    jobs = list(jobs)
    workers = min(workers or os.cpu_count() or 1, max(1, len(jobs)))
    results: list[Any] = [None] * len(jobs)
    with (
        progress(label, len(jobs)) as step,
        # Fresh processes: a Yosys or a plotting library in the parent must not leak into a job.
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        futures = {pool.submit(function, job): index for index, job in enumerate(jobs)}
        try:
            for future in as_completed(futures):
                index = futures[future]
                results[index] = future.result()
                step(describe(jobs[index], results[index]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results
