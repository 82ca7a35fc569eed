"""How much of a tensor survives quantisation: signal to noise of each format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.block import BlockFormat, max_number
from golden.errors import require
from golden.formats import DINT4, FP32, INT4, INT8, Format
from golden.mx import BLOCK, BLOCKS, snr

from .tensors import finite

Values = NDArray[np.float64]
CHUNK = 1 << 15
"""Blocks at a time, for tensors that are larger than memory allows to hold several times."""


@dataclass(frozen=True)
class Row:
    """A format: bits a number including its share of the scale, and SNR in dB (None: exact)."""

    format: str
    scale: str
    bits: float
    db: float | None


def table(values: Values) -> list[Row]:
    """The formats by what they keep of ``values``, which is cut into blocks of 32 in C order.

    Block formats as :mod:`golden.mx` names them, NVFP4 and NVINT4 with their tensor scale; the
    integers and dINT4 with one scale for the whole tensor, its largest magnitude divided by that of
    the format.
    """
    count = values.size // BLOCK * BLOCK
    require(count > 0, "numbers in the tensor", values.size, f"{BLOCK} or more")
    blocks = finite(values.ravel()[:count]).reshape(-1, BLOCK)
    rows = []
    for name, form in BLOCKS.items():
        if name.startswith("nv"):
            form = form.replace(tensor_scale=FP32)
        tensor = form.tensor_code(blocks) if form.tensor_scale is not None else None

        def keep(part: Values, form: BlockFormat = form, tensor: int | None = tensor) -> Values:
            cut = part.reshape(-1, form.block)
            return form.dequantize(*form.quantize(cut, tensor), tensor).reshape(part.shape)

        scale = form.scale.name + (" a sign" if form.asymmetric else "")
        rows.append(
            Row(name, f"{scale} / {form.block}", form.bits, _snr(blocks, _by_chunk(blocks, keep)))
        )
    for fmt in (INT8, INT4, DINT4):
        kept = _absmax(blocks, fmt)
        rows.append(Row(fmt.name.lower(), "absmax / tensor", fmt.bits, _snr(blocks, kept)))
    return rows


def _absmax(values: Values, fmt: Format) -> Values:
    step = (np.abs(values).max() or 1.0) / max_number(fmt)
    return _by_chunk(values, lambda part: fmt.decode(fmt.encode(part / step)) * step)


def _by_chunk(blocks: Values, convert: Callable[[Values], Values]) -> Values:
    out = np.empty_like(blocks)
    for begin in range(0, len(blocks), CHUNK):
        out[begin : begin + CHUNK] = convert(blocks[begin : begin + CHUNK])
    return out


def _snr(values: Values, kept: Values) -> float | None:
    return None if np.array_equal(values, kept) else snr(values, kept)
