"""Memories and expected rows for the test bench, by golden: python vectors.py FOLDER ROWS BLOCKS"""

import sys
from pathlib import Path

import numpy as np

from golden.dot import DotConfig
from golden.formats import E2M1, E8M0, FP32
from golden.mx import quantize

CONFIG = DotConfig(a=E2M1, w=E2M1, scale=E8M0, accumulator=FP32)


def words(scales, elements):
    """Blocks as the memories hold them: elements, the first least significant, then the scale."""
    for scale, block in zip(scales.reshape(-1), elements.reshape(-1, 32), strict=True):
        yield int(scale) << 128 | sum(int(code) << 4 * k for k, code in enumerate(block))


def matvec(w, x):
    """FP32 codes of the rows, block after block as the hardware adds them."""
    (w_scales, w_codes), (x_scales, x_codes) = w, x
    rows = np.zeros((len(w_codes), 1), np.int64)  # code 0 is +0
    for block in range(len(x_codes)):
        beats = {
            "a": np.tile(x_codes[block], (len(rows), 1)),
            "w": w_codes[:, block],
            "a_scale": np.full((len(rows), 1), x_scales[block]),
            "w_scale": w_scales[:, block, None],
            "acc": rows,
        }
        rows = CONFIG.compute(beats)["result"]
    return rows[:, 0]


def main(folder, rows, blocks):
    rng = np.random.default_rng(1)
    w = quantize(rng.normal(0, 1, (rows, blocks, 32)), E2M1)
    x = quantize(rng.normal(0, 1, (blocks, 32)), E2M1)
    # Block b of all rows lies together.
    by_block = w[0].T, w[1].transpose(1, 0, 2)
    for name, lines, digits in (
        ("w", words(*by_block), 34),
        ("x", words(*x), 34),
        ("y", map(int, matvec(w, x)), 8),
    ):
        text = "".join(f"{line:0{digits}x}\n" for line in lines)
        Path(folder, f"{name}.hex").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
