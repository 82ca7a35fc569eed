"""A standard-cell library: what the flow needs to know of it, found in its Liberty file.

Nothing here names a cell: the NAND2 that areas are counted in, the driving cell, the tie cells and
the buffers are recognised by what they compute. The one table is of cells that a library's users
are told not to use although the Liberty file does not say so.
"""

from __future__ import annotations

import gzip
import hashlib
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from golden.errors import BadInput

from .boolean import truth_table
from .cell import Cell, Pin
from .liberty import Group, parse

DEFAULT_LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

#: Library name glob -> cells that no mapping may use, beside those marked ``dont_use``.
#: sky130: cells of special power domains, probes and spares, as in the don't-use list of
#: OpenROAD-flow-scripts (platforms/sky130hd/config.mk), and delay cells, which are for hold times
#: and which a mapper takes for buffers. IHP SG13G2: its delay cells, for the same reason.
DONT_USE = {
    "sky130_fd_sc_*": (
        "*__lpflow_*",
        "*__probe*",
        "*__macro_sparecell",
        "*__dly*",
        "*__clkdly*",
    ),
    "sg13g2_*": ("sg13g2_dly*",),
}

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "": 1.0}


class Units:
    """What the numbers of a Liberty file mean; ``root`` is its ``library`` group."""

    def __init__(self, root: Group):
        self.root = root

    @cached_property
    def _farads(self) -> float:
        unit = self.root.lists.get("capacitive_load_unit", ("1", "pf"))
        return float(unit[0]) * _PREFIX[unit[1].lower()[:-1]]

    @cached_property
    def watts(self) -> float:
        """Watts in the library's unit of leakage."""
        return self._unit("leakage_power_unit", "1nW", "w")

    def _unit(self, attribute: str, default: str, symbol: str) -> float:
        text = self.root.simple.get(attribute, default).lower().removesuffix(symbol)
        return float(text.rstrip("fpnumk") or 1) * _PREFIX[text.lstrip("0123456789.")]

    @cached_property
    def time_unit(self) -> float:
        """Seconds in the library's unit of time."""
        return self._unit("time_unit", "1ns", "s")

    @cached_property
    def energy_unit(self) -> float:
        """Joules in the unit of the internal power tables: load unit times volt squared."""
        return self._farads * self._unit("voltage_unit", "1V", "v") ** 2

    @cached_property
    def load_unit(self) -> float:
        """pF in the library's unit of capacitance."""
        return self._farads / 1e-12


class Library(Units):
    """A Liberty file, read once.

    Raises :class:`BadInput` when the file is absent, is not Liberty, or holds no NAND2, no inverter
    or no flip-flop: without them there is no unit of area, no driving cell and no register.
    """

    def __init__(self, path: Path, dont_use: tuple[str, ...] = ()):
        self.path = Path(path)
        self.bytes = read_bytes(self.path)
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        try:
            super().__init__(parse(self.bytes.decode(), self.path.name))
        except UnicodeDecodeError as error:
            raise BadInput(f"{self.path.name} is not a Liberty file: it is not text") from error
        self.name = self.root.names[0] if self.root.names else self.path.stem
        globs = dont_use + tuple(
            glob for names, globs in DONT_USE.items() if fnmatch(self.name, names) for glob in globs
        )
        try:
            cells = (self._cell(group, globs) for group in self.root.all("cell"))
            self.cells = {cell.name: cell for cell in cells}
            self._require_the_least()
            _ = self.driver, self.output_load, self.data_load, self.clock_slew, self.corner
            _ = self.time_unit, self.energy_unit, self.voltage
        except (ValueError, KeyError, IndexError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(
                f"library {self.name} ({self.path.name}) cannot be understood: {error!r}; allowed:"
                " units, capacitances and tables that are numbers"
            ) from error

    def _require_the_least(self) -> None:
        for what, found in (
            ("flip-flop", [c for c in self.usable if c.kind == "flip-flop"]),
            ("inverter", self._computing((True, False))),
            ("NAND2", self._computing((True, True, True, False))),
        ):
            if not found:
                raise BadInput(
                    f"library {self.name} ({self.path.name}) has no {what}: a library that can map"
                    " registered logic has at least a D flip-flop, an inverter and a NAND2"
                )

    def _cell(self, group: Group, globs: tuple[str, ...]) -> Cell:
        name = group.names[0] if group.names else "?"
        pins = {}
        for pin in group.all("pin"):
            for pin_name in pin.names:
                pins[pin_name] = Pin(
                    pin_name,
                    pin.simple.get("direction", "input"),
                    (pin.number("capacitance", 0.0) or 0.0) * self._farads / 1e-12,
                    pin.simple.get("function"),
                    pin.flag("clock"),
                    pin,
                )
        kinds = {inner.kind for inner in group.groups}
        leakage = group.number("cell_leakage_power")
        if leakage is None:
            stated = [g.number("value", 0.0) or 0.0 for g in group.all("leakage_power")]
            default = self.root.number("default_cell_leakage_power", 0.0) or 0.0
            leakage = sum(stated) / len(stated) if stated else default
        functions = [pin.function for pin in pins.values() if pin.direction == "output"]
        inputs = [pin for pin in pins.values() if pin.direction == "input"]
        if kinds & {"ff", "ff_bank"}:
            kind = "flip-flop"
        elif kinds & {"latch", "latch_bank", "statetable"}:
            kind = "latch"
        elif not functions or None in functions:
            kind = "other"
        elif not inputs:
            kind = "tie"
        else:
            kind = "buffer" if len(inputs) == 1 else "combinational"
        return Cell(
            name,
            group.number("area", 0.0) or 0.0,
            leakage * self.watts,
            kind,
            group.flag("dont_use") or any(fnmatch(name, glob) for glob in globs),
            pins,
            group,
        )

    @cached_property
    def voltage(self) -> float:
        """The nominal supply in volt."""
        conditions = self._conditions
        value = conditions.number("voltage") if conditions else None
        return value or self.root.number("nom_voltage", 0.0) or 0.0

    @cached_property
    def _conditions(self) -> Group | None:
        groups = {g.names[0]: g for g in self.root.all("operating_conditions") if g.names}
        default = self.root.simple.get("default_operating_conditions", "")
        return groups.get(default) or next(iter(groups.values()), None)

    @cached_property
    def corner(self) -> str:
        """The corner as a person names it: conditions, voltage, temperature."""
        conditions = self._conditions
        name = conditions.names[0] if conditions else "nominal"
        temperature = conditions.number("temperature") if conditions else None
        if temperature is None:
            temperature = self.root.number("nom_temperature", 25.0)
        return f"{name}, {self.voltage:g} V, {temperature:g} C"

    @cached_property
    def usable(self) -> list[Cell]:
        return [cell for cell in self.cells.values() if not cell.dont_use]

    @cached_property
    def dont_use(self) -> tuple[str, ...]:
        return tuple(sorted(cell.name for cell in self.cells.values() if cell.dont_use))

    def _computing(self, table: tuple[bool, ...]) -> list[Cell]:
        """Usable cells with this truth table, the smallest first."""
        found = [c for c in self.usable if c.kind in ("buffer", "combinational")]
        found = [c for c in found if 1 << len(c.inputs) == len(table) and c.table == table]
        return sorted(found, key=lambda cell: (cell.area, cell.name))

    @cached_property
    def nand2(self) -> Cell:
        """The smallest two-input NAND: the unit of "gate equivalents"."""
        return self._computing((True, True, True, False))[0]

    @cached_property
    def driver(self) -> Cell:
        """The driving cell: the inverter whose input is nearest to twice the smallest one's.

        A unit strength inverter hardly drives a bus; a strength of two is what a neighbour's
        output register or buffer gives at least.
        """
        inverters = self._computing((True, False))
        smallest = min(self.input_load(cell) for cell in inverters)

        def unlike(cell: Cell) -> tuple[int, float, int, str]:
            strength = round(self.input_load(cell) / smallest)
            # Of equals the plainest: variants (clock, low power) bear longer names.
            return abs(strength - 2), cell.area, len(cell.name), cell.name

        return min(inverters, key=unlike)

    @staticmethod
    def input_load(cell: Cell) -> float:
        """The capacitance of the first input, in pF."""
        return cell.pins[cell.inputs[0]].capacitance

    @cached_property
    def output_load(self) -> float:
        """The load on an output port, in pF: four inputs of the driving cell (fanout of four)."""
        return 4 * self.input_load(self.driver)

    @cached_property
    def data_load(self) -> float:
        """The load of a data input of the smallest flip-flop, in pF."""
        flops = [cell for cell in self.usable if cell.kind == "flip-flop"]
        flop = min(flops, key=lambda cell: (cell.area, cell.name))
        return max(
            p.capacitance for p in flop.pins.values() if p.direction == "input" and not p.clock
        )

    @cached_property
    def clock_slew(self) -> float:
        """The transition time of the clock at the registers, in the library's unit of time.

        The smallest that the flip-flops were characterised at: a sharp clock, yet one for which
        every delay is interpolated in a table and not extrapolated beyond it.
        """
        slews = []
        for cell in self.usable:
            if cell.kind == "flip-flop":
                for pin in cell.pins.values():
                    for power in pin.group.all("internal_power") if pin.clock else ():
                        for table in power.groups:
                            if "index_1" in table.lists:
                                slews.append(float(table.lists["index_1"][0].split(",")[0]))
        return min(slews, default=0.0)

    def tie(self, value: bool) -> tuple[str, str] | None:
        """(cell, pin) that gives the constant; None when the library has none."""
        for cell in sorted(self.usable, key=lambda c: (c.area, c.name)):
            if cell.kind == "tie":
                for name in cell.outputs:
                    if truth_table(cell.pins[name].function or "", ()) == (value,):
                        return cell.name, name
        return None


def read_bytes(path: Path) -> bytes:
    """The bytes of a Liberty file, unpacked when gzip (by its first bytes, not by its name)."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "bad gzip"
        raise BadInput(
            f"Liberty file {path} cannot be read ({reason}); allowed: a .lib or .lib.gz file"
        ) from error
