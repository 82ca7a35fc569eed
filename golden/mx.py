"""The named block formats: OCP Microscaling (MX), NVFP4, NVINT4, AMXFP4.

A new MX element format is one line in ``ELEMENTS``, a block format of another kind one entry in
``BLOCKS``: decoder, dot product, tests and report rows are made from them.

Sources: OCP Microscaling Formats (MX) v1.0, sections 5.1 and 6.3, table 1; arXiv 2510.25602
(MXINT4, NVINT4); arXiv 2509.25149 (NVFP4); arXiv 2411.09909 (AMXFP4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import formats as f
from .block import BlockFormat
from .errors import BadInput
from .formats import Codes, Format

BLOCK = 32
"""Elements that share a scale (``k`` of the MX specification)."""

ELEMENTS: dict[str, Format] = {
    "mxint8": f.MXINT8,
    "mxfp8_e4m3": f.E4M3,
    "mxfp8_e5m2": f.E5M2,
    "mxfp6_e3m2": f.E3M2,
    "mxfp6_e2m3": f.E2M3,
    "mxfp4": f.E2M1,
}
"""MX element formats by the name that their units bear."""


def mx(element: Format, name: str = "mx") -> BlockFormat:
    """MX blocks of an element format: an E8M0 scale by the floor rule of section 6.3."""
    return BlockFormat(name=name, element=element, block=BLOCK)


NVFP4 = BlockFormat(name="nvfp4", element=f.E2M1, block=16, scale=f.E4M3, policy="nearest")
NVINT4 = NVFP4.replace(name="nvint4", element=f.INT4, full_range=False)
AMXFP4 = BlockFormat(name="amxfp4", element=f.E2M1, scale=f.E5M2, policy="nearest", asymmetric=True)

BLOCKS: dict[str, BlockFormat] = {
    block.name: block
    for block in (
        *(mx(element, name) for name, element in ELEMENTS.items()),
        # Fraction bits as MXINT8 has them, so that the largest power of two is 1 here too.
        mx(f.integer(4, fraction_bits=2), "mxint4").replace(policy="up", full_range=False),
        NVFP4,
        NVFP4.replace(name="nvfp4_ue5m3", scale=f.UE5M3),
        NVINT4,
        NVINT4.replace(name="nvint4_ue5m3", scale=f.UE5M3),
        AMXFP4,
    )
}
"""Every named block format."""


def quantize(values: ArrayLike, element: Format) -> tuple[Codes, Codes]:
    """``(scales, elements)`` of MX blocks; see :meth:`golden.block.BlockFormat.quantize`."""
    return mx(element).quantize(values)


def dequantize(scales: ArrayLike, elements: ArrayLike, element: Format) -> NDArray[np.float64]:
    """The real numbers of MX blocks, exact in float64; a NaN scale makes its whole block NaN."""
    return mx(element).dequantize(scales, elements)


def snr(values: ArrayLike, approximation: ArrayLike) -> float:
    """Signal to quantisation noise in dB: 10 log10 of the ratio of the energies."""
    values, approximation = np.asarray(values, np.float64), np.asarray(approximation, np.float64)
    noise = float(np.sum((values - approximation) ** 2))
    if noise == 0:
        raise BadInput("noise is 0; allowed: an approximation that differs from the values")
    return float(10 * np.log10(np.sum(values**2) / noise))
