"""OCP Microscaling (MX) blocks: a shared E8M0 scale and ``BLOCK`` elements.

A new element format is one line in ``ELEMENTS``: decoder, dot product, tests and report rows are
made from it.

Source: OCP Microscaling Formats (MX) v1.0, sections 5.1 and 6.3, table 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import formats as f
from .errors import BadInput, require
from .formats import E8M0, Codes, Float, Format

BLOCK = 32
"""Elements that share a scale (``k`` of the specification)."""

ELEMENTS: dict[str, Format] = {
    "mxint8": f.MXINT8,
    "mxfp8_e4m3": f.E4M3,
    "mxfp8_e5m2": f.E5M2,
    "mxfp6_e3m2": f.E3M2,
    "mxfp6_e2m3": f.E2M3,
    "mxfp4": f.E2M1,
}
"""Element formats by the name that their units bear."""


def max_exponent(element: Format) -> int:
    """Exponent of the largest power of two of a format (``emax`` of the specification)."""
    if isinstance(element, Float):
        return element.max_exponent
    return element.bits - 2 + element.unit_exponent


def quantize(values: ArrayLike, element: Format) -> tuple[Codes, Codes]:
    """``(scales, elements)`` of blocks of real numbers, as section 6.3 converts them.

    ``values`` has shape ``(..., k)``, ``k`` numbers a block. The scale is the greatest power of two
    not above the largest magnitude, divided by that of the format; elements are rounded to
    nearest even and saturate. A block of zeros takes scale 1. A block that holds NaN or an
    infinity takes the NaN scale, elements zero.

    Returns scale codes of shape ``(...)`` and element codes of shape ``(..., k)``.
    """
    values = np.asarray(values, np.float64)
    require(values.ndim >= 1, "shape of values", values.shape, "at least one axis")
    peak = np.max(np.abs(values), axis=-1, initial=0)
    broken = ~np.isfinite(peak)
    safe = np.where(broken | (peak == 0), np.ldexp(1.0, max_exponent(element)), peak)
    exponent = np.clip(np.frexp(safe)[1] - 1 - max_exponent(element), -127, 127)
    scaled = np.ldexp(np.where(broken[..., None], 0, values), -exponent[..., None])
    assert E8M0.nan_code is not None
    return np.where(broken, E8M0.nan_code, exponent + E8M0.bias), element.encode(scaled)


def dequantize(scales: ArrayLike, elements: ArrayLike, element: Format) -> NDArray[np.float64]:
    """The real numbers of MX blocks, exact in float64; a NaN scale makes its whole block NaN."""
    return E8M0.decode(scales)[..., None] * element.decode(elements)


def snr(values: ArrayLike, approximation: ArrayLike) -> float:
    """Signal to quantisation noise in dB: 10 log10 of the ratio of the energies."""
    values, approximation = np.asarray(values, np.float64), np.asarray(approximation, np.float64)
    noise = float(np.sum((values - approximation) ** 2))
    if noise == 0:
        raise BadInput("noise is 0; allowed: an approximation that differs from the values")
    return float(10 * np.log10(np.sum(values**2) / noise))
