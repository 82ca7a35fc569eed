"""How much of a tensor survives quantisation: signal to noise of each format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from golden import bitmod
from golden.block import BlockFormat, max_number
from golden.errors import require
from golden.formats import BF16, DINT4, E2M1, E4M3, FP16, FP32, INT4, INT8, UINT4, Format
from golden.mx import AMXFP4, BLOCK, BLOCKS, snr
from golden.posit import P4_1, P8_0, P16_1

from .tensors import finite

Values = NDArray[np.float64]
CHUNK = 1 << 15
"""Blocks at a time, for tensors that are larger than memory allows to hold several times."""


#: Formats that are used with a power of two for the whole tensor, and their names here.
WIDE = {
    "fp4_e2m1": E2M1,
    "posit4_1": P4_1,
    "fp8_e4m3": E4M3,
    "posit8_0": P8_0,
    "fp16": FP16,
    "bf16": BF16,
    "posit16_1": P16_1,
}
SYMMETRIC = {"amxfp4_symmetric": AMXFP4.replace(name="amxfp4_symmetric", asymmetric=False)}
"""The other operand of a dot product of asymmetric blocks by symmetric ones."""
BITMOD_GROUP = 128
"""Weights that share a scale and a special value."""
SAMPLE = 1 << 14
"""Numbers on which that power of two is chosen."""


@dataclass(frozen=True)
class Row:
    """A format: bits a number including its share of the scale, and SNR in dB (None: exact)."""

    format: str
    scale: str
    bits: float
    db: float | None


def table(values: Values) -> list[Row]:
    """The formats by what they keep of ``values``, which is cut into blocks of 32 in C order.

    * Block formats as :mod:`golden.mx` names them, NVFP4 and NVINT4 with their tensor scale;
      ``amxfp4_symmetric`` is AMXFP4 with one scale for both signs.
    * The integers and dINT4 with one scale for the whole tensor, its largest magnitude divided by
      that of the format.
    * Floats and posits with the power of two for the whole tensor that keeps most of it.
    * ``*_group32``: groups of 32 with an FP16 scale; ``uint4_group32`` with a zero point of four
      bits too (QServe, MixPE).
    * ``bitmod_fp4``: groups of 128 with the best of the special values (BitMoD), and a scale of
      eight bits that is not itself rounded here.
    """
    count = values.size // BLOCK * BLOCK
    require(count > 0, "numbers in the tensor", values.size, f"{BLOCK} or more")
    blocks = finite(values.ravel()[:count]).reshape(-1, BLOCK)
    rows = []
    for name, form in (BLOCKS | SYMMETRIC).items():
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
    for name, fmt in WIDE.items():
        kept = _power_of_two(blocks, fmt)
        rows.append(Row(name, "power of two / tensor", fmt.bits, _snr(blocks, kept)))
    for fmt in (INT8, INT4, DINT4):
        kept = _by_chunk(blocks, partial(_group, fmt=fmt))
        bits = fmt.bits + FP16.bits / BLOCK
        rows.append(Row(f"{fmt.name.lower()}_group32", "FP16 / 32", bits, _snr(blocks, kept)))
    kept = _by_chunk(blocks, _group_with_zero)
    bits = 4 + (FP16.bits + 4) / BLOCK
    rows.append(Row("uint4_group32", "FP16 and zero / 32", bits, _snr(blocks, kept)))
    groups = np.pad(blocks.ravel(), (0, -blocks.size % BITMOD_GROUP)).reshape(-1, BITMOD_GROUP)
    kept = _by_chunk(groups, _bitmod).ravel()[: blocks.size].reshape(blocks.shape)
    bits = 4 + (8 + 3) / BITMOD_GROUP
    rows.append(Row("bitmod_fp4", "8 bits and special / 128", bits, _snr(blocks, kept)))
    return rows


def _absmax(values: Values, fmt: Format) -> Values:
    step = (np.abs(values).max() or 1.0) / max_number(fmt)
    return _by_chunk(values, lambda part: fmt.decode(fmt.encode(part / step)) * step)


def _power_of_two(values: Values, fmt: Format) -> Values:
    """The best of the powers of two around the one that brings the root mean square to 1."""
    sample = values.ravel()[:: max(1, values.size // SAMPLE)]
    middle = int(np.frexp(np.sqrt(np.mean(values**2)))[1])

    def kept(part: Values, step: float) -> Values:
        return fmt.decode(fmt.encode(part / step)) * step

    steps = [2.0 ** (middle + shift) for shift in range(-6, 7)]
    best = min(steps, key=lambda step: float(np.sum((sample - kept(sample, step)) ** 2)))
    return _by_chunk(values, lambda part: kept(part, best))


def _half(values: Values) -> Values:
    """Scales as FP16 has them: at least its least number."""
    return FP16.decode(np.maximum(FP16.encode(values), 1))


def _group(part: Values, fmt: Format) -> Values:
    top = max_number(fmt)
    step = _half(np.abs(part).max(axis=1, keepdims=True) / top)
    return fmt.decode(fmt.encode(np.clip(part / step, -top, top))) * step


def _group_with_zero(part: Values) -> Values:
    low, high = (f(part, axis=1, keepdims=True, initial=0) for f in (np.min, np.max))
    step = _half((high - low) / UINT4.maximum)
    zero = UINT4.decode(UINT4.encode(-low / step))
    return (UINT4.decode(UINT4.encode(part / step + zero)) - zero) * step


def _bitmod(groups: Values) -> Values:
    peak = np.abs(groups).max(axis=1, keepdims=True)
    peak[peak == 0] = 1
    best, least = np.zeros_like(groups), np.full((len(groups), 1), np.inf)
    for special in (s | sign for s in range(3) for sign in (0, 4)):
        numbers = np.unique(bitmod.weights(np.arange(16), bitmod.FP4, special)).astype(np.float64)
        step = peak / np.abs(numbers).max()
        middles = (numbers[1:] + numbers[:-1]) / 2
        kept = numbers[np.searchsorted(middles, groups / step)] * step
        noise = np.sum((groups - kept) ** 2, axis=1, keepdims=True)
        best = np.where(noise < least, kept, best)
        least = np.minimum(noise, least)
    return best


def _by_chunk(blocks: Values, convert: Callable[[Values], Values]) -> Values:
    out = np.empty_like(blocks)
    for begin in range(0, len(blocks), CHUNK):
        out[begin : begin + CHUNK] = convert(blocks[begin : begin + CHUNK])
    return out


def _snr(values: Values, kept: Values) -> float | None:
    return None if np.array_equal(values, kept) else snr(values, kept)
