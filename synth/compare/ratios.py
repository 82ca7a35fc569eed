"""The main ratios between formats in each of several libraries: do they hold elsewhere too?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from golden.files import write_json

from ..flow.options import Setup
from ..flow.stimulus import Stimulus
from ..mapping.recipes import Recipe
from ..metrics import Result

SCHEMA = "bitpillar-ratios-1"
#: What of a design is set against the same of another.
COMPARED = ("area", "critical_path", "energy")


@dataclass(frozen=True)
class Pair:
    """``design`` over ``base``."""

    title: str
    design: str
    base: str


PAIRS = (
    Pair("dINT4 over INT8, MAC", "dint4_int8_mac", "int8_mac"),
    Pair("dINT4 over INT8, 32 lanes", "dint4_int8_dot32", "int8_dot32"),
    Pair("AMXFP4 over MXFP4, 32 lanes", "amxfp4_dot32", "mxfp4_dot32"),
    Pair("MXINT8 over MXFP8 E4M3, 32 lanes", "mxint8_dot32", "mxfp8_e4m3_dot32"),
)


@dataclass(frozen=True)
class Ratio:
    """``values``: metric -> library -> ratio, where both are above 0; ``spread``: metric -> largest
    over smallest, less 1; ``errors``: library -> why there is none."""

    pair: Pair
    values: dict[str, dict[str, float]]
    errors: dict[str, str]

    @property
    def spread(self) -> dict[str, float]:
        return {
            name: max(of.values()) / min(of.values()) - 1 for name, of in self.values.items() if of
        }


def measure(
    setup: Setup, recipe: Recipe, stimulus: Stimulus | None
) -> tuple[list[Ratio], list[Result]]:
    """The ratios of the pairs whose designs are both among those of ``setup``, and the results they
    are of, which also go to ``build/ratios/LIBRARY``."""
    names = {source.name for source in setup.sources}
    pairs = [pair for pair in PAIRS if {pair.design, pair.base} <= names]
    if not pairs:
        allowed = "; ".join(f"{pair.design} and {pair.base}" for pair in PAIRS)
        raise BadInput(f"designs are {', '.join(sorted(names))}; allowed: {allowed}")
    needed = {name for pair in pairs for name in (pair.design, pair.base)}
    results = setup.run(
        each.job(
            source,
            recipe,
            stimulus=stimulus,
            parts=False,
            place=f"ratios/{each.libraries[0].name}",
        )
        for each in setup.each()
        for source in setup.sources
        if source.name in needed
    )
    return ratios(pairs, results), results


def ratios(pairs: list[Pair], results: list[Result]) -> list[Ratio]:
    """The ratios of ``pairs`` in each library that ``results`` are of."""
    found = {(result.provenance.library, result.design): result for result in results}
    libraries = list(dict.fromkeys(library for library, _ in found))
    made = []
    for pair in pairs:
        values: dict[str, dict[str, float]] = {name: {} for name in COMPARED}
        errors = {}
        for library in libraries:
            design, base = found[library, pair.design], found[library, pair.base]
            failed = [result for result in (design, base) if result.status != "ok"]
            if failed:
                errors[library] = f"{failed[0].design}: {failed[0].error}"
                continue
            for name in COMPARED:
                if all(result.get(name) and result[name] for result in (design, base)):
                    values[name][library] = design[name] / base[name]
        made.append(Ratio(pair, values, errors))
    return made


def save(path: Path, found: list[Ratio], results: list[Result], command: str) -> Path:
    """Write the ratios with where they come from."""
    rows: list[dict[str, Any]] = [{**asdict(each), "spread": each.spread} for each in found]
    sources = {r.provenance.library: r.provenance.line() for r in results}
    return write_json(
        path, {"schema": SCHEMA, "command": command, "provenance": sources, "ratios": rows}
    )
