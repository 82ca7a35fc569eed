"""The proof by simulation of a whole accelerator: random small networks, every bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.spade import SpadeConfig
from golden.sparse.trials import Trial, trial
from golden.sparse.variants import VARIANTS, Variant

from .harness import Machine
from .machine import differences, job, outcome
from .steps import Job, Timing

BATCH = 20
"""Trials that one process of the simulator carries out."""
LIMIT = 2_000_000


def timing_of(rng: np.random.Generator) -> Timing:
    """How memory behaves in a trial: quick or slow, steady or not, and stalls on every channel."""
    return Timing(
        read_latency=int(rng.choice([1, 5, 30, 100])),
        write_latency=int(rng.choice([1, 5, 30, 100])),
        jitter=int(rng.choice([0, 0, 20])),
        shared=bool(rng.integers(2)),
        stalls=int(rng.choice([0, 0, 20, 60])),
        lite_delay=int(rng.integers(4)),
    )


def trial_of(seed: int, config: AcceleratorConfig, sparse: bool = True) -> tuple[Trial, Job]:
    """A random trial by its seed, and the job for the machine, a sparse or a dense one."""
    rng = np.random.default_rng(seed)
    made = trial(rng, config, variant=None if sparse else dense_variant(rng))
    return made, job(
        f"trial{seed}", made.program, made.image, timing=timing_of(rng), seed=seed, limit=LIMIT
    )


def dense_variant(rng: np.random.Generator) -> Variant:
    """What a dense machine carries out, with any of its parameters."""
    return VARIANTS["dense"].replace(down_kernel=int(rng.choice([2, 3])))


def failures(machine: Machine, config: SpadeConfig, seeds: range) -> Iterator[str]:
    """What went wrong in the trials of ``seeds``, a line each."""
    for low in range(seeds.start, seeds.stop, BATCH):
        part = range(low, min(low + BATCH, seeds.stop))
        trials = [trial_of(seed, config.accelerator, config.sparse) for seed in part]
        results = machine.run_all([made for _, made in trials])
        for seed, (given, _), result in zip(part, trials, results, strict=True):
            try:
                found = outcome(given.program, result, lists=config.sparse)
            except RuntimeError as error:
                yield f"trial {seed}: {error}"
                continue
            for line in differences(given.expected, found.maps):
                yield f"trial {seed}: {line}"


def build(verilog: Path, top: str, config: AcceleratorConfig, trace: str = "none") -> Machine:
    """Compile an accelerator; rows and banks of a large array once for all of them."""
    whole = (f"{top}_mxu_row", f"{top}_*_bank") if config.array >= 16 else ()
    return Machine.build(verilog, top, optimize="-O1", trace=trace, whole=whole)
