"""Synthesis recipes: how RTL becomes cells, as data. docs/recipes.md shows how they compare.

All but ``reference`` end in the same buffering and sizing, without which ABC's netlists have nets
of any fanout and all cells at their smallest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from golden.errors import BadInput

# ABC's resyn2 without its aliases: a Yosys from PyPI brings no abc.rc.
RESYN2 = (
    "balance; rewrite; refactor; balance; rewrite; rewrite -z;"
    " balance; refactor -z; rewrite -z; balance"
)
CLEAN = "strash; ifraig; scorr"
OPTIMISE = f"{CLEAN}; {RESYN2}; dch -f"
RESTRUCTURE = f"{OPTIMISE}; if -g -K 6; strash"  # balanced by delay over sums of products
AREA_MAP = "amap -x -m"
DELAY_MAP = "map -B 0.9 -D {map}"
#: ABC's min-area retiming over Yosys's own flip-flops, as a Yosys command.
RETIME = "abc -dff -g simple -script +strash;,ifraig;,scorr;,dretime;,strash;,dch,-f;,map"
SIZE = "topo; buffer -c; topo; upsize -D {size}; dnsize -D {size}"

#: Yosys's options for each carry of adders; "" is its own, Brent-Kung.
CARRIES = {
    "Brent-Kung": "",
    "Sklansky": " -extra-map +/choices/sklansky.v",
    "Han-Carlson": " -extra-map +/choices/han-carlson.v",
    "Kogge-Stone": " -extra-map +/choices/kogge-stone.v",
}

#: ABC's mapper sees gates at a fixed gain, sized as they never will be: its delays are about twice
#: those that OpenSTA finds after sizing.
_MAPPER_OVER_STA = 2.0


@dataclass(frozen=True)
class Recipe:
    """One way to synthesise.

    ``synth``: options of Yosys's ``synth``; ``abc``: ABC's script, None for the default script of
    Yosys, in which ``{map}`` and ``{size}`` stand for the delays (ps) that mapping and sizing aim
    for; ``delay_ps``: what Yosys itself hands to its default script; ``driver``, ``load_ff``: cell
    and load that ABC assumes at the edges of the logic, None for what the library suggests (its
    driving cell, and the D pin of its flip-flop); ``target_ns``: the delay to aim for, None for the
    least there is; ``before``: a Yosys command before flip-flops are mapped.
    """

    name: str
    summary: str
    synth: str
    abc: str | None
    delay_ps: float | None = None
    driver: str | None = None
    load_ff: float | None = None
    target_ns: float | None = None
    before: str = ""

    def at(self, target_ns: float | None) -> Recipe:
        """The same, aiming for another delay: whatever is faster may become smaller."""
        return replace(self, target_ns=target_ns)

    @property
    def script(self) -> str | None:
        """ABC's script without placeholders."""
        if self.abc is None:
            return None
        size = 1 if self.target_ns is None else round(1e3 * self.target_ns)
        mapped = 1 if self.target_ns is None else round(1e3 * self.target_ns * _MAPPER_OVER_STA)
        return self.abc.format(map=mapped, size=size)


_ALL = (
    Recipe(
        "balanced",
        "Booth multipliers, Han-Carlson carries, area mapping: small, and not slow for it",
        synth=f"-noabc -booth -arith_tree{CARRIES['Han-Carlson']}",
        abc=f"{OPTIMISE}; {AREA_MAP}; {SIZE}",
    ),
    Recipe(
        "area",
        "Booth multipliers, Yosys's own carries, area mapping: the least area",
        synth="-noabc -booth -arith_tree",
        abc=f"{OPTIMISE}; {AREA_MAP}; {SIZE}",
    ),
    Recipe(
        "speed",
        "unrecoded multipliers, logic balanced by delay, delay mapping: fast and large",
        synth="-noabc -arith_tree",
        abc=f"{RESTRUCTURE}; {RESYN2}; dch -f; {DELAY_MAP}; {SIZE}",
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
#: What the search for the fastest clock tries at each period: the named ones, and a candidate that
#: lies on the front between them.
SEARCHED = ("area", "balanced", "fast-array-kogge-stone-amap", "speed")


def find(name: str) -> Recipe:
    """The recipe called ``name``; :class:`BadInput` lists those that exist."""
    if name not in RECIPES:
        raise BadInput(f"recipe is {name!r}; allowed: {', '.join(RECIPES)}")
    return RECIPES[name]
