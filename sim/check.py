"""The proof by simulation of one design: its Verilog against its golden model, every bit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.files import write_json
from golden.sparse.spade import SpadeConfig
from golden.unit import Config
from hw.catalog import Design
from hw.verilog import VERILOG_FOLDER, emit

from .cache import CACHE
from .compiler import BuildError, Trace, tools
from .job import FOLDER, OUTCOME
from .proof import Proof, proof
from .sparse import check as machines
from .verilator import Run, build, run

RESULTS = Path("build/sim")
TRIAL = 500
"""Beats that stand for a random network on a whole accelerator: these take far longer."""
SHOWN = 3
"""Wrong beats that are explained."""


@dataclass(frozen=True)
class Result:
    """What a simulation found; ``build/sim/NAME/result.json`` holds the same."""

    design: str
    status: str  # "pass" or "fail"
    vectors: int  # input beats
    origin: dict[str, int]  # of the vectors: corner, random, tensor
    beats: int  # output beats compared, in all scenarios
    seed: int
    cycles: int
    stalls: dict[str, int]  # cycles in which a side held the stream up
    scenarios: dict[str, str]  # status by name
    measured: dict[str, Any]  # of a process: cycles of cases, alone and together, without stalls
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
    if isinstance(design.config, SpadeConfig):
        return check_machine(manifest, design.config, options, results=results)
    return check_verilog(
        manifest, design.config, options, values=values, results=results, cache=cache
    )


def check_machine(
    manifest: Path, config: SpadeConfig, options: Options, *, results: Path = RESULTS
) -> Result:
    """Simulate a whole accelerator: one random network for each TRIAL of the count."""
    described = json.loads(manifest.read_text())
    seconds, failures = {"build": 0.0, "run": 0.0}, []
    count = max(1, options.count // TRIAL)
    try:
        machine = machines.build(
            manifest.parent / described["verilog"], described["top"], config.accelerator
        )
    except BuildError as error:
        failures = [f"the Verilog does not compile:\n{error}"]
    else:
        seconds["build"] = round(machine.seconds, 2)
        begin = time.monotonic()
        seeds = range(options.seed * 1000, options.seed * 1000 + count)
        failures = list(machines.failures(machine, config, seeds))
        seconds["run"] = round(time.monotonic() - begin, 2)
    if failures:
        failures.append(f"to reproduce: {options.command(described['name'])}")
    result = Result(
        design=described["name"],
        status="fail" if failures else "pass",
        vectors=count,
        origin={"corner": 0, "random": count, "tensor": 0},
        beats=count,
        seed=options.seed,
        cycles=0,
        stalls={"input": 0, "output": 0},
        scenarios={"trials": "fail" if failures else "pass"},
        measured={},
        failures=tuple(failures),
        seconds=seconds,
        sha256=described["sha256"],
        tools=described["tools"] | tools(),
    )
    write_json(results / described["name"] / "result.json", asdict(result))
    return result


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
    folder = results / name
    beats = proof(config, options.seed, options.count, values)
    outcome: dict[str, Any] = {}
    failures: list[str] = []
    seconds = {"build": 0.0, "run": 0.0}
    try:
        model = build(
            manifest.parent / described["verilog"],
            top=described["top"],
            trace=options.trace,
            defines=defines,
            cache=cache,
            jobs=1,  # the designs are already parallel
        )
    except BuildError as error:
        failures = [f"the Verilog does not compile:\n{error}"]
    else:
        (folder / OUTCOME).unlink(missing_ok=True)
        beats.write(folder, described, options.seed)
        done = run(
            model,
            beats.testbench,
            folder=folder,
            env={FOLDER: str(folder.resolve())},
            seed=options.seed,
            timeout=beats.timeout,
        )
        seconds = {"build": round(model.seconds, 2), "run": round(done.seconds, 2)}
        if (folder / OUTCOME).exists():
            outcome = json.loads((folder / OUTCOME).read_text())
        failures = list(_failures(beats, outcome, done))
    result = Result(
        design=name,
        status="fail" if failures else "pass",
        vectors=beats.vectors,
        origin=beats.origin,
        beats=sum(scenario["beats"] for scenario in outcome.values()),
        seed=options.seed,
        cycles=sum(scenario["cycles"] for scenario in outcome.values()),
        stalls=outcome.get("streaming", {}).get("stalls", {"input": 0, "output": 0}),
        scenarios={key: scenario.get("status", "crashed") for key, scenario in outcome.items()},
        measured={
            key: outcome[name][key]
            for name, key in (("flowing", "flow"), ("timing", "cases"))
            if key in outcome.get(name, {})
        },
        failures=tuple(failures),
        seconds=seconds,
        sha256=described["sha256"],
        tools=described["tools"] | tools(),
    )
    if failures:
        again = f"to reproduce: {options.command(name)} (waves: add WAVES=1)"
        result = Result(**(asdict(result) | {"failures": (*failures, again)}))
    write_json(folder / "result.json", asdict(result))
    return result


def _failures(beats: Proof, outcome: dict[str, Any], done: Run) -> Iterator[str]:
    """Why the simulation does not prove the design, in words; nothing when it does."""
    explained = False
    for name, scenario in outcome.items():
        if scenario.get("status") != "fail":
            continue
        text = [f"{name}: {scenario['message']}"]
        # The other scenarios send the same beats: explaining them again would bury the first.
        wrong = [] if explained else scenario.get("mismatches", [])
        explained = explained or bool(wrong)
        for each in wrong[:SHOWN]:
            text.append(f"cycle {each['cycle']}, stalls {each['profile']!r}")
            text.append(beats.explain(each))
        if len(wrong) > SHOWN:
            text.append(f"... and {len(wrong) - SHOWN} more wrong beats before it gave up")
        yield "\n".join(text)
    known = sum(scenario.get("status") == "fail" for scenario in outcome.values())
    if done.error or done.failures > known:
        tail = "\n".join(done.log.strip().splitlines()[-15:])
        yield f"{done.error or 'the testbench itself failed'}; the log ends with:\n{tail}"
    compared = outcome.get("streaming", {}).get("beats", 0)
    if not known and not done.error and not done.failures and compared < beats.expected:
        yield f"{compared} output beats were compared, of {beats.expected}"
