"""Memories: kept out of the netlist, and counted by a model whose coefficients are in a file.

``sram.toml`` has the default ones and says where they come from. What the model gives is kept
apart from the figures of the cells everywhere.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golden.errors import BadInput, require

from ..metrics import MemoryUse, Metric, metric
from . import macros
from .cell import Cell, Pin
from .liberty import Group
from .macros import Macro

DEFAULT_SRAM = Path(__file__).with_name("sram.toml")

_NUMBERS = (
    "least_bits", "least_words", "cell_edge", "port_edge", "area_cells", "area_edge", "voltage",
    "leakage", "leakage_port", "setup",
)  # fmt: skip
_ROWS = {"read_energy": 3, "write_energy": 3, "access": 2}


@dataclass(frozen=True)
class Memory:
    """A kind of memory: ``words`` of ``width`` bits, so many ports that read and that write.

    ``pins`` maps each pin of its black box to "input", "output" or "clock". ``clocked``: data come
    at the clock edge after the address, else at once.
    """

    name: str
    words: int
    width: int
    reads: int
    writes: int
    clocked: bool
    pins: dict[str, str] = field(repr=False)

    @property
    def bits(self) -> int:
        return self.words * self.width

    @property
    def ports(self) -> int:
        return self.reads + self.writes

    def cell(self, capacitance: float) -> Cell:
        """The black box as a cell without area, with inputs of ``capacitance`` pF."""
        pins = {
            name: Pin(
                name,
                "output" if kind == "output" else "input",
                0.0 if kind == "output" else capacitance,
                None,
                kind == "clock",
                Group("pin", (name,)),
            )
            for name, kind in self.pins.items()
        }
        return Cell(self.name, 0.0, 0.0, "memory", False, pins, Group("cell", (self.name,)))


class Sram:
    """What memories cost: the coefficients in a TOML file (without one the default), and before
    them the macros in any Liberty files. Raises :class:`BadInput` for a file without them."""

    def __init__(self, *paths: Path):
        models = [Path(path) for path in paths if Path(path).suffix == ".toml"]
        require(len(models) <= 1, "--sram", [str(p) for p in models], "one TOML file, any Liberty")
        self.files = [Path(path) for path in paths if Path(path).suffix != ".toml"]
        self.macros = [macro for file in self.files for macro in macros.read(file)]
        self.path = models[0] if models else DEFAULT_SRAM
        self._read(self.path)
        digest = hashlib.sha256(self.bytes)
        for file in self.files:
            digest.update(file.read_bytes())
        self.sha256 = digest.hexdigest()

    def _read(self, path: Path) -> None:
        try:
            self.bytes = self.path.read_bytes()
            facts: dict[str, Any] = tomllib.loads(self.bytes.decode())
        except (OSError, ValueError) as error:
            raise BadInput(f"memory coefficients {path} cannot be read: {error}") from error
        wanted = {"name", "source", *_NUMBERS, *_ROWS}
        if facts.keys() != wanted:
            odd = ", ".join(sorted(facts.keys() ^ wanted))
            raise BadInput(f"memory coefficients {path}: missing or unknown: {odd}")
        for name, length in {**dict.fromkeys(_NUMBERS, 1), **_ROWS}.items():
            row = facts[name] if name in _ROWS else [facts[name]]
            if not (isinstance(row, list) and len(row) == length and all(map(_positive, row))):
                what = "a number" if length == 1 else f"a list of {length} numbers"
                raise BadInput(f"{name} of {path} is {facts[name]!r}; allowed: {what} of 0 or more")
        self._facts = facts
        self.name: str = facts["name"]
        self.source = " ".join(facts["source"].split())
        self.least_bits, self.least_words = int(facts["least_bits"]), int(facts["least_words"])
        self.setup = float(facts["setup"])

    def macro(self, memory: Memory) -> Macro | None:
        """The one that makes this memory with the least area; None for none with its ports."""
        able = [m for m in self.macros if memory.clocked and m.fits(memory.reads, memory.writes)]
        return min(able, key=lambda m: math.prod(_tiles(m, memory)) * m.area, default=None)

    def area(self, memory: Memory) -> float:
        """um2."""
        macro = self.macro(memory)
        if macro:
            return math.prod(_tiles(macro, memory)) * macro.area
        f = self._facts
        edge = f["cell_edge"] + f["port_edge"] * (memory.ports - 1)
        border = f["area_edge"] * math.sqrt(memory.bits) * edge / f["cell_edge"]
        return f["area_cells"] * memory.bits * edge**2 + border

    def energy(self, memory: Memory, access: str, voltage: float) -> float:
        """pJ of one "read" or "write" at a supply of ``voltage``; of macros, at their own."""
        macro = self.macro(memory)
        if macro:  # those that hold the word: others are not selected
            return _tiles(macro, memory)[1] * macro.energy
        constant, word, bit = self._facts[f"{access}_energy"]
        energy = constant + word * memory.width + bit * memory.bits
        return energy * (voltage / self._facts["voltage"]) ** 2

    def leakage(self, memory: Memory) -> float:
        """uW."""
        macro = self.macro(memory)
        if macro:
            return math.prod(_tiles(macro, memory)) * macro.leakage
        further = 1 + self._facts["leakage_port"] * (memory.ports - 1)
        return self._facts["leakage"] * 1e-3 * memory.bits * further

    def access(self, memory: Memory) -> float:
        """ns from the clock, or from the address, to the data."""
        macro = self.macro(memory)
        if macro:
            return macro.access
        constant, edge = self._facts["access"]
        return constant + edge * math.sqrt(memory.bits)

    def use(self, memory: Memory, count: int, voltage: float) -> MemoryUse:
        """What ``count`` of a kind cost, each."""
        figures = (
            self.area(memory),
            self.energy(memory, "read", voltage) if memory.reads else 0.0,
            self.energy(memory, "write", voltage),
            self.leakage(memory),
        )
        shape = (memory.words, memory.width, memory.reads, memory.writes)
        macro = self.macro(memory)
        made_of = ""
        if macro:
            above, beside = _tiles(macro, memory)
            made_of = f"{above} x {beside} {macro.name}"
        return MemoryUse(*shape, count, *(float(f"{figure:.6g}") for figure in figures), made_of)

    def described(self, uses: list[MemoryUse]) -> str:
        """Where the figures of memories come from."""
        parts = []
        if any(use.macro for use in uses):
            parts.append(f"macros of {', '.join(path.name for path in self.files)}")
        if not all(use.macro for use in uses):
            parts.append(f"model {self.name} ({self.path.name}, sha256 {self.sha256[:12]})")
        return "; for others ".join(parts)

    def metrics(self, uses: list[MemoryUse]) -> list[Metric]:
        """Figures of the model of memories, for a design that has any."""
        if not uses:
            return []
        counted = "memories that Yosys found in the Verilog"
        model = self.described(uses)
        totals = {
            "memory_bits": sum(u.count * u.words * u.width for u in uses),
            "memory_area": sum(u.count * u.area for u in uses),
            "memory_energy": sum(
                u.count * (u.reads * u.read_energy + u.writes * u.write_energy) for u in uses
            ),
            "memory_leakage": sum(u.count * u.leakage for u in uses),
        }
        return [
            metric(name, value, counted if name == "memory_bits" else model)
            for name, value in totals.items()
        ]

    def liberty(self, memories: list[Memory], pin_capacitance: float) -> str:
        """A Liberty library of the kinds, for timing: scalar delays, every pin alike."""
        lines = [
            "library (memories) {",
            "  delay_model : table_lookup;",
            '  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA";',
            '  pulling_resistance_unit : "1kohm"; leakage_power_unit : "1nW";',
            "  capacitive_load_unit (1, pf);",
            *(
                f"  {side}_threshold_pct_{edge} : 50;"
                for side in ("input", "output")
                for edge in ("rise", "fall")
            ),
            *(
                f"  slew_{end}_threshold_pct_{edge} : {at};"
                for end, at in (("lower", 20), ("upper", 80))
                for edge in ("rise", "fall")
            ),
        ]
        for memory in memories:
            lines += [f"  cell ({memory.name}) {{", f"    area : {self.area(memory):.1f};"]
            clock = next((n for n, kind in memory.pins.items() if kind == "clock"), None)
            for pin, kind in memory.pins.items():
                lines += self._pin(memory, pin, kind, clock, pin_capacitance)
            lines.append("  }")
        return "\n".join([*lines, "}", ""])

    def _pin(
        self, memory: Memory, pin: str, kind: str, clock: str | None, capacitance: float
    ) -> list[str]:
        def scalar(name: str, value: float) -> str:
            return f'{name} (scalar) {{ values ("{value:.6f}"); }}'

        if kind == "output":
            delay = self.access(memory)
            tables = [scalar(f"cell_{edge}", delay) for edge in ("rise", "fall")]
            tables += [scalar(f"{edge}_transition", 0.1) for edge in ("rise", "fall")]
            if memory.clocked:
                from_, kind_ = clock, "timing_type : rising_edge;"
            else:
                port = pin.split("_")[0]
                from_ = " ".join(p for p in memory.pins if p.startswith(f"{port}_addr_"))
                kind_ = "timing_type : combinational;"
            arc = f'timing () {{ related_pin : "{from_}"; {kind_} timing_sense : non_unate;'
            return [f"    pin ({pin}) {{ direction : output;", f"      {arc}", *tables, "      } }"]
        load = f"direction : input; capacitance : {capacitance:.6f};"
        if kind == "clock":
            return [f"    pin ({pin}) {{ {load} clock : true; }}"]
        if memory.clocked or not pin.startswith("rd"):
            macro = self.macro(memory)
            setup = macro.setup if macro else self.setup
            tables = [scalar(f"{e}_constraint", setup) for e in ("rise", "fall")]
            arc = f'timing () {{ related_pin : "{clock}"; timing_type : setup_rising;'
            return [f"    pin ({pin}) {{ {load} {arc}", *tables, "      } }"]
        return [f"    pin ({pin}) {{ {load} }}"]


def _tiles(macro: Macro, memory: Memory) -> tuple[int, int]:
    return macro.tiles(memory.words, memory.width)


def _positive(number: Any) -> bool:
    return (
        isinstance(number, int | float)
        and not isinstance(number, bool)
        and math.isfinite(number)
        and number >= 0
    )


def read(path: Path) -> dict[str, Memory]:
    """The kinds of memory that Yosys's worker found, by the name of their black box."""
    kinds = (Memory(**facts) for facts in json.loads(path.read_text()))
    return {memory.name: memory for memory in kinds}
