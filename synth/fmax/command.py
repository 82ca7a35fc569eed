"""``python -m synth fmax``."""

from __future__ import annotations

import click

from golden.errors import BadInput

from ..flow.options import options, prepare
from ..mapping import candidates, recipes
from .search import search
from .table import show_curve


@click.command("fmax")
@options
@click.option(
    "--recipe",
    "names",
    multiple=True,
    help=f"Recipe to search with, may be repeated (default: {', '.join(recipes.SEARCHED)}).",
)
@click.option(
    "--points",
    type=click.IntRange(2, 50),
    default=6,
    show_default=True,
    help="Periods between the fastest and the smallest netlist.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0.1, 10),
    default=1.0,
    show_default=True,
    help="Percent of the period to which fmax is found.",
)
def fmax_command(names: tuple[str, ...], points: int, tolerance: float, **given) -> int:
    """Search for the fastest clock of DESIGNS, and trace their area against delay.

    Recipes are run anew at each period, and OpenSTA's slack says which of them meet it. All runs go
    to build/fmax/NAME/curve.json.
    """
    chosen = [candidates.find(name) for name in names or recipes.SEARCHED]
    if not given["designs"] and not given["folder"]:
        raise BadInput("designs are none; allowed: names or globs of the catalog")
    setup = prepare(**given)
    curves = [
        search(setup, source, chosen, points=points, tolerance=tolerance / 100)
        for source in setup.sources
    ]
    for curve in curves:
        show_curve(curve)
        print(setup.build / "fmax" / curve.design / "curve.json")
    return int(any(curve.fmax is None for curve in curves))
