"""Readers of vectors and ROOT files, on files made here: fields, BX, damage."""

import gzip
import time

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.files import write_decisions
from trigsim.menu.readers import read
from trigsim.menu.readers.vectors import CALORIMETER, JET, MUON, bits
from trigsim.menu.validate import validate


def row(bx=0, fields=60, **words):
    """Return one line of a vector; words by (kind, slot)."""
    sizes = {
        48: (("eg", 12), ("tau", 8), ("jet", 12), ("sum", 4)),
        60: (("eg", 12), ("tau", 12), ("jet", 12), ("sum", 6), ("cicada", 6)),
    }
    parts = [f"{bx:04d}", *(f"{words.get('mu', {}).get(i, 0):016x}" for i in range(8))]
    for kind, n in sizes[fields]:
        parts += [f"{words.get(kind, {}).get(i, 0):08x}" for i in range(n)]
    return " ".join([*parts, f"{words.get('ext', 0):064x}", f"{words.get('algo', 0):0128x}", "1"])


def vector(tmp_path, *lines, name="v.txt"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    (recorded,) = read(path)
    return recorded


@given(st.integers(0, (1 << 64) - 1), st.sampled_from(["MU", "EG", "JET"]))
def test_fields_are_the_bits_of_the_word(word, kind):
    """Against slices of the word's binary text."""
    text = f"{word:064b}"[::-1]
    for low, width, signed in {"MU": MUON, "EG": CALORIMETER, "JET": JET}[kind].values():
        expected = int(text[low : low + width][::-1], 2)
        expected -= (1 << width) if signed and expected >= 1 << (width - 1) else 0
        assert bits(np.array([word], dtype=np.uint64), low, width, signed).tolist() == [expected]


@pytest.mark.parametrize("fields", [48, 60])
def test_a_row_becomes_objects(tmp_path, fields):
    mu = (44 << 10) | (12 << 19) | ((-3 & 511) << 23) | 500 | (1 << 35) | (1 << 34)
    jet = 120 | ((-7 & 255) << 11) | (31 << 19)
    sums = {0: 300 | (5 << 28), 2: 80 | (17 << 12)}
    recorded = vector(
        tmp_path, row(3, fields, mu={1: mu, 2: 1 << 61}, jet={0: jet}, sum=sums, ext=1 << 130, algo=1 << 511)
    )
    found = recorded.objects.collections
    muon = {name: int(array[0, 1]) for name, array in found["MU"].fields.items()}
    assert {k: muon[k] for k in ("pt", "eta", "phi", "quality", "charge", "charge_valid")} == {
        "pt": 44, "eta": -3, "phi": 500, "quality": 12, "charge": 1, "charge_valid": 1,
    }  # fmt: skip
    assert [int(found["JET"].fields[f][0, 0]) for f in ("pt", "eta", "phi")] == [120, -7, 31]
    assert found["ETT"].fields["pt"].tolist() == [[300]]
    assert found["MBT0HFP"].fields["count"].tolist() == [[5]]
    assert found["ETM"].fields["phi"].tolist() == [[17]]
    assert found["MUS1"].fields["flag"].tolist() == [[1]]
    assert found["MUS0"].fields["flag"].tolist() == [[0]]
    assert found["TAU"].shape == (1, 8 if fields == 48 else 12)
    assert recorded.objects.externals.tolist() == [[0, 0, 4, 0]]
    assert recorded.expected("any", 511).tolist() == [True]
    assert recorded.place(0) == "0:0:3"
    assert ("ETMHF" in found) == (fields == 60)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"\n", b"\r\n") + b"\r\n \r\n",
        lambda raw: b"\xef\xbb\xbf" + raw.upper().replace(b" ", b"\t"),
        lambda raw: b"# BX, objects, bits\n\n" + raw.replace(b" ", b"   ").rstrip(),
        gzip.compress,
    ],
)
def test_forms_of_the_text_say_nothing(tmp_path, change):
    raw = "".join(f"{row(i, mu={0: i << 10 | 0xA << 19}, algo=1 << i)}\n" for i in range(5)).encode()
    path = tmp_path / "v.txt"
    path.write_bytes(change(raw))
    (recorded,) = read(path)
    assert recorded.event.tolist() == [0, 1, 2, 3, 4]
    assert recorded.objects.collections["MU"].fields["pt"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert recorded.by_index is not None
    assert recorded.by_index[:, :5].tolist() == np.eye(5, dtype=bool).tolist()


def test_cicada_is_four_nibbles(tmp_path):
    recorded = vector(tmp_path, row(cicada={0: 1 << 28, 1: 2 << 28, 2: 3 << 28, 3: 0xF << 28}))
    assert recorded.objects.collections["CICADA"].fields["score"].tolist() == [[0x123F]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "vector is empty"),
        ("0000 0 1", "has 3 fields"),
        (row() + "\n" + row()[:300], ":2: expected 60 fields"),
        (row() + "\n" + row(fields=48), ":2: expected 60 fields"),
        (row().replace("0000000000000000 ", "000000000000000g ", 1), ":1: a field is not a number"),
        (row().replace("0000", "-1", 1), ":1: a field is not a number"),
    ],
)
def test_a_broken_vector_is_refused(tmp_path, text, problem):
    path = tmp_path / "v.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        list(read(path))


def test_a_truncated_or_binary_vector_is_refused(tmp_path):
    packed = gzip.compress("\n".join(row(i) for i in range(300)).encode())
    path = tmp_path / "v.txt.gz"
    path.write_bytes(packed)
    assert len(next(read(path))) == 300
    path.write_bytes(packed[:-20])
    with pytest.raises(InputError, match="cut short or broken"):
        list(read(path))
    path.write_bytes(b"\x00\x01\x02")
    with pytest.raises(InputError, match="cut short or broken"):
        list(read(path))
    other = tmp_path / "v.txt"
    other.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not UTF-8"):
        list(read(other))


MENU = """
name: test
scales: cms_run3
externals: {B: 1}
algorithms:
  - {name: L1_Jet50, when: {object: JET, pt_gev: 50, abs_eta_max: 2.5}}
  - {name: L1_Jet50_Before, when: {object: JET, pt_gev: 50, bx: -1}}
  - {name: L1_Mu5, when: {object: MU, pt_gev: 5, quality: [12]}}
  - {name: L1_ETM30, when: {objects: [{object: ETM, pt_gev: 30}, {object: JET, pt_gev: 1}], dphi_rad: [2.5, 3.2]}}
  - {name: L1_HT100, when: {object: HTT, pt_gev: 100}}
  - {name: L1_B, when: {external: B}}
"""

# Three events: BX, pt, eta, phi of jets.
JETS = [[(0, 110, 3, 2), (-1, 20, 0, 0), (0, 60, -9, 70)], [(-1, 130, 5, 5), (0, 98, 99, 40)], []]


def nanoaod(path, bits=None, bx=True, hardware=True, **more):
    """Write a small NanoAOD file."""
    jets = ak.Array([[{"bx": b, "pt": p, "eta": e, "phi": f} for b, p, e, f in event] for event in JETS])
    jets = ak.values_astype(jets, np.int16)
    if not bx:
        jets = jets[jets.bx == 0]
    sums = ak.Array(
        [[{"type": 2, "pt": 60 + i, "phi": 72}, {"type": 1, "pt": 150 + 40 * i, "phi": 0}] for i in range(3)]
    )
    branches = {
        "run": np.array([1, 1, 1], np.uint32),
        "luminosityBlock": np.array([5, 5, 6], np.uint32),
        "event": np.array([7, 8, 9], np.uint64),
        "genWeight": np.ones(3, np.float32),
        "L1Jet_bx": jets.bx,
        "L1EtSum_bx": ak.values_astype(sums["type"] * 0, np.int16),
        "L1EtSum_etSumType": ak.values_astype(sums["type"], np.int32),
    }
    if hardware:
        branches |= {"L1Jet_hwPt": jets.pt, "L1Jet_hwEta": jets.eta, "L1Jet_hwPhi": jets.phi}
        branches |= {
            "L1EtSum_hwPt": ak.values_astype(sums.pt, np.int32),
            "L1EtSum_hwPhi": ak.values_astype(sums.phi, np.int32),
        }
    else:

        def turned(number):
            angle = number * 0.0435
            return ak.where(angle > np.pi, angle - 2 * np.pi, angle)

        branches |= {"L1Jet_pt": jets.pt * 0.5, "L1Jet_eta": jets.eta * 0.0435, "L1Jet_phi": turned(jets.phi)}
        branches |= {"L1EtSum_pt": sums.pt * 0.5, "L1EtSum_phi": turned(sums.phi)}
        branches = {
            k: ak.values_astype(v, np.float32) if k.endswith(("_pt", "_eta", "_phi")) else v
            for k, v in branches.items()
        }
    branches |= {name: np.array(values) for name, values in (bits or {}).items()} | more
    branches = {name: array for name, array in branches.items() if array is not None}
    with uproot.recreate(path) as file:
        file["Events"] = branches
    return path


BITS = {"L1_Jet50": [True, False, False], "L1_Jet50_Before": [False, True, False], "L1_ETM30": [True, False, False],
        "L1_HT100": [False, False, True], "L1_B": [True, True, True]}  # fmt: skip


@pytest.mark.parametrize("hardware", [True, False])
def test_nanoaod_with_neighbouring_crossings(tmp_path, hardware):
    result = validate(loads(MENU), read(nanoaod(tmp_path / "n.root", BITS, hardware=hardware)))
    assert result.exact == ("L1_Jet50", "L1_Jet50_Before", "L1_ETM30", "L1_HT100")
    assert result.unsupported == {
        "L1_Mu5": "the data has no MU",
        "L1_B": "looks at an external signal, which the data lacks",
    }


@pytest.mark.parametrize("hardware", [True, False])
def test_counts_are_read_as_hardware_numbers_only(tmp_path, hardware):
    """Their physical value is 0 where they were unpacked."""
    kinds = ak.values_astype(ak.Array([[11, 26, 2]] * 3), np.int32)
    numbers = ak.values_astype(ak.Array([[5, 0, 60], [2, 255, 60], [5, 1, 60]]), np.int32)
    sums = {"L1EtSum_etSumType": kinds, "L1EtSum_bx": ak.values_astype(kinds * 0, np.int16)}
    sums |= {"L1EtSum_hwPt": numbers} if hardware else {"L1EtSum_pt": numbers * 0.5 * (kinds == 2)}
    data = nanoaod(tmp_path / "n.root", hardware=hardware, L1EtSum_hwPhi=None, L1EtSum_phi=None, **sums)
    (recorded,) = read(data)
    found = recorded.objects.collections
    assert found["ETM"].fields["pt"][recorded.decided, 0].tolist() == [60, 60, 60]
    assert ("MBT0HFP" in found, "CENT0" in found) == (hardware, hardware)
    if hardware:
        assert found["MBT0HFP"].fields["count"][recorded.decided, 0].tolist() == [5, 2, 5]
        assert found["CENT0"].fields["flag"][recorded.decided, 0].tolist() == [0, 1, 1]


def test_a_wrong_bit_is_listed_by_event(tmp_path):
    wrong = {**BITS, "L1_Jet50": [True, True, False]}
    result = validate(loads(MENU), read(nanoaod(tmp_path / "n.root", wrong)))
    assert result.mismatched == {"L1_Jet50": ["1:5:8"]}


def test_bits_after_prescale_say_only_what_they_say(tmp_path):
    """In data a bit that is not set may have been prescaled away; one that is set must be ours too."""
    real = {"genWeight": None, "run": np.full(3, 381_000, np.uint32)}
    data = nanoaod(tmp_path / "n.root", {"L1_Jet50": [False, True, False]}, **real)
    assert validate(loads(MENU), read(data)).mismatched == {"L1_Jet50": ["381000:5:8"]}
    data = nanoaod(tmp_path / "m.root", {"L1_Jet50": [False, False, False]}, **real)
    assert validate(loads(MENU), read(data)).mismatched == {}
    # Simulation is run 1, also where weights have been dropped.
    data = nanoaod(tmp_path / "s.root", {"L1_Jet50": [False, False, False]}, genWeight=None)
    assert validate(loads(MENU), read(data)).mismatched == {"L1_Jet50": ["1:5:7"]}


def test_a_file_with_one_crossing_lacks_the_others(tmp_path):
    result = validate(loads(MENU), read(nanoaod(tmp_path / "n.root", BITS, bx=False)))
    assert result.unsupported["L1_Jet50_Before"] == "looks at JET of BX -1, which the data lacks"
    assert "L1_Jet50" in result.exact


def test_kinds_of_objects_may_be_there_in_fewer_crossings(tmp_path):
    """As where calorimeters are re-emulated in one crossing and muons in five: nothing is taken for empty."""
    muons = {
        "L1Mu_bx": ak.values_astype(ak.Array([[-2, 0], [0], [1]]), np.int16),
        "L1Mu_hwPt": ak.values_astype(ak.Array([[40, 41], [3], [60]]), np.int16),
    }
    path = nanoaod(tmp_path / "n.root", bx=False, L1_A=[True] * 3, L1_B=[False, False, False], **muons)
    menu = loads(
        "name: t\nscales: cms_run3\nalgorithms:\n"
        "  - {name: L1_A, when: {objects: [{object: MU, pt_gev: 1, bx: -2}, {object: JET, pt_gev: 1, bx: -2}]}}\n"
        "  - {name: L1_B, when: {object: MU, pt_gev: 25, bx: -2}}\n"
        "  - {name: L1_C, when: {object: ETM, pt_gev: 1, bx: 1}}\n"
    )
    result = validate(menu, read(path))
    assert result.unsupported == {
        "L1_A": "looks at JET of BX -2, which the data lacks",
        "L1_C": "looks at ETM of BX +1, which the data lacks",
    }
    assert result.exact == ("L1_B",)


def test_bits_without_objects(tmp_path):
    """Most NanoAOD: every algorithm is unsupported, by name."""
    path = tmp_path / "n.root"
    with uproot.recreate(path) as file:
        file["Events"] = {"run": np.ones(3, np.uint32), "L1_Jet50": np.ones(3, bool)}
    result = validate(loads(MENU), read(path))
    assert result.exact == ()
    assert set(result.unsupported) == {a.name for a in loads(MENU).algorithms}
    assert result.crossings == 3


def l1ntuple(path, tree, **objects):
    """Write a small L1Ntuple of two events: objects, and what else is given as tree=columns."""
    ints = {"egIEt": [[60], []], "egIEta": [[3], []], "egIPhi": [[7], []], "egBx": [[0], []]}
    with uproot.recreate(path) as file:
        file[f"{tree}/L1UpgradeTree"] = {k: ak.values_astype(ak.Array(v), np.int16) for k, v in ints.items()}
        for name, columns in objects.items():
            file[f"{name}/L1uGTTree"] = columns
    return path


def test_ntuples_with_some_of_their_trees(tmp_path):
    menu = loads("name: t\nscales: cms_run3\nalgorithms:\n  - {name: a, index: 5, when: {object: EG, pt_gev: 20}}")
    bits = np.zeros((2, 8), dtype=bool)
    bits[0, 5] = True
    path = l1ntuple(tmp_path / "a.root", "l1UpgradeEmuTree", l1uGTEmuTree={"m_algoDecisionInitial": bits})
    for objects in (None, "L1Emul"):
        assert validate(menu, read(path, objects)).exact == ("a",)
    none = {"a": "the data has no recorded bit of it"}
    for path in (
        l1ntuple(tmp_path / "b.root", "l1UpgradeEmuTree"),
        # Bits of unpacked objects say nothing on re-emulated ones.
        l1ntuple(tmp_path / "c.root", "l1UpgradeEmuTree", l1uGTTree={"m_algoDecisionInitial": bits}),
        l1ntuple(tmp_path / "d.root", "l1UpgradeEmuTree", l1uGTEmuTree={"m_finalOR": bits[:, 0]}),
    ):
        assert validate(menu, read(path)).unsupported == none
    with pytest.raises(InputError, match="no re-emulated objects; give L1"):
        list(read(l1ntuple(tmp_path / "e.root", "l1UpgradeTree"), "L1Emul"))


def test_files_of_other_kinds(tmp_path):
    path = tmp_path / "n.root"
    with uproot.recreate(path) as file:
        file["Events"] = {"x": np.ones(3)}
    with pytest.raises(InputError, match="no L1_"):
        list(read(path))
    with uproot.recreate(path) as file:
        file.mktree("Events", {"L1_A": np.dtype(bool)})
    with pytest.raises(InputError, match="holds no events"):
        list(read(path))
    with uproot.recreate(path) as file:
        file["tree"] = {"x": np.ones(3)}
    with pytest.raises(InputError, match="no NanoAOD 'Events'"):
        list(read(path))
    with pytest.raises(InputError, match="give L1 or L1Emul"):
        list(read(path, "HLT"))


@settings(max_examples=40, deadline=None)
@given(fraction=st.floats(0, 0.999), flip=st.booleans(), value=st.integers(1, 255))
def test_a_damaged_root_file_is_refused_or_read(tmp_path_factory, fraction, flip, value):
    whole = tmp_path_factory.getbasetemp() / "whole.root"
    if not whole.exists():
        nanoaod(whole, BITS)
    raw = bytearray(whole.read_bytes())
    at = int(len(raw) * fraction)
    if flip:
        raw[at] ^= value
    else:
        del raw[at:]
    damaged = tmp_path_factory.getbasetemp() / "damaged.root"
    damaged.write_bytes(raw)
    try:
        validate(loads(MENU), read(damaged))
    except InputError as failure:
        assert "\n" not in str(failure)
    else:
        assert flip


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_decisions_are_written_in_nanoaod_naming(tmp_path, suffix):
    path = tmp_path / f"d{suffix}"
    result = validate(loads(MENU), read(nanoaod(tmp_path / "n.root", BITS)))
    decisions = {**result.decisions, "Own": np.array([True, False, True])}
    write_decisions(path, decisions, result.run, result.lumi, result.event)
    if suffix == ".root":
        with uproot.open(path) as file:
            table = {name: file["Events"][name].array(library="np") for name in file["Events"].keys()}  # noqa: SIM118
    else:
        import pyarrow.parquet

        table = {
            name: column.to_numpy()
            for name, column in zip(*_columns(pyarrow.parquet.read_table(path)), strict=True)
        }
    assert table["event"].tolist() == [7, 8, 9]
    assert table["luminosityBlock"].tolist() == [5, 5, 6]
    assert table["L1_Jet50"].tolist() == BITS["L1_Jet50"]
    assert table["L1_Own"].tolist() == [True, False, True]
    if suffix == ".root":
        # What we write we read: as NanoAOD with bits only.
        (back,) = read(path)
        assert back.expected("L1_Jet50", 0).tolist() == BITS["L1_Jet50"]
    with pytest.raises(InputError, match=r"go to \.root or \.parquet"):
        write_decisions(tmp_path / "d.csv", decisions, result.run, result.lumi, result.event)


def _columns(table):
    return table.column_names, table.columns


def test_a_large_file_of_another_kind_is_refused_soon(tmp_path):
    path = tmp_path / "v.txt"
    for text, problem in (
        ("1 " * 5_000_000, "a uGT vector has 48"),
        ("\n" * 50_000_000, "more than 1000000 lines"),
    ):
        path.write_text(text)
        started = time.process_time()
        with pytest.raises(InputError, match=problem):
            list(read(path))
        assert time.process_time() - started < 2
