"""The last step of every floating-point result: significand to code."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.formats import Float

from .arith import named, shift_right_sticky


def rounded(
    m: Module,
    fmt: Float,
    significand: Value,
    exponent: Value,
    guard: Value,
    sticky: Value,
    name: str = "rounded",
    can_overflow: bool = True,
    is_field: bool = False,
) -> Value:
    """Code without sign of ``significand``, rounded to nearest even; overflow gives infinity.

    ``significand`` has ``mantissa_bits + 1`` bits. Its top bit is set, or ``exponent`` is 0 and the
    number subnormal; ``exponent`` (unsigned) counts from that of the least normal number. ``guard``
    and ``sticky`` are the bit below the significand and the OR of all bits below that. With
    ``is_field``, ``exponent`` is the field: one more, and 0 for a zero.
    """
    field = exponent if is_field else named(m, f"{name}_field", exponent + significand[-1])
    up = named(m, f"{name}_up", guard & (sticky | significand[0]))
    # A carry out of the mantissa walks into the exponent, and from the top one into infinity.
    code = named(m, f"{name}_code", Cat(significand[:-1], field) + up)
    assert fmt.inf_code is not None
    if not can_overflow:
        return code[: fmt.bits - 1]
    overflow = named(m, f"{name}_overflow", code >= fmt.inf_code)
    return Mux(overflow, fmt.inf_code, code)[: fmt.bits - 1]


def round_normalised(
    m: Module,
    fmt: Float,
    significand: Value,
    exponent: Value,
    exponents: range,
    name: str = "rounded",
    is_field: bool = False,
) -> Value:
    """Code without sign of ``significand`` with its leading bit at the top, of any width.

    ``exponent`` (signed) is that of the leading bit, counted from the least normal number, and one
    of ``exponents``; a zero may have any that is 0 or less. Subnormal results are shifted down
    first. What ``exponents`` and the width rule out costs nothing. ``is_field``: see
    :func:`rounded`; without subnormals.
    """
    assert not (is_field and exponents[0] < 0)
    precision = fmt.mantissa_bits + 1
    width = max(len(significand), precision) + 1
    window = Cat(Const(0, width - len(significand)), significand)
    if exponents[0] < 0:
        subnormal = named(m, f"{name}_subnormal", exponent[-1])
        below = named(m, f"{name}_below", (-exponent)[: len(exponent)])
        amount = named(m, f"{name}_amount", Mux(subnormal, below, 0))
        window = shift_right_sticky(m, window, amount, f"{name}_shift")
        exponent = Mux(subnormal, 0, exponent[:-1])
    guard = len(window) - precision - 1
    exact = exponents[0] >= 0 and len(significand) <= precision
    return rounded(
        m,
        fmt,
        window[guard + 1 :],
        named(m, f"{name}_from_zero", exponent.as_unsigned()),
        Const(0, 1) if exact else window[guard],
        Const(0, 1) if exact else window[:guard].any(),
        name,
        can_overflow=exponents[-1] > fmt.max_exponent - fmt.min_exponent - (not exact),
        is_field=is_field,
    )


def special_or(fmt: Float, code: Value, nan: Value, inf: Value, negative: Value) -> Value:
    """``code``, unless the result is NaN or infinite."""
    assert fmt.nan_code is not None and fmt.inf_code is not None
    infinity = Cat(Const(fmt.inf_code, fmt.bits - 1), negative)
    return Mux(nan, Const(fmt.nan_code, fmt.bits), Mux(inf, infinity, code))
