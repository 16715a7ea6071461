"""What the mean pile-up may be, and what is refused."""

import pytest

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.stream.beam import Beam

BEAM = """name: b
colliding_bunches: 3
vertex_sigma_z_mm: 45
vertex_source: assumed
mean_pileup: {}
"""


def beam(tmp_path, mean_pileup):
    (tmp_path / "beam.yaml").write_text(BEAM.format(mean_pileup))
    return load(tmp_path / "beam.yaml", Beam)


@pytest.mark.parametrize(
    ("written", "average"),
    [
        ("200", 200.0),
        ("{values: [10, 20], weights: [3, 1]}", 12.5),
        ("{edges: [0, 10, 40], contents: [1, 3]}", 0.25 * 5 + 0.75 * 25),
        ("{by_bunch: [30, 60, 60]}", 50.0),
    ],
)
def test_average(tmp_path, written, average):
    found = beam(tmp_path, written)
    assert found.average_pileup == pytest.approx(average, rel=1e-13)
    assert found.pileup_points()[1].sum() == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("-1", ":5:1: mean_pileup: input should be greater than or equal to 0; got -1"),
        ("{values: [10, -20], weights: [3, 1]}", ":5:28: mean_pileup.values.1: input should be greater"),
        ("{values: [10, 20], weights: [3]}", "1 weights of 2 values; give one each"),
        ("{values: [10, 20], weights: [0, 0]}", "all weights are 0"),
        ("{edges: [0, 10, 10], contents: [1, 3]}", "edges do not rise"),
        ("{edges: [0, 10], contents: [1, 3]}", "2 contents of 1 bins"),
        ("{edges: [0, 10], contents: [0]}", "all contents are 0"),
        ("{by_bunch: [30, 60]}", "by_bunch lists 2 bunches, colliding_bunches says 3; make them agree"),
        ("{value: [30, 60], weights: [1, 1]}", "unknown key 'value'; did you mean 'values'?"),
    ],
)
def test_refused(tmp_path, written, says):
    with pytest.raises(InputError) as refused:
        beam(tmp_path, written)
    assert says in str(refused.value)
