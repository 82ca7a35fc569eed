"""Designs of block formats: dot products, decoders, encoders."""

from __future__ import annotations

from collections.abc import Iterable

from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.encoder import EncoderConfig
from golden.formats import E8M0, FP32
from golden.hadamard import SHIFTS, HadamardConfig
from golden.mx import BLOCKS, ELEMENTS
from golden.one_of import one_of

from .design import Design
from .sources import OCP_MX, SOURCES


def block_designs() -> Iterable[Design]:
    for name, form in BLOCKS.items():
        both = "both" if form.asymmetric else "none"
        config = DotConfig(
            a=form.element,
            w=form.element,
            lanes=form.block,
            scale=form.scale,
            asymmetric=both,
            accumulator=FP32,
        )
        what = f"blocks of {form.block} {form.element.name}, {form.scale.name} scale"
        what += "s, one a sign" if form.asymmetric else ""
        yield Design(
            f"{name}_dot{form.block}",
            config,
            f"dot product of {what}, exact, accumulating into FP32",
            SOURCES.get(name, OCP_MX),
            "dot product",
        )
        if form.asymmetric:
            yield Design(
                f"{name}_symmetric_dot{form.block}",
                config.replace(asymmetric="a"),
                f"dot product of {what}, by blocks with one scale, exact, accumulating into FP32",
                SOURCES.get(name, OCP_MX),
                "dot product",
            )
    for name, form in BLOCKS.items():
        config = DecoderConfig(
            element=form.element,
            lanes=form.block,
            block=form.block,
            scale=form.scale,
            asymmetric=form.asymmetric,
        )
        yield Design(
            f"{name}_decoder",
            config,
            f"blocks of {form.block} {form.element.name} to {config.output_format.name}",
            SOURCES.get(name, OCP_MX),
            "decoder",
        )


def any_designs() -> Iterable[Design]:
    element = one_of(*ELEMENTS.values())
    yield Design(
        "mx_dot_any",
        DotConfig(a=element, w=element, scale=E8M0, accumulator=FP32),
        "dot product of MX blocks of 32 elements whose formats are chosen at run time, exact",
        OCP_MX,
        "dot product",
    )


def encoder_designs() -> Iterable[Design]:
    for name, block in BLOCKS.items():
        yield _encoder(name, EncoderConfig(format=block), "")
    for name in ("mxfp4", "nvfp4"):
        config = EncoderConfig(format=BLOCKS[name], stochastic=True)
        yield _encoder(f"{name}_stochastic", config, ", rounded stochastically")
    tensor = EncoderConfig(format=BLOCKS["nvfp4"].replace(tensor_scale=FP32))
    yield _encoder("nvfp4_tensor", tensor, ", under an FP32 scale of the tensor")
    for name, size in (("mxfp4", 32), ("nvfp4", 16)):
        config = EncoderConfig(format=BLOCKS[name], hadamard=size)
        yield _encoder(f"{name}_hadamard", config, f", after a Hadamard transform of {size}")
    for size in SHIFTS:
        yield Design(
            f"hadamard{size}",
            HadamardConfig(size=size),
            f"Hadamard transform of {size} BF16 numbers, in integers of a common exponent",
            "HALO (arXiv 2501.02625), Quartet (arXiv 2505.14669), Quamba (arXiv 2410.13229)",
            "encoder",
        )


def _encoder(name: str, config: EncoderConfig, more: str) -> Design:
    block = config.format
    return Design(
        f"{name}_encoder",
        config,
        f"{config.input_format.name} to blocks of {block.block} {block.element.name}{more}",
        SOURCES.get(block.name, OCP_MX),
        "encoder",
    )
