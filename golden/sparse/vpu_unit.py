"""The vector unit on its own: sums come on a stream instead of from the sum buffer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import require
from ..formats import FLAG, INT32, integer
from ..process import Case, Process
from ..unit import Beats, Codes, Field, Payload
from . import vpu_cases
from .accelerator import AcceleratorConfig
from .descriptor import ADDRESS_BITS, INDEX_BITS, MEASURES
from .places import PARAMETER_BYTES
from .prune import RATIO_BITS, VALUES
from .vpu import CHUNK, Command, Write, layer_writes

SCAN = 259
"""Cycles of a scan of all bins."""
VALUE_BITS = (VALUES - 1).bit_length()


def _number(name: str, bits: int, meaning: str) -> Field:
    return Field(name, integer(bits, signed=False), meaning)


def _flag(name: str, meaning: str) -> Field:
    return Field(name, FLAG, meaning)


@dataclass(frozen=True, kw_only=True)
class VpuConfig(Process):
    """A case is a layer: its fields, its commands, and for each command sums and parameters.

    Parameters
    ----------
    array:
        N, channels of a vector.
    bus_bits:
        Of a beat of parameters, features and entries.
    tile:
        Most outputs of a tile: N or more, a power of two.
    importance:
        Whether there is what measures and selects.
    """

    array: int = 16
    bus_bits: int = 128
    tile: int = 512
    importance: bool = True

    def __post_init__(self) -> None:
        powers = isinstance(self.tile, int) and self.tile & (self.tile - 1) == 0
        require(powers and self.tile >= self.array, "tile", self.tile, "a power of two, N or more")
        fits = 8 * self.array >= self.accelerator.beat
        require(fits, "bus_bits", self.bus_bits, f"up to {64 * self.array}")

    @property
    def accelerator(self) -> AcceleratorConfig:
        """The smallest machine that has this unit."""
        n = self.array
        return AcceleratorConfig(
            array=n,
            bus_bits=self.bus_bits,
            input_bytes=4 * n * n,
            weight_bytes=2 * n * n,
            sum_bytes=8 * n * self.tile,
            rule_bytes=54 * self.tile,
        )

    @property
    def inputs(self) -> dict[str, Payload]:
        data = Payload((_number("data", self.bus_bits, "a beat"),))
        layer = (
            _number("relu", 1, "negative results become zero"),
            _number("measure", 2, "0 none, 1 max-abs, 2 L1"),
            _number("selection", 1, "0 top-k, 1 above a threshold"),
            _number("select_count", INDEX_BITS + 1, "k is this + ..."),
            _number("select_ratio", RATIO_BITS + 1, "... ceil(outputs * this / 2^16)"),
            _number("threshold", VALUE_BITS, "selected is what lies above"),
            _flag("phased", "tags are indices of outputs"),
            _number("output_cpr", ADDRESS_BITS, "address of the header"),
            _number("output_entries", ADDRESS_BITS, "address of the entries"),
        )
        finish = (
            _number("count", self.tile.bit_length(), "outputs"),
            _number("base", INDEX_BITS, "index of the first"),
            _number("address", ADDRESS_BITS, "of the output plane"),
            _flag("first", "first output-channel tile of the tile"),
            _flag("last", "last output-channel tile of the tile"),
            _flag("end", "end of the layer"),
        )
        sums = (
            Field("sums", INT32, "of N channels", self.array),
            _number("tag", INDEX_BITS, "index of the output if phased, else its column"),
        )
        streams = {"layer": layer, "finish": finish, "sums": sums}
        streams = {name: Payload(fields) for name, fields in streams.items()}
        return streams | {"parameters": data} | ({"select_data": data} if self.importance else {})

    @property
    def outputs(self) -> dict[str, Payload]:
        write = Payload(
            (
                _number("address", ADDRESS_BITS, "of the beat"),
                _number("data", self.bus_bits, "the beat"),
                _number("strobe", self.bus_bits // 8, "bytes to write"),
                _flag("flush", "the burst ends"),
                _flag("vector", "the last beat of a vector, or of a layer's entries"),
                _flag("layer", "the last beat of the layer"),
            )
        )
        if not self.importance:
            return {"features": write}
        read = (_number("address", ADDRESS_BITS, "of the first"), _number("beats", 16, "to read"))
        return {"features": write, "entries": write, "select_read": Payload(read)}

    @property
    def contract(self) -> str:
        text = (
            "Features are clamp((sum + bias) * multiplier / 2^shift), exact and rounded once to"
            " nearest, ties towards plus infinity, in -128 to 127, or 0 to 127 with ReLU. A vector"
            " of N goes to address + N * index of its command; index is base + its place in the"
            " command, or the tag of a phased layer."
        )
        if not self.importance:
            return text + " Layers have no measure."
        return (
            text + " A layer with a measure also gives an entry for each output, column in the"
            " lower half and importance over all channels in the upper, and a header: count, 1,"
            " threshold, ties. Above the threshold, with the first ties of what equals it, lie the"
            " k largest; of a threshold layer, the threshold is the layer's."
        )

    @property
    def timing(self) -> str:
        return (
            "A vector a cycle (N / beat cycles if that is more), 8 cycles from sums to features;"
            " commands without a gap if each takes 8 N / beat + 4 cycles or more. The header comes"
            " up to 155 cycles after the last entry; with L1 up to 540 and reading all entries."
        )

    def process(self, inputs: Mapping[str, Beats]) -> dict[str, dict[str, Codes]]:
        layer, commands = self._parse(inputs)
        writes = layer_writes(self.accelerator, layer, commands)
        outputs = {"features": self.outputs["features"].beats(map(_row, writes.features))}
        if self.importance:
            outputs["entries"] = self.outputs["entries"].beats(map(_row, writes.entries))
            outputs["select_read"] = self.outputs["select_read"].beats(
                _reads(self.accelerator, layer, writes.value)
            )
        return outputs

    def _parse(self, inputs: Mapping[str, Beats]) -> tuple[dict[str, int], list[Command]]:
        """The layer and its commands that beats carry."""
        rows = {name: list(self.inputs[name].rows(beats)) for name, beats in inputs.items()}
        (layer,) = rows["layer"]
        sums = INT32.integer(inputs["sums"]["sums"])
        tags = inputs["sums"]["tag"][:, 0]
        words = b"".join(
            row["data"].to_bytes(self.bus_bits // 8, "little") for row in rows["parameters"]
        )
        dtype = np.dtype([("bias", "<i4"), ("multiplier", "<u2"), ("shift", "u1"), ("pad", "u1")])
        parameters = np.frombuffer(words, dtype).reshape(-1, self.array)
        commands, low, number = [], 0, 0
        for finish in rows["finish"]:
            count = finish.pop("count")
            channels = parameters[number] if count else np.zeros(self.array, dtype)
            commands.append(
                Command(
                    sums=sums[low : low + count],
                    tags=tags[low : low + count],
                    **{n: channels[n].astype(np.int64) for n in ("bias", "multiplier", "shift")},
                    **finish,
                )
            )
            low, number = low + count, number + (count > 0)
        return layer, commands

    def case(self, layer: Mapping[str, int], commands: list[Command]) -> Case:
        """The beats that carry a layer and its commands."""
        beat, payloads = self.bus_bits // 8, self.inputs
        names = ("base", "address", "first", "last", "end")
        finishes = [
            {"count": len(c.sums)} | {name: int(getattr(c, name)) for name in names}
            for c in commands
        ]
        words = b"".join(c.parameter_bytes() for c in commands if len(c.sums))
        beats = {
            "layer": payloads["layer"].beats([layer]),
            "finish": payloads["finish"].beats(finishes),
            "sums": {
                "sums": INT32.wrap(np.concatenate([c.sums for c in commands])),
                "tag": np.concatenate([c.tags for c in commands]).reshape(-1, 1),
            },
            "parameters": payloads["parameters"].beats(_beats(words, beat)),
        }
        if self.importance:
            writes = layer_writes(self.accelerator, layer, commands)
            read = sum(r["beats"] for r in _reads(self.accelerator, layer, writes.value))
            words = [_filled(write.data, write.strobe, beat) for write in writes.entries[:read]]
            beats["select_data"] = payloads["select_data"].beats({"data": w} for w in words)
        return beats

    def corners(self) -> Iterator[Case]:
        return (self.case(*each) for each in vpu_cases.corners(self))

    def random(self, rng: np.random.Generator) -> Case:
        return self.case(*vpu_cases.random(self, rng))

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        loading = self.array * PARAMETER_BYTES * 8 // self.bus_bits
        parts = max(1, 8 * self.array // self.bus_bits)
        counts = inputs["finish"]["count"][:, 0].tolist()
        total = 16 + loading + sum(max(parts * count, loading + 6) for count in counts)
        if inputs["layer"]["measure"].any():
            # Until the scan after reset is over, then k and two scans.
            total += 3 * SCAN + 40 + 8 * self.bus_bits
            total += (1 + self.bus_bits // 32) * len(inputs["select_data"]["data"])
        return total


def _row(write: Write) -> dict[str, int]:
    return {name: int(value) for name, value in vars(write).items()}


def _beats(words: bytes, beat: int) -> list[dict[str, int]]:
    parts = (words[low : low + beat] for low in range(0, len(words), beat))
    return [{"data": int.from_bytes(part, "little")} for part in parts]


def _filled(data: int, strobe: int, beat: int) -> int:
    """A beat of entries as memory may give it: where none was written, there is some other."""
    first = data & 0xFFFFFFFF
    return data | sum(first << 8 * k for k in range(0, beat, 4) if not strobe >> k & 1)


def _reads(
    config: AcceleratorConfig, layer: Mapping[str, int], value: Codes
) -> list[dict[str, int]]:
    """Reads of all entries: for a top-k selection by L1 that is not empty."""
    number = layer["select_count"] + layer["select_ratio"]
    if layer["measure"] != MEASURES.index("l1") or layer["selection"] or not number:
        return []
    beats, address = -(-len(value) * 4 // config.beat), layer["output_entries"]
    return [
        {"address": address + low * config.beat, "beats": min(CHUNK, beats - low)}
        for low in range(0, beats, CHUNK)
    ]
