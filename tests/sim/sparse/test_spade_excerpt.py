"""Some layers of a network, without the machine."""

import pytest

from golden.errors import BadInput
from golden.sparse.accelerator import accelerator_of
from golden.sparse.scene import synthetic_frame
from golden.sparse.variants import variant_of
from sim.sparse.spade import excerpt, planned

PRESET = "pointpillars-kitti"


def test_layers_inside_a_network_are_planned_and_costed():
    """What they read has another name than the pillars, which nothing else may know."""
    layers = ("block1.1", "block1.2")
    work = excerpt(synthetic_frame(1), PRESET, variant_of("sdconv"), layers)
    program = planned(work, PRESET, accelerator_of("n64"), layers)
    assert [step.layer.name for step in program.steps] == list(layers)
    assert work.runs[0].source.active == work.start.active


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        (("block9",), "layers is 'block9'; allowed: names or globs of block1.0"),
        (("block1.*", "block3.0"), "layers read block2.5, pillars from outside; allowed: one map"),
    ],
)
def test_what_cannot_be_cut_out_is_one_line(layers, what):
    with pytest.raises(BadInput) as caught:
        excerpt(synthetic_frame(1), PRESET, variant_of("spconv"), layers)
    assert what in str(caught.value) and "\n" not in str(caught.value)
