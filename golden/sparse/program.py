"""From a network and the shape of its grid to descriptors and a memory map.

A program does not depend on what a frame holds: the machine finds the number of pillars as it runs,
and memory is laid out for the most that there can be. :mod:`golden.sparse.image` fills it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import require
from .accelerator import AcceleratorConfig
from .checks import check
from .descriptor import BYTES, CONV, COORDS, DECONV, LAYERS, MODES, SOURCES, UNION, complete
from .networks import Layer, Network
from .places import STATISTICS_BYTES, MemoryMap, Place, Region
from .prune import ratio_code, ratio_count
from .rules import Convolution
from .run import convolution_of
from .tiling import Task, Tiler, least_span, tiling
from .variants import Variant

ACCELERATOR_MEASURES = ("max-abs", "l1")
ALL_PRESENT = (1 << SOURCES) - 1
"""Value of the entries of a full grid: as a union, every map has every site."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One descriptor, all its fields. ``layer``: the network's layer that it is of.
    ``convolution``: None for a union. ``source``: the map that it reads, if it computes."""

    fields: dict[str, int]
    layer: Layer
    convolution: Convolution | None
    source: Place | None = None


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
        self.tiler = tiler
        self.memory = MemoryMap(config, base)
        self.steps: list[Step] = []
        self.places: dict[str, Place] = {}
        # What is made ahead of the features: coordinates of ups; unions, and of how many maps.
        self.coordinates: dict[str, Place] = {}
        self.united: dict[str, tuple[Place, int]] = {}
        self.densed: dict[str, Place] = {}
        self.full: dict[tuple[int, int], tuple[int, int]] = {}

    def build(self, pillars: int) -> Program:
        self.places["pillars"] = self.input(pillars)
        layers = schedule(self.network)
        for layer, following in zip(layers, (*layers[1:], None), strict=True):
            self.add(layer)
            # While the array still has the layer after it to do, if there is one.
            body = following is not None and following.role in ("body", "down")
            goes_on = body and layer.name in following.source
            self.look_ahead(unless=layer.name if goes_on else None)
        count = len(self.steps)
        require(count <= LAYERS, "number of descriptors", count, f"at most {LAYERS}")
        for number, step in enumerate(self.steps):
            check(step.fields, self.config, number)
        memory = self.memory
        list_address = memory.allocate("list", count * BYTES)
        statistics = memory.allocate("statistics", count * STATISTICS_BYTES, output=True)
        return Program(
            config=self.config,
            network=self.network,
            variant=self.variant,
            shape=self.shape,
            steps=tuple(self.steps),
            places=self.places,
            regions=tuple(memory.regions),
            base=memory.base,
            size=memory.end - memory.base,
            full=self.full,
            list_address=list_address,
            statistics_address=statistics,
        )

    def input(self, pillars: int) -> Place:
        channels = self.network.layers[0].channels[0]
        cpr, entries = self.memory.cpr("pillars", self.shape[0], pillars, output=False)
        vectors = self.vectors("pillars", self.shape, pillars)
        address, tiles, plane = self.memory.planes("pillars", channels, vectors, output=False)
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
            measured=self.measured("pillars"),
            full=self.variant.dense,
        )

    # What the readers of a map ask of it.

    def readers(self, name: str) -> list[Layer]:
        return [layer for layer in self.network.layers if name in layer.source]

    def measured(self, name: str) -> bool:
        """Whether a layer that reads the map dilates selectively."""
        return any(
            layer.role != "concat" and convolution_of(layer, self.variant).mode == "selective"
            for layer in self.readers(name)
        )

    def vectors(self, name: str, shape: tuple[int, int], capacity: int) -> int:
        """Vectors of a plane: maps that are read side by side have planes of one size."""
        beside = any(reader.role == "concat" or reader.dense for reader in self.readers(name))
        return shape[0] * shape[1] if beside else capacity

    def prunes(self, layer: Layer) -> bool:
        return self.variant.prune and layer.role == "body" and not layer.dense

    def selection(self, layer: Layer, shape: tuple[int, int]) -> dict[str, int]:
        """Fields of the selection that a layer makes of its outputs, if it makes one."""
        variant, name = self.variant, layer.name
        dilates, prunes = self.measured(name), self.prunes(layer)
        if not (dilates or prunes):
            return {}
        require(not (dilates and prunes), f"use of {name}", "pruned and selective", "one of both")
        allowed = ", ".join(ACCELERATOR_MEASURES)
        require(variant.measure in ACCELERATOR_MEASURES, "measure", variant.measure, allowed)
        fields = {"measure": 1 + ACCELERATOR_MEASURES.index(variant.measure)}
        if prunes and variant.threshold is not None:
            return fields | {"selection": 1, "threshold": min(variant.threshold, 0xFFFF)}
        if prunes:
            return fields | {"select_ratio": ratio_code(variant.keep)}
        if variant.t_of == "grid":
            return fields | {"select_count": ratio_count(shape[0] * shape[1], variant.t / 100)}
        return fields | {"select_ratio": ratio_code(variant.t / 100)}

    # Descriptors.

    def emit(
        self,
        layer: Layer,
        convolution: Convolution | None,
        source: Place | None = None,
        **fields: int,
    ) -> int:
        """Add a descriptor; returns how many there are then."""
        self.steps.append(
            Step(fields=complete(fields), layer=layer, convolution=convolution, source=source)
        )
        return len(self.steps)

    def add(self, layer: Layer) -> None:
        for name in layer.source:
            require(name in self.places, f"source of {layer.name}", name, "an earlier layer")
        if layer.role == "concat":
            self.places[layer.name] = self.concat(layer)
            return
        require(len(layer.source) == 1, f"sources of {layer.name}", layer.source, "one")
        source = self.source(layer, layer.source[0])
        convolution = convolution_of(layer, self.variant)
        upsamples = convolution.transposed and convolution.kernel > 1
        make = self.deconv if upsamples else self.conv
        self.places[layer.name] = make(layer, convolution, source)

    def source(self, layer: Layer, name: str) -> Place:
        place = self.places[name]
        return self.densified(layer, name, place) if layer.dense and not place.full else place

    def common(self, layer: Layer, convolution: Convolution, source: Place, outputs: int) -> dict:
        """Fields of a layer that computes."""
        given = sum(source.channels)
        allowed = f"{given}, as its source has"
        require(
            layer.channels[0] == given,
            f"input channels of {layer.name}",
            layer.channels[0],
            allowed,
        )
        task = Task(
            layer=layer,
            convolution=convolution,
            taps=convolution.kernel if convolution.transposed else convolution.taps,
            input_tiles=source.tiles * len(source.features),
            output_tiles=-(-layer.channels[1] // self.config.array),
            columns=source.shape[1],
            inputs=source.capacity,
            outputs=outputs,
        )
        cut = self.tiler(self.config, task)
        need = min(least_span(convolution, source.shape[1]), source.capacity)
        allowed = f"at least {need}: the inputs of one output pillar"
        require(cut.span >= need, f"span of {layer.name}", cut.span, allowed)
        return {
            "kernel": convolution.kernel,
            "use": self.use(layer, convolution, source),
            "relu": int(layer.relu),
            "resident": int(cut.resident),
            "sources": len(source.features),
            "rows": source.shape[0],
            "columns": source.shape[1],
            "input_tiles": task.input_tiles,
            "output_tiles": task.output_tiles,
            "first_tile": cut.first_tile,
            "tile": cut.tile,
            "span": cut.span,
            "source_tiles": source.tiles,
            "cpr_after": source.cpr_after,
            "features_after": source.features_after,
            "capacity": outputs,
            "source_cpr": source.cpr,
            "source_entries": source.entries,
            **{f"features{s}": address for s, address in enumerate(source.features)},
            "input_plane": source.plane,
        }

    def use(self, layer: Layer, convolution: Convolution, source: Place) -> int:
        if convolution.mode != "selective":
            return int(source.pruned)
        allowed = "a map that is measured where it is made: of a convolution, or the pillars"
        require(source.measured, f"source of selective {layer.name}", layer.source[0], allowed)
        return 2

    def conv(self, layer: Layer, convolution: Convolution, source: Place) -> Place:
        shape = convolution.output_shape(source.shape)
        same = (
            convolution.mode == "submanifold"
            or convolution.taps == 1
            or (source.full and convolution.stride == 1 and convolution.kernel == 3)
        )
        reach = 1 if same else (-(-convolution.kernel // convolution.stride)) ** 2
        capacity = min(shape[0] * shape[1], source.active * reach)
        fields = self.common(layer, convolution, source, capacity)
        selection = self.selection(layer, shape)
        # Coordinates that stay the same are not written again, unless something changes in them.
        shared = same and not selection and not source.pruned
        if shared:
            cpr, entries = source.cpr, source.entries
        else:
            cpr, entries = self.memory.cpr(layer.name, shape[0], capacity)
            fields |= {"write_cpr": 1, "output_cpr": cpr, "output_entries": entries}
        vectors = self.vectors(layer.name, shape, capacity)
        address, tiles, plane = self.memory.planes(layer.name, layer.channels[1], vectors)
        done = self.emit(
            layer,
            convolution,
            source,
            **fields,
            **selection,
            op=CONV,
            stride=convolution.stride,
            mode=MODES.index(convolution.mode),
            output_plane=plane,
            weights=self.memory.weights(layer.name, convolution.taps, fields["input_tiles"], tiles),
            parameters=self.memory.parameters(layer.name, tiles),
            output_features=address,
        )
        pruned = self.prunes(layer)
        return Place(
            shape=shape,
            cpr=cpr,
            entries=entries,
            capacity=capacity,
            features=(address,),
            channels=(layer.channels[1],),
            tiles=tiles,
            plane=plane,
            active=self.kept(capacity) if pruned else capacity,
            cpr_after=source.cpr_after if shared else done,
            features_after=done,
            measured=bool(selection) and not pruned,
            pruned=pruned,
            full=source.full and not pruned,
        )

    def kept(self, capacity: int) -> int:
        """Most pillars that pruning keeps."""
        if self.variant.threshold is not None:
            return capacity
        return max(1, ratio_count(capacity, self.variant.keep))

    def deconv(self, layer: Layer, convolution: Convolution, source: Place) -> Place:
        where = self.coords(layer, convolution, source)
        fields = self.common(layer, convolution, source, where.capacity)
        vectors = self.vectors(layer.name, where.shape, where.capacity)
        address, tiles, plane = self.memory.planes(layer.name, layer.channels[1], vectors)
        parameters = self.memory.parameters(layer.name, tiles)
        kernel, done = convolution.kernel, 0
        for phase in range(kernel):
            name = f"{layer.name}.phase{phase}"
            done = self.emit(
                layer,
                convolution,
                source,
                **fields,
                op=DECONV,
                phase=phase,
                phased=1,
                output_plane=plane,
                weights=self.memory.weights(name, kernel, fields["input_tiles"], tiles),
                parameters=parameters,
                output_features=address,
            )
        return replace(
            where,
            features=(address,),
            channels=(layer.channels[1],),
            tiles=tiles,
            plane=plane,
            features_after=done,
        )

    def coords(self, layer: Layer, convolution: Convolution, source: Place) -> Place:
        """The coordinates of a deconv's output, made once."""
        if layer.name not in self.coordinates:
            shape = convolution.output_shape(source.shape)
            capacity = min(shape[0] * shape[1], source.active * convolution.taps)
            cpr, entries = self.memory.cpr(layer.name, shape[0], capacity)
            done = self.emit(
                layer,
                convolution,
                op=COORDS,
                kernel=convolution.kernel,
                use=int(source.pruned),
                write_cpr=1,
                rows=source.shape[0],
                columns=source.shape[1],
                cpr_after=source.cpr_after,
                capacity=capacity,
                source_cpr=source.cpr,
                source_entries=source.entries,
                output_cpr=cpr,
                output_entries=entries,
            )
            self.coordinates[layer.name] = Place(
                shape=shape,
                cpr=cpr,
                entries=entries,
                capacity=capacity,
                active=capacity,
                cpr_after=done,
                full=source.full,
            )
        return self.coordinates[layer.name]

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
                    self.coords(layer, convolution_of(layer, self.variant), source)
            if layer.role == "concat":
                self.unite(layer, early=True)

    def waits(self, after: int) -> bool:
        """Whether a list that needs the first ``after`` layers waits for a selection that nothing
        before it waits for."""
        late = [n for n, step in enumerate(self.steps[:after]) if step.fields["measure"]]
        return bool(late) and all(step.fields["cpr_after"] <= late[-1] for step in self.steps)

    def concat(self, layer: Layer) -> Place:
        """The union of the coordinates; features stay where they are."""
        count = len(layer.source)
        require(2 <= count <= SOURCES, f"sources of {layer.name}", count, f"2 to {SOURCES}")
        maps = [self.source(layer, name) for name in layer.source]
        first = maps[0]
        for name, each in zip(layer.source, maps, strict=True):
            plain = len(each.features) == 1 and not each.pruned
            allowed = "no concatenation and not pruned"
            require(plain, f"source of {layer.name}", name, allowed)
            form, wanted = ((m.shape, m.tiles, m.plane) for m in (each, first))
            allowed = f"{wanted}, as the first source has"
            require(form == wanted, f"shape, channel tiles and plane of {name}", form, allowed)
        if all(each.full for each in maps):
            cpr, entries = self.full_grid(first.shape)
            united = replace(first, cpr=cpr, entries=entries, cpr_after=0, measured=False)
        else:
            united = self.unite(layer)
        return replace(
            united,
            features=tuple(each.features[0] for each in maps),
            channels=tuple(each.channels[0] for each in maps),
            tiles=first.tiles,
            plane=first.plane,
            features_after=max(each.features_after for each in maps),
        )

    def unite(self, layer: Layer, early: bool = False) -> Place | None:
        """Unite the maps of a concatenation, as far as their coordinates exist; ``early``: and as
        far as that waits for nothing else."""
        known = {**self.coordinates, **self.places}
        united, count = self.united.get(layer.name, (None, 0))
        for bit, name in enumerate(layer.source):
            if bit < count:
                continue
            if name not in known:
                break
            if early and self.waits(known[name].cpr_after):
                break
            united = known[name] if bit == 0 else self.union(layer, united, known[name], bit)
            self.united[layer.name] = united, bit + 1
        return united

    def union(self, layer: Layer, first: Place, second: Place, bit: int) -> Place:
        require(
            first.shape == second.shape, f"grids of {layer.name}", second.shape, str(first.shape)
        )
        rows, columns = first.shape
        capacity = min(rows * columns, first.active + second.active)
        cpr, entries = self.memory.cpr(f"{layer.name}.union{bit}", rows, capacity)
        after = max(first.cpr_after, second.cpr_after)
        done = self.emit(
            layer,
            None,
            op=UNION,
            write_cpr=1,
            rows=rows,
            columns=columns,
            cpr_after=after,
            capacity=capacity,
            union_bit=bit,
            union_first=int(bit > 1),
            source_cpr=first.cpr,
            source_entries=first.entries,
            second_cpr=second.cpr,
            second_entries=second.entries,
            output_cpr=cpr,
            output_entries=entries,
        )
        return Place(
            shape=first.shape,
            cpr=cpr,
            entries=entries,
            capacity=capacity,
            active=capacity,
            cpr_after=done,
            full=first.full or second.full,
        )

    # Full grids.

    def full_grid(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Addresses of the CPR of a full grid, which the image holds."""
        if shape not in self.full:
            name = f"full{shape[0]}x{shape[1]}"
            self.full[shape] = self.memory.cpr(name, shape[0], shape[0] * shape[1], output=False)
        return self.full[shape]

    def densified(self, layer: Layer, name: str, place: Place) -> Place:
        """A sparse map on every site: united with a full map of no channels, whose features are
        multiplied by zero weights."""
        plain = len(place.features) == 1 and not place.pruned
        allowed = "no concatenation and not pruned"
        require(plain, f"source of dense {layer.name}", name, allowed)
        if name not in self.densed:
            cpr, entries = self.full_grid(place.shape)
            sites = place.shape[0] * place.shape[1]
            every = Place(
                shape=place.shape, cpr=cpr, entries=entries, capacity=sites, active=sites, full=True
            )
            nothing = self.memory.allocate(f"{name}.nothing", place.tiles * place.plane)
            self.densed[name] = replace(
                self.union(layer, place, every, 1),
                features=(*place.features, nothing),
                channels=(*place.channels, 0),
                tiles=place.tiles,
                plane=place.plane,
                features_after=place.features_after,
            )
        return self.densed[name]
