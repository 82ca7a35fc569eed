"""Requantizers and quantizers."""

from __future__ import annotations

from collections.abc import Iterable

from golden.log_quantizer import LogQuantizerConfig
from golden.requant import RequantConfig
from golden.requantizer import RequantizerConfig

from .design import Design

HAWQ = "HAWQ-V3 (Yao et al., ICML 2021), section 3.1; I-Segmenter (arXiv 2509.10334)"


def requantizers() -> Iterable[Design]:
    for bits in (8, 4):
        yield Design(
            f"requant_int32_int{bits}",
            RequantizerConfig(requant=RequantConfig(output_bits=bits)),
            f"INT32 to INT{bits} by a dyadic scale a channel, with ReLU",
            HAWQ,
            "requantizer",
        )
    yield Design(
        "requant_int32_mixed",
        RequantizerConfig(widths=(8, 4, 2)),
        "INT32 to INT8, INT4 or INT2, as each beat chooses, by a dyadic scale a channel, with ReLU",
        HAWQ,
        "requantizer",
    )


def log_quantizers() -> Iterable[Design]:
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
