"""The proof by simulation of one design: its Verilog against its golden model, every bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.errors import BadInput
from golden.files import write_json
from golden.process import Process
from golden.sparse.dma import DmaConfig
from golden.sparse.sequencer import SequencerConfig
from golden.sparse.spade import SpadeConfig
from golden.unit import Config, Unit
from hw.catalog import Design
from hw.verilog import VERILOG_FOLDER, emit

from .cache import CACHE
from .compiler import BuildError, Trace, tools
from .proof import Evidence, Proof, Setup
from .sparse.check import SpadeProof
from .sparse.dma.proof import DmaProof
from .sparse.sequencer.proof import SequencerProof
from .stream_proof import BeatProof, ProcessProof

RESULTS = Path("build/sim")
PROOFS: dict[type[Config], Callable[[Any, int, int], Proof]] = {
    Process: ProcessProof,
    DmaConfig: DmaProof,
    SequencerConfig: SequencerProof,
    SpadeConfig: SpadeProof,
}
"""By kind of configuration, what is no :class:`Unit`; made of it, a seed and a count of beats."""


@dataclass(frozen=True)
class Result:
    """What a simulation found; ``build/sim/NAME/result.json`` holds the same."""

    design: str
    status: str  # "pass" or "fail"
    vectors: int  # input beats; of a whole accelerator, networks
    origin: dict[str, int]  # of the vectors: corner, random, tensor
    beats: int  # output beats compared, in all scenarios; or pillars
    seed: int
    cycles: int
    stalls: dict[str, int]  # cycles in which a side held the stream up
    scenarios: dict[str, str]  # status by name
    measured: dict[str, Any]  # cycles without stalls, of a process by case, alone and together
    failures: tuple[str, ...]
    seconds: dict[str, float]  # build, run
    sha256: str  # of the Verilog
    tools: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether every scenario held."""
        return self.status == "pass"


@dataclass(frozen=True)
class Options:
    """How to check a design; everything that its reproduction needs."""

    seed: int = 1
    count: int = 10_000
    trace: Trace = "none"
    tensor: str | None = None  # as given, for the command that reproduces a failure

    def command(self, design: str) -> str:
        """The command line that does it again."""
        words = [f"make sim DESIGN={design} SEED={self.seed} N={self.count}"]
        words += [f"TENSOR={self.tensor}"] if self.tensor else []
        return " ".join(words)


def proof(config: Config, seed: int, count: int, values: NDArray[np.float64] | None) -> Proof:
    """How a unit is proved; ``values`` are numbers for those that take a tensor."""
    if isinstance(config, Unit):
        return BeatProof(config, seed, count, values)
    if values is not None:
        raise BadInput(f"{type(config).__name__} takes no tensor")
    make = next(make for kind, make in PROOFS.items() if isinstance(config, kind))
    return make(config, seed, count)


def check(
    design: Design,
    options: Options = Options(),
    *,
    values: NDArray[np.float64] | None = None,
    verilog: Path = VERILOG_FOLDER,
    results: Path = RESULTS,
    cache: Path = CACHE,
) -> Result:
    """Emit, compile and simulate ``design``; ``values`` are the numbers of the tensor."""
    manifest = emit(design, verilog)
    return check_verilog(
        manifest, design.config, options, values=values, results=results, cache=cache
    )


def check_verilog(
    manifest: Path,
    config: Config,
    options: Options = Options(),
    *,
    values: NDArray[np.float64] | None = None,
    results: Path = RESULTS,
    cache: Path = CACHE,
    defines: dict[str, object] | None = None,
) -> Result:
    """Simulate the Verilog that ``manifest`` describes against the golden model of ``config``."""
    described = json.loads(manifest.read_text())
    name = described["name"]
    setup = Setup(
        verilog=manifest.parent / described["verilog"],
        manifest=described,
        folder=results / name,
        seed=options.seed,
        trace=options.trace,
        cache=cache,
        defines=defines,
    )
    made = proof(config, options.seed, options.count, values)
    try:
        found = made.prove(setup)
    except BuildError as error:
        found = Evidence(failures=(f"the Verilog does not compile:\n{error}",))
    failures = found.failures
    if failures:
        waves = " (waves: add WAVES=1)" if made.waves else ""
        failures = (*failures, f"to reproduce: {options.command(name)}{waves}")
    result = Result(
        **vars(found) | {"failures": failures},
        design=name,
        status="fail" if failures else "pass",
        vectors=sum(found.origin.values()),
        seed=options.seed,
        sha256=described["sha256"],
        tools=described["tools"] | tools(),
    )
    write_json(setup.folder / "result.json", asdict(result))
    return result
