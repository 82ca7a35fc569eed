"""Every named design: `make verilog`, `make sim`, `make synth` and `make report` loop over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from amaranth.lib import wiring

from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import BF16, DINT4, E8M0, FP32, INT4, INT8, INT32, integer
from golden.mx import BLOCKS, ELEMENTS
from golden.one_of import one_of
from golden.posit import P4_1, P8_0, P16_1
from golden.posit_codec import PositDecoderConfig, PositEncoderConfig
from golden.posit_mac import PositMacConfig
from golden.requant import RequantConfig
from golden.requantizer import RequantizerConfig
from golden.simd_mac import SimdMacConfig
from golden.unit import Unit

from .decoder import Decoder
from .dot import Dot
from .encoder import Encoder
from .posit_codec import PositDecoder, PositEncoder
from .posit_mac import PositMac
from .requantizer import Requantizer
from .simd_mac import SimdMac

COMPONENTS: dict[type[Unit], Callable[..., wiring.Component]] = {
    DotConfig: Dot,
    DecoderConfig: Decoder,
    PositDecoderConfig: PositDecoder,
    PositEncoderConfig: PositEncoder,
    PositMacConfig: PositMac,
    SimdMacConfig: SimdMac,
    EncoderConfig: Encoder,
    RequantizerConfig: Requantizer,
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


def _encoder_designs() -> Iterable[Design]:
    for name, block in BLOCKS.items():
        if block.scale == E8M0:
            yield _encoder(name, EncoderConfig(format=block), "")
    stochastic = EncoderConfig(format=BLOCKS["mxfp4"], stochastic=True)
    yield _encoder("mxfp4_stochastic", stochastic, ", rounded stochastically")


def _encoder(name: str, config: EncoderConfig, more: str) -> Design:
    block = config.format
    return Design(
        f"{name}_encoder",
        config,
        f"{config.input_format.name} to blocks of {block.block} {block.element.name}{more}",
        OCP_MX,
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


CATALOG: tuple[Design, ...] = (
    *_integer_designs(),
    *_dint_designs(),
    *_block_designs(),
    *_any_designs(),
    *_encoder_designs(),
    *_posit_designs(),
    *_requantizers(),
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
