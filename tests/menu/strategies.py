"""Random crossings and conditions, as written in YAML, whose windows end on bin edges."""

import math

from hypothesis import strategies as st

KINDS = ("MU", "EG", "TAU", "JET")
SLOTS = {"MU": 4, "EG": 4, "TAU": 3, "JET": 5, "ETM": 1, "HTT": 1}
TURN = 2 * math.pi

# Few values, so that cuts are often just met; ties, ends and overflows are among them.
PT = {
    "MU": [0, 1, 7, 8, 21, 44, 511],
    "EG": [0, 1, 16, 40, 511],
    "TAU": [0, 30, 60, 511],
    "JET": [0, 1, 60, 61, 200, 2047],
}
FIELDS = {
    "MU": {
        "eta": st.sampled_from([-225, -100, -5, -1, 0, 1, 4, 90, 225]),
        "phi": st.sampled_from([0, 1, 143, 144, 287, 288, 289, 500, 575]),
        "quality": st.sampled_from([4, 8, 12, 15]),
        "iso": st.integers(0, 3),
        "charge": st.integers(0, 1),
        "charge_valid": st.sampled_from([0, 1, 1, 1]),
        "index": st.sampled_from([0, 17, 18, 35, 36, 107]),
        "phi_out": st.just(3),
        "upt": st.sampled_from([0, 1, 8, 15, 255]),
        "ip": st.integers(0, 3),
    },
    "EG": {
        "eta": st.sampled_from([-115, -58, -1, 0, 5, 57, 114]),
        "phi": st.sampled_from([0, 1, 36, 71, 72, 143]),
        "iso": st.integers(0, 3),
    },
    "JET": {
        "eta": st.sampled_from([-115, -58, -1, 0, 5, 57, 114]),
        "phi": st.sampled_from([0, 1, 36, 71, 72, 143]),
        "displaced": st.integers(0, 1),
        "quality": st.integers(0, 3),
    },
}
FIELDS["TAU"] = FIELDS["EG"]


def objects(kind):
    if kind == "ETM":
        return st.lists(
            st.fixed_dictionaries({"pt": st.sampled_from([0, 60, 4095]), "phi": FIELDS["JET"]["phi"]}),
            min_size=1,
            max_size=1,
        )
    if kind == "HTT":
        return st.lists(st.fixed_dictionaries({"pt": st.sampled_from([0, 300, 4095])}), min_size=1, max_size=1)
    one = st.fixed_dictionaries({"pt": st.sampled_from(PT[kind]), **FIELDS[kind]})
    return st.lists(one, min_size=SLOTS[kind], max_size=SLOTS[kind])


rows = st.fixed_dictionaries({kind: objects(kind) for kind in (*KINDS, "ETM", "HTT")})


def thresholds(kind):
    start = -0.5 if kind == "MU" else 0.0
    return st.sampled_from([start + 0.5 * number for number in (0, 1, 7, 8, 16, 40)])


def eta_windows(kind):
    if kind == "MU":
        edges = [(n - 0.5) * 0.010875 for n in (-100, -5, 0, 5, 91)]
        edges = [-2.45, *edges, 2.45]
    else:
        edges = [-5.0, *(n * 0.0435 for n in (-58, -1, 0, 5, 58)), 5.0]
    return st.lists(st.sampled_from(edges), min_size=2, max_size=2, unique=True).map(sorted)


def phi_windows(kind):
    n = 576 if kind == "MU" else 144
    edges = st.sampled_from([0, 1, n // 4, n // 2, n - 1])
    return st.lists(edges, min_size=2, max_size=2, unique=True).map(lambda w: [w[0] * TURN / n, w[1] * TURN / n])


@st.composite
def legs(draw, kinds=KINDS, bx=True):
    kind = draw(st.sampled_from(kinds))
    leg = {"object": kind, "pt_gev": draw(thresholds(kind))}
    if bx and draw(st.integers(0, 5)) == 0:
        leg["bx"] = draw(st.integers(-2, 2))
    if kind in ("ETM", "HTT"):
        return leg
    if draw(st.integers(0, 9)) == 0:
        leg["compare"] = "eq"
    cuts = {
        "eta": st.lists(eta_windows(kind), min_size=1, max_size=2),
        "phi_rad": st.lists(phi_windows(kind), min_size=1, max_size=2),
    }
    if kind == "MU":
        cuts |= {
            "quality": st.just([12, 15]),
            "upt_gev": st.sampled_from([[[0.0, 255.0]], [[7.0, 14.0]], [[-1.0, 0.0], [14.0, 255.0]]]),
            "index": st.sampled_from([[[0, 17]], [[18, 35], [100, 107]]]),
            "ip": st.sampled_from([[1, 2], [0]]),
            "charge": st.sampled_from(["positive", "negative"]),
            "iso": st.just([0, 3]),
        }
    elif kind == "JET":
        cuts["displaced"] = st.just([1])
    else:
        cuts["iso"] = st.sampled_from([[1, 3], [2]])
    for name in draw(st.lists(st.sampled_from(sorted(cuts)), max_size=2, unique=True)):
        leg[name] = draw(cuts[name])
    return leg


WINDOWS = {
    "deta": [[0.0, 1.6], [0.3, 5.0], [0.0, 0.0]],
    "dphi_rad": [[2.618, 3.142], [0.0, 0.8]],
    "dr": [[0.0, 1.4000000000000001], [0.4, 9.0], [0.0, 0.2]],
    "mass_gev": [[0.0, 12.0], [7.0, 18.0], [100.0, 151982.0]],
    "mass_upt_gev": [[0.0, 30.0], [5.0, 1000.0]],
    "mass_t_gev": [[40.0, 151982.0], [0.0, 20.0]],
    "mass_over_dr_gev": [[0.0, 20.0], [10.0, 1000.0]],
    "pair_pt_gev": [[5.0, 1000000.0], [0.0, 30.0]],
}
NEEDS_ETA = {"deta", "dr", "mass_gev", "mass_over_dr_gev"}


def _with_charges(draw, condition):
    muons = sum(leg["object"] == "MU" for leg in condition["objects"])
    if muons and draw(st.booleans()):
        condition["charges"] = draw(st.sampled_from(["same", "opposite"] if muons > 1 else ["same"]))


@st.composite
def combinations(draw):
    condition = {"objects": draw(st.lists(legs((*KINDS, "HTT")), min_size=1, max_size=4))}
    if draw(st.booleans()):
        # Many of one kind, which is what menus ask for.
        leg = draw(legs(bx=False))
        condition = {
            "objects": [
                leg,
                *[{**leg, "pt_gev": draw(thresholds(leg["object"]))} for _ in range(draw(st.integers(0, 3)))],
            ]
        }
    _with_charges(draw, condition)
    return condition


@st.composite
def pairs(draw):
    kinds = draw(st.sampled_from([KINDS, ("MU",), ("JET",), ("MU", "JET", "ETM")]))
    condition = {"objects": [draw(legs(kinds)), draw(legs(kinds))]}
    if draw(st.booleans()):
        condition["objects"][1] = dict(condition["objects"][0])
    seen = {leg["object"] for leg in condition["objects"]}
    possible = [k for k in WINDOWS if not (k in NEEDS_ETA and "ETM" in seen)]
    possible = [k for k in possible if k != "mass_upt_gev" or seen == {"MU"}]
    for key in draw(st.lists(st.sampled_from(possible), min_size=1, max_size=2, unique=True)):
        condition[key] = draw(st.sampled_from(WINDOWS[key]))
    _with_charges(draw, condition)
    return condition


@st.composite
def triples(draw):
    kind = draw(st.sampled_from([("MU",), ("JET",), ("EG",)]))
    condition = {
        "objects": [draw(legs(kind)) for _ in range(3)],
        "mass_gev": draw(st.sampled_from(WINDOWS["mass_gev"])),
    }
    _with_charges(draw, condition)
    return condition


@st.composite
def overlaps(draw):
    condition = draw(st.one_of(combinations(), pairs(), triples()))
    if any(leg["object"] in ("HTT", "ETM") for leg in condition["objects"]):
        condition["objects"] = [{"object": "JET", "pt_gev": 0.5}]
        condition = {"objects": condition["objects"]}
    # Often of a kind with the objects: then it must be another one.
    kinds = draw(st.sampled_from([KINDS, tuple(leg["object"] for leg in condition["objects"])]))
    removal = {"reference": draw(legs(kinds))}
    for key in draw(st.lists(st.sampled_from(["dr", "deta", "dphi_rad"]), min_size=1, max_size=2, unique=True)):
        removal[key] = draw(st.sampled_from(WINDOWS[key]))
    condition["remove_overlap"] = removal
    return condition


conditions = st.one_of(legs(), combinations(), pairs(), triples(), overlaps())


@st.composite
def families(draw):
    """A condition and relatives of it, tighter and looser ones, which the compiler decides with its help."""
    first = draw(st.one_of(pairs(), triples(), overlaps(), combinations()))
    family = [first]
    for _ in range(draw(st.integers(1, 4))):
        one = {**draw(st.sampled_from(family))}
        one["objects"] = [dict(leg) for leg in one["objects"]]
        change = draw(st.sampled_from(["threshold", "window", "charges", "overlap", "cut"]))
        leg = draw(st.sampled_from(one["objects"]))
        if change == "threshold":
            leg["pt_gev"] = draw(thresholds(leg["object"]))
        elif change == "cut":
            leg.pop(draw(st.sampled_from(["eta", "quality", "charge", "iso", "upt_gev"])), None)
        elif change == "window":
            for key in sorted(set(one) & set(WINDOWS)):
                one[key] = draw(st.sampled_from(WINDOWS[key]))
        elif change == "charges":
            one.pop("charges", None)
            _with_charges(draw, one)
        elif draw(st.booleans()):
            one.pop("remove_overlap", None)
        family.append(one)
    return draw(st.permutations(family))
