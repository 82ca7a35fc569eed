"""``python -m synth bench-flow``: designs a minute, and where the time goes."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from golden.cli import output, progress
from golden.errors import BadInput
from hw.catalog import Design, select

from .. import flow
from ..flow.options import DEFAULT_PERIOD
from ..library import DEFAULT_LIBERTY, Library
from ..mapping import recipes, yosys
from ..sources import emission
from ..timing import sta

#: One of each kind that synthesis meets often: a MAC, two dot products, a decoder, a requantizer.
DESIGNS = ("int8_mac", "int4_dot32", "mxfp4_dot32", "mxint4_decoder", "requant_int32_int8")
PHASES = ("emission", "Yosys", "ABC", "Yosys: process", "OpenSTA", "Python")
"""Where time goes. Of Yosys: its commands, its ABC, and what its process takes beside them to
start and to end. Python is the rest: reading netlists, power, the cache."""


@dataclass
class Times:
    """Seconds by phase and how many designs they are of; ``starts``: processes by tool."""

    designs: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    starts: dict[str, int] = field(default_factory=lambda: {"Yosys": 0, "OpenSTA": 0})

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    @property
    def rate(self) -> float:
        """Designs a minute."""
        return 60 * self.designs / self.total


def measure(designs: list[Design], build: Path, step: Callable[[str], None]) -> Times:
    """Emit and synthesise ``designs`` one by one in this process, with the caches in ``build``."""
    times = Times()
    library = Library(DEFAULT_LIBERTY)
    for design in designs:
        begin, before = time.perf_counter(), times.total
        with _watched(times):
            source = emission.emitted(design, build)
            result = flow.run(
                flow.Job(
                    source,
                    recipes.find(recipes.DEFAULT),
                    DEFAULT_LIBERTY,
                    (),
                    library.sha256,
                    DEFAULT_PERIOD,
                    build,
                )
            )
        if result.status != "ok":
            raise BadInput(f"design {design.name} failed: {result.error}; allowed: others")
        times.designs += 1
        whole = time.perf_counter() - begin
        times.seconds["Python"] += whole - (times.total - before)
        step(f"{design.name} {whole:.2f} s")
    return times


@contextmanager
def _watched(times: Times) -> Iterator[None]:
    """Within, what emission, Yosys and OpenSTA take is added to ``times``."""

    def emit(seconds: float, *arguments: Any) -> None:
        times.seconds["emission"] += seconds

    def map_it(seconds: float, steps: list[str], folder: Path, timeout: float) -> None:
        abc, commands = _commands((folder / "yosys.log").read_text(errors="replace"))
        times.starts["Yosys"] += 1
        times.seconds["ABC"] += abc
        times.seconds["Yosys"] += commands - abc
        times.seconds["Yosys: process"] += seconds - commands

    def time_it(seconds: float, *arguments: Any) -> None:
        times.starts["OpenSTA"] += 1
        times.seconds["OpenSTA"] += seconds

    with ExitStack() as stack:
        for module, name, note in (
            (emission, "emit", emit),
            (yosys, "run", map_it),
            (sta, "run", time_it),
        ):
            stack.enter_context(_noted(module, name, note))
        yield


@contextmanager
def _noted(module: Any, name: str, note: Callable[..., None]) -> Iterator[None]:
    """Within, ``note(seconds, ...)`` is called after each call of a function of ``module``."""
    function = getattr(module, name)

    def timed(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        found = function(*arguments, **options)
        note(time.perf_counter() - begin, *arguments)
        return found

    setattr(module, name, timed)
    try:
        yield
    finally:
        setattr(module, name, function)


def _commands(log: str) -> tuple[float, float]:
    """Seconds of ABC, and of all commands, in a log of Yosys."""
    spent = re.findall(r"^@ ([\d.]+) s: (\w*)", log, re.MULTILINE)
    abc = sum(float(seconds) for seconds, command in spent if command == "abc")
    return abc, sum(float(seconds) for seconds, _ in spent)


@click.command("bench-flow")
@click.argument("designs", nargs=-1)
def bench_flow(designs: tuple[str, ...]) -> None:
    """Designs a minute through synthesis, without and with the caches, and where the time goes.

    One process, recipe and library by default, a temporary cache. DESIGNS: names or globs of the
    catalog (default: five of different kinds).
    """
    flow.tools()
    chosen = [d for name in DESIGNS for d in select(name)] if not designs else select(*designs)
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for name in ("cold", "cached"):
            with progress(name, len(chosen)) as step:
                runs[name] = measure(chosen, Path(folder), step)
    cold, cached = runs["cold"], runs["cached"]
    print(f"{len(chosen)} designs, one process: {', '.join(design.name for design in chosen)}")
    for name, times in runs.items():
        print(f"{name}: {times.rate:,.1f} designs a minute ({times.total:.2f} s)")
    print(f"cached over cold: {cached.rate / cold.rate:,.0f}")
    table = Table("phase", box=None, pad_edge=False)
    for heading in ("s", "share of cold", "processes"):
        table.add_column(heading, justify="right")
    for phase, seconds in cold.seconds.items():
        starts = cold.starts.get(phase)
        table.add_row(phase, f"{seconds:.2f}", f"{seconds / cold.total:.1%}", str(starts or ""))
    output.print(table)
