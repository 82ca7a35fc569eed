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
from golden.formats import E8M0, FP32, INT4, INT8, INT32
from golden.mx import BLOCKS, ELEMENTS
from golden.requant import RequantConfig
from golden.requantizer import RequantizerConfig
from golden.unit import Unit

from .decoder import Decoder
from .dot import Dot
from .encoder import Encoder
from .requantizer import Requantizer

COMPONENTS: dict[type[Unit], Callable[..., wiring.Component]] = {
    DotConfig: Dot,
    DecoderConfig: Decoder,
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
    *_mx_designs(),
    *_encoder_designs(),
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
