"""What the descriptors of a program have to do for one frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .cpr import Cpr, union
from .descriptor import CONV, COORDS, DECONV, UNION
from .network import Network
from .program import Program, Step
from .run import LayerRun
from .work import Work, conv_work, deconv_work


@dataclass(frozen=True, kw_only=True, eq=False)
class Load:
    """One descriptor's.

    ``work``: None if it computes nothing. ``generate``: cycles of the rule generator.
    ``entries_read``, ``entries_written``: of coordinates. ``present``: for each map of a union that
    it reads, how many of its pillars come before each of the union's, and all.
    """

    step: Step
    work: Work | None
    generate: int
    entries_read: int
    entries_written: int
    present: tuple[NDArray[np.int64], ...] = ()

    def head(self, part: float) -> Load:
        """The first ``part`` (0 to 1) of it."""
        return replace(
            self,
            work=self.work and self.work.head(part),
            generate=round(part * self.generate),
            entries_read=round(part * self.entries_read),
            entries_written=round(part * self.entries_written),
        )

    @property
    def output_rows(self) -> int:
        """Rows of its output's grid."""
        rows, columns = self.step.fields["rows"], self.step.fields["columns"]
        convolution = self.step.convolution
        return rows if convolution is None else convolution.output_shape((rows, columns))[0]

    @property
    def rules(self) -> int:
        """Rules, each of which meets all its pairs of channel tiles."""
        fields = self.step.fields
        passes = fields["input_tiles"] * fields["output_tiles"]
        return self.work.rules * passes if self.work else 0


class Workload:
    """Call it with each layer of a run in turn."""

    def __init__(self) -> None:
        self._stored: dict[str, Cpr] = {}  # entries in memory, pruned ones too
        self._active: dict[str, Cpr] = {}
        self._works: dict[str, Work] = {}

    def __call__(self, run: LayerRun) -> None:
        """Count the layer's work."""
        layer = run.layer
        for name in layer.source:
            if name not in self._stored:  # the pillars
                self._stored[name] = self._active[name] = run.source.active
        self._stored[layer.name] = run.generated
        self._active[layer.name] = run.output.active
        convolution = run.convolution
        if convolution is None:
            return
        assert run.rules is not None
        active = run.source.active
        stored = self._stored[layer.source[0]]
        if len(stored) < len(active):  # a dense layer sees every site
            stored = active
        if convolution.transposed and convolution.kernel > 1:
            self._works[layer.name] = deconv_work(convolution.kernel, stored, active)
            return
        if convolution.transposed:
            convolution = replace(convolution, transposed=False)
        self._works[layer.name] = conv_work(convolution, stored, active, run.generated, run.rules)

    def loads(self, program: Program) -> list[Load]:
        """Of each descriptor of ``program``, which is of the network that has run."""
        return [self._load(step, program.network) for step in program.steps]

    def _load(self, step: Step, network: Network) -> Load:
        op, layer = step.fields["op"], step.layer
        if op == UNION:
            maps = self._united(step)
            both = union(maps)
            entries = sum(map(len, maps))
            return Load(
                step=step,
                work=None,
                generate=len(both) + _empty_rows(both),
                entries_read=entries,
                entries_written=len(both),
            )
        source = self._stored[layer.source[0]]
        if op == COORDS:
            made = len(self._active[layer.source[0]]) * step.fields["kernel"] ** 2
            return Load(
                step=step,
                work=None,
                # A row is loaded, then read once for each row that it makes.
                generate=len(source) + made + 2 * _empty_rows(source),
                entries_read=len(source),
                entries_written=made,
            )
        assert op in (CONV, DECONV)
        work = self._works[layer.name]
        present = self._present(step, network)
        return Load(
            step=step,
            work=work,
            generate=work.generate,
            entries_read=len(source) if not present else len(present[0]) - 1,
            entries_written=work.outputs if step.fields["write_cpr"] else 0,
            present=present,
        )

    def _united(self, step: Step) -> list[Cpr]:
        """The two maps of a union: all sources so far, and the next; or a map and the full grid."""
        names, bit = step.layer.source, step.fields["union_bit"]
        if step.layer.role != "concat":
            first = self._stored[names[0]]
            return [first, Cpr.full(first.shape)]
        maps = [self._stored[name] for name in names[: bit + 1]]
        return [union(maps[:-1]) if bit > 1 else maps[0], maps[-1]]

    def _present(self, step: Step, network: Network) -> tuple[NDArray[np.int64], ...]:
        if step.fields["sources"] == 1:
            return ()
        source = next(each for each in network.layers if each.name == step.layer.source[0])
        if source.role == "concat":
            maps = [self._stored[name] for name in source.source]
        else:  # dense: the map, and every site
            maps = [self._stored[source.name], Cpr.full(self._stored[source.name].shape)]
        united = union(maps)
        return tuple(np.append(np.searchsorted(m.keys, united.keys), len(m)) for m in maps)


def _empty_rows(active: Cpr) -> int:
    return int((np.diff(active.pointers) == 0).sum())
