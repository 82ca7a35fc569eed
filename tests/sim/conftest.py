"""A unit written by hand, on which the simulation itself is put to the test."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from golden.dot import DotConfig
from golden.formats import INT8, INT32
from golden.unit import Unit

MAC = Path(__file__).with_name("mac.v")


@dataclass(frozen=True, kw_only=True)
class MacConfig(DotConfig):
    """The INT8 MAC with few corners, so that a mutant costs little time."""

    a: object = INT8
    w: object = INT8
    lanes: int = 1
    accumulator: object = INT32

    tensors = Unit.tensors

    def corners(self):
        yield self.random(np.random.default_rng(0), 8)

    def random(self, rng, count):
        return {
            field.name: rng.integers(0, 1 << field.format.bits, (count, field.lanes))
            for field in self.input.fields
        }


def stream(name: str, direction: str, width: int) -> dict:
    ports = {role: f"{name}__{role}" for role in ("payload", "valid", "ready")}
    return {"name": name, "direction": direction, "width": width} | ports


@pytest.fixture
def mac(tmp_path: Path) -> Callable[..., Path]:
    """Writes the MAC and its manifest, mutated: pairs of text to replace, then manifest entries."""

    def write(*mutations: tuple[str, str], **entries: object) -> Path:
        text = MAC.read_text()
        for old, new in mutations:
            assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in mac.v"
            text = text.replace(old, new)
        (tmp_path / "mac.v").write_text(text)
        manifest = {
            "name": "mac",
            "top": "mac",
            "verilog": "mac.v",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "clock": {"port": "clk", "edge": "rising"},
            "reset": {"port": "rst", "active": "high", "kind": "synchronous"},
            "streams": [stream("i", "in", 48), stream("o", "out", 32)],
            "latency": 2,
            "interval": 1,
            "output_beats": 1,
            "stateful": False,
            "tools": {},
        }
        path = tmp_path / "mac.json"
        path.write_text(json.dumps(manifest | entries))
        return path

    return write


@pytest.fixture
def config() -> MacConfig:
    return MacConfig()
