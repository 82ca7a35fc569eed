"""Every named design: `make verilog`, `make sim`, `make synth` and `make report` loop over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from amaranth.lib import wiring

from golden.bitmod import BitmodConfig, DequantizerConfig
from golden.bitplane import BitplaneConfig
from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.errors import BadInput
from golden.formats import E8M0, FP16, FP32, INT4, INT8, INT32, UINT8
from golden.lut import LutConfig, TablesConfig
from golden.mixpe import MixpeConfig
from golden.mx import ELEMENTS
from golden.ternary import TernaryConfig, UnpackerConfig
from golden.unit import Unit

from .bitmod import Bitmod, Dequantizer
from .bitplane import Bitplane
from .decoder import Decoder
from .dot import Dot
from .lut import Lut, Tables
from .mixpe import Mixpe
from .ternary import TernaryDot, Unpacker

COMPONENTS: dict[type[Unit], Callable[..., wiring.Component]] = {
    DotConfig: Dot,
    DecoderConfig: Decoder,
    TernaryConfig: TernaryDot,
    UnpackerConfig: Unpacker,
    BitplaneConfig: Bitplane,
    MixpeConfig: Mixpe,
    LutConfig: Lut,
    TablesConfig: Tables,
    BitmodConfig: Bitmod,
    DequantizerConfig: Dequantizer,
}
"""The component of each kind of configuration."""


@dataclass(frozen=True)
class Design:
    """A configuration under a name.

    Parameters
    ----------
    name:
        Name of the design and of its top module: lower case, digits and underscores.
    config:
        What it is.
    summary:
        One line for tables.
    source:
        Paper or specification that it comes from.
    family:
        What it is compared with in reports.
    """

    name: str
    config: Unit
    summary: str
    source: str
    family: str

    def component(self) -> wiring.Component:
        """The Amaranth component, made anew."""
        return COMPONENTS[type(self.config)](self.config)


OCP_MX = "OCP Microscaling Formats (MX) v1.0"
PLAIN = "two's complement arithmetic"


def _integer_designs() -> Iterable[Design]:
    yield Design(
        "int8_mac",
        DotConfig(a=INT8, w=INT8, lanes=1, accumulator=INT32),
        "INT8 x INT8 multiply-accumulate into INT32",
        PLAIN,
        "mac",
    )
    for fmt in (INT8, INT4):
        yield Design(
            f"{fmt.name.lower()}_dot32",
            DotConfig(a=fmt, w=fmt, accumulator=INT32),
            f"32-lane {fmt.name} dot product accumulating into INT32",
            PLAIN,
            "dot product",
        )


def _mx_designs() -> Iterable[Design]:
    for name, element in ELEMENTS.items():
        yield Design(
            f"{name}_dot32",
            DotConfig(a=element, w=element, scale=E8M0, accumulator=FP32),
            f"dot product of MX blocks of 32 {element.name}, exact, accumulating into FP32",
            OCP_MX,
            "dot product",
        )
    for name, element in ELEMENTS.items():
        config = DecoderConfig(element=element)
        yield Design(
            f"{name}_decoder",
            config,
            f"MX blocks of 32 {element.name} to {config.output_format.name}",
            OCP_MX,
            "decoder",
        )


def _serial_designs() -> Iterable[Design]:
    tsld = "TSLD (NeurIPS 2023), Teacher Intervention (EACL 2023), Tequila (2025)"
    yield Design(
        "ternary_int8_dot64",
        TernaryConfig(),
        "64-lane dot product of ternary weights, five a byte, and INT8",
        tsld,
        "dot product",
    )
    yield Design(
        "ternary2_int8_dot64",
        TernaryConfig(packing="two_bit"),
        "64-lane dot product of ternary weights, two bits each, and INT8",
        tsld,
        "dot product",
    )
    yield Design(
        "binary_int8_dot64",
        TernaryConfig(packing="binary"),
        "64-lane dot product of binary weights (+1, -1) and INT8",
        tsld,
        "dot product",
    )
    yield Design(
        "ternary_unpacker64",
        UnpackerConfig(),
        "64 ternary weights out of 13 bytes",
        tsld,
        "decoder",
    )
    yield Design(
        "bitplane_dot64",
        BitplaneConfig(),
        "64-lane dot product by bit planes: any widths of 1 to 8 bits and encodings at run time",
        "ABQ-LLM (AAAI 2025), APT-LLM (2025), T-MAC (EuroSys 2025)",
        "dot product",
    )
    for name, config in (
        ("mixpe_w4a8_dot32", MixpeConfig()),
        ("mixpe_w4a16_dot32", MixpeConfig(a=FP16)),
        ("qserve_w4a8_dot32", MixpeConfig(scale=UINT8, accumulator=INT32)),
    ):
        yield Design(
            name,
            config,
            f"group of 32 UINT4 weights by {config.a.name}: shift and add, then zero point and"
            f" {config.scale.name} scale into {config.accumulator.name}",
            "QServe (MLSys 2025)" if name.startswith("qserve") else "MixPE (2024)",
            "dot product",
        )
    lookup = "LUT Tensor Core (ISCA 2025), T-MAC (EuroSys 2025), SAIL (2025)"
    yield Design(
        "lut_tables32",
        TablesConfig(),
        "lookup tables of 32 INT8 activations, for any number of dot products",
        lookup,
        "decoder",
    )
    one_bit, four_bit = LutConfig(w_bits=1, encoding="bipolar"), LutConfig()
    for name, config, how in (
        ("lut_w1a8_dot32", one_bit, "1-bit (+1, -1)"),
        ("lut_w4a8_dot32", four_bit, "INT4"),
        ("lut_w4a8_serial_dot32", four_bit.replace(serial=True), "INT4, a bit a cycle,"),
        ("lut_w4a8_shared_dot32", four_bit.replace(given=True), "INT4, given the tables,"),
    ):
        yield Design(
            name,
            config,
            f"32-lane dot product of weights {how} and INT8 by table lookup",
            lookup,
            "dot product",
        )
    yield Design(
        "bitmod_pe",
        BitmodConfig(),
        "4 weights of INT8, INT6, INT4, FP4 or FP3 by FP16, a term of each a cycle, exact",
        "BitMoD (HPCA 2025)",
        "mac",
    )
    yield Design(
        "bitmod_dequantizer",
        DequantizerConfig(),
        "sum of a group times its 8-bit scale, a bit a cycle, exact",
        "BitMoD (HPCA 2025)",
        "mac",
    )


CATALOG: tuple[Design, ...] = (*_integer_designs(), *_mx_designs(), *_serial_designs())


def select(*patterns: str) -> list[Design]:
    """The designs whose names match any of the glob ``patterns``, in catalog order; all of them
    without patterns. :class:`BadInput` for a pattern that matches nothing."""
    for pattern in patterns:
        if not any(fnmatchcase(design.name, pattern) for design in CATALOG):
            names = ", ".join(design.name for design in CATALOG)
            raise BadInput(f"design {pattern!r} is not in the catalog; allowed: {names}")
    return [
        design
        for design in CATALOG
        if not patterns or any(fnmatchcase(design.name, pattern) for pattern in patterns)
    ]
