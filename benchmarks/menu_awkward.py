"""Twenty seeds of the CMS 2024 menu as an analyst writes them: the peer of `trigsim bench menu`.

    python benchmarks/menu_awkward.py --vectors L1Menu_Collisions2024_v1_3_0.ttBar.tv.txt.gz --crossings 3564 200000

Prints JSON: crossings a second for each length of the arrays, and how often each seed fires. The arrays are built
before the clock starts; best of three. Physical units, bin centres, no look-up tables: nearly the
hardware's decisions.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import awkward as ak
import numpy as np
import vector

from trigsim.menu.readers import read

vector.register_awkward()
CALO_ETA, CALO_PHI, MUON_ETA, MUON_PHI = 0.0435, 2 * math.pi / 144, 0.010875, 2 * math.pi / 576
SINGLE_QUALITY, DOUBLE_QUALITY = 12, 8


def jagged(collection, pt_offset, eta_step, phi_step, eta_shift, extra=()):
    """Objects that are there, as massless four-vectors in GeV and rad at bin centres."""
    fields = collection.fields
    there = fields["pt"] > 0
    record = {
        "pt": 0.5 * (fields["pt"] + pt_offset),
        "eta": (fields["eta"] + eta_shift) * eta_step,
        "phi": (fields["phi"] + 0.5) * phi_step,
        "mass": np.zeros(there.shape),
    }
    record |= {name: fields[name] for name in extra}
    counts = there.sum(axis=1)
    flat = {name: array[there] for name, array in record.items()}
    return ak.zip({name: ak.unflatten(array, counts) for name, array in flat.items()}, with_name="Momentum4D")


def build(collections):
    """Return what the seeds look at."""
    calo = (0, CALO_ETA, CALO_PHI, 0.5)
    sums = {name: collections[name].fields["pt"][:, 0] * 0.5 for name in ("HTT", "ETMHF", "ETM")}
    phi = {name: (collections[name].fields["phi"][:, 0] + 0.5) * CALO_PHI for name in ("ETMHF", "ETM")}
    return {
        "mu": jagged(collections["MU"], -1, MUON_ETA, MUON_PHI, 0.0, ("quality", "charge", "charge_valid")),
        "eg": jagged(collections["EG"], *calo, ("iso",)),
        "tau": jagged(collections["TAU"], *calo, ("iso",)),
        "jet": jagged(collections["JET"], *calo),
        "sums": sums,
        "phi": phi,
    }


def at_least(objects, *thresholds):
    """Whether the objects, taken from the hardest down, pass the thresholds."""
    pt = ak.sort(objects.pt, ascending=False)
    pt = ak.fill_none(ak.pad_none(pt, len(thresholds)), -1)
    return np.all([ak.to_numpy(pt[:, i]) >= t for i, t in enumerate(thresholds)], axis=0)


def any_pair(objects, cut):
    """Whether two different objects meet the cut."""
    one, other = ak.unzip(ak.combinations(objects, 2))
    return ak.any(cut(one, other), axis=1)


def opposite(one, other):
    return (one.charge != other.charge) & (one.charge_valid == 1) & (other.charge_valid == 1)


def seeds(data):
    """Return the decisions of the twenty seeds."""
    mu, eg, tau, jet, sums, phi = (data[name] for name in ("mu", "eg", "tau", "jet", "sums", "phi"))
    good = mu[mu.quality >= SINGLE_QUALITY]
    fair = mu[mu.quality >= DOUBLE_QUALITY]
    eg25, jet25 = eg[abs(eg.eta) < 2.523], jet[abs(jet.eta) < 2.523]
    tau21 = tau[(abs(tau.eta) < 2.1315) & (tau.iso >= 1)]
    out = {}
    out["L1_SingleMu22"] = at_least(good, 22)
    out["L1_DoubleMu_15_7"] = at_least(fair, 15, 7)
    four = good[good.pt >= 4.5]
    out["L1_DoubleMu4p5_SQ_OS_dR_Max1p2"] = any_pair(four, lambda a, b: opposite(a, b) & (a.deltaR(b) < 1.2))
    central = four[abs(four.eta) < 2.0]
    out["L1_DoubleMu4p5er2p0_SQ_OS_Mass_7to18"] = any_pair(
        central, lambda a, b: opposite(a, b) & ((a + b).mass > 7) & ((a + b).mass < 18)
    )
    out["L1_TripleMu_5_3_3"] = at_least(fair, 5, 3, 3)
    a, b, c = ak.unzip(ak.combinations(fair, 3))
    light = (a + b + c).mass < 12
    in_order = (a.quality >= SINGLE_QUALITY) & (b.quality >= SINGLE_QUALITY) & (a.pt >= 3) & (b.pt >= 2.5)
    out["L1_TripleMu_3SQ_2p5SQ_0_Mass_Max12"] = ak.any(light & in_order, axis=1)
    out["L1_SingleEG36er2p5"] = at_least(eg25, 36)
    out["L1_SingleIsoEG28er2p1"] = at_least(eg[(abs(eg.eta) < 2.1315) & ((eg.iso & 1) == 1)], 28)
    out["L1_DoubleEG_25_12_er2p5"] = at_least(eg25, 25, 12)
    out["L1_DoubleEG11_er1p2_dR_Max0p6"] = any_pair(
        eg[(eg.pt >= 11) & (abs(eg.eta) < 1.218)], lambda a, b: a.deltaR(b) < 0.6
    )
    iso = eg25[((eg25.iso & 1) == 1) & (eg25.pt >= 32)]
    mt2 = 2 * iso.pt * sums["ETM"] * (1 - np.cos(iso.phi - phi["ETM"]))
    out["L1_IsoEG32er2p5_Mt40"] = ak.any(mt2 > 40**2, axis=1) & (sums["ETM"] >= 10)
    out["L1_DoubleIsoTau34er2p1"] = at_least(tau21, 34, 34)
    out["L1_SingleJet180er2p5"] = at_least(jet25, 180)
    out["L1_DoubleJet112er2p3_dEta_Max1p6"] = any_pair(
        jet[(jet.pt >= 112) & (abs(jet.eta) < 2.3055)], lambda a, b: abs(a.eta - b.eta) < 1.6
    )
    out["L1_DoubleJet30er2p5_Mass_Min250_dEta_Max1p5"] = any_pair(
        jet25[jet25.pt >= 30], lambda a, b: ((a + b).mass > 250) & (abs(a.eta - b.eta) < 1.5)
    )
    out["L1_HTT320er_QuadJet_70_55_40_40_er2p5"] = at_least(jet[abs(jet.eta) < 2.436], 70, 55, 40, 40) & (
        sums["HTT"] >= 320
    )
    near, other = ak.unzip(ak.cartesian([good[good.pt >= 3], jet25[jet25.pt >= 60]]))
    out["L1_Mu3_Jet60er2p5_dR_Max0p4"] = ak.any(near.deltaR(other) < 0.4, axis=1)
    hard = jet25[jet25.pt >= 60]
    turned = abs((hard.phi - phi["ETMHF"] + math.pi) % (2 * math.pi) - math.pi)
    out["L1_ETMHF90_SingleJet60er2p5_dPhi_Min2p1"] = ak.any(turned > 2.094, axis=1) & (sums["ETMHF"] >= 90)
    out["L1_HTT360er"] = sums["HTT"] >= 360
    taus = tau21[tau21.pt >= 26]
    reference = jet[jet.pt >= 55]
    tau_of, jet_of = ak.unzip(ak.cartesian([reference, taus], nested=True))
    free = ak.sum(tau_of.deltaR(jet_of) > 0.5, axis=-1) >= 2
    out["L1_DoubleIsoTau26er2p1_Jet55_RmOvlp_dR0p5"] = ak.any(free, axis=1)
    return {name: ak.to_numpy(values) for name, values in out.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--crossings", type=int, nargs="+", default=[200_000])
    options = parser.parse_args()
    (recorded,) = read(options.vectors)
    speeds, agree = {}, {}
    for crossings in options.crossings:
        data = build(repeated(recorded, crossings))
        best = math.inf
        for _ in range(3):
            started = time.perf_counter()
            decisions = seeds(data)
            best = min(best, time.perf_counter() - started)
        speeds[crossings] = crossings / best
        agree = {name: float(np.mean(values[: len(recorded)])) for name, values in decisions.items()}
    json.dump({"crossings_per_s": speeds, "fractions": agree}, sys.stdout)


class Fields:
    """A collection with its rows repeated to a length."""

    def __init__(self, collection, crossings):
        self.fields = {
            name: np.tile(array, (-(-crossings // len(array)), 1))[:crossings]
            for name, array in collection.fields.items()
        }


def repeated(recorded, crossings):
    """Return the collections, repeated to a length."""
    return {name: Fields(c, crossings) for name, c in recorded.objects.collections.items()}


if __name__ == "__main__":
    main()
