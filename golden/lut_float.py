"""Table lookup with floating-point activations: tables of integers with a common exponent.

An entry is a sum of four activations. To be a table entry of one exact integer format, the
activations of a beat are brought to their greatest exponent first (:mod:`golden.block_float`);
tables, lookups and their sum are exact, and the result is rounded once. Source of the tables:
:mod:`golden.lut`; that way of making them fit floating point is our choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import block_float
from .errors import require
from .exact import sum_exact
from .formats import BF16, FP32, Codes, Float, integer
from .hadamard import HadamardConfig, random_numbers
from .lut import GROUP, LutConfig, TablesConfig, check_lanes
from .unit import Beats, Field, Payload, Unit, in_each_lane


@dataclass(frozen=True, kw_only=True)
class FloatTablesConfig(Unit):
    """Tables of floating-point activations.

    Parameters
    ----------
    a:
        Format of the activations: BF16, FP16 or another signed one with IEEE specials.
    lanes:
        Activations a beat: a multiple of 4, up to 256.
    width:
        Bits of the aligned magnitudes, up to 15: activations that reach below lose what is there.
    """

    a: Float = BF16
    lanes: int = 32
    width: int = 12

    def __post_init__(self) -> None:
        check_lanes(self.lanes)
        block_float.check(self.a, self.width, 15)
        super().__post_init__()

    @property
    def integers(self) -> TablesConfig:
        """The tables of the aligned activations."""
        return TablesConfig(a=integer(self.width + 1), lanes=self.lanes)

    @property
    def stages(self) -> tuple[str, ...]:
        return ("common", "precompute")

    @property
    def input(self) -> Payload:
        return Payload((Field("a", self.a, "activations", self.lanes),))

    @property
    def exponent_field(self) -> Field:
        """The common exponent in a payload."""
        fmt = integer(self.a.exponent_bits, signed=False)
        meaning = "greatest exponent field of the activations, 1 or more; all ones: no numbers"
        return Field("exponent", fmt, meaning)

    @property
    def output(self) -> Payload:
        return Payload((*self.integers.output.fields, self.exponent_field))

    @property
    def contract(self) -> str:
        return (
            f"{self.aligned} {self.integers.contract} Where one is NaN or infinite, exponent is all"
            " ones and the tables mean nothing."
        )

    @property
    def aligned(self) -> str:
        """What the activations of the tables are."""
        unit = block_float.unit_exponent(self.a, self.width)
        return (
            f"exponent is the greatest exponent field of the activations. Each is an integer of"
            f" {self.width + 1} bits times 2**(exponent - {-unit}), its magnitude rounded down"
            " where its last bit is below that."
        )

    def align(self, codes: Codes) -> tuple[Codes, Codes]:
        """``(integers as codes, exponent fields)`` of activations."""
        numbers, field = block_float.align(codes, self.a, self.width)
        return self.integers.a.wrap(numbers), field

    def compute(self, beats: Beats) -> dict[str, Codes]:
        codes, field = self.align(self.input.check(beats)["a"])
        return self.integers.compute({"a": codes}) | {"exponent": field[:, None]}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Each activation alone, all at one exponent, and at every distance from the greatest."""
        size = 16
        groups = -(-self.lanes // size)
        fmt = HadamardConfig(size=size, groups=groups, number_format=self.a, width=self.width)
        for beats in fmt.corners():
            yield {"a": beats["values"][:, : self.lanes]}
        numbers = random_numbers(self.a, np.random.default_rng(0), 16, self.lanes)
        numbers = np.where(self.a.is_nan(numbers) | self.a.is_inf(numbers), 0, numbers)
        yield {"a": in_each_lane([self.a.inf_code, self.a.inf_code + 1], numbers)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return {"a": random_numbers(self.a, rng, count, self.lanes)}


@dataclass(frozen=True, kw_only=True)
class FloatLutConfig(Unit):
    """``result = acc + sum(a[k] * w[k])`` by lookup, the activations floating-point numbers.

    Parameters
    ----------
    a, lanes, width:
        As those of :class:`FloatTablesConfig`.
    w_bits, encoding:
        As those of :class:`golden.lut.LutConfig`.
    serial:
        Look the bits of a weight up one a cycle, as :class:`golden.lut.LutConfig` does.
    given:
        Take tables (of a :class:`FloatTablesConfig`) instead of activations.
    accumulator:
        Format of accumulator and result: a signed one with IEEE specials.
    """

    a: Float = BF16
    lanes: int = 32
    width: int = 12
    w_bits: int = 4
    encoding: str = "signed"
    serial: bool = False
    given: bool = False
    accumulator: Float = FP32

    def __post_init__(self) -> None:
        assert self.tables.lanes == self.lanes == self.integers.lanes  # these check themselves
        acc = self.accumulator
        ieee = isinstance(acc, Float) and acc.signed and acc.specials == "ieee" and acc.bits <= 32
        allowed = "a signed floating-point format with IEEE specials of up to 32 bits"
        require(ieee, "accumulator", acc, allowed)
        super().__post_init__()

    @property
    def tables(self) -> FloatTablesConfig:
        """The unit that makes the tables."""
        return FloatTablesConfig(a=self.a, lanes=self.lanes, width=self.width)

    @property
    def integers(self) -> LutConfig:
        """The dot product of the aligned activations."""
        return LutConfig(
            a=integer(self.width + 1),
            w_bits=self.w_bits,
            encoding=self.encoding,
            lanes=self.lanes,
            serial=self.serial,
            given=self.given,
            accumulator=None,
        )

    @property
    def stepped(self) -> bool:
        return self.serial

    @property
    def interval(self) -> int:
        return self.integers.interval

    @property
    def latency(self) -> int:
        # Where the bits are added up stands a register more.
        return super().latency + self.serial - 1 + self.interval

    @property
    def stages(self) -> tuple[str, ...]:
        front = () if self.given else ("common", "precompute")
        add = ("normalise", "align", "add", "renormalise", "round")
        return (*front, "lookup", "sum", *add)

    @property
    def max_pipeline(self) -> int:
        return super().max_pipeline - self.serial

    @property
    def input(self) -> Payload:
        exponent = (self.tables.exponent_field,) if self.given else ()
        operands = self.integers.input.fields
        if not self.given:
            operands = (*self.tables.input.fields, *operands[1:])
        acc = Field("acc", self.accumulator, "incoming accumulator")
        return Payload((*operands, *exponent, acc))

    @property
    def output(self) -> Payload:
        return Payload((Field("result", self.accumulator, "acc plus the dot product"),))

    @property
    def contract(self) -> str:
        given = " Tables that no activations have give no meaningful result." if self.given else ""
        return (
            f"{self.tables.aligned} result is acc + the sum over {self.lanes} lanes of these times"
            f" w[k], exact and rounded once to {self.accumulator.name}, to nearest even. Subnormals"
            " are kept; overflow gives infinity; a sum that is exactly zero is +0. A NaN or an"
            " infinity among the activations gives NaN (positive, quiet), as does a NaN"
            f" accumulator; an infinite accumulator stays. Weights of {self.w_bits} bits are"
            f" {self.encoding}. A beat takes {self.interval} cycle(s).{given}"
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        if self.given:
            field, names = beats["exponent"][:, 0], ("tables", "total")
            operand = {name: beats[name] for name in names}
        else:
            codes, field = self.tables.align(beats["a"])
            operand = {"a": codes}
        exact = self.integers.compute(operand | {"w": beats["w"]})["sum"][:, 0]
        total = self.integers.sum_format.integer(exact)
        exponent = field + block_float.unit_exponent(self.a, self.width)
        fmt, acc = self.accumulator, beats["acc"][:, 0]
        result = sum_exact((total, exponent), fmt.split(acc), fmt)
        result = np.where(fmt.is_inf(acc), acc, result)
        bad = (field == (1 << self.a.exponent_bits) - 1) | fmt.is_nan(acc)
        return {"result": np.where(bad, fmt.nan_code, result)[:, None]}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every four bits of weights, and every weight, with the corners of the activations."""
        rng = np.random.default_rng(0)
        top = 1 << self.w_bits
        nibbles = np.indices((2,) * GROUP).reshape(GROUP, -1).T * (top - 1)
        for beats in self.tables.corners():
            count = len(beats["a"])
            every = np.arange(count)[:, None] // self.lanes + np.zeros((1, self.lanes), int)
            w = np.tile(nibbles, (-(-count // len(nibbles)), self.lanes // GROUP))[:count]
            for weights in (every % top, w):
                yield self._beats(beats["a"], weights, rng)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        a = self.tables.random(rng, count)["a"]
        return self._beats(a, rng.integers(0, 1 << self.w_bits, a.shape), rng)

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The numbers of the tensor as activations, with random weights."""
        rows = len(values) // self.lanes
        require(rows >= 1, "numbers in the tensor", len(values), f"{self.lanes} or more")
        a = self.a.encode(values[: rows * self.lanes].reshape(rows, self.lanes))
        return self._beats(a, rng.integers(0, 1 << self.w_bits, a.shape), rng)

    def _beats(self, a: Codes, w: Codes, rng: np.random.Generator) -> dict[str, Codes]:
        """Accumulators of any kind: zero, nearly cancelling, of another size, no numbers."""
        operand = self.tables.compute({"a": a}) if self.given else {"a": a}
        fmt, count = self.accumulator, len(w)
        beats = {**operand, "w": w}
        zero = np.zeros((count, 1), np.int64)
        alone = self.compute(beats | {"acc": zero})["result"]
        opposite = (alone ^ fmt.sign_bit) & (1 << fmt.bits) - 1
        other = random_numbers(fmt, rng, count, 1)
        shifted = opposite ^ rng.integers(0, 1 << fmt.mantissa_bits, (count, 1))
        kind = rng.integers(0, 5, (count, 1))
        acc = np.select([kind == 0, kind == 1, kind == 2], [zero, opposite, shifted], other)
        return beats | {"acc": acc}
