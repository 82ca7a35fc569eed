"""Integer convolution by rules: gather, matrix product, scatter; exact.

The products of one tap are a float32 matrix product, which is exact here: with INT8 operands each
product is at most 2^14 in magnitude, so every partial sum of up to 2^10 of them, in whatever order
BLAS takes them, is an integer of at most 2^24, and float32 holds all of those. Longer sums are cut.
Taps are then added in int32, whose bound is checked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .rules import Rules

EXACT_DEPTH = (1 << 24) // (128 * 128)  # INT8 products whose sum float32 holds for certain
RUN = 1 << 11  # output pillars at a time: their sums and gathered inputs stay in cache


def accumulate(
    features: NDArray[np.int8], weights: NDArray[np.int8], rules: Rules, outputs: int
) -> NDArray[np.int32]:
    """The INT32 accumulators (``outputs``, output channels) of one layer, before bias.

    ``features``: (pillars, input channels). ``weights``: (taps, input channels, output channels).
    Output pillar o is the sum over the rules (t, i, o) of ``features[i] @ weights[t]``.
    Raises :class:`BadInput` when shapes disagree or when INT32 could overflow.
    """
    taps, depth, width = weights.shape
    require(
        features.dtype == np.int8 and weights.dtype == np.int8,
        "operand types",
        (str(features.dtype), str(weights.dtype)),
        "int8",
    )
    require(
        features.ndim == 2 and features.shape[1] == depth,
        "feature shape",
        features.shape,
        f"(pillars, {depth})",
    )
    require(rules.taps == taps, "taps of the rules", rules.taps, f"{taps}, as the weights have")
    bits = int(worst_sum(weights).max(initial=0)).bit_length() + 1
    require(bits <= 32, "accumulator bits needed", bits, "at most 32")
    result = np.zeros((outputs, width), np.int32)
    slabs = weights.astype(np.float32)
    # An output run meets one contiguous piece of each tap's rules, as in the accelerator.
    edges = np.arange(0, outputs + RUN, RUN)
    cuts = [
        starts + np.searchsorted(rules.tap(t)[1], edges)
        for t, starts in enumerate(rules.starts[:-1])
    ]
    for run in range(len(edges) - 1):
        for tap in range(taps):
            piece = slice(cuts[tap][run], cuts[tap][run + 1])
            if piece.start == piece.stop:
                continue
            gathered = features[rules.inputs[piece]].astype(np.float32)
            into = rules.outputs[piece]
            for low in range(0, depth, EXACT_DEPTH):
                part = slice(low, low + EXACT_DEPTH)
                product = gathered[:, part] @ slabs[tap, part]
                # No output index occurs twice in a tap, so indexed addition loses nothing.
                result[into] += product.astype(np.int32)
    return result


def worst_sum(weights: NDArray[np.int8]) -> NDArray[np.int64]:
    """Largest magnitude that an accumulator of each output channel can reach, whatever the input.

    At most one rule a tap and output, and INT8 activations of at most 128 in magnitude.
    """
    return 128 * np.abs(weights.astype(np.int64)).sum(axis=(0, 1))
