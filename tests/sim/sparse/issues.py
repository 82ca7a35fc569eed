"""Random traffic for the engine of the sparse accelerator, as tight as its protocol allows."""

from dataclasses import dataclass, field

import numpy as np

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.gsu import HAZARD, ended_latency, overwrite_distance


@dataclass
class Group:
    """Taps that add to a few outputs of one half; then the outputs are drained."""

    half: int
    taps: list[int]  # rules of each
    outputs: list[int]
    ends: int = -1  # cycle from which it may be drained


@dataclass
class Traffic:
    """Makes the ports' fields, cycle by cycle.

    ``gaps``: share of cycles in which a port that could act does not. ``spacing``: least cycles
    between two rules of an output; the protocol's by default.
    """

    config: AcceleratorConfig
    rng: np.random.Generator
    gaps: float = 0.0
    spacing: int = HAZARD + 1
    cycles: list[dict[str, dict[str, int]]] = field(default_factory=list)

    def __post_init__(self):
        config, n = self.config, self.config.array
        self.lanes = min(config.beat, n)
        # Few addresses, so that they are used again soon, and the ends of the rings among them.
        count = config.input_vectors
        self.inputs = sorted({0, 1, 2, 3, count // 2, count - 2, count - 1})
        count = config.weight_vectors
        self.rows = [(count - n + k) % count for k in range(3 * n)]
        self.read = {"input": {}, "weight": {}}  # cycle of the last issue, by address

    @property
    def now(self) -> int:
        return len(self.cycles)

    def _lazy(self) -> bool:
        return self.rng.random() < self.gaps

    def fill(self) -> None:
        """Write every vector that will be read."""
        groups = self.config.array // self.lanes
        lists = (("write_input", self.inputs), ("write_weight", self.rows))
        beats = {port: [(a, g) for a in rows for g in range(groups)] for port, rows in lists}
        while any(beats.values()):
            ports = {}
            for port, left in beats.items():
                if left and not self._lazy():
                    address, group = left.pop(int(self.rng.integers(len(left))))
                    ports[port] = self._write(port, address, group)
            self.cycles.append(ports)

    def _write(self, port: str, address: int, group: int, zero: int = 0) -> dict[str, int]:
        ends = self.rng.random() < 0.2  # the most negative products, the greatest sums
        data = b"\x80" * self.lanes if ends else self.rng.bytes(self.lanes)
        more = {"zero": zero} if port == "write_input" else {}
        word = int.from_bytes(data, "little")
        return {"valid": 1, "address": address, "group": group, "data": word, **more}

    def group(self, half: int) -> Group:
        n, rng = self.config.array, self.rng
        sizes = [1, 2, n - 1, n, n + 1, 2 * n + 3]
        taps = [int(rng.choice(sizes)) for _ in range(rng.integers(1, 5))]
        tile = self.config.tile
        count = int(rng.integers(1, 9))
        outputs = {0, tile - 1} if count > 4 else set()
        outputs |= {int(o) for o in rng.integers(0, tile, count)}
        return Group(half, taps, sorted(outputs))

    def run(self, groups: int | list[Group]) -> None:
        """Fill, and issue ``groups`` or as many random ones, in turn of halves."""
        self.fill()
        rng, n = self.rng, self.config.array
        plans = [self.group(k % 2) for k in range(groups)] if isinstance(groups, int) else groups
        taps = [(g, k, r) for g in plans for k, r in enumerate(g.taps)]
        drains: list[tuple[Group, int]] = []
        started: dict[int, set[int]] = {}
        last_rule: dict[tuple[int, int], int] = {}
        drained: dict[int, int] = {0: 0, 1: 0}  # groups by half whose drains are through
        tap, done, words = 0, 0, 0
        first_row, ready = 0, False
        while tap < len(taps) or drains:
            now, ports = self.now, {}
            if tap < len(taps):
                group, index, rules = taps[tap]
                number = plans.index(group)
                free = drained[group.half] >= number // 2 if index == done == 0 else True
                # The next tile may be loaded while this tap runs: `ready` is of the tap's own.
                swap = done == 0
                if free and (ready or not swap) and not self._lazy():
                    rule = self._rule(group, started.setdefault(number, set()), last_rule)
                    if rule:
                        end = index == len(group.taps) - 1 and done == rules - 1
                        ports["rule"] = {**rule, "swap": int(swap), "end": int(end)}
                        done += 1
                        if swap:
                            ready, words = False, 0
                        if end:
                            group.ends = now + ended_latency(n)
                            order = rng.permutation(sorted(started[number]))
                            drains += [(group, int(output)) for output in order]
                        if done == rules:
                            tap, done = tap + 1, 0
            # A word a cycle, from the cycle of the swap on, until the tile is there.
            if not ready and words < n and not self._lazy():
                if words == 0:
                    first_row = int(rng.integers(len(self.rows) - n))
                address = self.rows[first_row + n - 1 - words]
                ports["load"] = {"valid": 1, "address": address, "start": int(words == 0)}
                self.read["weight"][address] = now
                words += 1
            if drains and now >= drains[0][0].ends and not self._lazy():
                group, output = drains.pop(0)
                ports["drain"] = {"enable": 1, "half": group.half, "output": output}
                if not drains or drains[0][0] is not group:
                    drained[group.half] += 1
            self._rewrite(ports)
            self.cycles.append(ports)
            if words == n:  # from the next cycle on
                ready = True

    def _rule(self, group: Group, started: set[int], last: dict) -> dict[str, int] | None:
        now, rng = self.now, self.rng
        outputs = []
        for output in group.outputs:
            age = now - last.get((group.half, output), -99)
            if age >= self.spacing or output not in started:
                # The sooner the better: hazards are where units break.
                outputs += [output] * (8 if age == self.spacing else 1)
            elif rng.random() < 0.02:  # begin anew
                outputs.append(-1 - output)
        if not outputs:
            return None
        chosen = int(rng.choice(outputs))
        output, anew = (chosen, False) if chosen >= 0 else (-1 - chosen, True)
        first = anew or output not in started
        started.add(output)
        last[group.half, output] = now
        address = int(rng.choice(self.inputs))
        self.read["input"][address] = now
        return {
            "valid": 1,
            "input": address,
            "half": group.half,
            "output": output,
            "first": int(first),
        }

    def _rewrite(self, ports: dict) -> None:
        """Write over vectors as soon as they have been read."""
        for kind, addresses in (("input", self.inputs), ("weight", self.rows)):
            least = overwrite_distance(self.config.array)
            free = [a for a in addresses if self.now - self.read[kind].get(a, -99) >= least]
            soon = [a for a in free if self.now - self.read[kind].get(a, -99) == least]
            if free and self.rng.random() < 0.5:
                address = int(self.rng.choice(soon or free))
                group = int(self.rng.integers(self.config.array // self.lanes))
                zero = int(kind == "input" and self.rng.random() < 0.1)
                port = f"write_{kind}"
                ports[port] = self._write(port, address, group, zero)
