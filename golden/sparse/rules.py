"""Rule generation: which input pillar meets which kernel tap to make which output pillar.

A rule is (tap, input index, output index). Convolutions are cross-correlations as in PyTorch: tap
``(dy, dx)``, number ``dy * k + dx``, joins input site ``(r * s - p + dy, c * s - p + dx)`` to
output site ``(r, c)``, where k is the kernel size, s the stride and p = (k - 1) // 2 the padding.
A transposed convolution (k = s) joins input site ``(r, c)`` to output site ``(r * s + dy, c * s +
dx)``. Because both lists are in raster order, input and output index rise strictly within a tap.

The output set is what tells the convolutions of the papers apart:

* ``spconv``: every site that some active input reaches. At stride 1 that is SpConv (dilating); at
  stride 2 SpStConv; transposed SpDeconv; with k = 1 a 1x1 convolution; on a full grid the dense
  convolution. SpConv-P is SpConv, then pruning of its output (:mod:`golden.sparse.prune`).
* ``submanifold``: the input's own sites (SpConv-S; Graham et al., CVPR 2018).
* ``selective``: the input's own sites and those that an *important* input reaches (SD-Conv; Park et
  al., CVPR workshop 2024). An unimportant pillar activates nothing, and contributes to whatever
  site in its reach is active in the output: the values are those of the dense convolution, masked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, require
from .cpr import Cpr

MODES = ("spconv", "submanifold", "selective")


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """Kernel, stride and output set of a convolution over a grid.

    ``kernel``: 1, 2 or 3; 1, 2 or 4 when ``transposed``. ``stride``: 1 or 2; the kernel size when
    ``transposed``. ``mode``: the output set, one of ``MODES``; the last two need stride 1 and an
    odd kernel.
    """

    kernel: int
    stride: int = 1
    transposed: bool = False
    mode: str = "spconv"

    def __post_init__(self) -> None:
        require(self.mode in MODES, "mode", self.mode, ", ".join(MODES))
        if self.transposed:
            require(self.kernel in (1, 2, 4), "kernel of a SpDeconv", self.kernel, "1, 2, 4")
            require(self.stride == self.kernel, "stride of a SpDeconv", self.stride, "its kernel")
        else:
            require(self.kernel in (1, 2, 3), "kernel", self.kernel, "1, 2, 3")
            require(self.stride in (1, 2), "stride", self.stride, "1, 2")
        if self.mode != "spconv":
            plain = self.stride == 1 and self.kernel % 2 == 1 and not self.transposed
            require(
                plain,
                f"{self.mode} convolution",
                (self.kernel, self.stride),
                "stride 1 and an odd kernel, not transposed",
            )

    @property
    def taps(self) -> int:
        """Kernel taps."""
        return self.kernel**2

    @property
    def padding(self) -> int:
        """Rows and columns of zeros around the grid."""
        return 0 if self.transposed else (self.kernel - 1) // 2

    def output_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Grid of the output for an input grid of (rows, columns)."""
        if self.transposed:
            return shape[0] * self.stride, shape[1] * self.stride
        rows, columns = ((n + 2 * self.padding - self.kernel) // self.stride + 1 for n in shape)
        require(
            rows >= 1 and columns >= 1, "grid shape", shape, f"at least the kernel {self.kernel}"
        )
        return rows, columns


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of one layer, sorted by tap, then by output (and so by input) index.

    ``starts``: int64, taps + 1; the rules of tap t are ``starts[t]`` up to ``starts[t + 1]``.
    ``inputs``, ``outputs``: int32 pillar indices, one pair a rule.
    """

    starts: NDArray[np.int64]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def taps(self) -> int:
        """Number of kernel taps."""
        return len(self.starts) - 1

    def tap(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """``(inputs, outputs)`` of one tap."""
        part = slice(self.starts[number], self.starts[number + 1])
        return self.inputs[part], self.outputs[part]

    def counts(self) -> NDArray[np.int64]:
        """Rules of each tap."""
        return np.diff(self.starts)

    @classmethod
    def from_taps(cls, pairs: list[tuple[NDArray, NDArray]]) -> Rules:
        """From ``(inputs, outputs)`` of each tap in turn."""
        starts = np.concatenate([[0], np.cumsum([len(i) for i, _ in pairs])]).astype(np.int64)
        inputs, outputs = (
            np.concatenate(side).astype(np.int32) for side in zip(*pairs, strict=True)
        )
        return cls(starts, inputs, outputs)


def generate(
    convolution: Convolution, active: Cpr, important: NDArray[np.bool_] | None = None
) -> tuple[Cpr, Rules]:
    """Output pillars and rules of ``convolution`` over the ``active`` input pillars.

    ``important``: for ``selective``, a boolean for each input pillar. Time and memory are linear in
    pillars and grid sites, with no hash and no sort.
    """
    if (convolution.mode == "selective") != (important is not None):
        raise BadInput("importance bits are given if and only if the convolution is selective")
    if important is not None:
        require(
            important.shape == (len(active),),
            "importance bits",
            important.shape,
            f"({len(active)},)",
        )
    if convolution.transposed:
        return _transposed(convolution, active)
    output = _output_set(convolution, active, important)
    return output, _gather(convolution, active, output)


def _taps(convolution: Convolution) -> list[tuple[int, int]]:
    return [(dy, dx) for dy in range(convolution.kernel) for dx in range(convolution.kernel)]


def _output_set(convolution: Convolution, active: Cpr, important: NDArray | None) -> Cpr:
    if convolution.mode == "submanifold":
        return active
    s, p = convolution.stride, convolution.padding
    rows, width = convolution.output_shape(active.shape)
    bitmap = np.zeros((rows, width), bool)
    source_rows, source_columns = active.rows, active.columns
    if important is not None:
        bitmap.ravel()[active.keys] = True
        source_rows, source_columns = source_rows[important], source_columns[important]
    for dy, dx in _taps(convolution):
        r, on_row = np.divmod(source_rows + (p - dy), s)
        c, on_column = np.divmod(source_columns + (p - dx), s)
        hit = (on_row == 0) & (on_column == 0) & (r >= 0) & (r < rows) & (c >= 0) & (c < width)
        bitmap[r[hit], c[hit]] = True
    return Cpr.from_bitmap(bitmap)


def _gather(convolution: Convolution, active: Cpr, output: Cpr) -> Rules:
    """Rules of each tap: where an output pillar's neighbour is active."""
    s, p, k = convolution.stride, convolution.padding, convolution.kernel
    # The index of each active pillar on its grid, with a border of absent sites wide enough that no
    # neighbour needs a bounds check.
    width = active.shape[1] + 2 * p + k
    index = np.full((active.shape[0] + 2 * p + k, width), -1, np.int32)
    index[active.rows + p, active.columns + p] = np.arange(len(active), dtype=np.int32)
    index = index.ravel()
    corner = (output.rows.astype(np.int64) * width + output.columns) * s
    pairs = []
    for dy, dx in _taps(convolution):
        neighbour = index[corner + (dy * width + dx)]
        outputs = np.flatnonzero(neighbour >= 0)
        pairs.append((neighbour[outputs], outputs))
    return Rules.from_taps(pairs)


def _transposed(convolution: Convolution, active: Cpr) -> tuple[Cpr, Rules]:
    s = convolution.stride
    shape = convolution.output_shape(active.shape)
    corner = active.rows.astype(np.int64) * s * shape[1] + active.columns.astype(np.int64) * s
    keys = [corner + (dy * shape[1] + dx) for dy, dx in _taps(convolution)]
    rank = np.zeros(shape[0] * shape[1], np.int32)
    for tap in keys:
        rank[tap] = 1
    output = Cpr.from_keys(np.flatnonzero(rank), shape)
    rank[output.keys] = np.arange(len(output), dtype=np.int32)
    inputs = np.arange(len(active), dtype=np.int32)
    return output, Rules.from_taps([(inputs, rank[tap]) for tap in keys])
