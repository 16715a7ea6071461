"""The timeline against a simulation that ticks every clock, and pipelines that are refused in one line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.config import load, parse
from trigsim.base.errors import InputError
from trigsim.firmware.feature_cost import DEFAULT_COSTS, FeatureCosts
from trigsim.firmware.latency import feature_cycles, schedule
from trigsim.firmware.latency_config import FIBRE_NS_PER_M, PipelineConfig
from trigsim.firmware.latency_model import TaggerFacts
from trigsim.tagger.features import NAMES

CONFIGS = Path(__file__).parents[2] / "configs" / "latency"
FACTS = TaggerFacts("made up", ("fat_pt", "fat_mass", "tj1_sd0_1"), 7, 3.125, "made up")
#: MHz → period in ns, all whole.
PERIODS = {1000.0: 1, 250.0: 4, 125.0: 8, 40.0: 25, 100.0: 10}


def pipeline(stages, synchroniser=0, **more):
    made = {"name": "p", "budget_ns": 1000.0, "budget_source": "test", **more}
    return PipelineConfig(synchroniser_cycles=synchroniser, stages=tuple(stages), **made)


def ticked(stages, synchroniser):
    """Let time go by, a nanosecond at a time; at each stage wait for the edges of its own clock."""
    ends, clocks = [], []
    for i, (clock, length, after) in enumerate(stages):
        arrivals = []
        for j in after if after is not None else [i - 1] * (i > 0):
            time = ends[j]
            if clock is not None and clocks[j] != clock:
                while time % PERIODS[clock]:
                    time += 1
                for _ in range(synchroniser):
                    time += PERIODS[clock]
            arrivals.append(time)
        time = max(arrivals, default=0)
        for _ in range(length):
            time += 1 if clock is None else PERIODS[clock]
        ends.append(time)
        clocks.append(clock)
    return ends


STAGE = st.tuples(st.sampled_from([None, *PERIODS]), st.integers(0, 30))


@given(st.data(), st.lists(STAGE, min_size=1, max_size=7), st.integers(0, 3))
def test_equals_the_ticking_of_clocks(data, drawn, synchroniser):
    stages = []
    for i, (clock, length) in enumerate(drawn):
        after = data.draw(st.none() | st.sets(st.integers(0, i - 1), max_size=3)) if i else None
        stages.append((clock, length, after))
    config = pipeline(
        [
            {
                "name": str(i),
                "group": "g",
                "source": "test",
                "after": None if after is None else tuple(str(j) for j in sorted(after)),
                **({"ns": float(length)} if clock is None else {"cycles": length, "clock_mhz": clock}),
            }
            for i, (clock, length, after) in enumerate(stages)
        ],
        synchroniser,
    )
    found = schedule(config)
    expected = ticked(stages, synchroniser)
    assert [stage.end.value for stage in found.stages] == expected
    assert found.total.value == found.total.low == found.total.high == max(expected)
    for stage, (clock, length, _) in zip(found.stages, stages, strict=True):
        assert stage.cycles == (None if clock is None else length)


@settings(max_examples=50)
@given(st.lists(st.tuples(STAGE, STAGE), min_size=1, max_size=5), st.integers(0, 3))
def test_longer_stages_never_make_it_earlier(pairs, synchroniser):
    def stages(which):
        for i, (one, more) in enumerate(pairs):
            clock, length = one[0], (one[1], one[1] + more[1], one[1] + 2 * more[1])
            length = length if which is None else length[which]
            latency = (
                {"ns": length if which is None else float(length)}
                if clock is None
                else {"cycles": length, "clock_mhz": clock}
            )
            if clock is None and which is None:
                latency = {"ns": tuple(map(float, length))}
            yield {"name": str(i), "group": "g", "source": "t", **latency}

    total = schedule(pipeline(stages(None), synchroniser)).total
    each = [schedule(pipeline(stages(which), synchroniser)).total.value for which in range(3)]
    assert [total.low, total.value, total.high] == each
    assert each == sorted(each)


def test_only_the_later_of_two_paths_is_critical():
    a = {"name": "a", "group": "x", "after": (), "ns": 100.0, "source": "t"}
    b = {"name": "b", "group": "x", "after": (), "ns": 70.0, "source": "t"}
    c = {"name": "c", "group": "y", "after": ("a", "b"), "cycles": 3, "clock_mhz": 40.0, "source": "t"}
    groups = {"x": {"ns": 90.0, "source": "test"}}
    found = schedule(pipeline([a, b, c], 1, groups=groups))
    assert [s.critical for s in found.stages] == [True, False, True]
    # 100 ns is an edge of 40 MHz; one clock to synchronise, three to work.
    assert found.total.value == 100 + 25 + 75
    assert found.stages[2].waits.value == 25
    assert found.groups["x"].time.value == 100
    assert found.groups["y"].time.value == 100
    assert found.groups["x"].as_dict()["share"] == pytest.approx(100 / 90)
    assert found.groups["y"].budget_ns is None
    assert found.share.value == pytest.approx(0.2)


def test_link_is_serialisation_fibre_and_transceivers():
    link = {"bits": 1000, "gbps": 10.0, "fibre_m": 10.0, "transceivers_ns": (1.0, 2.0, 4.0)}
    found = schedule(pipeline([{"name": "l", "group": "g", "link": link, "source": "t"}]))
    fixed = 100 + 10 * FIBRE_NS_PER_M
    assert [found.total.low, found.total.value, found.total.high] == [fixed + 1, fixed + 2, fixed + 4]


def costs():
    return load(DEFAULT_COSTS, FeatureCosts)


def test_shipped_pipeline_has_every_stage_of_a_trigger():
    config = load(CONFIGS / "phase2.yaml", PipelineConfig)
    found = schedule(config, costs(), FACTS)
    assert found.total.low < found.total.value < found.total.high
    assert found.budget_ns == 12_500
    assert found.tagger == "made up"
    assert next(s for s in found.stages if s.name == "tagger").cycles == 7
    assert set(found.groups) == set(config.groups)
    assert sum(group.budget_ns for group in found.groups.values()) <= found.budget_ns
    assert all(stage.source for stage in found.stages)
    serial = schedule(config, costs(), FACTS, "serial")
    assert serial.total.value > found.total.value


def test_features_side_by_side_and_one_after_another_by_hand():
    made = costs()
    op = {name: one.cycles for name, one in made.operations.items()}
    kinematics = op["multiply"] + op["add"] + op["root"]
    mass = op["multiply"] + 2 * op["add"] + op["root"]
    significance = op["table"] + op["multiply"] + op["compare"]
    ranks = 10 * op["swap"]
    wait = made.interval - 1
    assert feature_cycles(made, ["fat_pt"], "parallel") == kinematics
    assert feature_cycles(made, ["fat_mass"], "parallel") == kinematics + mass
    assert feature_cycles(made, ["tj1_sd0_1"], "parallel") == significance + ranks + wait
    both = ["fat_mass", "tj1_sd0_1"]
    assert feature_cycles(made, both, "parallel") == max(kinematics + mass, significance + ranks) + wait
    assert feature_cycles(made, both, "serial") == kinematics + mass + significance + ranks + wait
    # What is shared is computed once; the second track jet's is its own.
    assert feature_cycles(made, ["tj1_sd0_1", "tj1_sd0_3"], "serial") == significance + ranks + wait
    assert feature_cycles(made, ["tj1_sd0_1", "tj2_sd0_3"], "serial") == 2 * (significance + ranks) + wait


@settings(max_examples=30)
@given(st.sets(st.sampled_from(NAMES), max_size=8), st.sampled_from(NAMES))
def test_more_features_never_cost_less(features, one_more):
    made = costs()
    for arrangement in ("parallel", "serial"):
        assert feature_cycles(made, features, arrangement) <= feature_cycles(
            made, features | {one_more}, arrangement
        )
    assert feature_cycles(made, features, "parallel") <= feature_cycles(made, features, "serial")


def test_factor_is_on_what_is_computed_and_rounds_up():
    stage = {"name": "t", "group": "g", "use": "tagger", "factor": (0.5, 1.0, 1.3), "source": "t"}
    found = schedule(pipeline([stage]), None, FACTS).total
    assert [found.low / 3.125, found.value / 3.125, found.high / 3.125] == [4, 7, 10]


HEAD = "name: p\nbudget_ns: 100\nbudget_source: t\nstages:\n"
WRONG = [
    ("  - {name: a, group: g, source: t}\n", "5:5: stages.0: give exactly one of cycles, ns, link, use"),
    ("  - {name: a, group: g, source: t, cycles: 3}\n", "5:5: stages.0: clock_mhz goes with cycles"),
    ("  - {name: a, group: g, source: t, ns: 3, clock_mhz: 40}\n", "clock_mhz goes with cycles"),
    ("  - {name: a, group: g, source: t, ns: [3, 2, 4]}\n", "put it in order"),
    ("  - {name: a, group: g, source: t, ns: 1, factor: 2}\n", "factor goes with `use`"),
    ("  - {name: a, group: g, source: t, ns: -1}\n", "greater than or equal to 0"),
    ("  - {name: a, group: g, source: t, ns: 1, after: [b]}\n", "'a' waits for 'b', which is not before it"),
    (2 * "  - {name: a, group: g, source: t, ns: 1}\n", "stage 'a' is there twice"),
    ("  - {name: a, group: g, source: t, use: features, clock_mhz: 40}\n", "name their costs with feature_costs"),
    ("  - {name: a, group: g, source: t, ns: 1}\ngroups: {h: {ns: 1, source: t}}\n", "'h' has a budget but no"),
    ("  - {name: a, group: g, source: t, nss: 1}\n", "did you mean 'ns'"),
]  # fmt: skip


@pytest.mark.parametrize(("stages", "message"), WRONG)
def test_wrong_pipelines_are_refused_in_one_line(stages, message):
    with pytest.raises(InputError, match=message) as raised:
        parse(HEAD + stages, "p.yaml").validate(PipelineConfig)
    assert "\n" not in str(raised.value)


def test_tagger_is_asked_for_where_it_is_needed():
    config = load(CONFIGS / "phase2.yaml", PipelineConfig)
    with pytest.raises(InputError, match="stage 'features' depends on the tagger; give one with --tagger"):
        schedule(config, costs())
    with pytest.raises(InputError, match="give their costs"):
        schedule(config, None, FACTS)
