"""The networks, as data: layer tables of PointPillars, CenterPoint-Pillar and PillarNet.

Names of parameters are OpenPCDet's, so that its checkpoints load.
"""

from __future__ import annotations

from ..errors import require
from .network import Layer, Network, Piece


def _chain(
    prefix: str,
    block: str,
    source: str,
    channels: list[tuple[int, int]],
    first: int,
    *,
    stride: int,
    dense: bool = False,
) -> list[Layer]:
    """A block of OpenPCDet's BEV backbone: 3x3 convolutions, the first of ``stride``."""
    layers = []
    for position, pair in enumerate(channels):
        at = first + 3 * position
        down = stride if position == 0 else 1
        layers.append(
            Layer(
                name=f"{prefix}.{position}",
                role="down" if down == 2 else "body",
                source=(source,),
                channels=pair,
                kernel=3,
                stride=down,
                dense=dense,
                pieces=(Piece(f"{block}.{at}", f"{block}.{at + 1}", pair[1]),),
            )
        )
        source = layers[-1].name
    return layers


def _bev_blocks() -> list[Layer]:
    """The three blocks of PointPillars and CenterPoint-Pillar: 4, 6 and 6 layers."""
    layers: list[Layer] = []
    source, before = "pillars", 64
    for block, (count, width) in enumerate(((4, 64), (6, 128), (6, 256))):
        pairs = [(before, width), *[(width, width)] * (count - 1)]
        layers += _chain(
            f"block{block + 1}", f"backbone_2d.blocks.{block}", source, pairs, 1, stride=2
        )
        source, before = layers[-1].name, width
    return layers


def _up(number: int, source: str, channels: tuple[int, int], scale: float, dense: bool) -> Layer:
    kernel = int(scale) if scale >= 1 else round(1 / scale)
    name = f"backbone_2d.deblocks.{number}"
    return Layer(
        name=f"up{number + 1}",
        role="up",
        source=(source,),
        channels=channels,
        kernel=kernel,
        stride=kernel,
        transposed=scale >= 1,
        dense=dense,
        pieces=(Piece(f"{name}.0", f"{name}.1", channels[1]),),
    )


def _concat(ups: list[Layer], dense: bool) -> Layer:
    width = sum(layer.channels[1] for layer in ups)
    return Layer(
        name="concat",
        role="concat",
        source=tuple(layer.name for layer in ups),
        channels=(width, width),
        dense=dense,
    )


BRANCHES = (("center", 2), ("center_z", 1), ("dim", 3), ("rot", 2), ("vel", 2))
TASKS = (1, 2, 2, 1, 2, 2)  # nuScenes: classes of each of the six heads


def _center_head(source: str, width: int, dense: bool) -> list[Layer]:
    """Shared 3x3 to 64 channels, and a head a task: branches of two 3x3 each, run side by side."""
    head = "dense_head"
    layers = [
        Layer(
            name="shared",
            role="head",
            source=(source,),
            channels=(width, 64),
            kernel=3,
            dense=dense,
            pieces=(Piece(f"{head}.shared_conv.0", f"{head}.shared_conv.1", 64, 1e-5),),
        )
    ]
    for task, classes in enumerate(TASKS):
        branches = (*BRANCHES, ("hm", classes))
        names = [f"{head}.heads_list.{task}.{branch}" for branch, _ in branches]
        hidden, out = f"task{task + 1}.hidden", f"task{task + 1}.out"
        wide = 64 * len(branches)
        layers.append(
            Layer(
                name=hidden,
                role="head",
                source=("shared",),
                channels=(64, wide),
                kernel=3,
                dense=dense,
                pieces=tuple(Piece(f"{n}.0.0", f"{n}.0.1", 64, 1e-5) for n in names),
            )
        )
        finals = [Piece(f"{n}.1", None, c) for n, (_, c) in zip(names, branches, strict=True)]
        layers.append(
            Layer(
                name=out,
                role="head",
                source=(hidden,),
                kernel=3,
                relu=False,
                dense=dense,
                channels=(wide, sum(p.channels for p in finals)),
                groups=len(branches),
                pieces=tuple(finals),
            )
        )
    return layers


def _pointpillars() -> Network:
    layers = _bev_blocks()
    ups = [
        _up(i, f"block{i + 1}.{last}", (width, 128), scale, False)
        for i, (last, width, scale) in enumerate(((3, 64, 1), (5, 128, 2), (5, 256, 4)))
    ]
    convs = (("conv_cls", 18), ("conv_box", 42), ("conv_dir_cls", 12))
    pieces = tuple(Piece(f"dense_head.{name}", None, width) for name, width in convs)
    head = Layer(
        name="head", role="head", source=("concat",), channels=(384, 72), relu=False, pieces=pieces
    )
    return Network("PointPillars", "pointpillars-kitti", (*layers, *ups, _concat(ups, False), head))


def _centerpoint() -> Network:
    layers = _bev_blocks()
    ups = [
        _up(i, f"block{i + 1}.{last}", (width, 128), scale, False)
        for i, (last, width, scale) in enumerate(((3, 64, 0.5), (5, 128, 1), (5, 256, 2)))
    ]
    return Network(
        "CenterPoint-Pillar",
        "centerpoint-nuscenes",
        (*layers, *ups, _concat(ups, False), *_center_head("concat", 384, False)),
    )


def _pillarnet() -> Network:
    """PillarNet with plain (not residual) stages: OpenPCDet's PillarBackBone8x and its neck."""
    layers: list[Layer] = []
    source, before = "pillars", 32
    for stage, width in enumerate((32, 64, 128, 256, 256)):
        dense = stage == 4
        for position in range(2 if stage == 0 else 3):
            name = f"backbone_3d.conv{stage + 1}.{position}"
            down = stage > 0 and position == 0
            layers.append(
                Layer(
                    name=f"stage{stage + 1}.{position}",
                    role="down" if down else "body",
                    source=(source,),
                    channels=(before, width),
                    kernel=3,
                    stride=1 + down,
                    dense=dense,
                    layout="torch" if dense else "spconv",
                    pieces=(Piece(f"{name}.0", f"{name}.1", width),),
                )
            )
            source, before = layers[-1].name, width
    neck5 = _chain(
        "neck5", "backbone_2d.blocks.1", source, [(256, 256)] * 6, 1, stride=1, dense=True
    )
    ups = [
        _up(0, "stage4.2", (256, 128), 1, True),
        _up(1, neck5[-1].name, (256, 128), 2, True),
    ]
    neck4 = _chain(
        "neck4", "backbone_2d.blocks.0", "concat", [(256, 256)] * 6, 1, stride=1, dense=True
    )
    head = _center_head(neck4[-1].name, 256, True)
    return Network(
        "PillarNet",
        "pillarnet-nuscenes",
        (*layers, *neck5, *ups, _concat(ups, True), *neck4, *head),
    )


NETWORKS = {network.preset: network for network in (_pointpillars(), _centerpoint(), _pillarnet())}


def network_of(preset: str) -> Network:
    """The network of a preset by name."""
    require(preset in NETWORKS, "preset", preset, ", ".join(NETWORKS))
    return NETWORKS[preset]
