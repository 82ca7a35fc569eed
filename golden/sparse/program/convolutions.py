"""The descriptors of the layers that compute."""

from __future__ import annotations

from dataclasses import replace

from ...errors import require
from ..descriptor import CONV, COORDS, DECONV, MODES
from ..network import Layer, prunes
from ..places import Place
from ..rules import Convolution
from ..tiling import Task, Tiler, least_span
from .readers import Readers
from .steps import Steps


class Convolutions:
    """Appends them to ``steps``, cut by ``tiler``.

    ``coordinates``: of the outputs of deconvolutions, which may be made ahead of their features.
    """

    def __init__(self, steps: Steps, readers: Readers, tiler: Tiler) -> None:
        self.config, self.steps, self.readers, self.tiler = steps.config, steps, readers, tiler
        self.coordinates: dict[str, Place] = {}

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
        selection = self.readers.selection(layer, shape)
        # Coordinates that stay the same are not written again, unless something changes in them.
        shared = same and not selection and not source.pruned
        if shared:
            cpr, entries = source.cpr, source.entries
        else:
            cpr, entries = self.steps.memory.cpr(layer.name, shape[0], capacity)
            fields |= {"write_cpr": 1, "output_cpr": cpr, "output_entries": entries}
        vectors = self.readers.vectors(layer.name, shape, capacity)
        address, tiles, plane = self.steps.memory.planes(layer.name, layer.channels[1], vectors)
        done = self.steps.emit(
            layer,
            convolution,
            source,
            **fields,
            **selection,
            op=CONV,
            stride=convolution.stride,
            mode=MODES.index(convolution.mode),
            output_plane=plane,
            weights=self.steps.memory.weights(
                layer.name, convolution.taps, fields["input_tiles"], tiles
            ),
            parameters=self.steps.memory.parameters(layer.name, tiles),
            output_features=address,
        )
        pruned = prunes(self.readers.variant, layer)
        return Place(
            shape=shape,
            cpr=cpr,
            entries=entries,
            capacity=capacity,
            features=(address,),
            channels=(layer.channels[1],),
            tiles=tiles,
            plane=plane,
            active=self.readers.kept(capacity) if pruned else capacity,
            cpr_after=source.cpr_after if shared else done,
            features_after=done,
            measured=bool(selection) and not pruned,
            pruned=pruned,
            full=source.full and not pruned,
        )

    def deconv(self, layer: Layer, convolution: Convolution, source: Place) -> Place:
        where = self.coords(layer, convolution, source)
        fields = self.common(layer, convolution, source, where.capacity)
        vectors = self.readers.vectors(layer.name, where.shape, where.capacity)
        address, tiles, plane = self.steps.memory.planes(layer.name, layer.channels[1], vectors)
        parameters = self.steps.memory.parameters(layer.name, tiles)
        kernel, done = convolution.kernel, 0
        for phase in range(kernel):
            name = f"{layer.name}.phase{phase}"
            done = self.steps.emit(
                layer,
                convolution,
                source,
                **fields,
                op=DECONV,
                phase=phase,
                phased=1,
                output_plane=plane,
                weights=self.steps.memory.weights(name, kernel, fields["input_tiles"], tiles),
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
            cpr, entries = self.steps.memory.cpr(layer.name, shape[0], capacity)
            done = self.steps.emit(
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
