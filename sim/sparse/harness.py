"""Machines compiled with a memory and a main program in C++, which runs jobs by itself.

The top module has the ports ``clk``, ``rst``, ``irq``, ``m_axi_*`` (AXI4) and ``s_axil_*``
(AXI4-Lite, 32 bits) of :mod:`hw.sparse.axi`; the width of the bus is found from them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from golden.errors import require

from ..cache import CACHE, cached, digest
from ..compiler import BuildError, Trace, compile_model, fingerprint, home
from ..verilator import COMMON
from .steps import Job, Result

SOURCES = tuple(
    Path(__file__).with_name(name)
    for name in ("harness.cpp", "simulation.h", "memory.h", "ports.h", "store.h")
)


class Died(Exception):
    """The simulator ended without having done all jobs: the message is what it said."""


@dataclass(frozen=True)
class Machine:
    """A compiled machine: the executable ``binary``, which runs jobs."""

    binary: Path
    trace: Trace
    seconds: float  # spent on compiling it now; 0 when it was there already

    @classmethod
    def build(
        cls,
        verilog: Path,
        top: str,
        *,
        optimize: str = "-O2",
        trace: Trace = "none",
        whole: Sequence[str] = (),
        cache: Path = CACHE,
        jobs: int | None = None,
    ) -> Machine:
        """Compile ``verilog``, or find it compiled, with ``jobs`` compilers at a time.

        ``optimize``: level of the C++ compiler. ``trace``: "fst" for a machine that can record
        waves. ``whole``: modules with many instances that are to be compiled once instead of
        into their surroundings: a large array compiles much faster and runs slower.

        Raises :class:`BuildError` with the words of the tool that failed.
        """
        require(trace in ("none", "fst"), "trace", trace, "none, fst")
        begin = time.monotonic()
        control = "`verilator_config\n" + "".join(f'no_inline -module "{m}"\n' for m in whole)
        sources = [path.read_bytes() for path in SOURCES]
        key = digest(
            *(verilog.read_bytes(), top, trace, control, optimize, COMMON, fingerprint()), *sources
        )

        def make(folder: Path) -> None:
            (folder / "control.vlt").write_text(control)
            work = folder / "cpp"
            command = [
                *(str(home() / "bin" / "verilator_bin"), *COMMON),
                *([] if trace == "none" else [f"--trace-{trace}"]),
                *("--Mdir", str(work), "--top-module", top),
                *(str(folder / "control.vlt"), str(verilog.resolve())),
            ]
            environment = os.environ | {"VERILATOR_ROOT": str(home())}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise BuildError(done.stderr.strip())
            processors = jobs or os.cpu_count() or 1
            compile_model(
                *(work, folder / "machine", trace, cache, processors),
                main=SOURCES[0],
                optimize=optimize,
            )
            shutil.rmtree(work)

        folder, made = cached(cache, f"{top}-machine-{key}", make)
        seconds = time.monotonic() - begin if made else 0.0
        return cls(folder.resolve() / "machine", trace, seconds)

    def run(self, job: Job, *, folder: Path | None = None, timeout: float | None = None) -> Result:
        """Run one job; see :meth:`run_all`."""
        return self.run_all([job], folder=folder, timeout=timeout)[0]

    def run_all(
        self, jobs: Sequence[Job], *, folder: Path | None = None, timeout: float | None = None
    ) -> list[Result]:
        """Run jobs in one process, each on a machine of its own, and return their results.

        What goes wrong in a job is in its result. Progress of long ones goes to stderr. Files are
        in ``folder``, which is made and kept, or in a temporary one; waves are ``NAME.fst`` there.
        Raises :class:`Died` when the simulator dies, or has not ended after ``timeout`` seconds.
        """
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="machine-") as temporary:
                return self._run(jobs, Path(temporary), timeout)
        folder.mkdir(parents=True, exist_ok=True)
        return self._run(jobs, folder, timeout)

    def _run(self, jobs: Sequence[Job], folder: Path, timeout: float | None) -> list[Result]:
        for old in folder.glob("dump*"):
            old.unlink()
        with (folder / "image").open("wb") as blob, (folder / "jobs").open("w") as script:
            for number, job in enumerate(jobs):
                require(self.trace == "fst" or not job.trace, "trace", job.trace, "None")
                for line in job.lines(number, blob):
                    script.write(line + "\n")
        command = [str(self.binary), "jobs", "results"]
        try:
            done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Died(f"the simulator did not end within {timeout:.0f} s") from None
        reports = [json.loads(line) for line in (folder / "results").read_text().splitlines()]
        if done.returncode or len(reports) != len(jobs):
            raise Died(
                f"the simulator ended with status {done.returncode} after"
                f" {len(reports)} of {len(jobs)} jobs"
            )
        return [
            job.result(number, report, folder)
            for number, (job, report) in enumerate(zip(jobs, reports, strict=True))
        ]
