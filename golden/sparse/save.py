"""Every layer's coordinates, rules, features and weights in one file, written as they are made."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .run import FeatureMap, LayerRun, LayerWeights


class Archive:
    """An ``.npz`` that is whole or absent. Use as a context manager.

    For the input ``pillars`` and for each layer: ``NAME/shape`` (rows, columns), ``NAME/pointers``
    and ``NAME/columns`` (CPR, int32), ``NAME/features`` (int8: pillars, channels). For each
    convolution also ``NAME/generated_pointers``, ``NAME/generated_columns`` (its outputs before
    pruning), ``NAME/rule_starts`` (int64, taps + 1), ``NAME/rule_inputs``, ``NAME/rule_outputs``
    (int32), ``NAME/weights`` (int8: taps, inputs, outputs), ``NAME/bias`` (int32),
    ``NAME/multiplier``, ``NAME/shift`` (int64).
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Archive:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, self._temporary = tempfile.mkstemp(
            dir=self.path.parent, prefix=f".{self.path.name}."
        )
        self._file = os.fdopen(handle, "wb")
        # The lowest level: features are noise to a compressor, rules are not.
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._zip.close()
        self._file.close()
        if kind is None:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(self._temporary, 0o666 & ~umask)
            os.replace(self._temporary, self.path)
        else:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)

    def _add(self, name: str, array: NDArray) -> None:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        # A fixed date: the same run gives the same file.
        self._zip.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getbuffer(), zipfile.ZIP_DEFLATED)

    def add_map(self, name: str, source: FeatureMap) -> None:
        """Coordinates and features of a map."""
        self._add(f"{name}/shape", np.array(source.active.shape, np.int32))
        self._add(f"{name}/pointers", source.active.pointers)
        self._add(f"{name}/columns", source.active.columns)
        self._add(f"{name}/features", source.features)

    def add_layer(self, run: LayerRun, weights: LayerWeights | None) -> None:
        """All that a layer did."""
        name = run.layer.name
        self.add_map(name, run.output)
        if run.rules is None or weights is None:
            return
        self._add(f"{name}/generated_pointers", run.generated.pointers)
        self._add(f"{name}/generated_columns", run.generated.columns)
        self._add(f"{name}/rule_starts", run.rules.starts)
        self._add(f"{name}/rule_inputs", run.rules.inputs)
        self._add(f"{name}/rule_outputs", run.rules.outputs)
        for part in ("weights", "bias", "multiplier", "shift"):
            self._add(f"{name}/{part}", getattr(weights, part))
