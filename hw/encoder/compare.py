"""Elements under a scale with a fraction: values compared with it times where elements begin."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.encoder import EncoderConfig
from golden.formats import Float

from ..arith import named
from ..pipeline import Stage, lanes_of, layout
from ..search import at_least, thermometer
from .fraction import fraction_layout
from .tensor import normalised
from .window import Window

Products = dict[int, tuple[Value, Value]]
"""By odd number: its product with the scale's significand, as the bits behind the leading one, and
whether that is a binade higher than the least product."""


class Compare(Stage):
    """Each element's code: how many boundaries its magnitude is beyond.

    A boundary is a power of two times an odd number, and boundaries of one odd number share a
    comparison of mantissas: E2M1 has seven of them and four odd numbers. The binade that a value is
    in, counted from the lowest boundary, settles the rest.
    """

    delay = 26

    def __init__(self, config: EncoderConfig):
        self.config = config
        super().__init__(fraction_layout(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        shared = None if config.sides > 1 else self._products(m, self.i.significand0, "")
        targets = lanes_of(self.o.elements, config.format.block)
        codes = lanes_of(self.i["values"], config.format.block)
        for lane, (code, target) in enumerate(zip(codes, targets, strict=True)):
            products, place = shared, self.i.place0
            if products is None:
                # Two small numbers are chosen, rather than what follows from them.
                own = Mux(code[-1], self.i.significand1, self.i.significand0)
                products = self._products(m, named(m, f"significand_of{lane}", own), f"_of{lane}")
                place = named(m, f"place_of{lane}", Mux(code[-1], self.i.place1, self.i.place0))
            m.d.comb += target.eq(self._element(m, code, products, place, lane))
        return m

    def _products(self, m: Module, significand: Value, name: str) -> Products:
        products = {}
        for odd in sorted({b.odd for b in self.config.element_boundaries}):
            product = named(m, f"times{odd}{name}", significand * odd)
            bits = odd.bit_length() + len(significand)  # of products a binade higher
            greatest = odd * ((1 << len(significand)) - 1)
            if greatest.bit_length() < bits:
                products[odd] = product[: bits - 2], Const(0, 1)
                continue
            higher = product[bits - 1]
            mantissa = Mux(higher, product[: bits - 1], Cat(Const(0, 1), product[: bits - 2]))
            products[odd] = named(m, f"mantissa{odd}{name}", mantissa), higher
        return products

    def _element(
        self, m: Module, code: Value, products: Products, place: Value, lane: int
    ) -> Value:
        config = self.config
        boundaries = config.element_boundaries
        mantissa, field, counts = self._value(m, code, lane)
        beyond: dict[tuple[int, bool], Value] = {}
        for odd, reached in sorted({(b.odd, b.reached) for b in boundaries}):
            compared = self._compare(m, mantissa, products[odd][0], reached, f"{lane}_{odd}")
            beyond[odd, reached] = compared
        lowest = min(b.exponent for b in boundaries)
        last = max(b.exponent for b in boundaries) - lowest
        binades = self._binades(m, field, place, counts, last, lane)
        codes: list[Value] = []
        for k, b in enumerate(boundaries):
            here, above, higher = binades[b.exponent - lowest :][:3]
            c, up = beyond[b.odd, b.reached], products[b.odd][1]
            codes.append(
                named(m, f"code{lane}_{k + 1}", higher | (above & (c | ~up)) | (here & c & ~up))
            )
        negative = code[-1]
        if isinstance(config.format.element, Float):
            magnitude = thermometer(m, codes, f"magnitude{lane}")
            return Cat(magnitude, negative & ~self.i.broken)
        if config.format.full_range:
            codes[-1] = codes[-1] & negative
        magnitude = thermometer(m, codes, f"magnitude{lane}")
        bits = config.format.element.bits
        return ((Cat(magnitude, Const(0, 1)) ^ negative.replicate(bits)) + negative)[:bits]

    def _binades(
        self, m: Module, field: Value, place: Value, counts: Value, last: int, lane: int
    ) -> list[Value]:
        """Whether a value is in the binade of the lowest boundary or above it, in the next or above
        that, and so on: two more than the boundaries' own."""
        distance = named(m, f"distance{lane}", (field + place)[: len(place)])
        bits = (last + 2).bit_length()
        near = named(m, f"near{lane}", ~distance[-1] & counts)
        far = named(m, f"far{lane}", distance[bits:-1].any())
        return [
            named(m, f"binade{lane}_{k}", near & (far | at_least(distance[:bits], k)))
            for k in range(last + 3)
        ]

    def _compare(self, m: Module, value: Value, bound: Value, reached: bool, name: str) -> Value:
        """Whether ``value`` is above ``bound``, aligned at their first bits, or ``reached``."""
        length = len(value)
        # What of a boundary lies below the last bit of values: they do not reach it then.
        rest = bound[: max(0, len(bound) - length)]
        bound = bound[len(rest) :]
        padded = Cat(Const(0, length - len(bound)), bound)
        result: Value = Const(reached, 1) & ~rest.any() if len(rest) else Const(reached, 1)
        for k in range(length):
            if k < length - len(bound):
                result = value[k] | result
                continue
            result = (value[k] & ~padded[k]) | (result & (value[k] | ~padded[k]))
            result = named(m, f"above{name}_{k}", result)
        return result

    def _value(self, m: Module, code: Value, lane: int) -> tuple[Value, Value, Value]:
        """(mantissa, exponent field, whether it may be beyond a boundary) of a value."""
        config, window = self.config, Window(self.config).of(code)
        mantissa, field = window[:-8], window[-8:]
        if config.format.tensor_scale is None:  # subnormals are below all boundaries
            return mantissa, field, Const(1, 1)
        if config.subnormals == "flush":
            return mantissa, field, field.any()
        significand, exponent = normalised(m, window, config.input_format, f"value{lane}")
        return significand[:-1], exponent, window.any()
