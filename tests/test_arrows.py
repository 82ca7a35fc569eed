"""The house: synth -> sim -> hw -> golden, never back, and a core with few dependencies."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["golden", "hw", "sim", "synth"]
ROOMS = [
    "cache", "metrics", "library", "sources", "tables", "mapping", "timing", "power", "gates",
    "equiv", "flow", "fmax", "compare", "fpga", "report", "sweep", "bench",
]  # fmt: skip
"""Packages of `synth`: each imports only those before it."""
TOP = {
    "pyproject.toml", "hw", "golden", "sim", "synth", "tests", "Makefile", "README.md",
    "CHANGELOG.md", "LICENSE", "docs", ".ci", ".gitignore",
}  # fmt: skip


def imports(path):
    """Top-level names of what a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("floor", FLOORS)
def test_arrows_run_downwards(floor):
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    files = list((ROOT / floor).rglob("*.py"))
    assert files
    for path in files:
        assert not above & set(imports(path)), path


def rooms(path):
    """Packages of `synth` that a file of it imports, its own left out."""
    own = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = own[: len(own) - node.level + 1]
            module = (*base, *(node.module or "").split("."))
            names = [module[1]] if module[1] else [alias.name for alias in node.names]
            yield from (name for name in names if name != path.parent.name)


def test_synth_is_rooms_one_upon_the_other():
    synth = ROOT / "synth"
    assert {path.parent.name for path in synth.glob("*/*.py")} == set(ROOMS)
    assert {path.stem for path in synth.glob("*.py")} == {"__init__", "__main__", "cli", "doctor"}
    listed = ast.get_docstring(ast.parse((synth / "__init__.py").read_text()))
    assert [line.split()[0] for line in listed.split("=\n")[1].splitlines()[:-1]] == ROOMS
    found = 0
    for number, room in enumerate(ROOMS):
        for path in (synth / room).glob("*.py"):
            below = set(rooms(path))
            found += len(below)
            assert below <= set(ROOMS[:number]), path
    assert found > 100


def test_the_top_level_is_fixed():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in listed.stdout.split()} == TOP


def test_a_face_defines_nothing():
    for path in ROOT.glob("*/**/__init__.py"):
        if path.relative_to(ROOT).parts[0] not in FLOORS:
            continue
        for node in ast.parse(path.read_text()).body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_all = isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
            assert isinstance(node, ast.Import | ast.ImportFrom) or is_docstring or is_all, path


def test_the_core_needs_only_numpy_and_amaranth():
    """The units can be imported into somebody's own design without any of the tools."""
    allowed = {"numpy", "amaranth", "golden", "hw"} | set(sys.stdlib_module_names)
    tools = {"golden/cli.py", "golden/__main__.py", "hw/__main__.py", "hw/verilog.py"}
    code = "import hw.catalog, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"click", "rich", "pyosys", "cocotb", "matplotlib"} & set(loaded)
    for path in (ROOT / "hw").rglob("*.py"):
        if str(path.relative_to(ROOT)) not in tools:
            assert set(imports(path)) <= allowed | {"__future__"}, path


def test_nothing_names_a_machine_or_a_host():
    for path in [p for floor in [*FLOORS, "docs", "tests"] for p in (ROOT / floor).rglob("*")]:
        if path.suffix in (".py", ".md", ".toml", ".cpp", ".tcl", ".vlt"):
            text = path.read_text()
            for word in ("/" + "work/", "/" + "root/", "pypi" + ".org", "pythonhosted" + ".org"):
                assert word not in text, f"{path}: {word}"
