"""The linear-feedback shift register behind stochastic rounding.

Bit ``t + 127`` of the sequence is bit ``t`` plus bit ``t + 63`` modulo 2: the trinomial
``x**127 + x**63 + 1``. It is irreducible, and 2**127 - 1 is a prime, so every nonzero seed runs
through all 2**127 - 1 states. Two taps make it cheap to take many bits a cycle: one XOR each.

Source: N. Zierler, Primitive trinomials whose degree is a Mersenne exponent, 1969.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEGREE, TAP = 127, 63
SEED = 0x243F6A8885A308D313198A2E03707344
"""The seed unless another is given: the first 126 bits of the fraction of pi."""


def sequence(seed: int, count: int) -> NDArray[np.uint8]:
    """``count`` bits: those of ``seed`` (1 to 2**127 - 1), least significant first, and on."""
    bits = np.zeros(max(count, DEGREE), np.uint8)
    bits[:DEGREE] = [seed >> k & 1 for k in range(DEGREE)]
    step = DEGREE - TAP  # as many new bits as depend on known ones alone
    for t in range(0, len(bits) - DEGREE, step):
        end = min(t + step, len(bits) - DEGREE)
        bits[t + DEGREE : end + DEGREE] = bits[t:end] ^ bits[t + TAP : end + TAP]
    return bits[:count]
