"""Vertex, mitigated towers, window jets, e/gamma, muons and sums against slow formulas of docs/objects.md."""

import math
import os

import numpy as np
import pytest
from crossings import toy_crossings

from trigsim.objects import Muons, ObjectSettings, reconstruct
from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import EDGE, WIDE, outputs, workspace
from trigsim.objects.settings import parameters

SETTINGS = ObjectSettings()
CROSSINGS = 2 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 8
ETA = (np.arange(116) - 57.5) * 0.087
PHI = (np.arange(72) + 0.5) * 2 * np.pi / 72


def slow_vertex(tracks, own):
    histogram = np.zeros(512)
    for t in own:
        histogram[math.floor(tracks.z0[t] / 16) + 256] += min(tracks.pt[t], 1600)
    windows = [histogram[b - 1 : b + 2].sum() for b in range(1, 511)]
    best = int(np.argmax(windows)) + 1
    moment = (histogram[best + 1] - histogram[best - 1]) * 16
    return (best - 256) * 16 + 8 + math.floor(moment / windows[best - 1]), windows[best - 1]


def slow_grids(tracks, own, z):
    """Charged pT of all and of vertex tracks at the calorimeter's face, and of vertex tracks at the vertex."""
    charged, near, direct = np.zeros((116, 72), int), np.zeros((116, 72), int), np.zeros((116, 72), int)
    chosen = []
    for t in own:
        eta, pt = tracks.eta[t] * 0.087 / 128, tracks.pt[t] / 32
        row = math.floor(tracks.eta[t] / 128) + 58
        centre = abs(ETA[row])
        if centre > SETTINGS.tracker_abs_eta:
            continue
        reach = min(SETTINGS.calorimeter_radius_mm, SETTINGS.calorimeter_half_length_mm / math.sinh(centre))
        x = 0.5 * 0.299792458e-3 * SETTINGS.field_tesla * reach / pt
        bend = int(x * (1 + x * x / 6) / (2 * math.pi) * 9216 + 1e-9)
        column = (tracks.phi[t] - tracks.charge[t] * bend) % 9216 // 128
        charged[row, column] += tracks.pt[t]
        window = SETTINGS.window_mm + SETTINGS.window_forward_mm * (math.cosh(centre) - 1)
        if abs(tracks.z0[t] - z) < math.floor(window * 16):
            chosen.append(t)
            for r in range(max(row - 3, 0), min(row + 4, 116)):
                near[r, np.arange(column - 3, column + 4) % 72] += tracks.pt[t]
            direct[row, tracks.phi[t] // 128] += math.floor(tracks.pt[t] / 4 + 0.5)
        assert abs(eta) < 2.5
    return charged, near, direct, chosen


def box(grid, row, column, wing):
    rows = slice(max(row - wing, 0), min(row + wing + 1, 116))
    return grid[rows][:, np.arange(column - wing, column + wing + 1) % 72]


def slow_clean(towers, charged, near):
    clean = np.zeros((116, 72), int)
    for row in range(116):
        tracked = abs(ETA[row]) < SETTINGS.tracker_abs_eta
        rest = np.maximum(towers[row] - charged[row] // 4, 0).astype(int)
        capped = np.minimum(rest, 2 * rest.sum() // 72 + 1)
        density = capped.sum() // 72
        sigmas = SETTINGS.noise_sigmas if tracked else SETTINGS.forward_noise_sigmas
        least = max(int(sigmas * np.abs(capped - density).sum() / 72), 8)
        for c in range(72):
            excess = rest[c] - density
            if excess < least:
                continue
            if tracked:
                smear = SETTINGS.hadron_smearing * math.sqrt(charged[row, c] // 4 / 8)
                if near[row, c] == 0 or excess / 8 < smear:
                    continue
                excess = int(excess * near[row, c] // max(box(charged, row, c, 3).sum(), 1))
            if excess >= (8 if tracked else least):
                clean[row, c] = excess
    return clean


def later(row, column, r, c):
    """Whether a neighbour of equal energy comes later in row, then column order, across the seam in phi."""
    step = (c - column + 36) % 72 - 36
    return r > row or (r == row and step > 0)


def is_peak(grid, row, column, wing):
    return all(
        grid[r, c % 72] < grid[row, column]
        or (grid[r, c % 72] == grid[row, column] and not later(row, column, r, c))
        for r in range(max(row - wing, 0), min(row + wing + 1, 116))
        for c in range(column - wing, column + wing + 1)
        if (r, c) != (row, column)
    )


def slow_objects(towers, hadronic, tracks, own):
    z, total = slow_vertex(tracks, own)
    charged, near, direct, chosen = slow_grids(tracks, own, z)
    clean = slow_clean(towers, charged, near) + direct
    jets = []
    for row, column in np.argwhere(clean >= 32):
        et = box(clean, row, column, 4).sum()
        if et >= 120 and is_peak(clean, row, column, 4):
            jets.append((et, row, column))
    central = [j for j in jets if j[0] >= 240 and abs(ETA[j[1]]) < SETTINGS.tracker_abs_eta]
    front = towers - hadronic
    mean = front.sum(axis=1) // 72
    photons = []
    for row in np.flatnonzero(np.abs(ETA) < SETTINGS.tracker_abs_eta):
        for column in np.flatnonzero(front[row] >= 40 + mean[row]):
            sides = [(row, (column - 1) % 72), (row, (column + 1) % 72), (row - 1, column), (row + 1, column)]
            second = max(sides, key=lambda side: front[side])
            et = front[row, column] + front[second] - 2 * front[row].sum() // 72
            leak = hadronic[row, column] + hadronic[second] - 2 * hadronic[row].sum() // 72
            if et >= 80 and 8 * leak <= et and is_peak(front, row, column, 1):
                around = box(towers, row, column, 2).sum() - 25 * towers[row].sum() // 72 - et
                photons.append((et, row, column, int(5 * around <= et)))
    tracked = clean[np.abs(ETA) < SETTINGS.tracker_abs_eta].sum()
    missing = [
        -(np.array([j[0] for j in central]) * f([PHI[j[2]] for j in central])).sum() for f in (np.cos, np.sin)
    ]
    vector = [-(clean.sum(axis=0) * f(PHI)).sum() for f in (np.cos, np.sin)]
    return {
        "clean": clean,
        "VTX": (z, total // 8, len(chosen)),
        "JET": sorted(((int(e) // 2, 2 * r - 115, 2 * c + 1) for e, r, c in jets), reverse=True),
        "EG": sorted(((int(e) // 2, 2 * r - 115, 2 * c + 1, i) for e, r, c, i in photons), reverse=True),
        "HT": sum(j[0] for j in central) // 2,
        "ET": tracked // 2,
        "MHT": missing,
        "ETM": vector,
    }


@pytest.fixture(scope="module", params=["quiet", "busy"])
def crossings(request):
    """Each crossing's objects, mitigated towers and slow objects."""
    tracks = {"quiet": 5, "busy": 200}[request.param]
    given = toy_crossings(CROSSINGS, 11, pile_up_tracks=tracks)
    objects = reconstruct(*given)
    towers, hadronic, track, ends = given[:4]
    work, out, par = workspace(1000), outputs(1), parameters(SETTINGS)
    found = []
    for i in range(CROSSINGS):
        reconstruct_crossing(par, towers[i], hadronic[i], track, ends[i], ends[i + 1], given[4], 0, 0, work, out, 0)
        fields = {name: {k: v[i] for k, v in c.fields.items()} for name, c in objects.collections.items()}
        own = range(ends[i], ends[i + 1])
        clean = work.clean.reshape(72, WIDE)[:, EDGE : EDGE + 116].T.copy()
        found.append((fields, clean, slow_objects(towers[i].astype(int), hadronic[i].astype(int), track, own)))
    return found


def test_vertex(crossings):
    for fields, _, slow in crossings:
        assert (fields["VTX"]["z"][0], fields["VTX"]["sum_pt"][0], fields["VTX"]["n_tracks"][0]) == slow["VTX"]


def test_mitigated_towers(crossings):
    for _, clean, slow in crossings:
        np.testing.assert_array_equal(clean, slow["clean"])


def test_jets_and_photons(crossings):
    for fields, _, slow in crossings:
        for name in ("JET", "EG"):
            columns = [
                fields[name][k] for k in (("pt", "eta", "phi", "iso") if name == "EG" else ("pt", "eta", "phi"))
            ]
            ours = [tuple(int(x) for x in row) for row in zip(*columns, strict=True) if row[0]]
            assert [j[0] for j in ours] == [j[0] for j in slow[name]][:12]
            # Which of equally hard ones comes first, or falls out at the end, is a matter of order.
            last = ours[-1][0] if len(ours) == 12 else 0
            assert sorted(j for j in ours if j[0] > last) == sorted(j for j in slow[name] if j[0] > last)


def test_sums(crossings):
    for fields, _, slow in crossings:
        assert fields["HT"]["pt"][0] == slow["HT"]
        assert fields["ET"]["pt"][0] == slow["ET"]
        for name in ("MHT", "ETM"):
            x, y = slow[name]
            # Rounded down and to the nearest; the last bit of float64 may decide at an edge.
            assert abs(fields[name]["pt"][0] + 0.5 - math.hypot(x, y) / 2) <= 0.5 + 1e-9
            turn = math.atan2(y, x) / (2 * math.pi) * 144 - fields[name]["phi"][0]
            assert abs((turn + 72) % 144 - 72) <= 0.5 + 1e-9


def test_a_jet_on_the_seam_is_found_once():
    towers = np.zeros((1, 116, 72), np.int32)
    # Beyond the tracker; two equal maxima across the seam in phi.
    towers[0, 100, [71, 0]] = 400
    given = toy_crossings(1, 1)
    no_tracks = given[2]._replace(**{k: v[:0] for k, v in given[2]._asdict().items()})
    none = np.zeros(2, np.int64)
    jets = reconstruct(towers, 0 * towers, no_tracks, none, given[4], none).collections["JET"].fields
    assert (jets["pt"][0] > 0).sum() == 1
    assert jets["eta"][0, 0] == 2 * 100 - 115


def test_muons_are_sorted_and_rounded():
    given = toy_crossings(1, 1)
    pt = np.array([8, 40, 12, 40, 9, 10, 11, 13, 14, 15], np.int32)
    eta = np.array([0, 8, -8, 7, -9, 100, 0, 0, 0, 0], np.int32)
    phi = np.array([0, 9215, 8, 7, 24, 0, 0, 0, 0, 0], np.int32)
    charge = np.where(np.arange(10) % 2, -1, 1).astype(np.int32)
    muons = Muons(pt, eta, phi, charge)
    mu = reconstruct(*given[:4], muons, np.array([0, 10])).collections["MU"].fields
    assert mu["pt"][0].tolist() == [40, 40, 15, 14, 13, 12, 11, 10]
    # One step is 16 fine ones; halves go up; phi wraps.
    assert mu["eta"][0, [0, 1, 5]].tolist() == [1, 0, 0]
    assert mu["phi"][0, [0, 1, 5]].tolist() == [0, 0, 1]
    assert mu["charge"][0, [0, 1, 5]].tolist() == [1, 1, 0]
    assert (mu["charge_valid"][0] == 1).all()
