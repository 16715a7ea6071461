"""Candidates of foreign ntuples: shipped maps on files with those branches, and every way a file is wrong."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.config import load, parse
from trigsim.base.errors import InputError
from trigsim.cli.main import main
from trigsim.tagger.dataset_folder import read_candidates, read_manifest
from trigsim.tagger.foreign import import_dataset
from trigsim.tagger.foreign_map import Expression, ForeignMap, Window
from trigsim.tagger.foreign_values import evaluate, inside, mixed

ROOT = Path(__file__).parents[2]
MAPS = ROOT / "configs" / "datasets" / "maps"
SMALL = """
name: small
tree: t
features:
  pt: {value: pt, lsb: 0.5}
  ratio: {value: {ratio: [a, b]}, lsb: 0.25, bits: 6, missing: 1, absent: [-999]}
label:
  signal: [{value: y, min: 1}]
  background: [{value: y, max: 1}]
"""


def expression(text):
    return parse(f"value: {text}\nmin: 0").validate(Window).value


def flat(file, wanted, n=3000, seed=0, **special):
    """A tree with the branches of a map, one number an entry."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.gamma(2.0, 1.0, n).astype(np.float32) for name in wanted.branches()}
    columns |= special
    with uproot.recreate(file) as out:
        out.mktree(wanted.tree, {name: column.dtype for name, column in columns.items()}).extend(columns)
    return columns


def cms(file, n=3000, seed=0, **more):
    rng = np.random.default_rng(seed)
    higgs = rng.random(n) < 0.5
    special = {
        "fj_pt": rng.uniform(250, 2100, n).astype(np.float32),
        "fj_sdmass": rng.normal(np.where(higgs, 120, 80), 20).astype(np.float32),
        "fj_isH": higgs.astype(np.int32),
        "fj_isBB": (rng.random(n) < 0.9).astype(np.int32),
        "fj_isQCD": (~higgs).astype(np.int32),
        "sample_isQCD": np.ones(n, np.int32),
        "fj_jetNTracks": rng.integers(1, 60, n).astype(np.float32),
        "event_no": (np.arange(n) // 2).astype(np.int64),
        "npv": rng.integers(5, 40, n).astype(np.float32),
        **more,
    }
    return flat(file, load(MAPS / "cms_hbb.yaml", ForeignMap), n, seed, **special)


def test_cms_open_data(tmp_path):
    columns = cms(tmp_path / "a.root", fj_tau1=np.where(np.arange(3000) % 10, 2.0, 0.0).astype(np.float32))
    found = import_dataset(MAPS / "cms_hbb.yaml", [tmp_path / "a.root"], tmp_path / "out")
    counts = found.made["counts"]
    signal = columns["fj_isH"] * columns["fj_isBB"] >= 1
    background = columns["fj_isQCD"] * columns["sample_isQCD"] >= 1
    mass = (columns["fj_sdmass"] >= 40) & (columns["fj_sdmass"] < 200)
    keep = (columns["fj_pt"] >= 300) & (columns["fj_pt"] < 2000) & mass & (signal | background)
    assert counts["read"] == 3000
    assert counts["candidates"] == keep.sum()
    assert counts["signal"] == (keep & signal).sum()
    left = sum(n for what, n in counts.items() if what.startswith("left out"))
    assert counts["candidates"] + left == counts["read"]
    assert counts["filled: fj_tau21"] == (keep & (columns["fj_tau1"] == 0)).sum() > 0
    table = read_candidates(tmp_path / "out")
    assert len(table) == keep.sum()
    np.testing.assert_array_equal(
        np.sort(table.features_hw[:, table.names.index("fj_sdmass")]),
        np.sort(np.floor(columns["fj_sdmass"][keep].astype(float) / 0.25 + 0.5).astype(int)),
    )
    assert set(np.unique(table.pile_up)) == set(np.unique(columns["npv"][keep]))
    # The two jets of an event are on one side.
    for event in np.unique(table.collision)[::50]:
        assert len(np.unique(table.fold[table.collision == event])) == 1
    share = np.bincount(table.fold) / len(table)
    np.testing.assert_allclose(share, [0.6, 0.15, 0.25], atol=0.04)


def physlite(file, rng, n=400):
    wanted = load(MAPS / "atlas_physlite.yaml", ForeignMap)
    number = rng.integers(0, 4, n)
    jagged = {}
    for name in wanted.branches():
        if not name.startswith("EventInfo"):
            jagged[name] = rng.uniform(0.1, 1.0, number.sum()).astype(np.float32)
    prefix = "AnalysisLargeRJetsAuxDyn."
    jagged[prefix + "pt"] = rng.uniform(1e5, 1e6, number.sum()).astype(np.float32)
    jagged[prefix + "m"] = rng.uniform(1e4, 2e5, number.sum()).astype(np.float32)
    jagged[prefix + "eta"] = rng.uniform(-3, 3, number.sum()).astype(np.float32)
    jagged[prefix + "R10TruthLabel_R22v1"] = rng.choice([0, 1, 10, 11], number.sum()).astype(np.int32)
    scalars = {
        "EventInfoAuxDyn.runNumber": np.full(n, 284500, np.uint32),
        "EventInfoAuxDyn.eventNumber": np.arange(n, dtype=np.uint64),
        "EventInfoAuxDyn.actualInteractionsPerCrossing": rng.uniform(20, 60, n).astype(np.float32),
    }
    import awkward as ak

    lists = {name: ak.unflatten(column, number) for name, column in jagged.items()}
    with uproot.recreate(file) as out:
        types = {name: f"var * {jagged[name].dtype}" for name in lists}
        tree = out.mktree("CollectionTree", types | {name: c.dtype for name, c in scalars.items()})
        tree.extend(lists | scalars)
    return jagged, scalars, number


def test_atlas_physlite(tmp_path):
    jagged, scalars, number = physlite(tmp_path / "d.root", np.random.default_rng(3))
    found = import_dataset(MAPS / "atlas_physlite.yaml", [tmp_path / "d.root"], tmp_path / "out")
    get = {name.split(".")[1]: column.astype(float) for name, column in jagged.items()}
    label = get["R10TruthLabel_R22v1"]
    keep = (get["pt"] >= 2e5) & (abs(get["eta"]) < 2) & np.isin(label, (10, 11))
    assert found.made["counts"]["read"] == number.sum()
    assert found.made["counts"]["candidates"] == keep.sum()
    table = read_candidates(tmp_path / "out")
    event = np.repeat(np.arange(len(number)), number)[keep]
    assert len(np.unique(table.collision)) == len(np.unique(event))
    expected = {
        "fat_pt": get["pt"] * 1e-3 / 0.25,
        "log_m_over_pt": np.log(get["m"] / get["pt"]) / 0.0078125,
        "d2": get["ECF3"] * get["ECF1"] ** 3 / get["ECF2"] ** 3 / 0.00390625,
    }
    for name, steps in expected.items():
        scale = next(f.scale for f in found.features if f.name == name)
        hw = np.clip(np.floor(steps[keep] + 0.5), scale.minimum, scale.maximum)
        np.testing.assert_allclose(
            np.sort(table.features_hw[:, table.names.index(name)]), np.sort(hw), atol=1, err_msg=name
        )
    mu = np.repeat(scalars["EventInfoAuxDyn.actualInteractionsPerCrossing"], number)[keep]
    np.testing.assert_array_equal(np.sort(table.pile_up), np.sort(mu))


def small(tmp_path, text=SMALL, **columns):
    n = len(next(iter(columns.values()))) if columns else 40
    rng = np.random.default_rng(1)
    given = {"pt": rng.uniform(1, 9, n), "a": rng.uniform(1, 2, n), "b": np.ones(n), "y": np.arange(n) % 2.0}
    given |= columns
    (tmp_path / "map.yaml").write_text(text)
    with uproot.recreate(tmp_path / "f.root") as out:
        out.mktree("t", {name: c.dtype for name, c in given.items()}).extend(given)
    return import_dataset(tmp_path / "map.yaml", [tmp_path / "f.root"], tmp_path / "out")


def test_nothing_is_dropped_silently(tmp_path):
    n = 60
    pt, a, b, y = np.full(n, 4.0), np.ones(n), np.ones(n), np.arange(n) % 2.0
    pt[3], pt[4], b[5], a[6], y[7], pt[8] = np.nan, np.inf, 0.0, -999.0, np.nan, 1e9
    found = small(tmp_path, pt=pt, a=a, b=b, y=y).made["counts"]
    assert found["read"] == n
    assert found["candidates"] == n - 3
    assert found["left out: pt is missing"] == 2
    assert found["left out: neither signal nor background"] == 1
    assert found["filled: ratio"] == 2
    assert found["saturated: pt"] == 1
    table = read_candidates(tmp_path / "out")
    ratio = table.features_hw[:, 1]
    assert (ratio == 4).all()


def test_weights_have_to_be_positive(tmp_path):
    w = np.ones(40)
    w[[1, 2]] = -1, np.nan
    found = small(tmp_path, SMALL + "weight: w\n", w=w).made["counts"]
    assert found["left out: weight is not positive"] == 2


def test_the_split_does_not_depend_on_the_order_of_files(tmp_path):
    cms(tmp_path / "a.root", seed=1)
    cms(tmp_path / "b.root", seed=2, event_no=np.arange(5000, 8000))
    one = import_dataset(MAPS / "cms_hbb.yaml", [tmp_path / "a.root", tmp_path / "b.root"], tmp_path / "ab")
    two = import_dataset(MAPS / "cms_hbb.yaml", [tmp_path / "b.root", tmp_path / "a.root"], tmp_path / "ba")
    for split in one.splits:
        assert one.splits[split].candidates == two.splits[split].candidates


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value: pt", "value: pr", "no branch 'pr' in tree 't'; the nearest are pt"),
        ("tree: t", "tree: u", "no tree 'u'; the file has t"),
        ("tree: t", "tree: t\njagged: true", "no branch of the map holds lists; set `jagged: false`"),
        ("lsb: 0.5", "lsb: 0", "map.yaml:5:19: features.pt.lsb"),
        ("ratio: [a, b]", "ratio: [a]", "map.yaml:6:.*ratio of 1 operands; give 2"),
        ("ratio: [a, b]", "rato: [a, b]", "unknown key 'rato'; did you mean 'ratio'"),
        ("{ratio: [a, b]}", "{ratio: [a, b], log: a}", "this has 2 of them"),
        ("  pt: {", "  label: {", "has the name of a column that is no feature"),
        ("{value: y, max: 1}", "{value: y}", "a window without limits"),
        ("{value: y, min: 1}", "{value: y, min: 7}", None),
        ("value: y, min: 1", "value: y, min: 7, max: 8", None),
    ],
)
def test_bad_maps_say_what_would_be_right(tmp_path, old, new, message):
    text = SMALL.replace(old, new)
    if message is None:
        assert small(tmp_path, text).made["counts"]["signal"] == 0
        return
    with pytest.raises(InputError, match=message):
        small(tmp_path, text)
    assert not list(tmp_path.glob("out/*"))


def test_nothing_left_and_broken_files(tmp_path):
    with pytest.raises(InputError, match=r"no candidate is left \(40 read, 40 left out: select: pt"):
        small(tmp_path, SMALL + "select: [{value: pt, min: 100}]\n")
    (tmp_path / "g.root").write_bytes(b"no such thing" * 30)
    with pytest.raises(InputError, match=r"g.root: not a readable ROOT file"):
        import_dataset(tmp_path / "map.yaml", [tmp_path / "g.root"], tmp_path / "out")
    with pytest.raises(InputError, match=r"h.root: no such file"):
        import_dataset(tmp_path / "map.yaml", [tmp_path / "h.root"], tmp_path / "out")


def test_lists_are_not_taken_for_candidates(tmp_path):
    import awkward as ak

    lists = {n: ak.unflatten(np.ones(6), [1, 2, 3]) for n in ("pt", "a", "b")}
    shorter = lists | {"b": ak.unflatten(np.ones(5), [1, 2, 2])}
    (tmp_path / "map.yaml").write_text(SMALL)
    (tmp_path / "jagged.yaml").write_text(SMALL + "jagged: true\n")
    for name, columns in (("one", lists), ("two", shorter)):
        with uproot.recreate(tmp_path / f"{name}.root") as out:
            types = dict.fromkeys(columns, "var * float64") | {"y": "float64"}
            out.mktree("t", types).extend(columns | {"y": np.ones(3)})
    with pytest.raises(InputError, match="branch 'pt' holds lists; set `jagged: true`"):
        import_dataset(tmp_path / "map.yaml", [tmp_path / "one.root"], tmp_path / "out")
    with pytest.raises(InputError, match="branches 'pt' and 'b' have lists of other lengths"):
        import_dataset(tmp_path / "jagged.yaml", [tmp_path / "two.root"], tmp_path / "out")
    assert (
        import_dataset(tmp_path / "jagged.yaml", [tmp_path / "one.root"], tmp_path / "out").made["counts"]["read"]
        == 6
    )


FINITE = st.floats(-1e6, 1e6)


@given(FINITE, FINITE, FINITE)
def test_expressions_are_what_they_say(a, b, c):
    columns = {"a": np.array([a]), "b": np.array([b]), "c": np.array([c])}
    cases = {
        "a": a,
        "{sum: [a, b, c]}": a + b + c,
        "{product: [a, b]}": a * b,
        "{difference: [a, {abs: b}], scale: 2, offset: 1}": 2 * (a - abs(b)) + 1,
        "{sqrt: {abs: a}}": np.sqrt(abs(a)),
    }
    for text, expected in cases.items():
        assert evaluate(expression(text), columns)[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)
    folded = evaluate(expression("{delta_phi: [a, b]}"), columns)[0]
    assert -np.pi <= folded <= np.pi
    assert np.cos(folded) == pytest.approx(np.cos(a - b), abs=1e-6)


def test_what_has_no_value_is_not_finite_and_in_no_window():
    columns = {"a": np.array([0.0, -1.0])}
    for text in ("{ratio: [a, {product: [a, {difference: [a, a]}]}]}", "{log: a}"):
        value = evaluate(expression(text), columns)
        assert not np.isfinite(value).any()
    window = Window(value=Expression(branch="a"), min=-10.0)
    assert inside(window, np.array([np.nan, 0.0])).tolist() == [False, True]


def test_the_hash_spreads_and_does_not_collide():
    numbers = mixed(np.arange(200_000, dtype=np.uint64))
    assert len(np.unique(numbers)) == 200_000
    counts, _ = np.histogram(numbers / 2.0**64, 100, (0, 1))
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)
    assert mixed(np.zeros(1, np.uint64))[0] == 0xE220A8397B1DCDAF  # first output of SplitMix64 seeded by 0


@pytest.mark.jit
def test_a_tagger_of_foreign_columns(tmp_path, monkeypatch, capsys):
    """`trigsim dataset import` and then `trigsim train --data`: any number of columns."""
    cms(tmp_path / "a.root")
    (tmp_path / "train.yaml").write_text(
        "data: out\nbudgets: [3]\n"
        "training: {name: cms, hidden: [8], epochs: {select: 3, tune: 2, quantise: 2}, batch: 64, restarts: 1}\n"
    )
    shown = []
    for words in (
        ["dataset", "import", str(MAPS / "cms_hbb.yaml"), "a.root", "-o", "out", "--json"],
        ["train", "train.yaml", "-o", "taggers", "--json"],
    ):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["trigsim", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        shown.append(json.loads(said.out))
    assert shown[0] == read_manifest(tmp_path / "out").model_dump(mode="json")
    (tagger,) = shown[1]["taggers"]
    assert "fj_sdmass" in tagger["features"]
    assert tagger["candidates"] == (read_candidates(tmp_path / "out").fold == 2).sum()
