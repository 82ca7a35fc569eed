"""What passes between the stages of a dot product: rows, widths, layouts."""

from __future__ import annotations

from amaranth.hdl import ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.dot import DotConfig
from golden.formats import DInt, Int

from ..element import integer_bits
from ..multiply import Booth
from ..pipeline import layout
from ..scale import ScaledSum
from ..wide_add import WideAdd


def wide_add(config: DotConfig) -> WideAdd:
    """How the exact sum of products meets a floating-point accumulator or output."""
    assert config.floating is not None
    scaled = ScaledSum(config)
    return WideAdd(
        bits=0 if scaled.multiplied else scaled.outer.bit_length() + 1,
        magnitude_bits=scaled.greatest.bit_length(),
        exponent=config.unit_exponent
        + sum(fmt.unit_exponent for fmt in config.scales.values())
        - scaled.raised,
        top_exponent=scaled.top_exponent,
        accumulator=config.floating,
        specials=specials(config),
        alone=config.accumulator is None,
    )


def specials(config: DotConfig) -> tuple[str, ...]:
    """Flags that go with the sum: that it is NaN, or has products of +infinity or -infinity."""
    if config.has_specials:
        return ("nan", "plus", "minus")
    return ("nan",) if config.scales else ()


def groups(config: DotConfig) -> int:
    """Partial sums: one for each pair of scales of the operands."""
    return config.sides("a") * config.sides("w")


def row_bits(config: DotConfig) -> int:
    """Width of one row of the tree, sign included."""
    if digits(config):
        return chosen_booth(config)[0].row_bits
    if multiplies_integers(config):
        return integer_bits(config.a) + integer_bits(config.w)
    bits = max(abs(bound) for bound in config.sum_range) // config.lanes
    return bits.bit_length() + signed_rows(config)


def total_bits(config: DotConfig) -> int:
    """Width of the sum of products, or of the integer accumulator that it joins."""
    if isinstance(config.accumulator, Int):
        return config.accumulator.bits
    return config.sum_bits if signed_rows(config) else config.magnitude_bits


def lone_peak(config: DotConfig) -> bool:
    """Whether the sum has its top bit for one choice of operands alone: all products at their
    greatest, which is a power of two.

    The tree then does without that bit. Beside being smaller, this is what synthesis needs: that
    the bit is not the same as the one below it is hard to find in a tree of 32 products.
    """
    low, high = config.sum_range
    exact = multiplies_integers(config) and not isinstance(config.accumulator, Int)
    return exact and high == 1 << config.sum_bits - 2 and -high < low < 0


def tree_bits(config: DotConfig) -> int:
    """Width of what the tree adds up."""
    return total_bits(config) - lone_peak(config)


def signed_rows(config: DotConfig) -> bool:
    """A product may be negative: not if both signs choose its partial sum."""
    return config.asymmetric != "both"


def multiplies_integers(config: DotConfig) -> bool:
    """Both operands are integers, multiplied in two's complement."""
    kinds = isinstance(config.a, Int | DInt) and isinstance(config.w, Int | DInt)
    return kinds and config.asymmetric == "none"


def chosen_booth(config: DotConfig) -> tuple[Booth, bool]:
    """How integers are multiplied, and whether `a` has the digits."""
    straight, swapped = booth_of(config.a, config.w), booth_of(config.w, config.a)
    return (straight, False) if straight.size <= swapped.size else (swapped, True)


def booth_of(left: Int | DInt, right: Int | DInt) -> Booth:
    """The product of two formats of which the second one has the digits."""
    halves = right.halves if isinstance(right, DInt) else None
    return Booth((integer_bits(left), right.bits), (left.signed, right.signed), halves)


def digits(config: DotConfig) -> int:
    """Rows of a product by its digits; 0 if it is multiplied out."""
    return (
        chosen_booth(config)[0].digits
        if multiplies_integers(config) and config.multiplier == "rows"
        else 0
    )


def rows_of(config: DotConfig) -> int:
    """Rows of each partial sum."""
    return config.lanes * max(1, digits(config))


def _beside(config: DotConfig) -> dict[str, ShapeLike]:
    """What goes by the products on their way through the tree."""
    fields: dict[str, ShapeLike] = {}
    if config.has_factor:
        inputs = layout(config.input).members
        fields |= {name: inputs[name] for name in config.scales}
    elif config.scales and wide_add(config).top_exponent:
        fields["exponent"] = unsigned(wide_add(config).top_exponent.bit_length())
    fields |= {name: unsigned(1) for name in specials(config)}
    if config.accumulator is not None:
        fields["acc"] = unsigned(config.accumulator.bits)
    return fields


def products_layout(config: DotConfig) -> data.StructLayout:
    """From products to tree: the rows, the ones that Booth's still need, the rest."""
    fields: dict[str, ShapeLike] = {
        "rows": _each(config, data.ArrayLayout(unsigned(row_bits(config)), rows_of(config)))
    }
    if digits(config):
        fields["ones"] = unsigned(rows_of(config))
    if lone_peak(config):
        fields["peak"] = unsigned(1)
    return data.StructLayout(fields | _beside(config))


def tree_layout(config: DotConfig) -> data.StructLayout:
    """From tree to sum: the totals in carry-save form, the rest."""
    bits = tree_bits(config)
    pair = {"total": unsigned(bits), "carry": unsigned(bits), "carry_in": unsigned(1)}
    fields = {"pair": _each(config, data.StructLayout(pair))}
    if lone_peak(config):
        fields["peak"] = unsigned(1)
    beside = _beside(config)
    if isinstance(config.accumulator, Int):
        del beside["acc"]  # it was one of the rows
    return data.StructLayout(fields | beside)


def sum_layout(config: DotConfig) -> data.StructLayout:
    """From sum to what follows: the exact sums, the rest."""
    if config.floating is None:
        return layout(config.output)
    bits = unsigned(total_bits(config))
    name = "sum" if groups(config) == 1 else "sums"
    return data.StructLayout({name: _each(config, bits)} | _beside(config))


def _each(config: DotConfig, shape: ShapeLike) -> ShapeLike:
    """One for each partial sum."""
    return shape if groups(config) == 1 else data.ArrayLayout(shape, groups(config))


def nth(config: DotConfig, port: Value, group: int) -> Value:
    return port if groups(config) == 1 else port[group]
