"""What the accelerator records of each layer, in memory."""

RECORD_WORDS = 16
CAUSES = ("useful", "weight", "weights", "inputs", "rule", "vector", "edge", "hazard")
"""What a cycle of the array goes to. ``useful``: a rule is issued. Else the array waits:
``weight``, for N rows of weights to shift in (a tap with fewer than N rules); ``weights``,
``inputs``: for memory to bring them; ``rule``: for a tile from the rule generator; ``vector``: for
the vector unit to read a half of the sums; ``edge``: for the layer before to complete; ``hazard``:
for a sum in flight."""
RECORD = (
    *CAUSES,
    "beats_read",
    "beats_written",
    "passes",
    "outputs",
    "number",
)
"""Words of a layer's record of statistics, of ``RECORD_WORDS`` u32. The cycles by cause sum to the
layer's cycles. ``passes``: (tile, output-channel tile, input-channel tile). ``outputs``: output
vectors of N channels."""
