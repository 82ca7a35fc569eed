"""Lists from memory and to memory, beat by beat, under Verilator."""

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring

import hw.catalog
from golden.process import Process
from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.cpr import Cpr
from golden.sparse.cpr_encoder import CprEncoderConfig
from golden.sparse.descriptor import ADDRESS_BITS, SIDE, USES
from golden.sparse.fields import flag, number
from golden.sparse.memory import VALID, cpr_bytes
from golden.sparse.places import HEADER_BYTES
from golden.sparse.prune import selected
from golden.sparse.rgu import RuleLayer, Source, pillars, tokens
from golden.sparse.rgu_unit import PILLAR, TOKEN
from golden.unit import Payload
from hw.catalog import Design
from hw.pipeline import streams
from hw.sparse.cpr import CprReader, CprWriter
from hw.verilog import emit
from sim.check import Options, check
from sim.lint import lint

SIDE_BITS = SIDE.bit_length()
ADDRESSES = (number("cpr", ADDRESS_BITS, "address"), number("entries", ADDRESS_BITS, "address"))
WORDS = HEADER_BYTES // 4


def reshape(payload, beats):
    return {f.name: np.reshape(beats[f.name], (-1, f.lanes)) for f in payload.fields}


@dataclass(frozen=True, kw_only=True)
class ListConfig(Process):
    """What reader and writer share: a bus, random maps."""

    machine: str = "n16"
    contract = "Lists."
    timing = "An entry a cycle."
    patience = 300

    @property
    def config(self):
        return ACCELERATORS[self.machine]

    @property
    def data(self):
        return Payload((number("data", self.config.bus_bits, "a beat"),))

    def beats(self, words):
        """A list of u32, in beats; what lies beyond is anything but zero."""
        size = self.config.beat
        words = bytes(words) + b"\xa5" * (-len(bytes(words)) % size)
        parts = (words[low : low + size] for low in range(0, len(words), size))
        return [{"data": int.from_bytes(part, "little")} for part in parts]

    def corners(self):
        rng = np.random.default_rng(0)
        words = self.config.beat // 4
        # Lists that end before, with and after a beat; rows of which none, some or all are empty.
        for count in (0, 1, words - 1, words, words + 1, 5 * words):
            for rows in (1, 2, 3, words, 20):
                columns = max(1, -(-count // rows))
                bitmap = np.zeros(rows * columns, bool)
                where = rng.integers(0, 3)
                order = np.arange(bitmap.size)[:: -1 if where == 1 else 1]
                bitmap[rng.permutation(order)[:count] if where == 2 else order[:count]] = True
                yield self.map_case(rng, Cpr.from_bitmap(bitmap.reshape(rows, columns)))
        for shape in ((300, 1), (1, 300), (70, 40)):
            for density in (0, 0.02, 1):
                yield self.map_case(rng, Cpr.from_bitmap(rng.random(shape) < density))

    def random(self, rng):
        shape = rng.integers(1, 40, 2)
        return self.map_case(rng, Cpr.from_bitmap(rng.random(shape) < rng.random() ** 3))


@dataclass(frozen=True, kw_only=True)
class ReaderConfig(ListConfig):
    @property
    def inputs(self):
        sizes = (number("rows", SIDE_BITS, "of the grid"), number("columns", SIDE_BITS, "of it"))
        layer = Payload((*ADDRESSES, *sizes, number("use", 2, "of the selection")))
        return {"layer": layer, "rows": self.data, "entries": self.data}

    @property
    def outputs(self):
        read = Payload((number("address", ADDRESS_BITS, "of it"), number("beats", 16, "to read")))
        return {"read_rows": read, "read_entries": read, "o": TOKEN}

    def map_case(self, rng, active):
        value = rng.integers(0, rng.choice([2, 8, 1 << 16]), len(active))
        selection = None
        if rng.random() < 0.8:
            threshold = int(rng.choice([0, 1, 3, 40_000, 1 << 16, (1 << 32) - 1]))
            selection = threshold, int(rng.choice([0, 1, 3, 50, 1 << 23, (1 << 32) - 1]))
        header, entries = cpr_bytes(active, value, selection)
        rows, columns = active.shape
        layer = {
            "cpr": int(rng.integers(1, 1 << 30)) * 128,
            "entries": int(rng.integers(1, 1 << 30)) * 128,
            "rows": rows,
            "columns": columns,
            "use": int(rng.integers(len(USES))),
        }
        return {
            "layer": self.inputs["layer"].beats([layer]),
            "rows": self.data.beats(self.beats(header)),
            "entries": self.data.beats(self.beats(entries)),
        }

    def _words(self, beats):
        size = self.config.beat
        return np.frombuffer(
            b"".join(int(beat).to_bytes(size, "little") for beat in beats["data"][:, 0]), "<u4"
        )

    def process(self, inputs):
        (layer,) = self.inputs["layer"].rows(inputs["layer"])
        words = self._words(inputs["rows"])
        pointers = words[WORDS:][: layer["rows"] + 1].astype(np.int32)
        entries = self._words(inputs["entries"])[: pointers[-1]]
        shape = layer["rows"], layer["columns"]
        active = Cpr(shape, pointers, (entries & 0xFFFF).astype(np.int32))
        value = entries >> 16
        keep = np.ones(len(active), bool)
        if words[1] & VALID:
            keep = selected(value.astype(np.int64), int(words[2]), int(words[3]))
        source = Source.read(active, value, keep, USES[layer["use"]])
        return {
            "read_rows": self.outputs["read_rows"].beats(
                [{"address": layer["cpr"], "beats": len(inputs["rows"]["data"])}]
            ),
            "read_entries": self.outputs["read_entries"].beats(self._reads(layer, pointers)),
            "o": reshape(TOKEN, tokens(source)),
        }

    def _reads(self, layer, pointers):
        """Of the entries: those that 16 rows tell of, or at least 16 beats."""
        asked, reads = 0, []
        for row, pointer in enumerate(pointers.tolist()):
            more = -(-pointer * 4 // self.config.beat) - asked
            if more >= 16 or (more and (row % 16 == 0 or row == len(pointers) - 1)):
                address = layer["entries"] + asked * self.config.beat
                reads.append({"address": address, "beats": more})
                asked += more
        return reads

    def cycles(self, inputs):
        out = self.process(inputs)["o"]
        given = int(self._words(inputs["rows"])[WORDS:][inputs["layer"]["rows"][0, 0]])
        return WORDS + 20 + given + len(out["last"]) + int(inputs["layer"]["rows"][0, 0])


class Reader(wiring.Component):
    """The reader with beats in fields."""

    def __init__(self, config):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = CprReader(self.config.config)
        for name in self.config.inputs:
            outer, inner = getattr(self, name), getattr(reader, name)
            payload = outer.payload if name == "layer" else outer.payload.data
            m.d.comb += [
                inner.payload.eq(payload),
                inner.valid.eq(outer.valid),
                outer.ready.eq(inner.ready),
            ]
        for name in self.config.outputs:
            wiring.connect(m, getattr(reader, name), wiring.flipped(getattr(self, name)))
        return m


@dataclass(frozen=True, kw_only=True)
class WriterConfig(ListConfig):
    @property
    def inputs(self):
        flags = flag("write_cpr", "write it"), flag("late", "only the pointers")
        capacity = number("capacity", 23, "entries, at most")
        return {"layer": Payload((*ADDRESSES, *flags, capacity)), "i": PILLAR}

    @property
    def outputs(self):
        write = Payload(
            (
                number("address", ADDRESS_BITS, "of the beat"),
                number("data", self.config.bus_bits, "zero where there is no strobe"),
                number("strobe", self.config.beat, "bytes"),
                flag("flush", "the burst ends"),
                flag("vector", "mark"),
                flag("layer", "mark"),
            )
        )
        return {"rows": write, "entries": write, "late": Payload((flag("late", "pointers done"),))}

    def map_case(self, rng, active):
        rows, columns = active.shape
        second = active.select(rng.random(len(active)) < 0.5)
        unite = RuleLayer(op="union", rows=rows, columns=columns, union_bit=1)
        beats = pillars(unite, Source.plain(active), Source.plain(second))
        write = rng.random() < 0.9
        layer = {
            "cpr": int(rng.integers(1, 1 << 30)) * 128,
            "entries": int(rng.integers(1, 1 << 30)) * 128,
            "write_cpr": int(write),
            "late": int(write and rng.random() < 0.3),
            "capacity": max(1, len(active) - int(rng.choice([0, 0, -1, 1, 5]))),
        }
        return {
            "layer": self.inputs["layer"].beats([layer]),
            "i": reshape(PILLAR, beats),
        }

    def process(self, inputs):
        (layer,) = self.inputs["layer"].rows(inputs["layer"])
        beats = {name: codes[:, 0] for name, codes in inputs["i"].items()}
        full = beats["empty"] == 0
        counts = np.minimum(np.cumsum(full), layer["capacity"])
        words = (beats["column"] | beats["value"] << 16)[full][: layer["capacity"]]
        header = np.zeros(WORDS, "<u4")
        header[0] = counts[-1]
        pointers = np.concatenate([[0], counts[beats["last"] == 1]]).astype("<u4")
        mark = {"flush": 1, "layer": 1}
        rows, entries, late = [], [], []
        if layer["write_cpr"]:
            rows = self._writes(layer["cpr"] + HEADER_BYTES, pointers, {"flush": 1})
            if layer["late"]:
                rows[-1]["vector"], late = 1, [{"late": 1}]
            else:
                rows += self._writes(layer["cpr"], header, mark)
                # The last step brings no entry if it is an empty row or over capacity.
                ends = full[-1] and full.sum() <= layer["capacity"]
                marks = {"flush": 1, "vector": 1}
                entries = self._writes(layer["entries"], words.astype("<u4"), marks, ends)
        else:
            rows = [{"address": layer["cpr"], **mark}]
        rows = {"rows": rows, "entries": entries, "late": late}
        return {name: payload.beats(rows[name]) for name, payload in self.outputs.items()}

    def _writes(self, address, words, marks, ends=True):
        """The last beat has the marks: one without strobe, if all others were full before the end
        was known (not ``ends``)."""
        size, raw = self.config.beat, words.tobytes()
        writes = []
        for low in range(0, len(raw) + (not ends), size):
            part = raw[low : low + size]
            strobe = (1 << len(part)) - 1
            data = int.from_bytes(part, "little")
            writes.append({"address": address + low, "data": data, "strobe": strobe})
        writes[-1] |= marks
        return writes

    def cycles(self, inputs):
        return len(inputs["i"]["last"]) + 30


class Writer(wiring.Component):
    """The writer with a memory that acknowledges after some cycles."""

    def __init__(self, config):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.writer = writer = CprWriter(self.config.config)
        wiring.connect(m, wiring.flipped(self.layer), writer.layer)
        wiring.connect(m, wiring.flipped(self.i), writer.i)
        for name in ("rows", "entries"):
            inner, outer = getattr(writer, name), getattr(self, name)
            beat = inner.payload
            m.d.comb += [
                outer.valid.eq(inner.valid),
                inner.ready.eq(outer.ready),
                *(outer.payload[f].eq(beat[f]) for f in beat.shape().members if f != "data"),
                outer.payload.data.eq(
                    beat.data & Cat(beat.strobe[k].replicate(8) for k in range(len(beat.strobe)))
                ),
            ]
            way = Signal(4, name=f"{name}_way")
            m.d.sync += way.eq(Cat(inner.valid & inner.ready & beat.vector, way))
            m.d.comb += getattr(writer, f"{name}_done").vectors.eq(way[-1])
        waiting = Signal(4)
        taken = self.late.valid & self.late.ready
        m.d.sync += waiting.eq(waiting + writer.pointers_done - taken)
        m.d.comb += [self.late.valid.eq(waiting != 0), self.late.payload.late.eq(1)]
        return m


def run(component, config, tmp_path, monkeypatch, count=3000):
    monkeypatch.setitem(hw.catalog.COMPONENTS, type(config), component)
    design = Design("part", config, "lists", "none", "test")
    result = lint(design, tmp_path)
    assert result.clean, result.problems
    options = Options(seed=3, count=count)
    result = check(design, options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
    assert result.beats + result.vectors > count
    return result


@pytest.mark.parametrize("machine", ["n8", "n16", "n64"])
def test_the_reader(machine, tmp_path, monkeypatch):
    run(Reader, ReaderConfig(machine=machine), tmp_path, monkeypatch)


@pytest.mark.parametrize("machine", ["n8", "n16", "n64"])
def test_the_writer(machine, tmp_path, monkeypatch):
    run(Writer, WriterConfig(machine=machine), tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "parameters",
    [
        {"rows": 1, "columns": 1},
        {"rows": 1, "columns": 1, "source": "bitmap", "word": 1},
        {"rows": 3, "columns": 2},
        {"rows": 5, "columns": 33, "source": "bitmap", "word": 8},
        {"rows": 2, "columns": 7, "source": "bitmap", "word": 3},
        {"rows": 7, "columns": 64, "source": "bitmap", "word": 64},
    ],
    ids=lambda p: "-".join(map(str, p.values())),
)
def test_encoders_of_small_grids(parameters, tmp_path):
    design = Design("cpr_encoder", CprEncoderConfig(**parameters), "lists", "none", "test")
    emit(design, tmp_path)
    assert lint(design, tmp_path).clean
    options = Options(seed=3, count=1500)
    result = check(design, options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
