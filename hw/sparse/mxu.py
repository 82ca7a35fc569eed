"""The matrix unit: an N x N weight-stationary systolic array of integer multiply-adds.

::

                 weights 0      weights 1              columns: output channels
                    │              │
    activation 0 ─> PE(0,0) ────> PE(0,1) ────> ...    rows: input channels
                    │              │
    activation 1 ─> PE(1,0) ────> PE(1,1) ────> ...
                    ⋮              ⋮
                  sum 0          sum 1

An activation moves right and a partial sum moves down, a processing element a cycle. Row i is given
a vector's activation i cycles after row 0, and column j gives its sum j cycles after column 0. A
second register of each element, the *shadow*, takes the next tile of weights meanwhile: weights
come in at the top, the last row first, and move down while the row's ``load`` is set. ``swap``
makes the shadow the weight that counts, a cycle before the first activation of the new tile.

Elements, rows and columns are instances of one module each (:mod:`hw.shared`).
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.mxu import ACTIVATION, WEIGHTS, sum_bits, weight_bits

from ..element import integer_value
from ..shared import Shared


class ProcessingElement(wiring.Component):
    """``sum_out`` is ``sum_in`` plus activation times weight, a cycle later.

    Attributes
    ----------
    activation, swap, load : In
        ``swap``: the shadow becomes the weight for the activations of the next cycle on.
        ``load``: ``weight`` goes to the shadow. Both in one cycle: the old shadow counts.
    activation_out, swap_out, load_out : Out
        The same a cycle later, for the element to the right.
    weight : In, weight_out : Out
        Of the element above; the shadow.
    sum, sum_out : In, Out
        Of the element above; with this element's product. Wraps at ``width`` bits.
    """

    def __init__(self, weight: int, width: int):
        super().__init__(
            {
                "activation": In(signed(ACTIVATION.bits)),
                "swap": In(1),
                "load": In(1),
                "weight": In(signed(weight)),
                "sum": In(signed(width)),
                "activation_out": Out(signed(ACTIVATION.bits)),
                "swap_out": Out(1),
                "load_out": Out(1),
                "weight_out": Out(signed(weight)),
                "sum_out": Out(signed(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        activation = Signal.like(self.activation, name="activation_register", reset_less=True)
        shadow = Signal.like(self.weight, name="shadow", reset_less=True)
        weight = Signal.like(self.weight, name="weight_register", reset_less=True)
        total = Signal.like(self.sum, name="sum_register", reset_less=True)
        m.d.sync += [
            activation.eq(self.activation),
            self.swap_out.eq(self.swap),
            self.load_out.eq(self.load),
            total.eq(self.sum + self.activation * weight),
        ]
        with m.If(self.load):
            m.d.sync += shadow.eq(self.weight)
        with m.If(self.swap):
            m.d.sync += weight.eq(shadow)
        m.d.comb += [
            self.activation_out.eq(activation),
            self.weight_out.eq(shadow),
            self.sum_out.eq(total),
        ]
        return m


class Row(wiring.Component):
    """``n`` processing elements side by side: one input channel.

    Attributes
    ----------
    activation, swap, load : In
        Of element 0; see :class:`ProcessingElement`. They reach element j j cycles later.
    weights, sums : In, weights_out, sums_out : Out
        Of the row above; for the row below. Element 0's least significant: as arrays, each would
        be a thousand names more in the emission.
    """

    def __init__(self, n: int, weight: int, width: int):
        self._n, self._weight, self._width = n, weight, width
        super().__init__(
            {
                "activation": In(signed(ACTIVATION.bits)),
                "swap": In(1),
                "load": In(1),
                "weights": In(n * weight),
                "sums": In(n * width),
                "weights_out": Out(n * weight),
                "sums_out": Out(n * width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        element = Shared("mxu_pe", lambda: ProcessingElement(self._weight, self._width))
        activation, swap, load = self.activation, self.swap, self.load
        for j in range(self._n):
            m.submodules[f"pe_{j}"] = pe = element.copy()
            m.d.comb += [
                pe.activation.eq(activation),
                pe.swap.eq(swap),
                pe.load.eq(load),
                pe.weight.eq(self.weights.word_select(j, self._weight)),
                pe.sum.eq(self.sums.word_select(j, self._width)),
                self.weights_out.word_select(j, self._weight).eq(pe.weight_out),
                self.sums_out.word_select(j, self._width).eq(pe.sum_out),
            ]
            activation, swap, load = pe.activation_out, pe.swap_out, pe.load_out
        return m


class Mxu(wiring.Component):
    """The array. A vector a cycle, a tile of weights every N cycles.

    Let a vector's activation of row 0 be given in cycle t. Then row i's is given in t + i, and sum
    j is there in cycle t + N + j. ``swaps[i]`` for it is set in cycle t + i - 1. Its weights: word
    k (row N - 1 - k of the tile) of column j is given in cycle u + k + j, with ``loads[i]`` set in
    cycles u + i to u + N - 1, where u + N <= t - 1; the next tile's u may be t - 1 or later.

    Parameters
    ----------
    n:
        Rows and columns.
    pe:
        Kind of processing element: "int8", "int4", "dint4", the format of the weights.

    Attributes
    ----------
    activations : In, array of N of signed 8
    swaps, loads : In, N bits
    weights : In, array of N of 8
        Codes; an INT4 or dINT4 is the low half of its byte.
    sums : Out, array of N of signed ``sum_bits(n, pe)``
        Exact; with dINT4 in halves.
    """

    def __init__(self, n: int, pe: str = "int8"):
        self._n, self._pe = n, pe
        super().__init__(
            {
                "activations": In(data.ArrayLayout(signed(ACTIVATION.bits), n)),
                "swaps": In(n),
                "loads": In(n),
                "weights": In(data.ArrayLayout(8, n)),
                "sums": Out(data.ArrayLayout(signed(sum_bits(n, pe)), n)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n, pe = self._n, self._pe
        bits, width = weight_bits(pe), sum_bits(n, pe)
        shared = Shared("mxu_row", lambda: Row(n, bits, width))
        # Codes become integers once a column, before they move down.
        codes = [self.weights[j][: WEIGHTS[pe].bits] for j in range(n)]
        integers = [integer_value(m, WEIGHTS[pe], c, f"weight_{j}") for j, c in enumerate(codes)]
        weights: Value = Cat(integers)
        sums: Value = Const(0, n * width)
        for i in range(n):
            m.submodules[f"row_{i}"] = row = shared.copy()
            m.d.comb += [
                row.activation.eq(self.activations[i]),
                row.swap.eq(self.swaps[i]),
                row.load.eq(self.loads[i]),
                row.weights.eq(weights),
                row.sums.eq(sums),
            ]
            weights, sums = row.weights_out, row.sums_out
        m.d.comb += self.sums.as_value().eq(sums)
        return m


def load_mask(m: Module, valid: Value, start: Value, n: int) -> Value:
    """``loads`` for a word of weights that column 0 is given a cycle after ``valid``, the first
    word of its tile with ``start``. Row i takes all words but the first i, for rows below it."""
    takes, word = Signal(n, name="load_rows"), Signal(name="load_word")
    m.d.sync += word.eq(valid)
    with m.If(valid):
        m.d.sync += takes.eq(Mux(start, 1, Cat(1, takes[:-1])))
    return takes & word.replicate(n)
