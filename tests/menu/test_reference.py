"""CMS's own menus give CMS's own bits; and wrong rules do not."""

import gzip
import random
import re
import xml.etree.ElementTree as ET

import pytest

from trigsim.menu import counts, legs, loads, menu
from trigsim.menu.files import to_yaml
from trigsim.menu.l1xml import import_l1menu
from trigsim.menu.networks import load_network
from trigsim.menu.readers import read
from trigsim.menu.validate import validate

pytestmark = pytest.mark.reference

MENU_2024 = "L1Menu_Collisions2024_v1_3_0"
MASS_SEEDS_2016 = {"L1_DoubleJet_90_30_Mj30j30_620": 4, "L1_DoubleJet_100_30_Mj30j30_620": 4}
ANOMALY = {f"L1_AXO_{level}" for level in ("VLoose", "Loose", "Nominal", "Tight", "VTight")}
OTHER_CROSSING = "L1_CDC_SingleMu_3_er1p2_TOP120_DPHI2p618_3p142"


@pytest.fixture(scope="session")
def imported(reference):
    """Return the text of an imported menu: the YAML alone must do."""
    texts = {}

    def of(name):
        if name not in texts:
            texts[name] = to_yaml(import_l1menu(reference / "ugt" / f"{name}.xml.gz"))
        return texts[name]

    return of


@pytest.fixture(scope="session")
def vector(reference):
    """Return the rows of a vector."""
    rows = {}

    def of(name):
        if name not in rows:
            rows[name] = list(read(reference / "ugt" / f"{name}.tv.txt.gz"))
        return rows[name]

    return of


def differing(result):
    return {name: len(places) for name, places in result.mismatched.items()}


def test_2016_v4_is_exact(imported, vector):
    result = validate(loads(imported("L1Menu_Collisions2016_v4")), vector("L1Menu_Collisions2016_v4"))
    assert (result.crossings, result.algorithms, len(result.exact)) == (3564, 241, 241)
    assert sum(count > 0 for count in result.fired.values()) == 207


def test_2016_v8_differs_where_the_reference_is_known_to(imported, vector):
    result = validate(loads(imported("L1Menu_Collisions2016_v8_m2")), vector("L1Menu_Collisions2016_v8_m2"))
    assert len(result.exact) == 255
    assert differing(result) == MASS_SEEDS_2016
    assert result.mismatched["L1_DoubleJet_90_30_Mj30j30_620"] == ["0:0:127", "0:0:462", "0:0:1967", "0:0:2654"]


@pytest.mark.parametrize(
    ("vector_name", "exact", "different"), [("ttBar", 403, {}), ("data", 402, {OTHER_CROSSING: 28})]
)
def test_2024_without_the_network(imported, vector, vector_name, exact, different):
    result = validate(loads(imported(MENU_2024)), vector(f"{MENU_2024}.{vector_name}"))
    assert (len(result.exact), differing(result)) == (exact, different)
    assert set(result.unsupported) == ANOMALY


@pytest.mark.parametrize(
    ("vector_name", "exact", "different"), [("ttBar", 408, {}), ("data", 407, {OTHER_CROSSING: 28})]
)
def test_2024_with_the_network(reference, imported, vector, vector_name, exact, different):
    network = {"AXO_v4": load_network(reference / "ugt" / "axol1tl_v4.json")}
    result = validate(loads(imported(MENU_2024)), vector(f"{MENU_2024}.{vector_name}"), networks=network, threads=2)
    assert (len(result.exact), differing(result), result.unsupported) == (exact, different, {})


def wrong(imported, vector, name):
    """Return how many algorithms differ beyond the known ones."""
    result = validate(loads(imported(MENU_2024)), vector(f"{MENU_2024}.{name}"))
    return len(set(result.mismatched) - {OTHER_CROSSING})


def test_thresholds_one_count_higher_are_seen(imported, vector, monkeypatch):
    right = legs.threshold

    def higher(scale, value, compare):
        ((low, high),) = right(scale, value, compare)
        return ((min(low + 1, high), high),)

    monkeypatch.setattr(legs, "threshold", higher)
    # The reference README counts 187 for ">" instead of ">=".
    assert wrong(imported, vector, "ttBar") > 150


def test_one_object_used_twice_is_seen(imported, vector, monkeypatch):
    def careless(condition):
        needed = counts_of(condition)
        if condition.pairs or condition.reference:
            return needed
        return counts.Counts(tuple((union, 1) for union, _ in needed.terms), suffice=True)

    from trigsim.menu import compiler

    counts_of = counts.counts
    monkeypatch.setattr(compiler, "counts", careless)
    assert wrong(imported, vector, "data") > 50


@pytest.mark.parametrize(
    ("rule", "vector_name", "least"),
    [
        ("eta one bin wider at the top", "ttBar", 60),
        ("windows of a kind all required", "data", 15),
        ("calorimeter to muon 4n", "data", 2),
        ("overlap ignored", "data", 6),
        ("pt tables 5n", "ttBar", 14),
        ("delta with two decimals", "data", 5),
    ],
)
def test_other_wrong_rules_are_seen(imported, vector, monkeypatch, rule, vector_name, least):
    from trigsim.menu import pair_rows, scales

    if rule == "eta one bin wider at the top":
        right = legs.window
        monkeypatch.setattr(
            legs,
            "window",
            lambda s, a, b: tuple((x, y + 1) for x, y in right(s, a, b)) if s.signed else right(s, a, b),
        )
    elif rule == "windows of a kind all required":
        monkeypatch.setattr(legs, "_union", lambda parts: min(parts, key=lambda p: p[0]))
    elif rule == "calorimeter to muon 4n":
        right = pair_rows.common_unit

        def edge(one, other, what):
            unit = right(one, other, what)
            return type(unit)(unit.multiply, (0, 0), unit.step, unit.size, unit.bins)

        monkeypatch.setattr(pair_rows, "common_unit", edge)
    elif rule == "overlap ignored":
        text = (
            imported(MENU_2024)
            .replace("dr: [0.0, 0.5]", "dr: [0.0, 0.0]")
            .replace("dr: [0.0, 0.2]", "dr: [0.0, 0.0]")
        )
        assert text != imported(MENU_2024)
        result = validate(loads(text), vector(f"{MENU_2024}.{vector_name}"))
        assert len(set(result.mismatched) - {OTHER_CROSSING}) >= least
        return
    elif rule == "pt tables 5n":
        right = pair_rows.pt_table
        monkeypatch.setattr(pair_rows, "pt_table", lambda scale, p: right(scale, p) // 5 * 5)
    else:
        right = scales.ScaleSet.pair_precision
        monkeypatch.setattr(
            scales.ScaleSet, "pair_precision", lambda *pair: right(*pair).model_copy(update={"delta": 2})
        )
    assert wrong(imported, vector, vector_name) >= least


def test_the_nanoaod_of_a_simulation_agrees(reference, imported):
    network = {"AXO_v4": load_network(reference / "ugt" / "axol1tl_v4.json")}
    result = validate(
        loads(imported(MENU_2024)), read(reference / "cms-root" / "nano_mc_l1.root"), networks=network
    )
    assert (result.crossings, len(result.exact), differing(result)) == (10, 354, {})
    assert all("lacks" in why or why.startswith("the data has no") for why in result.unsupported.values())


def test_the_l1ntuple_of_a_simulation_agrees(reference, imported):
    result = validate(loads(imported(MENU_2024)), read(reference / "cms-root" / "l1ntuple_mc.root", "L1Emul"))
    # Of its seeds 387 have the names of the menu.
    assert (result.crossings, differing(result)) == (1, {})
    assert len(result.exact) > 330


REQUIREMENT = re.compile(r"[^,\[\]]+(?:\[[^\[\]]*\])?")
SAID_BY_DATA = ("QLTY", "ISO", "IP", "CHGCOR", "DISP", "MODEL")


def _rewritten(root, rng):
    """Say the same with other orders, blanks, letters and names of cuts, without what says nothing."""
    for algorithm in root.iter("algorithm"):
        expression = algorithm.find("expression")
        text = expression.text
        for cut in algorithm.findall("cut"):
            old, new = cut.findtext("name"), f"{rng.randrange(10**9)}"
            cut.find("name").text = new
            text = re.sub(rf"(?<=[\[,]){re.escape(old)}(?=[\],])", new, text)
            if cut.findtext("type") in SAID_BY_DATA:
                for end in ("minimum", "maximum"):
                    cut.remove(cut.find(end))

        def legs(call):
            found = REQUIREMENT.findall(call[2])
            reference = [found.pop()] if call[1].endswith("_orm") else []
            return f"{call[1]} {{ {' , '.join(rng.sample(found, len(found)) + reference)} }}"

        text = re.sub(r"(\w+)\{([^{}]*)\}", legs, text)
        text = re.sub(
            r"\[([^\[\]]*)\]",
            lambda m: f" [{', '.join(sorted(m[1].split(','), key=lambda _: rng.random()))} ]",
            text,
        )
        expression.text = re.sub(
            r"\b(AND|OR|NOT)\b", lambda m: rng.choice([m[1], m[1].lower()]), f"\n ( {text} )\n"
        )
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("comment", "module_id", "module_index", "uuid_menu", "description", "label"):
                parent.remove(child)
    algorithms = root.findall("algorithm")
    for algorithm in algorithms:
        root.remove(algorithm)
    root.extend(rng.sample(algorithms, len(algorithms)))


def test_a_menu_written_otherwise_gives_the_same_bits(reference, tmp_path, vector):
    root = ET.fromstring(gzip.decompress((reference / "ugt" / f"{MENU_2024}.xml.gz").read_bytes()))
    _rewritten(root, random.Random(7))
    path = tmp_path / "other.xml"
    path.write_bytes(ET.tostring(root))
    result = validate(loads(to_yaml(import_l1menu(path))), vector(f"{MENU_2024}.ttBar"))
    assert (result.algorithms, len(result.exact), differing(result)) == (408, 403, {})


def test_the_menu_survives_its_own_yaml(imported):
    first = loads(imported(MENU_2024))
    again = loads(to_yaml(first.config.model_dump(mode="json", exclude_defaults=True)))
    assert first.programs() == again.programs()
    assert isinstance(first, menu.Menu)
