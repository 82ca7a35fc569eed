"""Designs of posits."""

from __future__ import annotations

from collections.abc import Iterable

from golden.dot import DotConfig
from golden.formats import BF16, E2M1, E4M3, FP16, FP32
from golden.posit import P4_1, P8_0, P16_1
from golden.posit_codec import PositDecoderConfig, PositEncoderConfig
from golden.posit_mac import PositMacConfig
from golden.simd_mac import SimdMacConfig

from .design import Design
from .sources import OCP_MX, POSIT


def posit_designs() -> Iterable[Design]:
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
    for name, each, source in (("posit16_1", P16_1, POSIT), ("fp16", FP16, "IEEE 754-2019")):
        yield Design(
            f"{name}_mac",
            SimdMacConfig(formats=(each,)),
            f"{each.name} multiply-accumulate into an exact accumulator of 128 bits",
            source,
            "mac",
        )


def float_designs() -> Iterable[Design]:
    """Without scales: what posits are compared with."""
    for fmt in (E2M1, E4M3):
        yield Design(
            f"fp{fmt.bits}_{fmt.name.lower()}_dot32",
            DotConfig(a=fmt, w=fmt, accumulator=FP32),
            f"32-lane {fmt.name} dot product without scales, exact, accumulating into FP32",
            OCP_MX,
            "dot product",
        )
