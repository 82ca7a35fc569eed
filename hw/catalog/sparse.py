"""The sparse accelerator, and its parts."""

from __future__ import annotations

from collections.abc import Iterable

from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.cpr_encoder import CprEncoderConfig
from golden.sparse.gsu_unit import GsuConfig
from golden.sparse.mxu import WEIGHTS, MxuConfig
from golden.sparse.rgu_unit import RguConfig
from golden.sparse.sequencer import SequencerConfig
from golden.sparse.spade import SpadeConfig
from golden.sparse.vpu_unit import VpuConfig

from ..sparse.spade import dma_config
from .design import Design


def sparse_designs() -> Iterable[Design]:
    spade = "SPADE (Lee et al., HPCA 2024)"
    for pe in ("int8", "int4", "dint4"):
        yield Design(
            "mxu_n16" if pe == "int8" else f"mxu_n16_{pe}",
            MxuConfig(pe=pe),
            f"16 x 16 weight-stationary systolic array, INT8 by {WEIGHTS[pe].name}",
            spade,
            "sparse accelerator",
        )
    yield Design(
        "gsu_n16",
        GsuConfig(),
        "gather-scatter banks around a 16 x 16 array: rules add INT8 products to INT32 sums",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "cpr_encoder",
        CprEncoderConfig(),
        "sorted coordinates to CPR, a pillar a cycle, grids of 512 x 512",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "cpr_encoder_bitmap",
        CprEncoderConfig(source="bitmap"),
        "bitmap to CPR, a pillar or 32 empty sites a cycle, grids of 512 x 512",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "rgu",
        RguConfig(),
        "rule generator: an output pillar with its rules a cycle, rows of up to 512 pillars",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "vpu_n16",
        VpuConfig(),
        "vector unit: 16 sums a cycle to INT8 features, importance of pillars, exact top-k",
        spade,
        "sparse accelerator",
        hierarchical=True,
    )
    yield Design(
        "vpu_n16_plain",
        VpuConfig(importance=False),
        "vector unit without importance: 16 sums a cycle to INT8 features",
        spade,
        "sparse accelerator",
        hierarchical=True,
    )
    yield Design(
        "dma",
        dma_config(ACCELERATORS["n16"]),
        "AXI4 master of 128 bits that the readers and writers of spade_n16 share",
        spade,
        "sparse accelerator",
    )
    yield Design(
        "sequencer",
        SequencerConfig(accelerator=ACCELERATORS["n16"]),
        "registers of spade_n16, its list of descriptors, each checked, and what goes wrong",
        spade,
        "sparse accelerator",
    )
    for size in ("n16", "n32", "n64"):
        config = SpadeConfig(accelerator=ACCELERATORS[size])
        n = config.accelerator.array
        yield Design(
            f"spade_{size}",
            config,
            f"sparse accelerator: {n} x {n} array, {config.accelerator.bus_bits}-bit AXI4,"
            f" {config.accelerator.buffers // 1024} KiB of buffers",
            f"{spade}, SD-Conv (Park et al., CVPR workshop 2024)",
            "sparse accelerator",
            hierarchical=True,
        )
    yield Design(
        "dense_n16",
        SpadeConfig(accelerator=ACCELERATORS["n16"], sparse=False, importance=False),
        "dense accelerator, for comparison: spade_n16 without all that sparsity needs",
        spade,
        "sparse accelerator",
        hierarchical=True,
    )
