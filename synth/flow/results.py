"""Results of jobs: out of the cache, or of a run that fills it."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

from golden.files import write_atomic, write_json

from ..cache import workfolder
from ..mapping.yosys import Failed
from ..metrics import Result, from_dict, save
from . import measure, prove
from .figures import no_figures
from .job import NETLIST, Job
from .synthesise import synthesise

#: What a run leaves beside the figures.
_KEPT = (
    "mapped.v",
    "memories.lib",
    "yosys.log",
    "parts.log",
    "sta_job.tcl",
    "sta.txt",
    "constraints",
)


def from_cache(job: Job) -> Result | None:
    """The result without running anything, its files put in place; None when it is not cached."""
    path = job.cached / "result.json"
    if not path.is_file() or not measure.ready(job):
        return None
    return _publish(job, json.loads(path.read_text()))


def run(job: Job) -> Result:
    """Synthesise; a design that cannot be is a Result too, with status "failed"."""
    if (job.cached / "result.json").is_file():
        return _publish(job, json.loads((job.cached / "result.json").read_text()))
    work = workfolder.make(job.cached.parent)
    try:
        begin = time.monotonic()
        try:
            result = synthesise(job, work)
        except Failed as failure:
            result = no_figures(job, str(failure))
            _put(job, work, result)
            return result
        seconds = round(time.monotonic() - begin, 2)
        data = {"schema": result.schema, **asdict(result)}
        write_json(work / "result.json", data)
        write_json(work / "seconds.json", seconds)
        _compress(work / "mapped.json", work / NETLIST)
        keep = {"result.json", "seconds.json", "memories.json", NETLIST, *_KEPT}
        for path in work.iterdir():
            if path.name not in keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        work.chmod(0o755)
        if not job.cached.exists():
            work.rename(job.cached)
        return _publish(job, data)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _compress(source: Path, target: Path) -> None:
    """The same bytes for the same bytes: without a time."""
    target.write_bytes(gzip.compress(source.read_bytes(), 6, mtime=0))


def _publish(job: Job, data: dict) -> Result:
    """Put a cached result in its place, the figures last: they vouch for the rest."""
    result = from_dict(data)
    # Whatever does not enter the figures does not enter the key: it may have changed since.
    result = replace(
        result,
        family=job.source.family,
        summary=job.source.summary,
        config=job.source.config,
        provenance=replace(result.provenance, library_file=job.liberty.name, command=job.command),
    )
    result = replace(measure.measured(job, result), equivalence=prove.known(job))
    _put(job, job.cached, result)
    return result


def _put(job: Job, folder: Path, result: Result) -> None:
    """Copy what there is in ``folder`` to the job's place."""
    if job.output:
        for name in _KEPT:
            if (folder / name).exists():
                write_atomic(job.output / name, (folder / name).read_bytes())
        save(job.output / "metrics.json", result)
