"""``python -m synth bench-mac``: units beside the best open RTL known for the same function.

Each row is a design of ours with exactly the function of something that others published, and its
figures in the recipe ``reference``; both are areas and longest paths in the OSU 0.18 um library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from golden.bitmod import BitmodConfig
from golden.cli import output
from golden.dot import DotConfig
from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import E2M1, E2M3, E3M2, E4M3, E5M2, FP32, INT8, INT32, MXINT8
from golden.mx import BLOCKS
from golden.posit_mac import PositMacConfig
from golden.unit import Unit
from hw.catalog import Design

from .. import sources
from ..flow.options import DEFAULT_PERIOD, build_option, configure, jobs_option
from ..library import DEFAULT_LIBERTY
from ..mapping import recipes
from ..metrics import Result
from ..tables.figures import shown


@dataclass(frozen=True)
class Row:
    """A function, the best open RTL for it, and our unit.

    Parameters
    ----------
    name:
        Of the row, and of our design.
    function:
        What both compute.
    area, delay:
        Of the published RTL: um2, and ns of its longest path.
    config:
        Our unit.
    goal:
        The share of ``area`` that is aimed at.
    """

    name: str
    function: str
    area: float
    delay: float
    config: Unit
    goal: float = 0.8

    @property
    def design(self) -> Design:
        """Our unit under the row's name."""
        return Design(self.name, self.config, self.function, "bench-mac", "bench-mac")

    def verdict(self, area: float, delay: float) -> str:
        """What figures of ours come to: "goal met", "met" (smaller and no slower), or "missed" and
        by how much."""
        misses = [f"area by {excess(area, self.area)}"] if area >= self.area else []
        misses += [f"delay by {excess(delay, self.delay)}"] if delay > self.delay else []
        if misses:
            return "missed: " + ", ".join(misses)
        return "goal met" if area <= self.goal * self.area else "met"


def excess(value: float, bound: float) -> str:
    """How much a value is beyond a bound."""
    return f"{100 * (value / bound - 1):.1f} %"


def _dot(element: Any, **more: Any) -> DotConfig:
    """The bare exact sum of 32 products, without scales and registers."""
    return DotConfig(a=element, w=element, combinational=True, **more)


def _encoder(name: str) -> EncoderConfig:
    return EncoderConfig(format=BLOCKS[name], combinational=True)


ROWS: tuple[Row, ...] = (
    Row("e2m1_sum32", "MXFP4 (E2M1) dot-32, exact sum", 111_870, 5.63, _dot(E2M1)),
    Row("e2m3_sum32", "MXFP6 E2M3 dot-32, exact sum", 236_174, 6.74, _dot(E2M3)),
    Row("e3m2_sum32", "MXFP6 E3M2 dot-32, exact sum", 261_345, 8.2, _dot(E3M2)),
    Row("e4m3_sum32", "MXFP8 E4M3 dot-32, exact sum, NaN flag", 486_281, 10.4, _dot(E4M3)),
    Row("e5m2_sum32", "MXFP8 E5M2 dot-32, exact sum", 680_241, 13.4, _dot(E5M2)),
    Row("mxint8_sum32", "MXINT8 dot-32, exact sum", 502_740, 7.8, _dot(MXINT8)),
    Row(
        "nvfp4_sum16",
        "NVFP4 dot-16 with both scales, exact to FP32",
        103_104,
        9.1,
        _dot(E2M1, lanes=16, scale=BLOCKS["nvfp4"].scale, output_format=FP32),
    ),
    Row(
        "posit8_0_mac26",
        "posit(8,0) MAC, 26-bit quire",
        51_498,
        9.7,
        PositMacConfig(quire_bits=26, combinational=True),
    ),
    Row("mxfp4_encode", "BF16 to MXFP4, block of 32", 267_721, 13.9, _encoder("mxfp4"), goal=0.5),
    Row(
        "mxfp8_e4m3_encode",
        "BF16 to MXFP8 E4M3, block of 32",
        401_809,
        12.5,
        _encoder("mxfp8_e4m3"),
        goal=0.5,
    ),
    Row("mxint8_encode", "BF16 to MXINT8, block of 32", 261_773, 13.3, _encoder("mxint8"), 0.5),
    Row(
        "bitmod_step4",
        "BitMoD processing element, 4 lanes, a term each",
        118_121,
        7.6,
        BitmodConfig(given=True, combinational=True),
    ),
    Row(
        "int8_mac32",
        "INT8 MAC, 32-bit accumulator",
        36_206,
        5.0,
        DotConfig(a=INT8, w=INT8, lanes=1, accumulator=INT32, combinational=True),
    ),
)
"""Published figures: open RTL of others, measured in the recipe ``reference``, OSU 0.18 um."""


def select(names: Sequence[str]) -> list[Row]:
    """The rows called ``names``, all without names; :class:`BadInput` lists those that exist."""
    known = {row.name: row for row in ROWS}
    for name in names:
        if name not in known:
            raise BadInput(f"row is {name!r}; allowed: {', '.join(known)}")
    return [row for row in ROWS if not names or row.name in names]


def table(rows: Sequence[Row], results: Sequence[Result], judged: bool) -> Table:
    """Ours beside the published; verdicts if ``judged``."""
    first = results[0].provenance
    result_table = Table(
        title=f"{first.library}, {first.corner}; recipe {first.recipe}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    result_table.add_column("design", no_wrap=True)
    result_table.add_column("function", no_wrap=True)
    for name in ("area\num2", "open RTL\num2", "ratio", "delay\nns", "open RTL\nns", "ratio"):
        result_table.add_column(name, justify="right", no_wrap=True)
    if judged:
        result_table.add_column("", no_wrap=True)
    for row, result in zip(rows, results, strict=True):
        if result.status != "ok":
            result_table.add_row(row.name, row.function, "failed")
            continue
        area, delay = result["area"], result["critical_path"]
        cells = []
        for ours, theirs in ((area, row.area), (delay, row.delay)):
            cells += [shown(ours), shown(theirs), f"{ours / theirs:.2f}"]
        cells += [row.verdict(area, delay)] if judged else []
        result_table.add_row(row.name, row.function, *cells)
    return result_table


def show(rows: Sequence[Row], results: Sequence[Result], judged: bool) -> None:
    """Print the table, and below it why designs failed."""
    output.print(table(rows, results, judged))
    for result in results:
        if result.status != "ok":
            output.print(f"{result.design} failed: {result.error}", soft_wrap=True, markup=False)


@click.command("bench-mac")
@click.argument("rows", nargs=-1)
@click.option(
    "--recipe",
    default="reference",
    show_default=True,
    help="Synthesis recipe; verdicts are only of that in which the open RTL was measured.",
)
@jobs_option
@build_option
def bench_mac(rows: tuple[str, ...], recipe: str, jobs: int | None, build: Path) -> int:
    """Synthesise units beside the best open RTL for the same function, and print by how much they
    are smaller and faster (ROWS: names of the first column).

    Results go to build/bench-mac/RECIPE.
    """
    chosen, how = select(rows), recipes.find(recipe)
    setup = configure(
        liberty=(DEFAULT_LIBERTY,),
        period=DEFAULT_PERIOD,
        dont_use=(),
        sram=(),
        jobs=jobs,
        timeout=7200.0,
        build=build,
    )
    place = f"bench-mac/{recipe}"
    designs = [row.design for row in chosen]
    found = sources.from_designs(designs, build / "bench-mac" / "verilog", jobs)
    results = setup.run(setup.job(source, how, place=place, parts=False) for source in found)
    show(chosen, results, judged=recipe == "reference")
    return int(any(result.status != "ok" for result in results))
