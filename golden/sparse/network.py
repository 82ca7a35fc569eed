"""A sparse network as data: its layers, and what a variant makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .variants import Variant


@dataclass(frozen=True)
class Piece:
    """One convolution of a checkpoint: its name, its batch norm's, and its output channels.

    A layer has several where convolutions that share their rules run as one.
    """

    conv: str
    norm: str | None
    channels: int
    eps: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row of a layer table.

    ``role``: ``body`` (stride-1 convolution of the backbone, which the variants change), ``down``
    (its stride-2 convolutions), ``up`` (brings a block to the common grid), ``concat`` (unites
    maps; no arithmetic), ``compact`` (copies a pruned map without what was pruned), ``head``.
    ``source``: names of the layers that it reads (``pillars`` is the input). ``groups``: blocks of
    a block-diagonal weight; a group's share of the MACs is useful. ``dense``: over the full grid in
    every variant. ``layout``: of the checkpoint's weight, ``torch`` (out, in, k, k) or for a
    transposed one (in, out, k, k), or ``spconv`` (out, k, k, in).
    ``original_kernel``: before a variant changed it, or 0.
    """

    name: str
    role: str
    source: tuple[str, ...]
    channels: tuple[int, int]
    kernel: int = 1
    stride: int = 1
    transposed: bool = False
    relu: bool = True
    dense: bool = False
    groups: int = 1
    pieces: tuple[Piece, ...] = ()
    layout: str = "torch"
    original_kernel: int = 0

    @property
    def macs_per_rule(self) -> int:
        """Useful multiply-accumulates of one rule."""
        if self.role == "compact":
            return 0
        return self.channels[0] * self.channels[1] // self.groups

    def dense_rules(self, sites: int) -> int:
        """Rules of the dense network's layer with ``sites`` output sites, zero padding included.

        Of the kernel that the network had before a variant changed it: what is saved is saved of
        the original.
        """
        if self.role in ("concat", "compact"):
            return 0
        return sites if self.transposed else sites * (self.original_kernel or self.kernel) ** 2


@dataclass(frozen=True)
class Network:
    """A network: ``name``, ``preset`` of its pillar grid, and ``layers`` in execution order."""

    name: str
    preset: str
    layers: tuple[Layer, ...]

    def for_variant(self, variant: Variant) -> Network:
        """With the kernels that ``variant`` puts into the stride-2 convolutions, and pruned maps
        compacted where :meth:`_compacted` says."""
        changed = tuple(
            replace(layer, kernel=variant.down_kernel, original_kernel=layer.kernel)
            if layer.role == "down"
            else layer
            for layer in self.layers
        )
        made = replace(self, layers=changed)
        return made._compacted(variant) if variant.prune else made

    def _compacted(self, variant: Variant) -> Network:
        """Convolutions pass over what is pruned of the map that they read. A map that is united
        with others, made dense or read by nobody is copied by a layer NAME.compact first."""
        layers: list[Layer] = []
        copies: dict[str, str] = {}
        for layer in self.layers:
            plain = layer.role != "concat" and not layer.dense
            source = layer.source if plain else tuple(copies.get(n, n) for n in layer.source)
            layers.append(replace(layer, source=source))
            readers = [each for each in self.layers if layer.name in each.source]
            wanted = not readers or any(r.role == "concat" or r.dense for r in readers)
            if prunes(variant, layer) and wanted:
                copies[layer.name] = f"{layer.name}.compact"
                layers.append(
                    Layer(
                        name=copies[layer.name],
                        role="compact",
                        source=(layer.name,),
                        channels=(layer.channels[1], layer.channels[1]),
                        relu=False,
                    )
                )
        return replace(self, layers=tuple(layers))


def prunes(variant: Variant, layer: Layer) -> bool:
    """Whether ``variant`` prunes the output of ``layer``."""
    return variant.prune and layer.role == "body" and not layer.dense
