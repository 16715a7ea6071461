"""The cost of computing features: what is shared is paid once, and the file's mistakes are found."""

import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from trigsim.base.config import load, parse
from trigsim.base.errors import InputError
from trigsim.cli.main import app
from trigsim.firmware.feature_cost import DEFAULT_COSTS, KINDS, FeatureCosts, cost, prices
from trigsim.firmware.parts import part
from trigsim.tagger.config import TrainConfig
from trigsim.tagger.feature_table import NAMES

COSTS = load(DEFAULT_COSTS, FeatureCosts)
SMALL = """
name: small
constituents: 8
tracks: 4
interval: 4
operations:
  add: {lut: 10, cycles: 1}
  multiply: {dsp: 1, cycles: 3}
steps:
  z: {per: constituent, ops: {multiply: 2}, chain: [multiply, multiply]}
  sum: {per: constituent, ops: {}, sums: 1, chain: [], needs: [z]}
  e3: {per: triple, ops: {multiply: 1}, sums: 1, chain: [multiply], needs: [z]}
  merge: {per: constituent, serial: true, ops: {add: 1}, chain: [add, multiply]}
  t: {of: track_jet, per: track, ops: {add: 3}, chain: [add]}
features:
  a: [sum]
  b: [e3]
  c: [merge]
  tj_x: [t]
  pair: [t]
"""


def test_by_hand():
    small = parse(SMALL, "small.yaml").validate(FeatureCosts)
    # z: 16 products in 4 clocks are 4 DSP; 7 additions are 2 adders. 3 + 3 clocks, 3 levels, 3 clocks of streaming.
    assert cost(small, ["a"]) == cost(small, ["a", "a"])
    found = cost(small, ["a"])
    assert (found.lut, found.dsp, found.cycles) == (20, 4, 12)
    # 56 triples: 14 DSP more, 55 additions are 14 adders; 6 + 3 + 6 levels + 3.
    found = cost(small, ["b"])
    assert (found.lut, found.dsp, found.cycles) == (140, 18, 18)
    # z is paid once.
    assert cost(small, ["a", "b"]).dsp == 18
    # Seven mergings of four clocks each.
    assert cost(small, ["c"]).cycles == 28 + 3
    # Two track jets are two.
    assert [cost(small, some).lut for some in (["tj1_x"], ["tj1_x", "tj2_x"], ["pair"], ["pair", "tj1_x"])] == [
        30, 60, 60, 60,
    ]  # fmt: skip


def test_every_feature_has_a_cost_and_a_price():
    found = prices(COSTS, part("xcvu13p"), NAMES)
    assert list(found) == list(NAMES)
    assert all(price > 0 for price in found.values())
    # Correlations of three are dearest by far, counting is cheapest.
    assert max(found, key=found.get) in ("fat_c2", "fat_d2")
    assert min(found, key=found.get) in ("tj1_n_tracks", "tj2_n_tracks")
    # They are taken by a training as they are.
    assert TrainConfig(price_budget=1.0, prices=found).prices == found


# The first is deeper than the second, but does not wait for constituents.
@example({"fat_eta"}, {"fat_n"})
@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_sharing_never_costs_more(some, others):
    one, other, both = (cost(COSTS, names).resources for names in (some, others, some | others))
    for kind in KINDS:
        assert max(one[kind], other[kind]) <= both[kind] <= one[kind] + other[kind]
    assert cost(COSTS, some | others).cycles == max(cost(COSTS, some).cycles, cost(COSTS, others).cycles)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (("needs: [z]", "needs: [y]"), "step 'sum' needs 'y', which is not written above it"),
        (("{multiply: 2}", "{multipy: 2}"), "no operation 'multipy'"),
        (("a: [sum]", "a: [summ]"), "feature 'a': no step 'summ'"),
        (("  add: {lut: 10, cycles: 1}\n", ""), "operations lack 'add'"),
    ],
)
def test_mistakes(edit, problem):
    with pytest.raises(InputError, match=problem):
        parse(SMALL.replace(*edit), "small.yaml").validate(FeatureCosts)
    with pytest.raises(InputError, match="no cost of feature 'x'"):
        cost(COSTS, ["x"])


def test_command(tmp_path):
    done = CliRunner().invoke(app, ["firmware", "features", "-o", str(tmp_path / "prices.yaml"), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["part"] == "XCVU13P"
    assert "assumed" in document["source"]
    assert [f["feature"] for f in document["features"]] == list(NAMES)
    assert set(yaml.safe_load((tmp_path / "prices.yaml").read_text())["prices"]) == set(NAMES)
    assert "assumed" in CliRunner().invoke(app, ["firmware", "features"]).stdout
