"""Elements under a scale with a fraction, rounded stochastically."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.encoder import EncoderConfig
from golden.formats import Float

from ..arith import named
from ..pipeline import Stage, lanes_of, layout
from ..search import thermometer
from .fraction import fraction_layout, significand_bits
from .grid import Grid
from .tensor import normalised


class Dither(Stage):
    """Each element's code: its magnitude plus a random part of a step, rounded down.

    A value rounds up if it and R / 2**random_bits of a step reach the next number. Times the scale,
    that is a comparison of integers: the value in units of the significand's last place over
    2**random_bits, cut off there, plus R times the significand, with multiples of the significand.
    A step of a later binade is larger: there the value is shifted down first.
    """

    delay = 44

    def __init__(self, config: EncoderConfig):
        self.config, self.grid = config, Grid(config)
        super().__init__(fraction_layout(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, i = self.config, self.i
        shared = None if config.sides > 1 else self._multiples(m, i.significand0, "")
        targets = lanes_of(self.o.elements, config.format.block)
        codes = lanes_of(i["values"], config.format.block)
        for lane, (code, target) in enumerate(zip(codes, targets, strict=True)):
            significand, place, multiples = i.significand0, i.place0, shared
            if multiples is None:
                own = Mux(code[-1], i.significand1, significand)
                significand = named(m, f"significand_of{lane}", own)
                place = named(m, f"place_of{lane}", Mux(code[-1], i.place1, place))
                multiples = self._multiples(m, significand, f"_of{lane}")
            units, far = self._units(m, code, place, lane)
            reached, binade = self._reached(m, units, significand, multiples, lane)
            reached, binade = ([far | one for one in row] for row in (reached, binade))
            m.d.comb += target.eq(self._element(m, code[-1], reached, binade, lane))
        return m

    def _multiples(self, m: Module, significand: Value, name: str) -> list[Value]:
        return [named(m, f"times{k}{name}", significand * k) for k in range(1, self.grid.steps + 1)]

    def _units(self, m: Module, code: Value, place: Value, lane: int) -> tuple[Value, Value]:
        """(a value in units of 2**-random_bits of the last place of its scale, cut off there;
        whether it is too large for that)."""
        config, fmt = self.config, self.config.input_format
        significand: Value = Cat(code[: fmt.mantissa_bits], Const(1, 1))
        field: Value = code[fmt.mantissa_bits : -1]
        counts: Value = Const(1, 1)  # without a tensor scale, subnormals are far below
        if config.format.tensor_scale is not None and config.subnormals == "flush":
            counts = field.any()
        elif config.format.tensor_scale is not None:
            significand, field = normalised(m, code[:-1], fmt, f"value{lane}")
            counts = code[:-1].any()
        distance = named(m, f"distance{lane}", (field + place)[: len(place)])
        bits = self.grid.shift_bits
        near = named(m, f"near{lane}", ~distance[-1] & counts)
        far = named(m, f"far{lane}", near & distance[bits:-1].any())
        width = self.grid.top + significand_bits(config) + config.random_bits
        padded = Cat(Const(0, max(0, width - len(significand))), significand)
        window = padded[len(padded) - width :] & near.replicate(width)
        return named(m, f"units{lane}", window >> ~distance[:bits]), far

    def _reached(
        self, m: Module, units: Value, significand: Value, multiples: list[Value], lane: int
    ) -> tuple[list[Value], list[Value]]:
        """(which steps of its binade a value reaches, which later binades it is in or beyond)."""
        digits = self.config.random_bits
        binade = [
            named(m, f"binade{lane}_{start}", units[digits + start :] >= significand)
            for start in self.grid.binades
        ]
        part = units
        for down, later in enumerate(binade[:-1], 1):
            part = Mux(later, units[down:], part)
        random = named(m, f"random{lane}", significand * self.i.random[lane])
        raised = named(m, f"raised{lane}", (part + random)[digits:])
        reached = [
            named(m, f"reached{lane}_{k}", raised >= multiple)
            for k, multiple in enumerate(multiples, 1)
        ]
        return reached, binade

    def _element(
        self, m: Module, negative: Value, reached: list[Value], binade: list[Value], lane: int
    ) -> Value:
        element = self.config.format.element
        if not isinstance(element, Float):
            if self.config.format.full_range:
                reached = [*reached[:-1], reached[-1] & negative]
            magnitude = thermometer(m, reached, f"magnitude{lane}")
            bits = element.bits
            return ((Cat(magnitude, Const(0, 1)) ^ negative.replicate(bits)) + negative)[:bits]
        count = thermometer(m, reached, f"count{lane}")
        before = Cat(Const(0, element.mantissa_bits), thermometer(m, binade[:-1], f"field{lane}"))
        code = named(m, f"code{lane}", count + before)
        over = binade[-1] | (code > element.max_code)
        magnitude = Mux(over, element.max_code, code)[: element.bits - 1]
        return Cat(magnitude, negative & ~self.i.broken)
