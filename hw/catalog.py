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
from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import BF16, DINT4, E8M0, FP16, FP32, INT4, INT8, INT32, UINT8, integer
from golden.hadamard import SHIFTS, HadamardConfig
from golden.log_quantizer import LogQuantizerConfig
from golden.lut import LutConfig, TablesConfig
from golden.lut_float import FloatLutConfig, FloatTablesConfig
from golden.mixpe import MixpeConfig
from golden.mx import BLOCKS, ELEMENTS
from golden.one_of import one_of
from golden.posit import P4_1, P8_0, P16_1
from golden.posit_codec import PositDecoderConfig, PositEncoderConfig
from golden.posit_mac import PositMacConfig
from golden.requant import RequantConfig
from golden.requantizer import RequantizerConfig
from golden.simd_mac import SimdMacConfig
from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.cpr_encoder import CprEncoderConfig
from golden.sparse.dma import DmaConfig
from golden.sparse.gsu_unit import GsuConfig
from golden.sparse.mxu import WEIGHTS, MxuConfig
from golden.sparse.rgu_unit import RguConfig
from golden.sparse.sequencer import SequencerConfig
from golden.sparse.spade import SpadeConfig
from golden.sparse.vpu_unit import VpuConfig
from golden.ternary import TernaryConfig, UnpackerConfig
from golden.unit import Config

from .bitmod import Bitmod, Dequantizer
from .bitplane import Bitplane
from .decoder import Decoder
from .dot import Dot
from .encoder import Encoder
from .hadamard import Hadamard
from .log_quantizer import LogQuantizer
from .lut import Lut, Tables
from .lut_float import FloatLut, FloatTables
from .mixpe import Mixpe
from .posit_codec import PositDecoder, PositEncoder
from .posit_mac import PositMac
from .requantizer import Requantizer
from .simd_mac import SimdMac
from .sparse.cpr_encoder import CprEncoder
from .sparse.dma import dma_unit
from .sparse.gsu_unit import GsuUnit
from .sparse.mxu_unit import MxuUnit
from .sparse.rgu import Rgu
from .sparse.sequencer import sequencer_unit
from .sparse.spade import Spade, dma_config
from .sparse.vpu_unit import VpuUnit
from .ternary import TernaryDot, Unpacker

COMPONENTS: dict[type[Config], Callable[..., wiring.Component]] = {
    DotConfig: Dot,
    DecoderConfig: Decoder,
    PositDecoderConfig: PositDecoder,
    PositEncoderConfig: PositEncoder,
    PositMacConfig: PositMac,
    SimdMacConfig: SimdMac,
    EncoderConfig: Encoder,
    HadamardConfig: Hadamard,
    RequantizerConfig: Requantizer,
    LogQuantizerConfig: LogQuantizer,
    TernaryConfig: TernaryDot,
    UnpackerConfig: Unpacker,
    BitplaneConfig: Bitplane,
    MixpeConfig: Mixpe,
    LutConfig: Lut,
    TablesConfig: Tables,
    FloatLutConfig: FloatLut,
    FloatTablesConfig: FloatTables,
    BitmodConfig: Bitmod,
    DequantizerConfig: Dequantizer,
    GsuConfig: GsuUnit,
    MxuConfig: MxuUnit,
    VpuConfig: VpuUnit,
    RguConfig: Rgu,
    CprEncoderConfig: CprEncoder,
    DmaConfig: dma_unit,
    SequencerConfig: sequencer_unit,
    SpadeConfig: Spade,
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
    hierarchical:
        Whether synthesis maps each module once and sums, for what is too large to be dissolved.
    """

    name: str
    config: Config
    summary: str
    source: str
    family: str
    hierarchical: bool = False

    def component(self) -> wiring.Component:
        """The Amaranth component, made anew."""
        return COMPONENTS[type(self.config)](self.config)


OCP_MX = "OCP Microscaling Formats (MX) v1.0"
SOURCES = {
    "mxint4": "arXiv 2510.25602 (INT v.s. FP)",
    "nvint4": "arXiv 2510.25602 (INT v.s. FP)",
    "nvint4_ue5m3": "arXiv 2510.25602 (INT v.s. FP)",
    "nvfp4": "arXiv 2509.25149 (NVFP4)",
    "nvfp4_ue5m3": "arXiv 2509.25149 (NVFP4)",
    "amxfp4": "arXiv 2411.09909 (AMXFP4)",
}
"""Where block formats come from, unless from the MX specification."""

POSIT = "Standard for Posit Arithmetic (2022), with the draft's es"
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


def _dint_designs() -> Iterable[Design]:
    halves = integer(32, fraction_bits=1)
    for lanes in (1, 32):
        yield Design(
            "dint4_int8_mac" if lanes == 1 else f"dint4_int8_dot{lanes}",
            DotConfig(a=INT8, w=DINT4, lanes=lanes, accumulator=halves),
            f"INT8 activations by dINT4 weights, {lanes} lanes, accumulating halves",
            "arXiv 2311.05161 (dINT)",
            "mac" if lanes == 1 else "dot product",
        )


def _block_designs() -> Iterable[Design]:
    for name, form in BLOCKS.items():
        both = "both" if form.asymmetric else "none"
        config = DotConfig(
            a=form.element,
            w=form.element,
            lanes=form.block,
            scale=form.scale,
            asymmetric=both,
            accumulator=FP32,
        )
        what = f"blocks of {form.block} {form.element.name}, {form.scale.name} scale"
        what += "s, one a sign" if form.asymmetric else ""
        yield Design(
            f"{name}_dot{form.block}",
            config,
            f"dot product of {what}, exact, accumulating into FP32",
            SOURCES.get(name, OCP_MX),
            "dot product",
        )
        if form.asymmetric:
            yield Design(
                f"{name}_symmetric_dot{form.block}",
                config.replace(asymmetric="a"),
                f"dot product of {what}, by blocks with one scale, exact, accumulating into FP32",
                SOURCES.get(name, OCP_MX),
                "dot product",
            )
    for name, form in BLOCKS.items():
        config = DecoderConfig(
            element=form.element,
            lanes=form.block,
            block=form.block,
            scale=form.scale,
            asymmetric=form.asymmetric,
        )
        yield Design(
            f"{name}_decoder",
            config,
            f"blocks of {form.block} {form.element.name} to {config.output_format.name}",
            SOURCES.get(name, OCP_MX),
            "decoder",
        )


def _any_designs() -> Iterable[Design]:
    element = one_of(*ELEMENTS.values())
    yield Design(
        "mx_dot_any",
        DotConfig(a=element, w=element, scale=E8M0, accumulator=FP32),
        "dot product of MX blocks of 32 elements whose formats are chosen at run time, exact",
        OCP_MX,
        "dot product",
    )


def _posit_designs() -> Iterable[Design]:
    for fmt in (P4_1, P8_0):
        yield Design(
            f"posit{fmt.width}_{fmt.es}_dot32",
            DotConfig(a=fmt, w=fmt, accumulator=FP32),
            f"32-lane {fmt.name} dot product, exact, accumulating into FP32",
            POSIT,
            "dot product",
        )
    for fmt, other in ((P4_1, BF16), (P8_0, BF16), (P16_1, FP32)):
        yield Design(
            f"posit{fmt.width}_{fmt.es}_decoder",
            PositDecoderConfig(posit=fmt, float_format=other),
            f"32 {fmt.name} to {other.name}, exact",
            POSIT,
            "decoder",
        )
        yield Design(
            f"posit{fmt.width}_{fmt.es}_encoder",
            PositEncoderConfig(posit=fmt, float_format=other),
            f"32 {other.name} numbers to {fmt.name}",
            POSIT,
            "encoder",
        )
    yield Design(
        "posit8_0_mac",
        PositMacConfig(),
        "posit(8,0) multiply-accumulate into an exact quire of 32 bits",
        POSIT,
        "mac",
    )
    yield Design(
        "xr_simd_mac",
        SimdMacConfig(),
        "4 x FP4 or posit(4,1), 2 x posit(8,0), or 1 x posit(16,1) into exact quires, by mode",
        "XR-NPE (arXiv 2508.13049)",
        "mac",
    )


def _serial_designs() -> Iterable[Design]:
    tsld = (
        "TSLD (NeurIPS 2023), Teacher Intervention (EACL 2023), Tequila (arXiv 2509.23809),"
        " MoTE (arXiv 2506.14435)"
    )
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
        "ABQ-LLM (arXiv 2408.08554), APT-LLM (arXiv 2508.19087), T-MAC (EuroSys 2025)",
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
            "QServe (MLSys 2025)" if name.startswith("qserve") else "MixPE (arXiv 2411.16158)",
            "dot product",
        )
    lookup = "LUT Tensor Core (ISCA 2025), T-MAC (EuroSys 2025), SAIL (arXiv 2509.25853)"
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
    tables = FloatTablesConfig()
    yield Design(
        "lut_bf16_tables32",
        tables,
        f"lookup tables of 32 BF16 activations, aligned to {tables.width} bits",
        lookup,
        "decoder",
    )
    for name, config, how in (
        ("lut_w4a16_dot32", FloatLutConfig(), ""),
        ("lut_w4a16_shared_dot32", FloatLutConfig(given=True), ", given the tables"),
        ("lut_w1a16_dot32", FloatLutConfig(w_bits=1, encoding="bipolar"), ""),
    ):
        weights = "INT4" if config.w_bits == 4 else "1-bit (+1, -1)"
        yield Design(
            name,
            config,
            f"32-lane dot product of {weights} weights and BF16, aligned to {config.width} bits, by"
            f" table lookup{how}, accumulating into FP32",
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


def _encoder_designs() -> Iterable[Design]:
    for name, block in BLOCKS.items():
        yield _encoder(name, EncoderConfig(format=block), "")
    stochastic = EncoderConfig(format=BLOCKS["mxfp4"], stochastic=True)
    yield _encoder("mxfp4_stochastic", stochastic, ", rounded stochastically")
    for name, size in (("mxfp4", 32), ("nvfp4", 16)):
        config = EncoderConfig(format=BLOCKS[name], hadamard=size)
        yield _encoder(f"{name}_hadamard", config, f", after a Hadamard transform of {size}")
    for size in SHIFTS:
        yield Design(
            f"hadamard{size}",
            HadamardConfig(size=size),
            f"Hadamard transform of {size} BF16 numbers, in integers of a common exponent",
            "HALO (arXiv 2501.02625), Quartet (arXiv 2505.14669), Quamba (arXiv 2410.13229)",
            "encoder",
        )


def _encoder(name: str, config: EncoderConfig, more: str) -> Design:
    block = config.format
    return Design(
        f"{name}_encoder",
        config,
        f"{config.input_format.name} to blocks of {block.block} {block.element.name}{more}",
        SOURCES.get(block.name, OCP_MX),
        "encoder",
    )


def _requantizers() -> Iterable[Design]:
    for bits in (8, 4):
        yield Design(
            f"requant_int32_int{bits}",
            RequantizerConfig(requant=RequantConfig(output_bits=bits)),
            f"INT32 to INT{bits} by a dyadic scale a channel, with ReLU",
            "HAWQ-V3 (Yao et al., ICML 2021), section 3.1",
            "requantizer",
        )


def _log_quantizers() -> Iterable[Design]:
    for name, config, what in (
        ("log2_quantizer", LogQuantizerConfig(), "2"),
        ("adalog_quantizer", LogQuantizerConfig(table=True), "of any table"),
    ):
        yield Design(
            name,
            config,
            f"16 UINT16 numbers to 4-bit logarithms, base {what}",
            "AdaLog (Wu et al., ECCV 2024)",
            "requantizer",
        )


def _sparse_designs() -> Iterable[Design]:
    spade = "SPADE (Lee et al., HPCA 2024)"
    for pe in ("int8", "int4", "dint4"):
        yield Design(
            "mxu_n16" if pe == "int8" else f"mxu_n16_{pe}",
            MxuConfig(pe=pe),
            f"16 x 16 weight-stationary systolic array, INT8 by {WEIGHTS[pe].name}",
            spade,
            "sparse accelerator",
        )
    yield Design(
        "gsu_n16",
        GsuConfig(),
        "gather-scatter banks around a 16 x 16 array: rules add INT8 products to INT32 sums",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "cpr_encoder",
        CprEncoderConfig(),
        "sorted coordinates to CPR, a pillar a cycle, grids of 512 x 512",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "cpr_encoder_bitmap",
        CprEncoderConfig(source="bitmap"),
        "bitmap to CPR, a pillar or 32 empty sites a cycle, grids of 512 x 512",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "rgu",
        RguConfig(),
        "rule generator: an output pillar with its rules a cycle, rows of up to 512 pillars",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "vpu_n16",
        VpuConfig(),
        "vector unit: 16 sums a cycle to INT8 features, importance of pillars, exact top-k",
        spade,
        "sparse accelerator",
        hierarchical=True,
    )
    yield Design(
        "vpu_n16_plain",
        VpuConfig(importance=False),
        "vector unit without importance: 16 sums a cycle to INT8 features",
        spade,
        "sparse accelerator",
        hierarchical=True,
    )
    yield Design(
        "dma",
        dma_config(ACCELERATORS["n16"]),
        "AXI4 master of 128 bits that the readers and writers of spade_n16 share",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "sequencer",
        SequencerConfig(accelerator=ACCELERATORS["n16"]),
        "registers of spade_n16, its list of descriptors, each checked, and what goes wrong",
        spade,
        "sparse accelerator",
    )
    for size in ("n16", "n32", "n64"):
        config = SpadeConfig(accelerator=ACCELERATORS[size])
        n = config.accelerator.array
        yield Design(
            f"spade_{size}",
            config,
            f"sparse accelerator: {n} x {n} array, {config.accelerator.bus_bits}-bit AXI4,"
            f" {config.accelerator.buffers // 1024} KiB of buffers",
            f"{spade}, SD-Conv (Park et al., CVPR workshop 2024)",
            "sparse accelerator",
            hierarchical=True,
        )
    yield Design(
        "dense_n16",
        SpadeConfig(accelerator=ACCELERATORS["n16"], sparse=False, importance=False),
        "dense accelerator, for comparison: spade_n16 without all that sparsity needs",
        spade,
        "sparse accelerator",
        hierarchical=True,
    )


CATALOG: tuple[Design, ...] = (
    *_integer_designs(),
    *_dint_designs(),
    *_block_designs(),
    *_any_designs(),
    *_encoder_designs(),
    *_posit_designs(),
    *_serial_designs(),
    *_requantizers(),
    *_log_quantizers(),
    *_sparse_designs(),
)


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
