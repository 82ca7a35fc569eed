"""Real numbers to stream through a unit: from files, or a synthetic tensor of known shape."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from golden.errors import BadInput, require
from golden.formats import BF16, E4M3, E5M2

KINDS = (".npy", ".npz", ".safetensors")


def activations(seed: int, tokens: int = 64, channels: int = 768) -> NDArray[np.float64]:
    """A tensor shaped like the input of a transformer's linear layer: ``(tokens, channels)``.

    * Values follow Student's t with 5 degrees of freedom, times a log-normal scale a channel
      (sigma 0.3): the tails that Dotzel et al., "Learning from Students" (2024), fit to the
      weights and activations of language models.
    * 6 channels in 768 are outliers in every layer and for three tokens in four, 20 to 100 times
      larger: few, fixed, and systematic, as in Dettmers et al., "LLM.int8()" (2022, section 4: 20
      times larger, 75 % of the sequence, 6 dimensions), and Xiao et al., "SmoothQuant" (2022: about
      100 times larger, always in the same channels).

    It stands in for real activations only in these respects. Give real tensors for real figures.
    """
    rng = np.random.default_rng(seed)
    values = rng.standard_t(5, (tokens, channels)) * rng.lognormal(0, 0.3, channels)
    outliers = rng.choice(channels, max(1, 6 * channels // 768), replace=False)
    scale = np.exp(rng.uniform(np.log(20), np.log(100), len(outliers)))
    present = rng.random((tokens, len(outliers))) < 0.75
    values[:, outliers] *= np.where(present, scale, 1)
    return values


def load(text: str) -> NDArray[np.float64]:
    """The numbers of ``file`` or ``file:array``, as float64 in their own shape.

    Raises :class:`BadInput` for a file that is missing, unreadable or of another kind, an array
    that is not in it, and an array that holds no numbers.
    """
    path, name = _split(text)
    require(path.suffix in KINDS, "tensor file", str(path), f"a name that ends in {_list(KINDS)}")
    require(path.is_file(), "tensor file", str(path), "a file that exists")
    try:
        with contextlib.ExitStack() as stack:
            arrays = _OPEN[path.suffix](path, stack)
            if name is None and len(arrays) == 1:
                name = next(iter(arrays))
            if name not in arrays:
                wrong = "names no array" if name is None else f"has no array {name!r}"
                raise BadInput(f"{path} {wrong}; allowed: file:array with one of {_list(arrays)}")
            values = arrays[name]()
    except BadInput:
        raise
    # A damaged file fails in as many ways as there are readers.
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile) as error:
        raise BadInput(f"{path} cannot be read: {error}; allowed: a sound {path.suffix}") from None
    return _numbers(values, text)


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` unless one is NaN or infinite."""
    bad = int(np.sum(~np.isfinite(values)))
    require(not bad, "NaN or infinite numbers in the tensor", bad, "none")
    return values


def _split(text: str) -> tuple[Path, str | None]:
    """File and array name: a colon can also belong to the file."""
    file, colon, name = text.rpartition(":")
    if not colon or Path(text).exists() or not file:
        return Path(text), None
    return Path(file), name


def _numbers(values: np.ndarray, text: str) -> NDArray[np.float64]:
    kinds = "integers or floating-point numbers"
    require(values.dtype.kind in "iuf", f"dtype of {text}", str(values.dtype), kinds)
    require(values.size > 0, f"shape of {text}", values.shape, "at least one number")
    values = values.astype(np.float64)
    require(not np.all(np.isnan(values)), f"content of {text}", "only NaN", "numbers")
    return values


Arrays = Mapping[str, Callable[[], np.ndarray]]


def _npy(path: Path, stack: contextlib.ExitStack) -> Arrays:
    return {path.stem: lambda: np.load(path, allow_pickle=False)}


def _npz(path: Path, stack: contextlib.ExitStack) -> Arrays:
    file = stack.enter_context(np.load(path, allow_pickle=False))
    return {name: lambda name=name: file[name] for name in file.files}


def _safetensors(path: Path, stack: contextlib.ExitStack) -> Arrays:
    import safetensors  # an extra, which only these files need

    try:
        file = stack.enter_context(safetensors.safe_open(path, "np"))
    except safetensors.SafetensorError as error:
        raise ValueError(error) from None
    coded = {"BF16": (BF16, np.uint16), "F8_E4M3": (E4M3, np.uint8), "F8_E5M2": (E5M2, np.uint8)}

    def read(name: str) -> np.ndarray:
        dtype = file.get_slice(name).get_dtype()
        if dtype not in coded:
            return file.get_tensor(name)
        # NumPy has no such type: take the bytes and decode them here.
        fmt, code = coded[dtype]
        raw = dict(safetensors.deserialize(path.read_bytes()))[name]
        return fmt.decode(np.frombuffer(raw["data"], code)).reshape(raw["shape"])

    return {name: lambda name=name: read(name) for name in file.keys()}  # noqa: SIM118


_OPEN = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}


def _list(names: Iterator[str] | Mapping[str, object] | tuple[str, ...]) -> str:
    """Names in a message, cut where nobody reads on."""
    names = list(names)
    more = f", ... ({len(names)} in all)" if len(names) > 12 else ""
    return ", ".join(names[:12]) + more
