"""Element formats in hardware: codes to sign, significand and shift."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.formats import DInt, Float, Format, Int
from golden.one_of import OneOf
from golden.posit import Posit

from .arith import named


@dataclass(frozen=True)
class Element:
    """A code taken apart: a finite one is ``(-1)**sign * significand << shift``, in units of
    ``2 ** unit_exponent`` of its format, and shifts by ``max_shift`` at most. ``field`` is
    ``shift + raised``: where subnormals count as field 1, this takes an OR and ``shift`` a
    subtraction."""

    sign: Value
    significand: Value
    shift: Value
    max_shift: int
    nan: Value
    inf: Value
    field: Value
    raised: int

    @property
    def zero(self) -> Value:
        """The number is zero (meaningless for NaN and infinity)."""
        return ~self.significand.any()


def unpack(m: Module, fmt: Format, code: Value, name: str) -> Element:
    """Take a code of an integer, floating-point or posit format, or one of several, apart."""
    none = Const(0, 1)
    if isinstance(fmt, OneOf):
        return _unpack_tagged(m, fmt, code, name)
    if isinstance(fmt, Posit):
        return _unpack_posit(m, fmt, code, name)
    if isinstance(fmt, Int):
        if not fmt.signed:
            return Element(none, code, Const(0, 1), 0, none, none, Const(0, 1), 0)
        sign = code[-1]
        # The magnitude of the most negative number needs all the bits.
        magnitude = named(m, f"{name}_magnitude", Mux(sign, -code.as_signed(), code)[: fmt.bits])
        return Element(sign, magnitude, Const(0, 1), 0, none, none, Const(0, 1), 0)
    if isinstance(fmt, DInt):
        value = integer_value(m, fmt, code, name)
        sign = value[-1]
        magnitude = named(m, f"{name}_magnitude", Mux(sign, -value, value)[: len(value)])
        return Element(sign, magnitude, Const(0, 1), 0, none, none, Const(0, 1), 0)
    assert isinstance(fmt, Float)
    mantissa = code[: fmt.mantissa_bits]
    field = code[fmt.mantissa_bits : fmt.mantissa_bits + fmt.exponent_bits]
    normal = named(m, f"{name}_normal", field.any() if fmt.subnormals else Const(1, 1))
    significand = named(m, f"{name}_significand", Cat(mantissa, normal))
    # Subnormals have the exponent of field 1: the shift counts from there.
    shift = (
        named(m, f"{name}_shift", (field - normal)[: fmt.exponent_bits])
        if (fmt.subnormals)
        else field
    )
    magnitude = code[: fmt.mantissa_bits + fmt.exponent_bits]
    nan, inf = none, none
    if fmt.specials == "fn":
        nan = named(m, f"{name}_nan", magnitude.all())
    elif fmt.specials == "ieee":
        top = field.all()
        nan = named(m, f"{name}_nan", top & mantissa.any())
        inf = named(m, f"{name}_inf", top & ~mantissa.any())
    sign = code[-1] if fmt.signed else none
    top = fmt.max_exponent - fmt.min_exponent
    if raised_by(fmt):
        return Element(
            sign, significand, shift, top, nan, inf, Cat(field[0] | ~normal, field[1:]), 1
        )
    return Element(sign, significand, shift, top, nan, inf, shift, 0)


def raised_by(fmt: Float) -> int:
    """``raised`` of a format. Of few exponent bits one is subtracted by a few gates, and the
    shorter shifts are worth those."""
    return int(fmt.subnormals and fmt.exponent_bits > 3)


def integer_value(m: Module, fmt: Int | DInt, code: Value, name: str) -> Value:
    """The number of a code as a signed or unsigned integer, in units of the format."""
    if isinstance(fmt, Int):
        return code.as_signed() if fmt.signed else code
    plus, minus = (code == half for half in fmt.halves)
    half = named(m, f"{name}_half", plus | minus)
    # Twice the integer, or a one of either sign.
    doubled = Cat(half, Mux(half, minus.replicate(fmt.bits), code))
    return named(m, f"{name}_doubled", doubled).as_signed()


def integer_bits(fmt: Int | DInt) -> int:
    """Width of what :func:`integer_value` gives."""
    return fmt.bits + isinstance(fmt, DInt)


def _unpack_tagged(m: Module, fmt: OneOf, code: Value, name: str) -> Element:
    """Every format takes the code apart, and the tag lets one of them through."""
    tag = code[fmt.code.bits :]
    parts = []
    for position, each in enumerate(fmt.formats):
        part = unpack(m, each, code[: each.bits], f"{name}_{position}")
        offset = each.unit_exponent - fmt.unit_exponent
        parts.append((named(m, f"{name}_is_{position}", tag == position), part, offset))

    def chosen(what: str, values: list[Value]) -> Value:
        masked = [
            Mux(selected, value, 0) for (selected, _, _), value in zip(parts, values, strict=True)
        ]
        return named(m, f"{name}_{what}", reduce(or_, masked))

    selected = Cat(selected for selected, _, _ in parts)
    raised = max(part.raised for _, part, _ in parts)
    return Element(
        sign=chosen("sign", [part.sign for _, part, _ in parts]),
        significand=chosen("significand", [part.significand for _, part, _ in parts]),
        shift=chosen("shift", [part.shift + offset for _, part, offset in parts]),
        max_shift=max(part.max_shift + offset for _, part, offset in parts),
        nan=named(m, f"{name}_nan", chosen("nans", [p.nan for _, p, _ in parts]) | ~selected.any()),
        inf=chosen("inf", [part.inf for _, part, _ in parts]),
        field=chosen("field", [p.field + (offset + raised - p.raised) for _, p, offset in parts]),
        raised=raised,
    )


def _unpack_posit(m: Module, fmt: Posit, code: Value, name: str) -> Element:
    """A posit's fraction stays where it lies in the code, with the hidden one above it: instead of
    a shifter that would normalise it, its last place goes into ``shift``. Below one, posits of
    ``es`` = 0 are fixed-point numbers, and do not shift at all."""
    below, es = fmt.width - 1, fmt.es
    sign = code[-1]
    flipped = code[:below] ^ sign.replicate(below)
    size = named(m, f"{name}_size", (flipped + sign)[:below])
    ones = size[-1]
    # The regime's run ends at the first bit that differs from its first; ended[j] when that is
    # bit j or one above it.
    other = named(m, f"{name}_other", size[:-1] ^ ones.replicate(below - 1))
    ended = named(m, f"{name}_ended", Cat(other[j:].any() for j in range(below - 1)))
    end = named(m, f"{name}_end", ended & ~Cat(ended[1:], Const(0, 1)))
    nonzero = named(m, f"{name}_nonzero", ended[0] | ones)

    significand = []
    for place in range(fmt.fraction_bits + 1):
        lead = end[place + es] if place else nonzero & ~ended[es + 1 :].any()
        fraction = (
            size[place] & ended[place + es + 1] if place + es + 1 < below - 1 else Const(0, 1)
        )
        significand.append(lead | fraction)

    amounts = [Mux(named(m, f"{name}_top", ones & ~ended[0]), fmt.width - 2 << es + 1, 0)]
    for j in range(below - 1):
        last = max(j - es, 0)
        small, large = (j << es) - last, (2 * fmt.width - 5 - j << es) - last
        amounts.append(Mux(end[j], Mux(ones, large, small), 0))
    shift = reduce(or_, amounts)
    if es:
        digits = [
            reduce(or_, (end[j] & size[j - step] for j in range(step, below - 1)), Const(0, 1))
            for step in range(es, 0, -1)
        ]
        shift = shift + Cat(digits)
    shift = named(m, f"{name}_shift", shift[: fmt.integer_range[1].bit_length().bit_length()])
    return Element(
        sign=sign,
        significand=named(m, f"{name}_significand", Cat(significand)),
        shift=shift,
        max_shift=2 * fmt.max_exponent,
        nan=named(m, f"{name}_nar", sign & ~nonzero),
        inf=Const(0, 1),
        field=shift,
        raised=0,
    )


def significand_bits(fmt: Format) -> int:
    """Width of the significand that :func:`unpack` gives."""
    if isinstance(fmt, OneOf):
        return max(significand_bits(each) for each in fmt.formats)
    if isinstance(fmt, Posit):
        return fmt.fraction_bits + 1
    return fmt.mantissa_bits + 1 if isinstance(fmt, Float) else integer_bits(fmt)
