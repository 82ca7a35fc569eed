"""The proof by simulation of a whole accelerator: random small networks, every bit."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.spade import SpadeConfig
from golden.sparse.trials import Trial, trial
from golden.sparse.variants import VARIANTS, Variant

from ..cache import CACHE
from ..compiler import Trace
from ..proof import Evidence, Proof, Setup, origins
from .harness import Machine
from .machine import differences, job, outcome
from .steps import Job, Timing

TRIAL = 500
"""Beats that stand for a random network: these take far longer."""
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


class SpadeProof(Proof):
    """A random network for each ``TRIAL`` of ``count``. Its vectors are networks; the beats
    compared are pillars of their layers, with all their channels."""

    def __init__(self, config: SpadeConfig, seed: int, count: int):
        self._config = config
        self._seeds = range(seed * 1000, seed * 1000 + max(1, count // TRIAL))

    def prove(self, setup: Setup) -> Evidence:
        config = self._config
        machine = build(setup.verilog, setup.manifest["top"], config.accelerator, cache=setup.cache)
        begin = time.monotonic()
        failures: list[str] = []
        cycles = pillars = 0
        for low in range(self._seeds.start, self._seeds.stop, BATCH):
            seeds = range(low, min(low + BATCH, self._seeds.stop))
            trials = [trial_of(seed, config.accelerator, config.sparse) for seed in seeds]
            results = machine.run_all([made for _, made in trials])
            for seed, (given, _), result in zip(seeds, trials, results, strict=True):
                try:
                    found = outcome(given.program, result, lists=config.sparse)
                except RuntimeError as error:
                    failures.append(f"trial {seed}: {error}")
                    continue
                cycles += found.cycles
                pillars += sum(len(each.active) for each in given.expected.values())
                wrong = differences(given.expected, found.maps)
                failures += (f"trial {seed}: {line}" for line in wrong)
        run = round(time.monotonic() - begin, 2)
        return Evidence(
            failures=tuple(failures),
            origin=origins(random=len(self._seeds)),
            beats=pillars,
            cycles=cycles,
            scenarios={"trials": "fail" if failures else "pass"},
            seconds={"build": round(machine.seconds, 2), "run": run},
        )


def build(
    verilog: Path,
    top: str,
    config: AcceleratorConfig,
    trace: Trace = "none",
    cache: Path = CACHE,
) -> Machine:
    """Compile an accelerator; rows and banks of a large array once for all of them."""
    whole = (f"{top}_mxu_row", f"{top}_*_bank") if config.array >= 16 else ()
    return Machine.build(verilog, top, optimize="-O1", trace=trace, whole=whole, cache=cache)
