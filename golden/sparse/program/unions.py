"""Maps brought together: of concatenations, and of sparse maps with full grids."""

from __future__ import annotations

from dataclasses import replace

from ...errors import require
from ..descriptor import SOURCES, UNION
from ..network import Layer
from ..places import Place
from .steps import Steps

ALL_PRESENT = (1 << SOURCES) - 1
"""Value of the entries of a full grid: as a union, every map has every site."""


class Unions:
    """Appends them to ``steps``.

    ``full``: for each shape of a full grid that the image must hold, the addresses of header and
    entries.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.full: dict[tuple[int, int], tuple[int, int]] = {}
        # By concatenation: the union as far as it is made, and of how many of its maps.
        self.united: dict[str, tuple[Place, int]] = {}
        self.densed: dict[str, Place] = {}

    def concat(self, layer: Layer, maps: list[Place], known: dict[str, Place]) -> Place:
        """The union of the coordinates of ``maps``; features stay where they are."""
        count = len(layer.source)
        require(2 <= count <= SOURCES, f"sources of {layer.name}", count, f"2 to {SOURCES}")
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
            united = self.unite(layer, known)
        return replace(
            united,
            features=tuple(each.features[0] for each in maps),
            channels=tuple(each.channels[0] for each in maps),
            tiles=first.tiles,
            plane=first.plane,
            features_after=max(each.features_after for each in maps),
        )

    def unite(self, layer: Layer, known: dict[str, Place], early: bool = False) -> Place | None:
        """Unite the maps of a concatenation, as far as their coordinates are ``known``; ``early``:
        and as far as that waits for nothing else."""
        united, count = self.united.get(layer.name, (None, 0))
        for bit, name in enumerate(layer.source):
            if bit < count:
                continue
            if name not in known:
                break
            if early and self.steps.waits(known[name].cpr_after):
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
        cpr, entries = self.steps.memory.cpr(f"{layer.name}.union{bit}", rows, capacity)
        after = max(first.cpr_after, second.cpr_after)
        done = self.steps.emit(
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

    def full_grid(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Addresses of the CPR of a full grid, which the image holds."""
        if shape not in self.full:
            name = f"full{shape[0]}x{shape[1]}"
            self.full[shape] = self.steps.memory.cpr(
                name, shape[0], shape[0] * shape[1], output=False
            )
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
            nothing = self.steps.memory.allocate(f"{name}.nothing", place.tiles * place.plane)
            self.densed[name] = replace(
                self.union(layer, place, every, 1),
                features=(*place.features, nothing),
                channels=(*place.channels, 0),
                tiles=place.tiles,
                plane=place.plane,
                features_after=place.features_after,
            )
        return self.densed[name]
