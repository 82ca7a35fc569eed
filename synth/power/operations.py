"""What a unit does for its energy: the operation that users count, and how many a beat holds."""

from __future__ import annotations

from dataclasses import dataclass

from golden.unit import Config, Unit


@dataclass(frozen=True)
class Operation:
    """``each`` operations called ``name`` for every beat of ``stream``."""

    name: str
    each: int = 1
    stream: str = "i"


#: Of configurations that are no dot product: what a beat is.
_OTHERS = {
    "PositMacConfig": Operation("MAC"),
    "DecoderConfig": Operation("block"),
    "EncoderConfig": Operation("block"),
    "GsuConfig": Operation("operation"),
    "RguConfig": Operation("output pillar", stream="o"),
    "CprEncoderConfig": Operation("pillar", stream="entries"),
    "VpuConfig": Operation("pillar", stream="features"),
}
_BY_LANE = {
    "DotConfig": "MAC",
    "BitplaneConfig": "MAC",
    "MixpeConfig": "MAC",
    "TernaryConfig": "MAC",
    "BitmodConfig": "MAC",
    "FloatLutConfig": "MAC",
    "PositDecoderConfig": "number",
    "PositEncoderConfig": "number",
    "UnpackerConfig": "number",
    "RequantizerConfig": "number",
    "LogQuantizerConfig": "number",
    "HadamardConfig": "number",
}


def operation(config: Config | None) -> Operation:
    """The operation of a configuration; a beat of its input where it has no name."""
    kind = type(config).__name__
    if kind == "LutConfig":
        return Operation("MAC", config.lanes * config.columns)
    if kind == "SimdMacConfig":  # power is measured in this mode
        return Operation("MAC", config.lanes(config.widest))
    if kind == "MxuConfig":
        return Operation("MAC", config.array**2)
    if kind == "SpadeConfig":  # a rule is an input vector by a tile of weights
        return Operation("MAC", config.accelerator.array**2, stream="rules")
    if kind in _BY_LANE:
        return Operation(_BY_LANE[kind], config.lanes)
    return _OTHERS.get(kind, Operation("beat"))


def each_cycle(config: Config | None) -> float | None:
    """Operations a cycle when nothing stalls, where the configuration states it."""
    if not isinstance(config, Unit):
        return None
    return operation(config).each / config.interval
