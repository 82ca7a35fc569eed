"""The whole accelerator: from a list of layer descriptors in memory to activations in memory.

`docs/spade.md` has the block diagram; here is its wiring. :class:`Spade` is what a system designer
drops in: an AXI4-Lite port to start it, an AXI4 port to memory, an interrupt.
"""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS
from golden.sparse.dma import DmaConfig, ReadClient, WriteClient
from golden.sparse.gsu import HAZARD, overwrite_distance
from golden.sparse.record import CAUSES
from golden.sparse.registers import ADDRESS_BITS as REGISTER_BITS
from golden.sparse.spade import SpadeConfig

from ..arith import named
from ..pipeline import Register
from .axi import axi4, axi4_lite, connect_flat, flat
from .dense import DENSE_FIELDS, DenseRules
from .dispatch import AHEAD, Fork, Gate, LayerQueue, Pair, Progress, Queue
from .dma import Dma
from .engine import Engine
from .fill import Filler, PresenceBits
from .issue import Issue
from .layout import layer_layout, tile_layout
from .loader import LOADER_FIELDS, Loader
from .rules import RULES_FIELDS, RuleGeneration
from .sequencer import Sequencer
from .statistics import Statistics
from .tiler import Tiler
from .vpu import VPU_FIELDS, VPU_PLAIN_FIELDS, Vpu

LOAD_DEPTH = 256
"""Beats of the load client that may be under way: a latency of 100 cycles and two bursts fit."""
SHORT = 16
"""Beats of a queue that could be shorter: the fewest that make a memory, which takes a fifth of the
area of eight beats of flip-flops."""


def dma_config(config: AcceleratorConfig, sparse: bool = True) -> DmaConfig:
    """The clients of the memory port; who needs little and late goes first. Lists of pillars are
    there if it is ``sparse``."""
    reads = (
        ReadClient(name="rows"),
        ReadClient(name="entries", depth=64),
        ReadClient(name="second_rows"),
        ReadClient(name="second_entries"),
        ReadClient(name="selection"),
    )
    writes = (WriteClient(name=name, depth=SHORT) for name in ("rows", "entries", "late"))
    return DmaConfig(
        bus_bits=config.bus_bits,
        reads=(
            ReadClient(name="list"),
            *(reads if sparse else ()),
            ReadClient(name="parameters"),
            ReadClient(name="load", depth=LOAD_DEPTH),
        ),
        writes=(
            WriteClient(name="statistics", depth=SHORT),
            *(writes if sparse else ()),
            WriteClient(name="features", depth=32),
        ),
    )


class Spade(wiring.Component):
    """The accelerator.

    Parameters
    ----------
    config : SpadeConfig

    Attributes
    ----------
    s_axil_* : AXI4-Lite slave, 32 bits
        Registers: :mod:`golden.sparse.registers`.
    m_axi_* : AXI4 master of ``config.bus_bits``
    irq : Out(1)
    """

    def __init__(self, config: SpadeConfig):
        self.config = config
        super().__init__(
            {
                **flat("s_axil", axi4_lite(REGISTER_BITS).flip()),
                **flat("m_axi", axi4(config.accelerator.bus_bits)),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, sparse = self.config.accelerator, self.config.sparse
        m.submodules.sequencer = sequencer = Sequencer(config)
        clear = sequencer.clear

        def part(name: str, component: wiring.Component) -> wiring.Component:
            """A submodule that a soft reset resets."""
            m.submodules[name] = ResetInserter(clear)(component)
            return component

        dma = part("dma", Dma(dma_config(config, sparse)))
        connect_flat(m, self, "m_axi", dma.m_axi)
        connect_flat(m, self, "s_axil", sequencer.s_axil)

        # Layers.
        fork = part("layers", Fork(layer_layout(), ("rules", "load", "finish")))
        wiring.connect(m, sequencer.layer, fork.i)
        finish_fields = VPU_FIELDS if self.config.importance else VPU_PLAIN_FIELDS
        queues = {
            name: part(f"layers_{name}", LayerQueue(config, fields, depth))
            for name, fields, depth in (
                ("rules", RULES_FIELDS if sparse else DENSE_FIELDS, 2),
                ("load", LOADER_FIELDS, AHEAD),
                ("finish", finish_fields, AHEAD),
            )
        }
        for name, queue in queues.items():
            wiring.connect(m, getattr(fork, name), queue.i)
        rules = part("rules", RuleGeneration(config) if sparse else DenseRules(config))

        # Tiles and passes.
        tiler = part("tiler", Tiler(config))
        wiring.connect(m, rules.tiler_layer, tiler.layer)
        wiring.connect(m, rules.pillars, tiler.i)
        tiles = part("tiles", Queue(tile_layout(config), AHEAD))
        loader = part("loader", Loader(config, sparse))
        wiring.connect(m, tiler.tiles, tiles.i)
        # Out of a memory a tile comes late in the cycle.
        tile = part("tile", Register(tile_layout(config)))
        wiring.connect(m, tiles.o, tile.i)
        wiring.connect(m, tile.o, loader.tiles)
        wiring.connect(m, queues["load"].o, loader.layer)
        issue = part("issue", Issue(config, HAZARD, overwrite_distance(config.array)))
        wiring.connect(m, loader.passes, issue.passes)
        filler = part("filler", Filler(config, sparse))
        fills = part("fills", Queue(filler.fills.payload.shape(), 8))
        wiring.connect(m, loader.fills, fills.i)
        wiring.connect(m, fills.o, filler.fills)
        wiring.connect(m, dma.load_data, filler.i)
        wiring.connect(m, loader.load, dma.load_read)
        wiring.connect(m, loader.parameters, dma.parameters_read)
        engine = part("engine", Engine(config, self.config.pe))
        vpu = part("vpu", Vpu(config, self.config.importance))
        wiring.connect(m, queues["finish"].o, vpu.layer)
        wiring.connect(m, issue.finish, vpu.finish)
        wiring.connect(m, dma.parameters_data, vpu.parameters)
        wiring.connect(m, vpu.features, dma.features_write)

        unlisted = Signal()  # the rule generator waits for the layer before
        m.d.comb += [
            tiler.read.eq(issue.read),
            issue.rule.eq(tiler.rule),
            tiler.release.eq(issue.release),
            tiler.tag_read.eq(vpu.tag_read),
            vpu.tag.eq(tiler.tag),
            engine.write_input.eq(filler.write_input),
            engine.write_weight.eq(filler.write_weight),
            engine.rule.eq(issue.engine_rule),
            engine.load.eq(issue.engine_load),
            issue.ended.eq(engine.ended),
            issue.arrived_inputs.eq(filler.arrived_inputs),
            issue.arrived_weights.eq(filler.arrived_weights),
            loader.freed_inputs.eq(issue.freed_inputs),
            loader.freed_weights.eq(issue.freed_weights),
            issue.waiting.tile.eq(loader.waiting.tile),
            issue.waiting.layer.eq(loader.waiting.layer | (loader.waiting.tile & unlisted)),
            engine.drain.eq(vpu.drain),
            vpu.sums.eq(engine.sums),
            issue.free.eq(vpu.free),
        ]

        # What is acknowledged.
        features = part("features_progress", Progress(INDEX_BITS + 1))
        statistics = part("statistics", Statistics(config))
        m.d.comb += [
            features.vectors.eq(dma.features_done.vectors),
            features.layers.eq(dma.features_done.layers),
            loader.complete.eq(features.complete),
            loader.watermark.eq(features.watermark),
        ]

        # Lists.
        if sparse:
            gate = part("gate", Gate())
            wiring.connect(m, queues["rules"].o, gate.i)
            wiring.connect(m, gate.o, rules.layer)
            self._lists(m, part, gate, dma, rules, loader, filler, vpu)
            listed = gate.early | gate.late
            m.d.comb += unlisted.eq(gate.waits & rules.idle)
        else:
            wiring.connect(m, queues["rules"].o, rules.layer)
            listed = rules.complete

        # Statistics.
        wiring.connect(m, statistics.writes, dma.statistics_write)
        read = named(m, "beat_read", self.m_axi_rvalid & self.m_axi_rready)
        written = named(m, "beat_written", self.m_axi_wvalid & self.m_axi_wready)
        m.d.comb += [
            statistics.running.eq(sequencer.running),
            statistics.base.eq(sequencer.statistics),
            statistics.ended.eq(issue.ended_layer),
            issue.can_end.eq(statistics.ready),
            statistics.events.eq(
                Cat(
                    *(issue.cause == number for number in range(len(CAUSES))),
                    read,
                    written,
                    issue.passes.valid & issue.passes.ready,
                    vpu.drain.enable,
                )
            ),
        ]

        # Control.
        wiring.connect(m, sequencer.list_read, dma.list_read)
        wiring.connect(m, dma.list_data, sequencer.list_data)
        m.d.comb += [
            dma.halt.eq(sequencer.halt),
            sequencer.idle.eq(dma.idle),
            sequencer.dma_error.eq(dma.error),
            sequencer.layers_done.eq(dma.features_done.layers),
            sequencer.rows_done.eq(listed),
            sequencer.records_done.eq(dma.statistics_done.layers),
            sequencer.faults.eq(
                Cat(rules.malformed if sparse else Const(0, 1), rules.overflow, tiler.fault)
            ),
            self.irq.eq(sequencer.irq),
        ]
        return m

    def _lists(
        self,
        m: Module,
        part: Callable[[str, wiring.Component], wiring.Component],
        gate: Gate,
        dma: Dma,
        rules: RuleGeneration,
        loader: Loader,
        filler: Filler,
        vpu: Vpu,
    ) -> None:
        """What a machine has for lists of pillars: their ways to and from memory, what is complete
        there, and the presence bits of a union's."""
        for client in ("rows", "entries", "second_rows", "second_entries"):
            wiring.connect(m, getattr(rules, f"{client}_read"), getattr(dma, f"{client}_read"))
            wiring.connect(m, getattr(dma, f"{client}_data"), getattr(rules, f"{client}_data"))
        for client in ("rows", "entries"):
            wiring.connect(m, getattr(rules, f"{client}_write"), getattr(dma, f"{client}_write"))
            m.d.comb += getattr(rules, f"{client}_done").eq(getattr(dma, f"{client}_done"))
        wiring.connect(m, vpu.entries, dma.late_write)
        wiring.connect(m, vpu.select_read, dma.selection_read)
        wiring.connect(m, dma.selection_data, vpu.select_data)
        presence = part("presence", PresenceBits(self.config.accelerator))
        late = part("late", Pair())
        m.d.comb += [
            presence.write.eq(rules.presence),
            presence.loader_index.eq(loader.presence_address),
            loader.presence.eq(presence.loader_bits),
            presence.filler_index.eq(filler.presence_index),
            filler.presence.eq(presence.filler_bits),
            # The vector unit writes header and entries of layers with a measure.
            vpu.entries_done.eq(dma.late_done),
            late.a.eq(rules.pointers_done),
            late.b.eq(dma.late_done.layers),
            late.hold.eq(dma.rows_done.layers),
            gate.early.eq(dma.rows_done.layers),
            gate.late.eq(late.o),
            gate.loaded.eq(
                loader.layer.valid & loader.layer.ready & (loader.layer.payload.sources > 1)
            ),
        ]
