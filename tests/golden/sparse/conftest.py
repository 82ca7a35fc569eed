"""What the tests of sparse convolution share: random maps, real frames, outside references."""

import os
import warnings
from pathlib import Path

# One thread of BLAS a test process: two processes of two threads each fight for two cores, and
# waiting BLAS threads spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

from golden.sparse.cpr import Cpr

LIDAR = Path(__file__).parents[4] / "shared" / "lidar"


def _import(name):
    with warnings.catch_warnings():  # theirs, at import
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed (extra: oracle)")


@pytest.fixture(scope="session")
def torch():
    """PyTorch, on one thread: dense convolutions not written here."""
    module = _import("torch")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def spconv(torch):
    """spconv on one thread; with more, its CPU path returns wrong rows."""
    assert torch.get_num_threads() == 1
    return _import("spconv.pytorch")


@pytest.fixture(scope="session")
def lidar():
    """A function from the name of a real frame to its path."""

    def path(name):
        if not (LIDAR / name).exists():
            pytest.skip(f"real frame {name} is absent")
        return LIDAR / name

    return path


@pytest.fixture
def random_map():
    """A function that makes a random map with INT8 features."""

    def make(rng, shape, density, channels):
        active = Cpr.from_bitmap(rng.random(shape) < density)
        features = rng.integers(-128, 128, (len(active), channels)).astype(np.int8)
        return active, features

    return make
