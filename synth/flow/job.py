"""A design and how to synthesise it; the address of the result in the cache.

The cache is addressed by content: the Verilog, the recipe, the library's bytes, the clock, the
versions of the tools and the text of this flow itself. So a hit is as good as a run, and there is
nothing to invalidate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from ..cache import address
from ..library import DEFAULT_LIBERTY, Library, memories
from ..library.memories import DEFAULT_SRAM, Sram
from ..mapping import netlist, yosys
from ..mapping.netlist import Netlist
from ..mapping.recipes import Recipe
from ..power.operations import each_cycle, operation
from ..sources import Source
from ..timing import corners, sta
from .stimulus import Stimulus

#: The files whose text decides what comes out. Recipes are part of the address as data.
DECIDING = (
    "synth/flow/figures.py",
    "synth/flow/job.py",
    "synth/flow/synthesise.py",
    "synth/library/*.py",
    "synth/mapping/hierarchy.py",
    "synth/mapping/netlist.py",
    "synth/mapping/yosys.py",
    "synth/mapping/yosys_worker.py",
    "synth/metrics/*.py",
    "synth/power/*.py",
    "synth/timing/*",
)
#: The netlist in the cache, as JSON.
NETLIST = "mapped.json.gz"


@dataclass(frozen=True)
class Job:
    """A design and how to synthesise it; ``liberty`` is the file as the user named it.

    ``place``: the folder of ``build`` where the results of the design go, None for nowhere but the
    cache. ``parts``: whether the area by submodule is wanted, for which all is mapped again.
    ``corners``: Liberty files of the same cells that the netlist is timed with too. ``stimulus``:
    what activity is recorded from, None for power from default activity.
    """

    source: Source
    recipe: Recipe
    liberty: Path
    dont_use: tuple[str, ...]
    library_sha256: str
    period: float
    build: Path
    timeout: float = 1800.0
    sram: Sram = field(default_factory=Sram)
    place: str | None = "synth"
    parts: bool = True
    corners: tuple[Path, ...] = ()
    stimulus: Stimulus | None = None

    @property
    def key(self) -> str:
        """The cache's address of the result."""
        facts = {
            "verilog": self.source.sha256,
            "top": [self.source.name, self.source.clock, self.source.reset],
            "recipe": asdict(self.recipe),
            "library": self.library_sha256,
            "dont_use": self.dont_use,
            "period": self.period,
            "sram": self.sram.sha256,
            "hierarchical": self.source.hierarchical,
            "parts": self.parts,
            "corners": [[path.name, corners.read(path).sha256] for path in self.corners],
            "operation": [operation(self.source.unit).name, each_cycle(self.source.unit)],
            "tools": tools(),
            "flow": address.of_files(*DECIDING),
        }
        return address.of_facts(facts)

    @property
    def library(self) -> Library:
        return _library(self.liberty, self.dont_use)

    @property
    def cached(self) -> Path:
        return self.build / "cache" / "synth" / self.key

    @property
    def output(self) -> Path | None:
        return self.build / self.place / self.source.name if self.place else None

    @property
    def command(self) -> str:
        """What to type for the same figures (from the project's folder)."""
        parts = [f"python -m synth run {self.source.name}", f"--recipe {self.recipe.name}"]
        if self.recipe.target_ns is not None:
            parts.append(f"--target {self.recipe.target_ns:g}")
        if self.liberty != DEFAULT_LIBERTY:
            parts.append(f"--liberty {self.liberty.name}")
        parts += [f"--corner {path.name}" for path in self.corners]
        parts += [f"--dont-use '{glob}'" for glob in self.dont_use]
        models = [self.sram.path] if self.sram.path != DEFAULT_SRAM else []
        parts += [f"--sram {path.name}" for path in (*models, *self.sram.files)]
        parts.append(f"--period {self.period:g}")
        parts += self.stimulus.options if self.stimulus else ["--activity default"]
        return " ".join(parts)


@cache
def _library(liberty: Path, dont_use: tuple[str, ...]) -> Library:
    return Library(liberty, dont_use)


@cache
def tools() -> dict[str, str]:
    """The versions of the tools; :class:`BadInput` when one is missing."""
    return {"Yosys": yosys.yosys_version(), "OpenSTA": sta.sta_version()}


def netlists(job: Job) -> dict[str, Netlist]:
    """The modules of a netlist in the cache."""
    library = job.library
    kinds = memories.read(job.cached / "memories.json")
    boxes = {name: kind.cell(library.data_load) for name, kind in kinds.items()}
    return netlist.read(job.cached / NETLIST, library, boxes)
