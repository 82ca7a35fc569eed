"""The list of descriptors as it grows, and the memory that they name."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import require
from ..accelerator import AcceleratorConfig
from ..checks import check
from ..descriptor import LAYERS, complete
from ..network import Layer
from ..places import MemoryMap, Place
from ..rules import Convolution


@dataclass(frozen=True, kw_only=True)
class Step:
    """One descriptor, all its fields. ``layer``: the network's layer that it is of.
    ``convolution``: None for a union. ``source``: the map that it reads, if it computes."""

    fields: dict[str, int]
    layer: Layer
    convolution: Convolution | None
    source: Place | None = None


class Steps:
    """Descriptors in order, with the memory that is laid out for them from ``base`` on."""

    def __init__(self, config: AcceleratorConfig, base: int) -> None:
        self.config = config
        self.memory = MemoryMap(config, base)
        self.list: list[Step] = []

    def emit(
        self,
        layer: Layer,
        convolution: Convolution | None,
        source: Place | None = None,
        **fields: int,
    ) -> int:
        """Add a descriptor; returns how many there are then."""
        self.list.append(
            Step(fields=complete(fields), layer=layer, convolution=convolution, source=source)
        )
        return len(self.list)

    def waits(self, after: int) -> bool:
        """Whether a list that needs the first ``after`` layers waits for a selection that nothing
        before it waits for."""
        late = [n for n, step in enumerate(self.list[:after]) if step.fields["measure"]]
        return bool(late) and all(step.fields["cpr_after"] <= late[-1] for step in self.list)

    def check(self) -> None:
        """Raise :class:`BadInput` for what the machine cannot do."""
        count = len(self.list)
        require(count <= LAYERS, "number of descriptors", count, f"at most {LAYERS}")
        for number, step in enumerate(self.list):
            check(step.fields, self.config, number)
