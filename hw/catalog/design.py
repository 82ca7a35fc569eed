"""A design: a configuration under a name, and the component of each kind of configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.lib import wiring

from golden.bitmod import BitmodConfig
from golden.bitmod_dequantizer import DequantizerConfig
from golden.bitplane import BitplaneConfig
from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.encoder import EncoderConfig
from golden.hadamard import HadamardConfig
from golden.log_quantizer import LogQuantizerConfig
from golden.lut import LutConfig, TablesConfig
from golden.lut_float import FloatLutConfig, FloatTablesConfig
from golden.mixpe import MixpeConfig
from golden.posit_codec import PositDecoderConfig, PositEncoderConfig
from golden.posit_mac import PositMacConfig
from golden.requantizer import RequantizerConfig
from golden.simd_mac import SimdMacConfig
from golden.sparse.cpr_encoder import CprEncoderConfig
from golden.sparse.dma import DmaConfig
from golden.sparse.gsu_unit import GsuConfig
from golden.sparse.mxu import MxuConfig
from golden.sparse.rgu_unit import RguConfig
from golden.sparse.sequencer import SequencerConfig
from golden.sparse.spade import SpadeConfig
from golden.sparse.vpu_unit import VpuConfig
from golden.ternary import TernaryConfig, UnpackerConfig
from golden.unit import Config

from ..bitmod import Bitmod
from ..bitmod_dequantizer import Dequantizer
from ..bitplane import Bitplane
from ..decoder import Decoder
from ..dot import Dot
from ..encoder import Encoder
from ..hadamard import Hadamard
from ..log_quantizer import LogQuantizer
from ..lut import Lut, Tables
from ..lut_float import FloatLut, FloatTables
from ..mixpe import Mixpe
from ..posit_codec import PositDecoder, PositEncoder
from ..posit_mac import PositMac
from ..requantizer import Requantizer
from ..simd_mac import SimdMac
from ..sparse.cpr_encoder import CprEncoder
from ..sparse.dma import dma_unit
from ..sparse.gsu_unit import GsuUnit
from ..sparse.mxu_unit import MxuUnit
from ..sparse.rgu import Rgu
from ..sparse.sequencer import sequencer_unit
from ..sparse.spade import Spade
from ..sparse.vpu_unit import VpuUnit
from ..ternary import TernaryDot, Unpacker

COMPONENTS: dict[type[Config], Callable[..., wiring.Component]] = {
    DotConfig: Dot,
    DecoderConfig: Decoder,
    PositDecoderConfig: PositDecoder,
    PositEncoderConfig: PositEncoder,
    PositMacConfig: PositMac,
    SimdMacConfig: SimdMac,
    EncoderConfig: Encoder,
    HadamardConfig: Hadamard,
    RequantizerConfig: Requantizer,
    LogQuantizerConfig: LogQuantizer,
    TernaryConfig: TernaryDot,
    UnpackerConfig: Unpacker,
    BitplaneConfig: Bitplane,
    MixpeConfig: Mixpe,
    LutConfig: Lut,
    TablesConfig: Tables,
    FloatLutConfig: FloatLut,
    FloatTablesConfig: FloatTables,
    BitmodConfig: Bitmod,
    DequantizerConfig: Dequantizer,
    GsuConfig: GsuUnit,
    MxuConfig: MxuUnit,
    VpuConfig: VpuUnit,
    RguConfig: Rgu,
    CprEncoderConfig: CprEncoder,
    DmaConfig: dma_unit,
    SequencerConfig: sequencer_unit,
    SpadeConfig: Spade,
}
"""The component of each kind of configuration."""


@dataclass(frozen=True)
class Design:
    """A configuration under a name.

    Parameters
    ----------
    name:
        Name of the design and of its top module: lower case, digits and underscores.
    config:
        What it is.
    summary:
        One line for tables.
    source:
        Paper or specification that it comes from.
    family:
        What it is compared with in reports.
    hierarchical:
        Whether synthesis maps each module once and sums, for what is too large to be dissolved.
    """

    name: str
    config: Config
    summary: str
    source: str
    family: str
    hierarchical: bool = False

    def component(self) -> wiring.Component:
        """The Amaranth component, made anew."""
        return COMPONENTS[type(self.config)](self.config)
