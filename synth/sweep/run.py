"""From a sweep to its table: what is known already is taken, the rest is run, all of it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from golden.cli import progress
from golden.errors import BadInput
from golden.files import write_json

from .. import flow
from ..cache import workfolder
from ..library import Library
from ..library.memories import Sram
from . import cluster
from .points import Point
from .spec import Sweep
from .work import SCHEMA, Record, Task, record


def run(
    sweep: Sweep,
    build: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    dont_use: tuple[str, ...] = (),
    sram: Sequence[Path] = (),
    again: bool = False,
) -> tuple[list[Record], int]:
    """The record of each point, and how many had to be run.

    Each record is written to ``build/cache/points`` as soon as there is one, so that whatever stops
    the sweep costs no more than the points in flight. ``again``: run those that failed once more.
    """
    flow.tools()
    build = build.resolve()
    workfolder.clean(build)
    tasks = list(_tasks(sweep, build, dont_use, Sram(*sram)))
    records: list[Record | None] = [
        _known(task, again) if task else record("failed", "parameters", point.error)
        for task, point in zip(tasks, sweep.points, strict=True)
    ]
    missing: dict[str, list[int]] = {}  # the same library under two names makes one task
    for at, (task, found) in enumerate(zip(tasks, records, strict=True)):
        if found is None:
            missing.setdefault(task.key, []).append(at)
    if missing:
        todo = [tasks[places[0]] for places in missing.values()]
        with progress(f"sweep {sweep.name}", len(todo)) as step:
            for task, found in cluster.run(todo, scheduler, workers):
                found["key"] = task.key
                if found["lasting"]:
                    write_json(_path(task), found)
                for at in missing[task.key]:
                    records[at] = found
                title = _title(sweep.points[missing[task.key][0]])
                step(f"{title} {found['status']} {found['error']}".rstrip())
    workfolder.clean(build)  # orphans of a killed sweep may have lived past its successor's start
    return records, len(missing)


def _tasks(
    sweep: Sweep, build: Path, dont_use: tuple[str, ...], sram: Sram
) -> Iterator[Task | None]:
    libraries = {path: Library(path, dont_use) for path in {p.library for p in sweep.points}}
    for point in sweep.points:
        if point.design is None:
            yield None
            continue
        task = Task(
            design=point.design,
            recipe=point.recipe,
            period=point.period,
            liberty=point.library,
            library_sha256=libraries[point.library].sha256,
            dont_use=dont_use,
            sram=sram,
            build=build,
            timeout=sweep.timeout,
            stimulus=sweep.stimulus,
        )
        yield replace(task, key=task.address())


def _path(task: Task) -> Path:
    return task.build / "cache" / "points" / f"{task.key}.json"


def _known(task: Task, again: bool) -> Record | None:
    """The record of an earlier run, unless it failed and may do better now."""
    path = _path(task)
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema is {found['schema']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); remove it") from error
    better = again or found["timeout"] < task.timeout
    return None if found["status"] != "ok" and better else found


def _title(point: Point) -> str:
    return " ".join(filter(None, (point.label, point.design and point.design.name)))
