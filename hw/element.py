"""Element formats in hardware: codes to sign, significand and shift."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.formats import DInt, Float, Format, Int

from .arith import named


@dataclass(frozen=True)
class Element:
    """A code taken apart: a finite one is ``(-1)**sign * significand << shift``, in units of
    ``2 ** unit_exponent`` of its format, and shifts by ``max_shift`` at most."""

    sign: Value
    significand: Value
    shift: Value
    max_shift: int
    nan: Value
    inf: Value

    @property
    def zero(self) -> Value:
        """The number is zero (meaningless for NaN and infinity)."""
        return ~self.significand.any()


def unpack(m: Module, fmt: Format, code: Value, name: str) -> Element:
    """Take a code of an integer or floating-point format apart."""
    none = Const(0, 1)
    if isinstance(fmt, Int):
        if not fmt.signed:
            return Element(none, code, Const(0, 1), 0, none, none)
        sign = code[-1]
        # The magnitude of the most negative number needs all the bits.
        magnitude = named(m, f"{name}_magnitude", Mux(sign, -code.as_signed(), code)[: fmt.bits])
        return Element(sign, magnitude, Const(0, 1), 0, none, none)
    if isinstance(fmt, DInt):
        value = integer_value(m, fmt, code, name)
        sign = value[-1]
        magnitude = named(m, f"{name}_magnitude", Mux(sign, -value, value)[: len(value)])
        return Element(sign, magnitude, Const(0, 1), 0, none, none)
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
    return Element(sign, significand, shift, fmt.max_exponent - fmt.min_exponent, nan, inf)


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


def significand_bits(fmt: Format) -> int:
    """Width of the significand that :func:`unpack` gives."""
    return fmt.mantissa_bits + 1 if isinstance(fmt, Float) else integer_bits(fmt)
