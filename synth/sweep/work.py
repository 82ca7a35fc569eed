"""What a worker does: one point, from its configuration to its figures."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from hw.catalog import Design

from .. import flow
from ..flow import measure
from ..flow.stimulus import Stimulus
from ..library.memories import Sram
from ..mapping.recipes import Recipe
from ..sources import Source, emission

SCHEMA = "bitpillar-point-1"
Record = dict[str, Any]
"""What is known of a point, as plain data: ``key``, ``status`` ("ok", "failed"), the ``stage`` that
failed ("parameters", "emission", "synthesis", "worker"), ``error``, ``timeout``, ``result`` (a
:class:`synth.metrics.Result` without breakdowns), and ``lasting``: whether running it once more
would only give the same."""


@dataclass(frozen=True)
class Task:
    """A point for a worker. Paths are absolute; ``key``: see :meth:`address`."""

    design: Design
    recipe: Recipe
    period: float
    liberty: Path
    library_sha256: str
    dont_use: tuple[str, ...]
    sram: Sram
    build: Path
    timeout: float
    stimulus: Stimulus | None = None
    key: str = ""

    def job(self, source: Source) -> flow.Job:
        return flow.Job(
            source=replace(source, unit=self.design.config),
            recipe=self.recipe,
            liberty=self.liberty,
            dont_use=self.dont_use,
            library_sha256=self.library_sha256,
            period=self.period,
            build=self.build,
            timeout=self.timeout,
            sram=self.sram,
            place=None,
            parts=False,
            stimulus=self.stimulus,
        )

    def address(self) -> str:
        """The address of the record: all that the figures depend on, with the address of the
        Verilog in place of the Verilog, so that nothing has to be emitted to know it."""
        stand_in = Source(
            name=self.design.name,
            verilog=Path(),
            sha256=emission.key(self.design),
            clock="clk",
            reset="rst",
            hierarchical=self.design.hierarchical,
        )
        job = self.job(stand_in)
        return measure.folder(job).name if self.stimulus else job.key


def record(status: str, stage: str = "", error: str = "", lasting: bool = True) -> Record:
    """A record without a result."""
    return {
        "schema": SCHEMA,
        "key": "",
        "status": status,
        "stage": stage,
        "error": " ".join(error.split()),
        "lasting": lasting,
        "timeout": 0.0,
        "result": None,
    }


def evaluate(task: Task) -> Record:
    """The record of a point; whatever goes wrong is in it. Runs on a worker."""
    stage = "emission"
    try:
        if task.address() != task.key:
            return record("failed", "worker", _STRANGER.format(host=os.uname().nodename), False)
        source = emission.emitted(task.design, task.build)
        stage = "synthesis"
        job = task.job(source)
        # What `run` found serves as well: it knows the area by submodule too.
        result = flow.from_cache(replace(job, parts=True)) or flow.run(job)
    except (OSError, MemoryError) as error:  # of this machine, now
        found = record("failed", stage, f"{type(error).__name__}: {error}", lasting=False)
    except BadInput as error:
        found = record("failed", stage, str(error))
    except Exception as error:
        found = record("failed", stage, f"{type(error).__name__}: {error}")
    else:
        short = replace(result, cells_by_type={}, parts=[], branches=[], critical_path=None)
        found = record(result.status, stage if result.error else "", result.error)
        found["result"] = asdict(short)
    return found | {"key": task.key, "timeout": task.timeout}


_STRANGER = (
    "worker on {host} has other sources or tools than this machine; start it anew from this project"
)
