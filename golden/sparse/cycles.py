"""The cycle model (draft)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .accelerator import AcceleratorConfig
from .timeline import Bus, Event, Job, Timeline
from .work import Tiling, Work

CAUSES = ("useful", "weight", "memory_inputs", "memory_weights", "rule", "vector", "edge")
QUEUE = 4  # passes between loader and issue
CHUNK = 64  # vectors of an input request or of a write


@dataclass
class Options:
    plane: bool = False  # watermark for each plane
    separate: bool = False  # weights and inputs requested by two engines
    desc_pipelined: bool = False
    write_backlog: int = 64
    inputs_first: bool = False


@dataclass
class _Layer:
    work: Work
    number: int
    ci: int
    co: int
    tiles: object
    cpr_ready: float = -1.0
    features_ready: float = -1.0
    acked: list = field(default_factory=list)  # per plane: vectors acknowledged
    made: list = field(default_factory=list)  # time at which each tile is ready
    parts: dict = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))
    read: float = 0.0
    written: float = 0.0
    end: float = 0.0


class Machine:
    def __init__(self, config, works, tilings, options=None):
        self.c = config
        self.o = options or Options()
        self.t = Timeline()
        self.bus = Bus(self.t)
        n = config.array
        self.vb = n / config.beat  # beats of a vector
        self.layers = []
        for k, (w, tiling) in enumerate(zip(works, tilings)):
            ci, co = (-(-x // n) for x in w.channels)
            L = _Layer(w, k, ci, co, w.tiles(tiling) if w.taps else None)
            L.resident = bool(tiling and tiling.resident)
            L.acked = [0] * co
            self.layers.append(L)
        self.changed = Event()  # any completion that a loader or generator waits for
        self.slots = 2
        self.slot_free = Event()
        self.tile_ready = Event()
        self.input_free = config.input_vectors
        self.weight_free = config.weight_vectors
        self.space = Event()
        self.queue = []
        self.popped = Event()
        self.pushed = Event()
        self.halves = [0.0, 0.0]
        self.half_busy = [False, False]
        self.half_free = Event()
        self.groups = []
        self.group = Event()
        self.finished = 0.0

    def run(self):
        count = len(self.layers)
        per = 256 / self.c.beat
        if self.o.desc_pipelined:
            start = self.c.latency + per * count + self.c.latency + per + 20
        else:
            start = count * (self.c.latency + per) + self.c.latency + per + 20
        self.start = start
        for p in (self.generator(), self.loader(), self.issue(), self.vector()):
            self.t.start(p, start)
        self.t.run()
        return self

    # rule generator and tiler
    def generator(self):
        c, t = self.c, self.t
        for L in self.layers:
            w = L.work
            src = self.layers[w.cpr_from] if w.cpr_from >= 0 else None
            L.cpr_at = 0
            while src and src.cpr_ready < 0:
                yield self.changed
            L.rgu_start = t.now
            rb = (64 + 4 * (w.rows[0] + 1) + 4 * w.entries_read) / c.beat
            L.read += rb * c.beat
            self.bus.read(rb, t.now + c.latency)
            yield t.now + 2 * c.latency + 20
            before = 0
            if L.tiles is not None:
                for k in range(len(L.tiles)):
                    while not self.slots:
                        yield self.slot_free
                    self.slots -= 1
                    yield t.now + int(L.tiles.generate[k])
                    L.made.append(t.now)
                    t.fire(self.tile_ready)
                yield t.now + max(0, w.generate - int(L.tiles.generate.sum()))
            else:
                yield t.now + w.generate
            L.generated = True
            t.fire(self.tile_ready)
            if w.late is None:
                if w.entries_written:
                    wb = (64 + 4 * (w.rows[1] + 1) + 4 * w.entries_written) / c.beat
                    L.written += wb * c.beat
                    t.start(self.cpr_write(L, wb), t.now + 10)
                else:
                    L.cpr_ready = t.now
                    t.fire(self.changed)
            if not w.taps:
                L.features_ready = t.now

    def cpr_write(self, L, beats):
        # most of it was written meanwhile
        job = self.bus.add(Job(beats), 1)
        if job.done < 0:
            yield (job, job.total)
        yield self.t.now + self.c.latency
        L.cpr_ready = self.t.now
        self.t.fire(self.changed)

    # loader
    def loader(self):
        c, t, o = self.c, self.t, self.o
        n = c.array
        for L in self.layers:
            w = L.work
            if not w.taps:
                continue
            src = self.layers[w.features_from] if w.features_from >= 0 else None
            for k in range(len(L.tiles)):
                while len(L.made) <= k:
                    yield self.tile_ready
                span = int(L.tiles.span[k])
                low = int(L.tiles.low[k])
                keep = L.ci * span <= c.input_vectors // 2
                kept = []
                for co in range(L.co):
                    for ci in range(L.ci):
                        P = {"L": L, "tile": k, "co": co, "ci": ci}
                        P["wrows"] = 0
                        P["wjob"] = None
                        if not (L.resident and k):
                            rows = w.taps * n
                            while self.weight_free < rows:
                                yield self.space
                            self.weight_free -= rows
                            P["wrows"] = rows if not L.resident else 0
                            P["wjob"] = self.bus.read(rows * self.vb, t.now + c.latency)
                            L.read += rows * n
                            if L.resident:
                                L.held = getattr(L, "held", 0) + rows
                        if ci == 0:
                            self.bus.read(8 * n / c.beat, t.now + c.latency)
                            L.read += 8 * n
                        if not keep or co == 0:
                            jobs = []
                            dep = 0.0
                            at = 0
                            while at < span:
                                whole = self.complete(L, src, ci)
                                size = span - at if whole else min(CHUNK, span - at)
                                while self.input_free < min(size, CHUNK):
                                    yield self.space
                                size = min(size, self.input_free)
                                while not self.available(L, src, ci, low + at + size):
                                    yield self.changed
                                    dep = t.now
                                self.input_free -= size
                                share = size / span
                                if w.sources:
                                    per = L.ci // len(w.sources)
                                    vec = float(L.tiles.present[ci // max(1, per)][k]) * share
                                    job = self.bus.read(vec * self.vb, t.now + c.latency)
                                else:
                                    vec = size
                                    job = self.bus.read(size * self.vb, t.now + c.latency)
                                L.read += vec * n
                                jobs.append((at + size, at, job))
                                at += size
                            P["ijobs"] = jobs
                            P["dep"] = dep
                            if keep:
                                kept.append((jobs, dep))
                        else:
                            P["ijobs"], P["dep"] = kept[ci]
                        P["ifree"] = span if (not keep or co == L.co - 1) else 0
                        while len(self.queue) >= QUEUE:
                            yield self.popped
                        self.queue.append(P)
                        t.fire(self.pushed)
        self.loaded = True

    def complete(self, L, src, ci):
        return src is None or src.features_ready >= 0

    def available(self, L, src, ci, end):
        if self.complete(L, src, ci):
            return True
        if not L.work.watermark:
            return False
        if self.o.plane:
            return src.acked[ci] >= end
        return min(src.acked) >= end

    # issue
    def issue(self):
        c, t = self.c, self.t
        n = c.array
        e = self.start  # end of the last rule
        swap = -1e9
        groups = 0
        for L in self.layers:
            w = L.work
            if not w.taps:
                L.end = e
                continue
            p = L.parts
            for k in range(len(L.tiles)):
                counts = L.tiles.counts[k]
                last = L.tiles.last[k]
                active = [(j, int(counts[j]), int(last[j])) for j in range(w.taps) if counts[j]]
                src = self.layers[w.cpr_from] if w.cpr_from >= 0 else None
                for co in range(L.co):
                    for ci in range(L.ci):
                        while not self.queue:
                            yield self.pushed
                        P = self.queue.pop(0)
                        t.fire(self.popped)
                        if t.now < e:
                            yield e
                        # why nothing came sooner
                        if ci == 0 and co == 0 and t.now > e:
                            made = L.made[k]
                            if made > e:
                                edge = min(max(L.rgu_start - e, 0), made - e)
                                if k == 0:
                                    edge = min(max(L.rgu_start + 2 * c.latency + 20 - e, 0), made - e)
                                p["edge"] += edge
                                p["rule"] += made - e - edge
                                e = made
                        # t.now > e here: the loader was late: charged below with what it brought
                        if ci == 0:
                            half = groups % 2
                            while self.half_busy[half]:
                                yield self.half_free
                            if t.now > e and self.halves[half] > e:
                                p["vector"] += self.halves[half] - e
                                e = self.halves[half]
                        wj = P["wjob"]
                        ready = wj is None or wj.done >= 0
                        quick = ready and all(j.done >= 0 for _, _, j in P["ijobs"])
                        for position, (j, rules, want) in enumerate(active):
                            shifted = swap + n
                            if not ready or position == 0:
                                if wj is not None and wj.done < 0:
                                    need = wj.total * (j + 1) / w.taps
                                    if wj.served < need - 1e-6:
                                        yield (wj, need)
                                    arrived = t.now
                                elif wj is not None:
                                    arrived = wj.done - (w.taps - 1 - j) * n * self.vb
                                else:
                                    arrived = -1e9
                            else:
                                arrived = -1e9
                            s = max(e, shifted)
                            p["weight"] += s - e
                            if position == 0 and arrived + n > s:
                                # shift in, as rows arrive
                                arrive_end = max(arrived + 2, swap + n)
                                if arrive_end > s:
                                    cause = "memory_weights"
                                    p[cause] += arrive_end - s
                                    s = arrive_end
                            elif arrived > s:
                                p["memory_weights"] += arrived + 2 - s
                                s = arrived + 2
                            swap = s
                            e = s + rules
                            p["useful"] += rules
                            if not quick:
                                for end, low, job in P["ijobs"]:
                                    if low > want:
                                        break
                                    if job.done < 0:
                                        amount = job.total * min(1, (want + 1 - low) / (end - low))
                                        if job.served < amount - 1e-6:
                                            yield (job, amount)
                                        arr = t.now
                                    else:
                                        arr = job.done
                                if arr + 1 > e:
                                    gap = arr + 1 - e
                                    dep = P["dep"]
                                    edge = 0
                                    if dep > 0:
                                        edge = min(gap, max(0, dep + c.latency - e + rules))
                                    p["edge"] += edge
                                    p["memory_inputs"] += gap - edge
                                    e = arr + 1
                        if t.now < e:
                            yield e
                        self.input_free += P["ifree"]
                        self.weight_free += P["wrows"]
                        if L.resident and k == len(L.tiles) - 1:
                            self.weight_free += w.taps * n
                        t.fire(self.space)
                    half = groups % 2
                    self.half_busy[half] = True
                    self.halves[half] = 1e18
                    self.groups.append((L, k, co, half, e + 2 * n + 8))
                    t.fire(self.group)
                    groups += 1
                self.slots += 1
                t.fire(self.slot_free)
            L.end = e
            if not len(L.tiles):
                L.features_ready = L.cpr_ready = t.now + c.latency
                t.fire(self.changed)
        self.groups.append(None)
        t.fire(self.group)

    # vector unit
    def vector(self):
        c, t = self.c, self.t
        n = c.array
        while True:
            while not self.groups:
                yield self.group
            G = self.groups.pop(0)
            if G is None:
                return
            L, k, co, half, at = G
            yield at
            b0, b1 = int(L.tiles.bounds[k]), int(L.tiles.bounds[k + 1])
            final = k == len(L.tiles) - 1 and co == L.co - 1
            backlog = []
            done = b0
            while done < b1:
                size = min(CHUNK, b1 - done)
                yield t.now + size
                done += size
                beats = size * self.vb
                if L.work.late is not None and co == L.co - 1:
                    beats += 4 * size / c.beat
                L.written += beats * c.beat
                job = self.bus.add(Job(beats), 1)
                t.start(self.acknowledge(L, co, done, job, final and done == b1), t.now)
                if job.done < 0:
                    if job.total > self.o.write_backlog:
                        pass
                    backlog.append(job)
                while len(backlog) > max(1, self.o.write_backlog // CHUNK):
                    if backlog[0].done < 0:
                        yield (backlog[0], backlog[0].total)
                    backlog.pop(0)
            self.half_busy[half] = False
            self.halves[half] = t.now
            t.fire(self.half_free)

    def acknowledge(self, L, co, done, job, final):
        t, c = self.t, self.c
        if job.done < 0:
            yield (job, job.total)
        yield t.now + c.latency
        L.acked[co] = done
        if final:
            L.features_ready = t.now
            self.finished = t.now
            if L.work.late is not None:
                t.start(self.select(L), t.now - c.latency)
        t.fire(self.changed)

    def select(self, L):
        t, c = self.t, self.c
        yield t.now - c.latency + L.work.late if False else t.now + L.work.late - c.latency
        yield from self.cpr_write(L, (64 + 4 * (L.work.rows[1] + 1)) / c.beat)
