"""Where the accelerator makes its sums: banks (:mod:`.gsu`) and array (:mod:`.mxu`)."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.sparse.accelerator import AcceleratorConfig

from .engine_layout import engine_ports
from .gsu import Gsu
from .mxu import Mxu


class Engine(wiring.Component):
    """Banks and array.

    Cycles are those in which a port has the value. A rule issued in cycle s with ``swap`` uses the
    weights whose N words were loaded in cycles up to s - 1; loading the next ones may begin in
    cycle s. So a tap takes max(rules, N) cycles. What was written in cycle w may be issued from
    w + 1 on. Two rules of one output keep :data:`golden.sparse.gsu.HAZARD`.

    Parameters
    ----------
    config:
        Sizes.
    pe:
        Kind of processing element: "int8", "int4", "dint4".

    Attributes
    ----------
    rule : In(issue_layout(config))
    load : In(load_layout(config))
        Words of a tile may come with gaps between them.
    write_input : In(write_input_layout(config))
    write_weight : In(write_weight_layout(config))
    drain : In(drain_layout(config))
        Of a half whose rules have all ``ended``, and before rules are issued for it again.
    sums : Out, array of N of signed 32
        ``DRAIN_LATENCY`` cycles after ``drain``.
    ended : Out
        A pulse ``ended_latency(N)`` cycles after a rule with ``end``: from this cycle on ``drain``
        may be set for all that was issued up to that rule.
    """

    def __init__(self, config: AcceleratorConfig, pe: str = "int8"):
        self._config, self._pe = config, pe
        super().__init__(engine_ports(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.gsu = gsu = Gsu(self._config, self._pe)
        m.submodules.mxu = mxu = Mxu(self._config.array, self._pe)
        m.d.comb += [
            *(
                getattr(gsu, port).eq(getattr(self, port))
                for port in ("rule", "load", "write_input", "write_weight", "drain")
            ),
            self.sums.eq(gsu.sums),
            self.ended.eq(gsu.ended),
            mxu.activations.eq(gsu.activations),
            mxu.swaps.eq(gsu.swaps),
            mxu.loads.eq(gsu.loads),
            mxu.weights.eq(gsu.weights),
            gsu.column_sums.eq(mxu.sums),
        ]
        return m
