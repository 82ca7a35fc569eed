"""The designs of a git commit: emitted by the code of that commit, in a work tree of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from golden.errors import BadInput

from .. import sources
from .source import Source

#: Prints the names of a catalog.
_NAMES = "from hw.catalog import CATALOG; print(*(design.name for design in CATALOG))"


def find(name: str) -> str | None:
    """The hash of the commit that git knows as ``name``; None when it knows none."""
    if name.startswith("-"):
        return None
    try:
        asked = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except FileNotFoundError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def emit(commit: str, globs: tuple[str, ...], folder: Path) -> list[Source]:
    """Write the Verilog of the catalog's designs that match any of ``globs`` to ``folder``.

    A glob may match nothing, for a design is new or gone in one of two commits. Raises
    :class:`BadInput` where the commit's own code cannot write it.
    """
    with _checkout(commit) as tree:
        listed = _python(tree, commit, "-c", _NAMES).split()
        names = [name for name in listed if any(fnmatchcase(name, glob) for glob in globs)]
        if not names:
            return []
        output = folder.resolve()
        _python(tree, commit, "-m", "hw", "verilog", *names, "--output", str(output))
    return sources.from_folder(folder, tuple(names))


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bitpillar-") as folder:
        tree = Path(folder) / "tree"
        made = _git("worktree", "add", "--detach", str(tree), commit)
        if made.returncode:
            raise BadInput(f"commit {commit[:12]} cannot be checked out: {made.stderr.strip()}")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True)


def _python(tree: Path, commit: str, *arguments: str) -> str:
    """The output of Python with the packages of ``tree``."""
    # The folder of the work tree comes first on the path, before whatever is installed.
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True
    )
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or ["no output"]
        raise BadInput(f"commit {commit[:12]} does not give its Verilog: {lines[-1]}")
    return ran.stdout
