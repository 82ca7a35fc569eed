"""Recipes that were tried, in sets that differ from ``balanced`` in one thing each.

``python -m synth recipes --set NAME`` measures a set; docs/recipes.md shows what came of it, and
which of them became the named recipes.
"""

from __future__ import annotations

from dataclasses import replace

from .recipes import (
    AREA_MAP,
    CARRIES,
    CLEAN,
    DEFAULT,
    DELAY_MAP,
    OPTIMISE,
    RECIPES,
    RESTRUCTURE,
    RESYN2,
    RETIME,
    SIZE,
    Recipe,
)
from .recipes import find as named

_BASE = RECIPES[DEFAULT]


def _carry(booth: bool, carry: str) -> Recipe:
    multiplier = "booth" if booth else "array"
    return replace(
        _BASE,
        name=f"{multiplier}-{carry.lower()}",
        summary=f"{'Booth' if booth else 'unrecoded'} multipliers, {carry} carries",
        synth=f"-noabc {'-booth ' if booth else ''}-arith_tree{CARRIES[carry]}",
    )


def _abc(name: str, summary: str, *steps: str, sized: str = SIZE) -> Recipe:
    return replace(_BASE, name=name, summary=summary, abc="; ".join([*steps, sized]))


#: Carry-save trees (-arith_tree) in all but these two.
_TREES = (
    replace(
        _BASE,
        name="no-tree",
        summary="sums of many by Yosys's alumacc and macc",
        synth=_BASE.synth.replace(" -arith_tree", ""),
    ),
    replace(
        _BASE,
        name="no-tree-no-booth",
        summary="the same, multipliers unrecoded",
        synth=_BASE.synth.replace(" -arith_tree", "").replace(" -booth", ""),
    ),
)

SETS: dict[str, tuple[Recipe, ...]] = {
    "named": tuple(RECIPES.values()),
    "arithmetic": (
        *(_carry(booth, carry) for booth in (True, False) for carry in CARRIES),
        *_TREES,
    ),
    "logic": (
        _abc("plain", "no rewriting", CLEAN, "dch -f", AREA_MAP),
        _abc("dch", "full dch", CLEAN, RESYN2, "dch", AREA_MAP),
        _abc("gia-dch", "&dch", CLEAN, RESYN2, "&get -n; &dch; &put", AREA_MAP),
        _abc("synch2", "&synch2", CLEAN, RESYN2, "&get -n; &synch2; &put", AREA_MAP),
        _abc("dc2", "dc2, then resyn2", CLEAN, "dc2", RESYN2, "dch -f", AREA_MAP),
        _abc("restructure", "balanced by delay (if -g)", RESTRUCTURE, "dch -f", AREA_MAP),
    ),
    "mapping": (
        _abc("map", "delay mapping", OPTIMISE, DELAY_MAP),
        replace(
            _carry(False, "Kogge-Stone"),
            name="map-array-kogge-stone",
            summary="delay mapping, unrecoded, Kogge-Stone",
            abc="; ".join([OPTIMISE, DELAY_MAP, SIZE]),
        ),
        _abc("nf", "&nf", OPTIMISE, "&get -n; &nf; &put"),
        _abc("restructure-map", "if -g, delay mapping", RESTRUCTURE, "dch -f", DELAY_MAP),
        _abc("synch2-map", "&synch2, delay mapping", CLEAN, RESYN2, "&get -n; &synch2; &put",
             DELAY_MAP),
    ),
    "fast": tuple(
        replace(
            _carry(booth, carry),
            name=f"fast-{_carry(booth, carry).name}-{name}",
            summary=f"{_carry(booth, carry).summary}, balanced by delay, {name}",
            abc="; ".join([RESTRUCTURE, *steps, SIZE]),
        )
        for booth, carry, name, steps in (
            (True, "Kogge-Stone", "amap", ("dch -f", AREA_MAP)),
            (False, "Kogge-Stone", "amap", ("dch -f", AREA_MAP)),
            (True, "Brent-Kung", "map", (RESYN2, "dch -f", DELAY_MAP)),
            (False, "Brent-Kung", "map", (RESYN2, "dch -f", DELAY_MAP)),
            (True, "Kogge-Stone", "map", (RESYN2, "dch -f", DELAY_MAP)),
            (False, "Kogge-Stone", "map", (RESYN2, "dch -f", DELAY_MAP)),
        )
    ),
    "small": (
        replace(_carry(True, "Brent-Kung"), name="small", summary="dc2, resyn2, Brent-Kung",
                abc="; ".join([CLEAN, "dc2", RESYN2, "dch -f", AREA_MAP, SIZE])),
    ),
    # Takes minutes on all but the smallest designs.
    "deep": (
        _abc(
            "deepsyn", "&deepsyn, one step", CLEAN, "&get -n; &deepsyn -I 1 -J 1; &put",
            "dch -f", AREA_MAP,
        ),
    ),
    "sizing": (
        _abc("unsized", "neither buffers nor sizes", OPTIMISE, AREA_MAP, sized="topo"),
        _abc("buffered", "buffers only", OPTIMISE, AREA_MAP, sized="topo; buffer -c; topo"),
        _abc(
            "relaxed", "buffers and sizes, no hurry", OPTIMISE, AREA_MAP,
            sized="topo; buffer -c; topo; upsize -D 1000000; dnsize -D 1000000",
        ),
    ),
    "retiming": (replace(_BASE, name="retimed", summary="ABC's min-area retiming", before=RETIME),),
}  # fmt: skip


def find(name: str) -> Recipe:
    """The recipe called ``name``, a named one or one of a set; :class:`BadInput` for none."""
    tried = {recipe.name: recipe for chosen in SETS.values() for recipe in chosen}
    return tried.get(name) or named(name)
