"""The last step of every floating-point result: significand to code."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.formats import Float

from .arith import named


def rounded(
    m: Module,
    fmt: Float,
    significand: Value,
    exponent: Value,
    guard: Value,
    sticky: Value,
    name: str = "rounded",
) -> Value:
    """Code without sign of ``significand``, rounded to nearest even; overflow gives infinity.

    ``significand`` has ``mantissa_bits + 1`` bits. Its top bit is set, or ``exponent`` is 0 and the
    number subnormal; ``exponent`` (unsigned) counts from that of the least normal number. ``guard``
    and ``sticky`` are the bit below the significand and the OR of all bits below that.
    """
    normal = significand[-1]
    field = named(m, f"{name}_field", exponent + normal)
    up = named(m, f"{name}_up", guard & (sticky | significand[0]))
    # A carry out of the mantissa walks into the exponent, and from the top one into infinity.
    code = named(m, f"{name}_code", Cat(significand[:-1], field) + up)
    assert fmt.inf_code is not None
    overflow = named(m, f"{name}_overflow", code >= fmt.inf_code)
    return Mux(overflow, fmt.inf_code, code)[: fmt.bits - 1]


def special_or(fmt: Float, code: Value, nan: Value, inf: Value, negative: Value) -> Value:
    """``code``, unless the result is NaN or infinite."""
    assert fmt.nan_code is not None and fmt.inf_code is not None
    infinity = Cat(Const(fmt.inf_code, fmt.bits - 1), negative)
    return Mux(nan, Const(fmt.nan_code, fmt.bits), Mux(inf, infinity, code))
