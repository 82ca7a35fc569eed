"""Designs for weights of few bits: ternary, bit planes, shift and add, tables, BitMoD."""

from __future__ import annotations

from collections.abc import Iterable

from golden.bitmod import BitmodConfig
from golden.bitmod_dequantizer import DequantizerConfig
from golden.bitplane import BitplaneConfig
from golden.formats import FP16, INT32, UINT8
from golden.lut import LutConfig, TablesConfig
from golden.lut_float import FloatLutConfig, FloatTablesConfig
from golden.mixpe import MixpeConfig
from golden.ternary import TernaryConfig, UnpackerConfig

from .design import Design


def serial_designs() -> Iterable[Design]:
    tsld = (
        "TSLD (NeurIPS 2023), Teacher Intervention (EACL 2023), Tequila (arXiv 2509.23809),"
        " MoTE (arXiv 2506.14435)"
    )
    yield Design(
        "ternary_int8_dot64",
        TernaryConfig(),
        "64-lane dot product of ternary weights, five a byte, and INT8",
        tsld,
        "dot product",
    )
    yield Design(
        "ternary2_int8_dot64",
        TernaryConfig(packing="two_bit"),
        "64-lane dot product of ternary weights, two bits each, and INT8",
        tsld,
        "dot product",
    )
    yield Design(
        "binary_int8_dot64",
        TernaryConfig(packing="binary"),
        "64-lane dot product of binary weights (+1, -1) and INT8",
        tsld,
        "dot product",
    )
    yield Design(
        "ternary_unpacker64",
        UnpackerConfig(),
        "64 ternary weights out of 13 bytes",
        tsld,
        "decoder",
    )
    yield Design(
        "bitplane_dot64",
        BitplaneConfig(),
        "64-lane dot product by bit planes: any widths of 1 to 8 bits and encodings at run time",
        "ABQ-LLM (arXiv 2408.08554), APT-LLM (arXiv 2508.19087), T-MAC (EuroSys 2025)",
        "dot product",
    )
    for name, config in (
        ("mixpe_w4a8_dot32", MixpeConfig()),
        ("mixpe_w4a16_dot32", MixpeConfig(a=FP16)),
        ("qserve_w4a8_dot32", MixpeConfig(scale=UINT8, accumulator=INT32)),
    ):
        yield Design(
            name,
            config,
            f"group of 32 UINT4 weights by {config.a.name}: shift and add, then zero point and"
            f" {config.scale.name} scale into {config.accumulator.name}",
            "QServe (MLSys 2025)" if name.startswith("qserve") else "MixPE (arXiv 2411.16158)",
            "dot product",
        )
    lookup = "LUT Tensor Core (ISCA 2025), T-MAC (EuroSys 2025), SAIL (arXiv 2509.25853)"
    yield Design(
        "lut_tables32",
        TablesConfig(),
        "lookup tables of 32 INT8 activations, for any number of dot products",
        lookup,
        "decoder",
    )
    one_bit, four_bit = LutConfig(w_bits=1, encoding="bipolar"), LutConfig()
    for name, config, how in (
        ("lut_w1a8_dot32", one_bit, "1-bit (+1, -1)"),
        ("lut_w4a8_dot32", four_bit, "INT4"),
        ("lut_w4a8_serial_dot32", four_bit.replace(serial=True), "INT4, a bit a cycle,"),
        ("lut_w4a8_shared_dot32", four_bit.replace(given=True), "INT4, given the tables,"),
    ):
        yield Design(
            name,
            config,
            f"32-lane dot product of weights {how} and INT8 by table lookup",
            lookup,
            "dot product",
        )
    tables = FloatTablesConfig()
    yield Design(
        "lut_bf16_tables32",
        tables,
        f"lookup tables of 32 BF16 activations, aligned to {tables.width} bits",
        lookup,
        "decoder",
    )
    for name, config, how in (
        ("lut_w4a16_dot32", FloatLutConfig(), ""),
        ("lut_w4a16_serial_dot32", FloatLutConfig(serial=True), ", a weight bit a cycle"),
        ("lut_w4a16_shared_dot32", FloatLutConfig(given=True), ", given the tables"),
        ("lut_w1a16_dot32", FloatLutConfig(w_bits=1, encoding="bipolar"), ""),
    ):
        weights = "INT4" if config.w_bits == 4 else "1-bit (+1, -1)"
        yield Design(
            name,
            config,
            f"32-lane dot product of {weights} weights and BF16, aligned to {config.width} bits, by"
            f" table lookup{how}, accumulating into FP32",
            lookup,
            "dot product",
        )
    yield Design(
        "bitmod_pe",
        BitmodConfig(),
        "4 weights of INT8, INT6, INT4, FP4 or FP3 by FP16, a term of each a cycle, exact",
        "BitMoD (HPCA 2025)",
        "mac",
    )
    yield Design(
        "bitmod_dequantizer",
        DequantizerConfig(),
        "sum of a group times its 8-bit scale, a bit a cycle, exact",
        "BitMoD (HPCA 2025)",
        "mac",
    )
