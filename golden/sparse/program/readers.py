"""What the readers of a map ask of the layer that makes it."""

from __future__ import annotations

from ...errors import require
from ..network import Layer, Network, prunes
from ..prune import ratio_code, ratio_count
from ..run import convolution_of
from ..variants import Variant

ACCELERATOR_MEASURES = ("max-abs", "l1")


class Readers:
    """Who reads which map of ``network``, and how, in ``variant``."""

    def __init__(self, network: Network, variant: Variant) -> None:
        self.network, self.variant = network, variant

    def of(self, name: str) -> list[Layer]:
        """The layers that read the map ``name``."""
        return [layer for layer in self.network.layers if name in layer.source]

    def measured(self, name: str) -> bool:
        """Whether a layer that reads the map dilates selectively."""
        return any(
            layer.role != "concat" and convolution_of(layer, self.variant).mode == "selective"
            for layer in self.of(name)
        )

    def vectors(self, name: str, shape: tuple[int, int], capacity: int) -> int:
        """Vectors of a plane: maps that are read side by side have planes of one size."""
        beside = any(reader.role == "concat" or reader.dense for reader in self.of(name))
        return shape[0] * shape[1] if beside else capacity

    def selection(self, layer: Layer, shape: tuple[int, int]) -> dict[str, int]:
        """Fields of the selection that a layer makes of its outputs, if it makes one."""
        variant, name = self.variant, layer.name
        dilates, pruned = self.measured(name), prunes(variant, layer)
        if not (dilates or pruned):
            return {}
        require(not (dilates and pruned), f"use of {name}", "pruned and selective", "one of both")
        allowed = ", ".join(ACCELERATOR_MEASURES)
        require(variant.measure in ACCELERATOR_MEASURES, "measure", variant.measure, allowed)
        fields = {"measure": 1 + ACCELERATOR_MEASURES.index(variant.measure)}
        if pruned and variant.threshold is not None:
            return fields | {"selection": 1, "threshold": min(variant.threshold, 0xFFFF)}
        if pruned:
            return fields | {"select_ratio": ratio_code(variant.keep)}
        if variant.t_of == "grid":
            return fields | {"select_count": ratio_count(shape[0] * shape[1], variant.t / 100)}
        return fields | {"select_ratio": ratio_code(variant.t / 100)}

    def kept(self, capacity: int) -> int:
        """Most pillars that pruning keeps."""
        if self.variant.threshold is not None:
            return capacity
        return max(1, ratio_count(capacity, self.variant.keep))
