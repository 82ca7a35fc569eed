"""From the layers of a run to the work of each descriptor of the accelerator's list."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .cpr import Cpr, union
from .networks import Network
from .run import LayerRun, convolution_of
from .variants import Variant
from .work import Work, conv_work, phase_work

SCAN = {"max-abs": 130, "l1": 260, "l2": 260}
"""Cycles in which the selection is found once the last importance is known."""


@dataclass(frozen=True, eq=False)
class _Map:
    """A map in memory: ``stored`` entries, those ``active``, descriptors that write it."""

    stored: Cpr
    active: Cpr
    cpr_from: int
    features_from: int
    watermark: bool
    parts: tuple[str, ...] = ()


class Lowering:
    """Call it with each :class:`LayerRun` in turn; ``works`` grows by that layer's descriptors."""

    def __init__(self, network: Network, variant: Variant) -> None:
        self.variant = variant
        # Maps whose importance an SD-Conv layer wants.
        self._asked = {
            name
            for layer in network.layers
            if layer.role != "concat" and convolution_of(layer, variant).mode == "selective"
            for name in layer.source
        }
        self.works: list[Work] = []
        self._maps: dict[str, _Map] = {}

    def __call__(self, run: LayerRun) -> list[Work]:
        """The descriptors of ``run``."""
        before = len(self.works)
        layer = run.layer
        for name in layer.source:
            if name not in self._maps:
                self._maps[name] = _Map(run.source.active, run.source.active, -1, -1, False)
        if run.convolution is None:
            self._concat(run)
        elif run.convolution.transposed and run.convolution.kernel > 1:
            self._transposed(run)
        else:
            self._conv(run)
        return self.works[before:]

    def _source(self, run: LayerRun) -> _Map:
        source = self._maps[run.layer.source[0]]
        if len(run.source.active) > len(source.active):  # made dense on the way
            return replace(source, stored=run.source.active, active=run.source.active)
        return source

    def _conv(self, run: LayerRun) -> None:
        layer, convolution = run.layer, run.convolution
        assert convolution is not None and run.rules is not None
        if convolution.transposed:
            convolution = replace(convolution, transposed=False, stride=1)
        source = self._source(run)
        number = len(self.works)
        pruned = self.variant.prune and layer.role == "body" and not layer.dense
        selective = layer.name in self._asked
        alias = convolution.mode == "submanifold" or convolution.kernel == 1
        late = SCAN[self.variant.measure] if pruned or selective else None
        writes = late is not None or not alias
        fields = conv_work(convolution, source.stored, source.active, run.generated, run.rules)
        self.works.append(
            Work(
                name=layer.name,
                op="conv",
                channels=layer.channels,
                cpr_from=source.cpr_from,
                features_from=source.features_from,
                watermark=source.watermark,
                sources=self._presence(source),
                entries_written=len(run.generated) if writes else 0,
                late=late,
                dense_rules=layer.dense_rules(run.generated.shape[0] * run.generated.shape[1]),
                **fields,
            )
        )
        cpr_from = number if writes else source.cpr_from
        self._maps[layer.name] = _Map(run.generated, run.output.active, cpr_from, number, True)

    def _presence(self, source: _Map) -> tuple:
        result = []
        for name in source.parts:
            keys = self._maps[name].stored.keys
            before = np.searchsorted(keys, source.stored.keys)
            result.append(np.append(before, len(keys)))
        return tuple(result)

    def _transposed(self, run: LayerRun) -> None:
        layer, convolution = run.layer, run.convolution
        assert convolution is not None
        source = self._source(run)
        k, number = convolution.kernel, len(self.works)
        fields = phase_work(k, source.stored, source.active)
        shape = run.generated.shape
        self.works.append(
            Work(
                name=layer.name,
                op="coords",
                channels=layer.channels,
                generate=k * k * len(source.active),
                entries_read=len(source.stored),
                entries_written=len(run.generated),
                rows=(source.stored.shape[0], shape[0]),
                cpr_from=source.cpr_from,
            )
        )
        for _ in range(k):
            self.works.append(
                Work(
                    name=layer.name,
                    op="deconv",
                    channels=layer.channels,
                    cpr_from=source.cpr_from,
                    features_from=source.features_from,
                    watermark=source.watermark,
                    dense_rules=layer.dense_rules(shape[0] * shape[1]) // k,
                    **fields,
                )
            )
        last = len(self.works) - 1
        self._maps[layer.name] = _Map(run.generated, run.output.active, number, last, False)

    def _concat(self, run: LayerRun) -> None:
        names = run.layer.source
        maps = [self._maps[name] for name in names]
        done, cpr_from = maps[0].stored, maps[0].cpr_from
        for other in maps[1:]:
            both = union([done, other.stored])
            self.works.append(
                Work(
                    name=run.layer.name,
                    op="union",
                    channels=run.layer.channels,
                    generate=len(both),
                    entries_read=len(done) + len(other.stored),
                    entries_written=len(both),
                    rows=(both.shape[0], both.shape[0]),
                    cpr_from=max(cpr_from, other.cpr_from),
                )
            )
            done, cpr_from = both, len(self.works) - 1
        features = max(m.features_from for m in maps)
        self._maps[run.layer.name] = _Map(
            done, run.output.active, cpr_from, features, False, tuple(names)
        )
