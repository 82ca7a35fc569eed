"""A network walked once, layer by layer, to its program."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import require
from ..accelerator import AcceleratorConfig
from ..descriptor import BYTES
from ..network import Layer, Network
from ..places import STATISTICS_BYTES, Place, Region
from ..run import convolution_of
from ..tiling import Tiler, tiling
from ..variants import Variant
from .convolutions import Convolutions
from .readers import Readers
from .steps import Step, Steps
from .unions import Unions


@dataclass(frozen=True, kw_only=True)
class Program:
    """Descriptors and memory map of a network.

    ``steps``: the list, in order. ``places``: of ``pillars`` and of each layer's output, by name.
    ``regions``: all memory that the machine touches, ``size`` bytes from ``base``. ``full``: for
    each shape of a full grid that the image must hold, the addresses of header and entries.
    ``list_address``, ``statistics_address``: for the registers.
    """

    config: AcceleratorConfig
    network: Network
    variant: Variant
    shape: tuple[int, int]
    steps: tuple[Step, ...]
    places: dict[str, Place]
    regions: tuple[Region, ...]
    base: int
    size: int
    full: dict[tuple[int, int], tuple[int, int]]
    list_address: int
    statistics_address: int


def program(
    network: Network,
    variant: Variant,
    shape: tuple[int, int],
    config: AcceleratorConfig,
    *,
    max_pillars: int | None = None,
    base: int = 0,
    tiler: Tiler = tiling,
) -> Program:
    """The program of ``network`` (already :meth:`Network.for_variant`) on a grid of ``shape``.

    ``max_pillars``: most active pillars of a frame (all sites, if not given). ``base``: address of
    the memory, a multiple of 4096. Raises :class:`BadInput` for what the machine cannot do.
    """
    require(base >= 0 and base % 4096 == 0, "base", base, "a multiple of 4096")
    sites = shape[0] * shape[1]
    pillars = sites if max_pillars is None or variant.dense else min(max_pillars, sites)
    require(pillars >= 1, "max_pillars", max_pillars, "1 or more")
    builder = _Builder(config, network, variant, shape, base, tiler)
    return builder.build(pillars)


def schedule(network: Network) -> tuple[Layer, ...]:
    """The layers in the order of the list: that of the network, but an up-sampling moves between
    two layers of which the second reads the first, as soon as its own source is older than both:
    the array has something to do while the end of the first is written and read again."""
    result: list[Layer] = []
    left = list(network.layers)
    while left:
        layer = left.pop(0)
        result.append(layer)
        if not left or layer.role == "up" or layer.name not in left[0].source:
            continue
        done = {each.name for each in result[:-1]}
        for other in left:
            if other.role == "up" and not other.dense and other.source[0] in done:
                left.remove(other)
                result.append(other)
                break
    return tuple(result)


class _Builder:
    """Walks the network once."""

    def __init__(
        self,
        config: AcceleratorConfig,
        network: Network,
        variant: Variant,
        shape: tuple[int, int],
        base: int,
        tiler: Tiler,
    ) -> None:
        self.config, self.network, self.variant, self.shape = config, network, variant, shape
        self.steps = Steps(config, base)
        self.readers = Readers(network, variant)
        self.convolutions = Convolutions(self.steps, self.readers, tiler)
        self.unions = Unions(self.steps)
        self.places: dict[str, Place] = {}

    def build(self, pillars: int) -> Program:
        self.places["pillars"] = self.input(pillars)
        layers = schedule(self.network)
        for layer, following in zip(layers, (*layers[1:], None), strict=True):
            self.add(layer)
            # While the array still has the layer after it to do, if there is one.
            body = following is not None and following.role in ("body", "down")
            goes_on = body and layer.name in following.source
            self.look_ahead(unless=layer.name if goes_on else None)
        self.steps.check()
        memory, count = self.steps.memory, len(self.steps.list)
        list_address = memory.allocate("list", count * BYTES)
        statistics = memory.allocate("statistics", count * STATISTICS_BYTES, output=True)
        return Program(
            config=self.config,
            network=self.network,
            variant=self.variant,
            shape=self.shape,
            steps=tuple(self.steps.list),
            places=self.places,
            regions=tuple(memory.regions),
            base=memory.base,
            size=memory.end - memory.base,
            full=self.unions.full,
            list_address=list_address,
            statistics_address=statistics,
        )

    def input(self, pillars: int) -> Place:
        memory, channels = self.steps.memory, self.network.layers[0].channels[0]
        cpr, entries = memory.cpr("pillars", self.shape[0], pillars, output=False)
        vectors = self.readers.vectors("pillars", self.shape, pillars)
        address, tiles, plane = memory.planes("pillars", channels, vectors, output=False)
        return Place(
            shape=self.shape,
            cpr=cpr,
            entries=entries,
            capacity=pillars,
            features=(address,),
            channels=(channels,),
            tiles=tiles,
            plane=plane,
            active=pillars,
            measured=self.readers.measured("pillars"),
            full=self.variant.dense,
        )

    def add(self, layer: Layer) -> None:
        for name in layer.source:
            require(name in self.places, f"source of {layer.name}", name, "an earlier layer")
        if layer.role == "concat":
            maps = [self.source(layer, name) for name in layer.source]
            self.places[layer.name] = self.unions.concat(layer, maps, self.known)
            return
        require(len(layer.source) == 1, f"sources of {layer.name}", layer.source, "one")
        source = self.source(layer, layer.source[0])
        convolution = convolution_of(layer, self.variant)
        upsamples = convolution.transposed and convolution.kernel > 1
        make = self.convolutions.deconv if upsamples else self.convolutions.conv
        self.places[layer.name] = make(layer, convolution, source)

    def source(self, layer: Layer, name: str) -> Place:
        place = self.places[name]
        dense = layer.dense and not place.full
        return self.unions.densified(layer, name, place) if dense else place

    @property
    def known(self) -> dict[str, Place]:
        """Where the coordinates of maps are, of some ahead of the features."""
        return {**self.convolutions.coordinates, **self.places}

    def look_ahead(self, unless: str | None) -> None:
        """Make coordinates of up-sampled and united maps as soon as what they need exists, but not
        of the map ``unless``, so that the rules of their readers never wait. A pruned map's exist
        only when its features do: it is not taken before its turn."""
        for layer in self.network.layers:
            if layer.name in self.places or layer.dense or self.variant.dense:
                continue
            if layer.role == "up" and layer.transposed and layer.kernel > 1:
                source = self.places.get(layer.source[0])
                wanted = layer.source[0] != unless
                if source is not None and not source.pruned and wanted:
                    self.convolutions.coords(layer, convolution_of(layer, self.variant), source)
            if layer.role == "concat":
                self.unions.unite(layer, self.known, early=True)
