"""Combinational arithmetic that more than one unit needs.

Each function adds logic to the module ``m`` and returns the value that carries the result, with
names that begin with ``name``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Literal

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned

PrefixTree = Literal["brent_kung", "sklansky", "kogge_stone"]


def named(m: Module, name: str, value: Value) -> Signal:
    """A signal that carries ``value``: an expression used twice would be built twice."""
    shape = value.shape()
    result = Signal(signed(shape.width) if shape.signed else unsigned(shape.width), name=name)
    m.d.comb += result.eq(value)
    return result


def carry_save(
    m: Module, rows: Sequence[Value], ones: Sequence[Value], width: int, name: str = "csa"
) -> tuple[Value, Value, Value]:
    """``rows`` (unsigned) plus ``ones`` (single bits), modulo ``2 ** width``, in carry-save form.

    Returns ``(sum, carry, carry_in)``: two rows and a bit whose total is the result; the one adder
    that propagates carries is the caller's. A tree of 3:2 compressors, the rows that were ready
    first taken first. Each compressor shifts its carry row left by one and so has a free least
    significant bit; ``ones`` live there and cost nothing. At most ``len(rows) - 1`` of them fit.
    """
    assert len(ones) <= max(1, len(rows) - 1)
    queue, spare = [row[:width] for row in rows], list(ones)
    while len(queue) > 2:
        index = len(rows) - len(queue)
        a, b, c = queue[:3]
        length = max(len(a), len(b), len(c))
        half = named(m, f"{name}_half_{index}", (a ^ b)[:length])
        total = named(m, f"{name}_sum_{index}", (half ^ c)[:length])
        majority = named(m, f"{name}_carry_{index}", ((half & c) | (~half & a))[:length])
        low = spare.pop() if spare else Const(0, 1)
        queue = [*queue[3:], total, Cat(low, majority)[:width]]
    while len(queue) < 2:
        queue.append(Const(0, 1))
    assert len(spare) <= 1
    return queue[0], queue[1], spare[0] if spare else Const(0, 1)


def signed_rows(rows: Sequence[Value], bits: int) -> list[Value]:
    """``rows`` as unsigned ones with the same sum modulo ``2 ** bits``, for :func:`carry_save`.

    The sign bit of a signed row is inverted, which adds ``2 ** (n - 1)``; one constant row takes
    all of that off again. So no row needs its sign extended.
    """
    unsigned_rows: list[Value] = []
    offset = 0
    for row in rows:
        if row.shape().signed and len(row) < bits:
            unsigned_rows.append(Cat(row[:-1], ~row[-1]))
            offset -= 1 << len(row) - 1
        else:
            unsigned_rows.append(row.as_unsigned() if row.shape().signed else row)
    if offset:
        unsigned_rows.append(Const(offset % (1 << bits), bits))
    return unsigned_rows


def select(entries: Sequence[Value], index: Value) -> Value:
    """``entries[index]``, of ``2 ** len(index)`` entries: a tree of multiplexers."""
    assert len(entries) == 1 << len(index)
    for bit in index:
        pairs = zip(entries[::2], entries[1::2], strict=True)
        entries = [Mux(bit, odd, even) for even, odd in pairs]
    return entries[0]


def prefix_add(
    m: Module,
    left: Value,
    right: Value,
    carry_in: Value,
    width: int,
    name: str = "add",
    tree: PrefixTree = "kogge_stone",
) -> Value:
    """``left + right + carry_in`` modulo ``2 ** width``, the carries from a prefix tree.

    Brent-Kung: twice the logarithm of the width deep, with the fewest gates; Sklansky: once the
    logarithm, with gates that drive half the width; Kogge-Stone: once, with the most gates, and
    none that drives many: of a wide sum the only one that a mapping for area leaves fast, and
    little larger then. Synthesis without timing in view makes of ``+`` a chain as long as the
    number.
    """
    a, b = (Cat(x, Const(0, width))[:width] for x in (left, right))
    half, both, either = named(m, f"{name}_half", a ^ b), a & b, a | b
    # Generate and propagate of each place, and then of the stretch that ends there. The carry that
    # comes in is a generate of place 0. A place that has both bits may say that it propagates too:
    # so no mapping can take the sum's exclusive or for it, and tie the two together.
    g = [named(m, f"{name}_g{k}", both[k]) for k in range(width)]
    p: list[Value] = [named(m, f"{name}_p{k}", either[k]) for k in range(width)]
    g[0] = named(m, f"{name}_g_in", g[0] | (p[0] & carry_in))

    def join(k: int, lower: int) -> None:
        stretch = f"{name}_{k}_{lower}"
        g[k] = named(m, f"{stretch}_g", g[k] | (p[k] & g[lower]))
        p[k] = named(m, f"{stretch}_p", p[k] & p[lower])

    steps = [1 << level for level in range((width - 1).bit_length())]
    for step in steps:
        if tree == "kogge_stone":
            for k in reversed(range(step, width)):  # those below are still of the step before
                join(k, k - step)
        elif tree == "sklansky":
            for k in range(width):
                if k & step:
                    join(k, k // step * step - 1)
        else:
            for k in range(2 * step - 1, width, 2 * step):
                join(k, k - step)
    for step in reversed(steps) if tree == "brent_kung" else ():
        for k in range(3 * step - 1, width, 2 * step):
            join(k, k - step)
    return half ^ Cat(carry_in[0], *g[: width - 1])


def leading_zeros(m: Module, value: Value, name: str = "zeros") -> Value:
    """Zero bits above the most significant one: ``len(value)`` or more when there is no one.

    A balanced tree over pairs of halves, logarithmic in depth. The width is padded below to a
    power of two with ones, so that the count is right for any width that has a one.
    """
    width = 1 << (len(value) - 1).bit_length()
    padded = Cat(Const(-1, width - len(value)), value) if width > len(value) else value

    def count(bits: Value, path: str) -> tuple[Value, Value]:
        """(all zero, leading zeros if not) of a power of two of bits."""
        if len(bits) == 1:
            return ~bits, Const(0, 0)
        half = len(bits) // 2
        low_empty, low = count(bits[:half], path + "l")
        high_empty, high = count(bits[half:], path + "h")
        zeros = named(m, f"{name}_{path}", Cat(Mux(high_empty, low, high), high_empty))
        return named(m, f"{name}_{path}_empty", low_empty & high_empty), zeros

    if width == 1:
        return Const(0, 1)
    empty, zeros = count(padded, "n")
    return Cat(zeros, empty) if width == len(value) else zeros


def shift_left(
    m: Module,
    value: Value,
    amount: Value,
    width: int,
    is_signed: bool,
    name: str = "shift",
    least: int = 0,
) -> Value:
    """``value << amount - least``, as ``width`` bits, for amounts from ``least`` (0 to 7) up;
    ``is_signed``: of a number in two's complement.

    Up to seven places by multiplexers, while the number is short; then each stretch of eight places
    takes it or not. So a bit of the result has few terms, where the last levels of a shifter made
    of multiplexers are as wide as the result.
    """
    fill = value[-1] if is_signed else Const(0, 1)
    width += least
    fine = min(3, len(amount))
    for level in range(fine):
        step = 1 << level
        extended, moved = Cat(value, fill.replicate(step)), Cat(Const(0, step), value)
        value = named(m, f"{name}_{level}", Mux(amount[level], moved, extended)[:width])
    if len(amount) <= fine:
        return Cat(value, fill.replicate(max(0, width - len(value))))[least:width]
    step, coarse = 1 << fine, amount[fine:]
    count = min(1 << len(coarse), -(-width // step))
    here = [named(m, f"{name}_at{k}", coarse == k) for k in range(count)]
    body = value[:-1] if is_signed else value
    bits, above = [], -1  # the last stretch at which the number ends below this bit
    ended: Value = Const(0, 1)
    for place in range(least, width):
        while above + 1 < count and (above + 1) * step + len(body) <= place:
            above += 1
            ended = named(m, f"{name}_ended{above}", fill & Cat(here[: above + 1]).any())
        terms = [
            here[k] & body[place - k * step]
            for k in range(count)
            if 0 <= place - k * step < len(body)
        ]
        bits.append(reduce(or_, terms, ended))
    return named(m, name, Cat(bits))


def shift_zeros_out(m: Module, value: Value, zeros: Value, name: str = "normal") -> Value:
    """``value << zeros`` in the width of ``value``, for counts of :func:`leading_zeros`: by the
    most places first, because the count's high bits are there before its low ones."""
    width = len(value)
    for level in reversed(range(len(zeros))):
        moved = Cat(Const(0, 1 << level), value)
        value = named(m, f"{name}_{level}", Mux(zeros[level], moved, value)[:width])
    return value


def shift_right_sticky(
    m: Module, value: Value, amount: Value, name: str = "shift", fill: Value | None = None
) -> Value:
    """``value >> amount`` with one more bit below: the OR of all bits that were shifted out.

    ``amount`` may be of any width; beyond the width of ``value`` everything is in the sticky bit.
    Bits of value ``fill`` enter at the top: zeros unless given, the sign for a number in two's
    complement.
    """
    fill = Const(0, 1) if fill is None else fill
    width = len(value)
    levels = min(len(amount), width.bit_length())
    sticky: Value = Const(0, 1)
    current = value
    fill = Const(0, 1) if fill is None else fill
    for level in range(levels):
        step = min(1 << level, width)
        lost = named(m, f"{name}_lost_{level}", current[:step].any() & amount[level])
        sticky = named(m, f"{name}_sticky_{level}", sticky | lost)
        moved = Cat(current[step:], fill.replicate(step))
        current = named(m, f"{name}_{level}", Mux(amount[level], moved, current)[:width])
    if len(amount) > levels:
        beyond = amount[levels:].any()
        sticky = named(m, f"{name}_sticky", sticky | (beyond & current.any()))
        current = named(m, f"{name}_clear", Mux(beyond, fill.replicate(width), current))
    return Cat(sticky, current)
