"""Products as rows of bits, and the tree that adds bits up by the place they stand at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from heapq import heapify, heappop, heappush
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Value

from .arith import named, prefix_add


@dataclass(frozen=True)
class Booth:
    """A product of integers as a row for each radix-4 digit of one of them (Booth, modified).

    A digit is -2 to 2. Its row is that many times the other operand, one bit wider than it, the
    bits inverted if the digit is negative, which then needs a one more (``ones``); and the sign bit
    inverted once more, which adds :attr:`offset` to the sum of all rows.

    Parameters
    ----------
    bits:
        Width of each operand, of which the second one has the digits.
    signed:
        Whether each is signed.
    halves:
        Codes of the second operand that stand for +1/2 and -1/2 (dINT), or None. The product is
        then in halves. Such a code has no digits but a row of its own, which takes the place of
        that of the first digit: twice the number would have one digit more.
    """

    bits: tuple[int, int]
    signed: tuple[bool, bool]
    halves: tuple[int, int] | None = None

    @property
    def digits(self) -> int:
        """Rows."""
        return (self.bits[1] + (not self.signed[1]) + 1) // 2

    def width(self, k: int) -> int:
        """Width of row ``k``."""
        return self.bits[0] + (not self.signed[0]) + 1 + (self.halves is not None and k == 0)

    def place(self, k: int) -> int:
        """Where row ``k`` belongs."""
        return 2 * k + (self.halves is not None and k > 0)

    @property
    def row_bits(self) -> int:
        """Width of the widest row."""
        return self.width(0)

    @property
    def delay(self) -> int:
        """Gates until the rows are there."""
        return 2 if self.halves is None else 4

    @property
    def size(self) -> int:
        """Bits of all rows, and ones."""
        return sum(self.width(k) + 1 for k in range(self.digits))

    @property
    def offset(self) -> int:
        """What the sum of the rows at their places is too large by."""
        return sum(1 << self.width(k) - 1 + self.place(k) for k in range(self.digits))

    def rows(
        self, m: Module, left: Value, right: Value, name: str, negate: Value | None = None
    ) -> list[tuple[Value, Value]]:
        """``(row, one)`` of each digit, to be added at its place. With ``negate`` set, they are
        those of the negated product."""
        sign = [
            x[-1] if is_signed else Const(0, 1)
            for x, is_signed in zip((left, right), self.signed, strict=True)
        ]
        padded = Cat(Const(0, 1), right, sign[1], sign[1])
        minus = half = None
        if self.halves is not None:
            plus, minus = (named(m, f"{name}_is{code}", right == code) for code in self.halves)
            half = named(m, f"{name}_half", plus | minus)
        result = []
        for k in range(self.digits):
            low, middle, high = padded[2 * k], padded[2 * k + 1], padded[2 * k + 2]
            single = named(m, f"{name}_single{k}", low ^ middle)
            double = named(m, f"{name}_double{k}", (high ^ middle) & ~single)
            once = Cat(left, sign[0].replicate(2))
            times = [(single, once), (double, Cat(Const(0, 1), once))]
            if half is not None:
                times = [(one & ~half, value) for one, value in times]
                if k == 0:
                    times = [(one, Cat(Const(0, 1), value)) for one, value in times]
                    times.append((half, once))
                    high = named(m, f"{name}_high", Mux(half, minus, high))
            size = self.width(k)
            chosen = reduce(or_, (value[:size] & one.replicate(size) for one, value in times))
            flip = high if negate is None else named(m, f"{name}_flip{k}", high ^ negate)
            row = named(m, f"{name}_row{k}", chosen ^ flip.replicate(size))
            result.append((Cat(row[:-1], ~row[-1]), flip))
        return result


def multiply(m: Module, left: Value, right: Value, name: str = "product") -> Value:
    """``left * right`` of short unsigned numbers: a row for each bit of ``right``, one adder."""
    columns = Columns(len(left) + len(right))
    for k in range(len(right)):
        columns.add(named(m, f"{name}_row{k}", left & right[k].replicate(len(left))), k)
    total, carry = columns.reduce(m, f"{name}_csa")
    width = len(left) + len(right)
    return prefix_add(m, total, carry, Const(0, 1), width, f"{name}_add", "sklansky")


def magnitude_of_product(
    m: Module, left: Value, right: Value, negative: Value, width: int, name: str = "product"
) -> Value:
    """``abs(left * right)`` modulo ``2 ** width``, of a signed and an unsigned number, of which the
    first is ``negative``: its sign turns the digits, so that no carry propagates to negate it."""
    booth = Booth((len(left), len(right)), (True, False))
    columns = Columns(width)
    rows = booth.rows(m, left.as_unsigned(), right, name, negative)
    for k, (row, one) in enumerate(rows):
        columns.add(row, 2 * k)
        columns.add(one, 2 * k)
    columns.add_constant(-booth.offset)
    total, carry = columns.reduce(m, f"{name}_csa")
    return prefix_add(m, total, carry, Const(0, 1), width, f"{name}_add")


class Columns:
    """Bits to be added modulo ``2 ** width``.

    A tree of full adders, column by column, the bits that are there first taken first: as few
    adders as there can be, and as short as their order allows.

    Parameters
    ----------
    width:
        Of the sum.
    shared:
        Whether sum and carry of a full adder share a gate: of a tall tree a sixth less area, and a
        little slower.
    """

    SUM, CARRY = 2, 1
    """Gates to the outputs of a full adder from its last input; from the others one sum more."""

    def __init__(self, width: int, shared: bool = False):
        self._shared = shared
        self._columns: list[list[tuple[int, Value]]] = [[] for _ in range(width)]
        self._constant = 0

    def add(self, value: Value, place: int = 0, arrival: int = 0) -> None:
        """Add ``value * 2 ** place``, which is there after ``arrival`` gates."""
        for k in range(min(len(value), len(self._columns) - place)):
            self._columns[place + k].append((arrival, value[k]))

    def add_constant(self, number: int) -> None:
        """Add a number, which may be negative."""
        self._constant += number

    def reduce(self, m: Module, name: str = "csa") -> tuple[Value, Value]:
        """The sum as two rows, for an adder that propagates carries."""
        left, right = [], []
        columns = [list(column) for column in self._columns]
        for place, column in enumerate(columns):
            if self._constant >> place & 1:
                column.append((0, Const(1, 1)))
            queue = [(time, order, bit) for order, (time, bit) in enumerate(column)]
            heapify(queue)
            made = len(queue)
            while len(queue) > 2:
                (_, _, a), (early, _, b), (late, _, c) = (heappop(queue) for _ in range(3))
                adder = f"{name}_{place}_{made}"
                half = named(m, f"{adder}_half", a ^ b)
                total = named(m, f"{adder}_sum", half ^ c)
                carry = (a & b) | (c & (half if self._shared else a | b))
                carry = named(m, f"{adder}_carry", carry)
                half_time = early + self.SUM
                heappush(queue, (max(half_time, late) + self.SUM, made, total))
                if place + 1 < len(columns):
                    time = max(half_time, late) + self.CARRY
                    columns[place + 1].append((time, carry))
                made += 1
            bits = [bit for _, _, bit in sorted(queue, key=lambda item: item[:2])]
            bits += [Const(0, 1)] * (2 - len(bits))
            left.append(bits[0])
            right.append(bits[1])
        return Cat(left), Cat(right)
