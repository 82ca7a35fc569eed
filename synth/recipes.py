"""Synthesis recipes: how RTL becomes cells, as data. docs/synthesis.md shows how they compare.

All but ``reference`` end in the same buffering and sizing, without which ABC's netlists have nets
of any fanout and all cells at their smallest.
"""

from __future__ import annotations

from dataclasses import dataclass

from golden.errors import BadInput

# ABC's resyn2 without its aliases: a Yosys from PyPI brings no abc.rc.
_RESYN2 = (
    "balance; rewrite; refactor; balance; rewrite; rewrite -z;"
    " balance; refactor -z; rewrite -z; balance"
)
_CLEAN = "strash; ifraig; scorr"
_SIZE = "topo; buffer -c; topo; upsize -D 1; dnsize -D 1"  # to the fastest that sizing gives


@dataclass(frozen=True)
class Recipe:
    """One way to synthesise.

    ``synth``: options of Yosys's ``synth``; ``abc``: ABC's script, None for the default script of
    Yosys; ``delay_ps``: ABC's delay target; ``driver``, ``load_ff``: cell and load that ABC assumes
    at the edges of the logic, None for what the library suggests (its driving cell, and the D pin
    of its flip-flop).
    """

    name: str
    summary: str
    synth: str
    abc: str | None
    delay_ps: float | None = None
    driver: str | None = None
    load_ff: float | None = None


_ALL = (
    Recipe(
        "balanced",
        "Booth multipliers, Han-Carlson carries, area mapping: the least area times delay",
        synth="-noabc -booth -arith_tree -extra-map +/choices/han-carlson.v",
        abc=f"{_CLEAN}; {_RESYN2}; dch -f; amap -x -m; {_SIZE}",
    ),
    Recipe(
        "area",
        "Booth multipliers, Yosys's own carries, area mapping: the least area",
        synth="-noabc -booth -arith_tree",
        abc=f"{_CLEAN}; {_RESYN2}; dch -f; amap -x -m; {_SIZE}",
    ),
    Recipe(
        "speed",
        "carry-save trees, Kogge-Stone carries, delay mapping: fast and large",
        synth="-noabc -arith_tree -extra-map +/choices/kogge-stone.v",
        abc=f"{_CLEAN}; {_RESYN2}; dch -f; map -B 0.9 -D 1; {_SIZE}",
    ),
    Recipe(
        "reference",
        "Yosys's plain synth and default ABC script: comparable with figures made elsewhere",
        synth="",
        abc=None,
        delay_ps=1000,
        driver="INVX2",
        load_ff=0.05,
    ),
)

RECIPES = {recipe.name: recipe for recipe in _ALL}
DEFAULT = "balanced"


def find(name: str) -> Recipe:
    """The recipe called ``name``; :class:`BadInput` lists those that exist."""
    if name not in RECIPES:
        raise BadInput(f"recipe is {name!r}; allowed: {', '.join(RECIPES)}")
    return RECIPES[name]
