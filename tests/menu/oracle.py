"""The rules of the CMS global trigger again, choice by choice, sharing no code with trigsim.

Every number is worked out from the written thresholds, windows and steps; every choice of objects is tried.
"""

import itertools
import math

TURN = 2 * math.pi

# (first number, lower edge of number 0, step, limit) of every binned field, and the overflow number.
PT = {
    "MU": (-0.5, 0.5, 511),
    "EG": (0, 0.5, 511),
    "TAU": (0, 0.5, 511),
    "JET": (0, 0.5, 2047),
    "ETM": (0, 0.5, 4095),
    "HTT": (0, 0.5, 4095),
}
MUONS = {"MU"}


def r(x, p):
    return math.floor(x * 10**p + 0.5)


def eta_edges(kind, number):
    if kind in MUONS:
        low, high, limit = (number - 0.5) * 0.010875, (number + 0.5) * 0.010875, 2.45
    else:
        low, high, limit = number * 0.0435, (number + 1) * 0.0435, 5.0
    return max(low, -limit), min(high, limit)


def in_window(low, high, window):
    """Bins that lie in the window as a whole; the windows of the tests end on bin edges."""
    return window[0] - 1e-9 <= low and high <= window[1] + 1e-9


def meets(leg, o):
    """Whether object `o` (field → number) meets a leg as written in YAML."""
    kind = leg["object"]
    start, step, top = PT[kind]
    lower = start + o["pt"] * step
    if leg.get("compare") == "eq":
        if abs(lower - leg["pt_gev"]) > 1e-9:
            return False
    elif lower < leg["pt_gev"] - 1e-9 and o["pt"] != top:
        return False
    if "eta" in leg and not any(in_window(*eta_edges(kind, o["eta"]), w) for w in leg["eta"]):
        return False
    if "phi_rad" in leg:
        n = 576 if kind in MUONS else 144
        low, high = o["phi"] * TURN / n, (o["phi"] + 1) * TURN / n

        def inside(w):
            if w[0] <= w[1]:
                return in_window(low, high, w)
            return low >= w[0] - 1e-9 or high <= w[1] + 1e-9

        if not any(inside(w) for w in leg["phi_rad"]):
            return False
    if "upt_gev" in leg and not any(in_window(o["upt"] - 1, o["upt"], w) for w in leg["upt_gev"]):
        return False
    if "index" in leg and not any(w[0] <= o["index"] <= w[1] for w in leg["index"]):
        return False
    for cut in ("iso", "quality", "ip", "displaced"):
        if cut in leg and o[cut] not in leg[cut]:
            return False
    if "charge" in leg:
        return o["charge_valid"] == 1 and o["charge"] == (leg["charge"] == "negative")
    return True


def pt_number(kind, number):
    """Bin centre in 0.1 GeV, halves up."""
    if kind in MUONS:
        return 0 if number == 0 else 5 * (number - 1) + 3
    return 5 * number + 3


def upt_number(number):
    return 0 if number == 0 else 10 * (number - 1) + 5


class Pair:
    """Integer quantities of two objects."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        (ka, oa), (kb, ob) = a, b
        self.muon = ka in MUONS or kb in MUONS
        self.math = 4 if self.muon else 3
        self.eta_step, self.n_phi = (0.010875, 576) if self.muon else (0.0435, 144)
        self.phi = [self.fine(k, o["phi"]) for k, o in (a, b)]
        d = abs(self.phi[0] - self.phi[1])
        self.i_phi = self.n_phi - d if d >= self.n_phi / 2 else d
        if "eta" in oa and "eta" in ob:
            self.i_eta = abs(self.fine(ka, oa["eta"]) - self.fine(kb, ob["eta"]))

    def fine(self, kind, number):
        return 4 * number + 2 if self.muon and kind not in MUONS else number

    def deta(self):
        return r(self.i_eta * self.eta_step, 3)

    def dphi(self):
        return r(self.i_phi * TURN / self.n_phi, 3)

    def dr2(self):
        return self.deta() ** 2 + self.dphi() ** 2

    def pts(self):
        return [pt_number(k, o["pt"]) for k, o in (self.a, self.b)]

    def angle(self):
        return r(math.cosh(self.i_eta * self.eta_step), self.math) - self.cos()

    def cos(self):
        return r(math.cos(self.i_phi * TURN / self.n_phi), self.math)

    def mass(self):
        p, q = self.pts()
        return p * q * self.angle()

    def mass_upt(self):
        return upt_number(self.a[1]["upt"]) * upt_number(self.b[1]["upt"]) * self.angle()

    def mass_t(self):
        p, q = self.pts()
        return p * q * (10**self.math - self.cos())

    def pair_pt2(self):
        p, q = self.pts()
        cos = [r(math.cos(n * TURN / self.n_phi), self.math) for n in self.phi]
        sin = [r(math.sin(n * TURN / self.n_phi), self.math) for n in self.phi]
        return (p * p + q * q) * 10 ** (2 * self.math) + 2 * p * q * (cos[0] * cos[1] + sin[0] * sin[1])


def mass_window(window, math_decimals):
    low, high = window
    unit = 10 ** (2 + math_decimals - 1)
    return math.floor(low * low / 2 * 10) * unit, math.ceil(high * high / 2 * 10) * unit


def pair_cuts(cuts, pair):
    """Yield whether each cut on the pair holds."""
    for key, value in (("deta", "deta"), ("dphi_rad", "dphi")):
        if key in cuts:
            low, high = cuts[key]
            yield math.floor(low * 1000) <= getattr(pair, value)() <= math.ceil(high * 1000)
    if "dr" in cuts:
        low, high = cuts["dr"]
        yield math.floor(low * low * 1000) * 1000 <= pair.dr2() <= math.ceil(high * high * 1000) * 1000
    for key, value in (("mass_gev", "mass"), ("mass_upt_gev", "mass_upt"), ("mass_t_gev", "mass_t")):
        if key in cuts:
            low, high = mass_window(cuts[key], pair.math)
            yield low <= getattr(pair, value)() <= high
    if "mass_over_dr_gev" in cuts:
        low, high = cuts["mass_over_dr_gev"]
        low, high = math.floor(low * low / 2 * 10), math.ceil(high * high / 2 * 10)
        # m^2/2 (10**(2 + math)) over dR^2 (10**6) against limits of one decimal, as fractions.
        yield (
            low * pair.dr2() * 10 ** (2 + pair.math)
            <= pair.mass() * 10**7
            <= high * pair.dr2() * 10 ** (2 + pair.math)
        )
    if "pair_pt_gev" in cuts:
        unit = 10 ** (2 + 2 * pair.math - 1)
        low, high = cuts["pair_pt_gev"]
        yield math.floor(low * low * 10) * unit <= pair.pair_pt2() <= math.ceil(high * high * 10) * unit


def charges_hold(wanted, muons):
    if not all(o["charge_valid"] for o in muons):
        return False
    signs = {o["charge"] for o in muons}
    return len(signs) <= 1 if wanted == "same" else len(signs) == 2


def holds(condition, rows, at):
    """Whether a condition as written holds for row `at`; rows are {kind: [objects]}."""
    if "objects" not in condition:
        condition = {"objects": [condition]}
    legs = [leg for leg in condition["objects"] for _ in range(leg.get("times", 1))]

    def candidates(leg):
        row = at + leg.get("bx", 0)
        return [(leg["object"], row, slot, o) for slot, o in enumerate(rows[row][leg["object"]]) if meets(leg, o)]

    pools = [candidates(leg) for leg in legs]
    overlap = condition.get("remove_overlap")
    references = candidates(overlap["reference"]) if overlap else [None]
    for choice in itertools.product(*pools):
        if len({c[:3] for c in choice}) < len(choice):
            continue
        muons = [o for kind, _, _, o in choice if kind in MUONS]
        if "charges" in condition and not charges_hold(condition["charges"], muons):
            continue
        if len(choice) == 3 and "mass_gev" in condition:
            pairs = [Pair((a[0], a[3]), (b[0], b[3])) for a, b in itertools.combinations(choice, 2)]
            low, high = mass_window(condition["mass_gev"], pairs[0].math)
            if not low <= sum(p.mass() for p in pairs) <= high:
                continue
        elif len(choice) == 2 and not all(pair_cuts(condition, _lazy(choice))):
            continue
        for reference in references:
            if reference is None:
                return True
            if any(c[:3] == reference[:3] for c in choice):
                continue
            if not any(
                any(pair_cuts({k: v for k, v in overlap.items() if k != "reference"}, _lazy((c, reference))))
                for c in choice
            ):
                return True
    return False


class _Lazy:
    """Builds the pair only when a cut asks for it: not all objects have phi."""

    def __init__(self, choice):
        self._choice, self._pair = choice, None

    def __getattr__(self, name):
        if self._pair is None:
            a, b = self._choice
            self._pair = Pair((a[0], a[3]), (b[0], b[3]))
        return getattr(self._pair, name)


def _lazy(choice):
    return _Lazy(choice)
