"""The unit, of either kind of scale.

::

    values ─┬─> Peak ─> Scale ─┬─> scale
            └──────────────────┴─> Align ─> Round ─> elements      powers of two
            └──────────────────┴─> Compare ──────────> elements    scales with a fraction
            └──────────────────┴─> Dither ───────────> elements    of these, stochastically

Of a scale that is a power of two only exponents meet in the search for the peak: where the policy
looks at the peak's mantissa too, each lane compares its own with a constant, and that one bit goes
along as the least significant of its key. Everything that all lanes need of the scale is worked out
once; a lane adds one shared number to its exponent, and that is the exponent field of its element,
or how far to shift.

Of other scales the peak's leading bits are found too. Nothing is divided: the peak is compared with
the largest element times where each scale begins, which are constants, and values with the scale
times where each element begins.
"""

from __future__ import annotations

from amaranth.lib import data

from golden.encoder import EncoderConfig

from ..hadamard import transform
from ..pipeline import Datapath, Stage
from .align import Align
from .compare import Compare
from .dither import Dither
from .fraction import FractionScale
from .peak import Peak
from .power import Scale
from .random import RandomRegister
from .round import Round
from .widths import values


class Encoder(Datapath):
    """The unit of a :class:`golden.encoder.EncoderConfig`; see there for what it computes."""

    def __init__(self, config: EncoderConfig):
        front = RandomRegister(config) if config.stochastic else None
        if config.fraction:
            elements = Dither(config) if config.stochastic else Compare(config)
            parts: list[Stage] = [Peak(config), FractionScale(config), elements]
        else:
            parts = [Peak(config), Scale(config), Align(config), Round(config)]
        if config.transform is not None:
            parts = [*transform(config.transform, data.StructLayout(values(config))), *parts]
        super().__init__(config, parts, front)
