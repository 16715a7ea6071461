"""The 39 features against slow independent formulas, and the substructure also against FastJet contrib."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import outputs, workspace
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.tagger.feature_kernels import candidate_features, d0_variance
from trigsim.tagger.features import FEATURES, NAMES, compute, d0_table

sys.path.insert(0, str(Path(__file__).parents[1] / "objects"))
import fastjet_oracle
from crossings import toy_crossings

D0 = d0_table([1.2, 2.4], [0.02, 0.03], [0.1, 0.15])
TRACK_FEATURES = [f.name.removeprefix("tj1_") for f in FEATURES if f.group == "track_jet_1"]


def candidates(n=12, seed=2, **toy):
    """Yield (workspace, slot, features) of all large-R jets."""
    given = toy_crossings(n, seed, **toy)
    towers, hadronic, tracks, ends, muons, _ = given
    work, out, par = workspace(1000), outputs(n), parameters(ObjectSettings())
    for i in range(n):
        found = reconstruct_crossing(
            par, towers[i], hadronic[i], tracks, ends[i], ends[i + 1], muons, 0, 0, work, out, i
        )
        for slot in range(found):
            row = np.zeros(39, np.int32)
            candidate_features(work, slot, np.ones(39, bool), *D0, row)
            yield work, slot, dict(zip(NAMES, row, strict=True))


def four_vectors(work, chosen):
    return np.stack([work.px[chosen], work.py[chosen], work.pz[chosen], work.energy[chosen]])


def constituents(work, slot):
    return four_vectors(work, work.constituent[work.fat_start[slot] : work.fat_start[slot + 1]])


def directions(p):
    """Rapidity and azimuth."""
    return 0.5 * np.log((p[3] + p[2]) / (p[3] - p[2])), np.arctan2(p[1], p[0])


def distance(p, q):
    (y1, phi1), (y2, phi2) = directions(p), directions(q)
    return np.hypot(y1 - y2, (phi1 - phi2 + np.pi) % (2 * np.pi) - np.pi)


def kinematics(p):
    pt = math.hypot(p[0], p[1])
    return pt, math.asinh(p[2] / pt), math.sqrt(max(p[3] ** 2 - p[0] ** 2 - p[1] ** 2 - p[2] ** 2, 0))


def slow_substructure(p):
    """C2, D2, tau1, tau2, tau3, sqrt(d12), sqrt(d23) by the definitions, pair by pair."""
    pt = np.hypot(p[0], p[1])
    z = pt / pt.sum()
    r = distance(p[:, :, None], p[:, None, :])
    e2 = np.einsum("i,j,ij->", z, z, r) / 2
    e3 = np.einsum("i,j,k,ij,ik,jk->", z, z, z, r, r, r, optimize=True) / 6
    axes, scales = {}, {}
    jets = [p[:, k] for k in range(p.shape[1])]
    while jets:
        axes[len(jets)] = np.array(jets).T
        if len(jets) == 1:
            break
        pairs = [
            (min(np.hypot(*a[:2]), np.hypot(*b[:2])) * float(distance(a, b)), i, j)
            for i, a in enumerate(jets)
            for j, b in enumerate(jets[:i])
        ]
        scale, i, j = min(pairs)
        scales[len(jets) - 1] = scale
        jets[j] = jets[j] + jets[i]
        del jets[i]
    taus = [
        float(z @ distance(p[:, :, None], axes[k][:, None, :]).min(axis=1)) if k in axes else 0.0 for k in (1, 2, 3)
    ]
    return [e3 / e2**2, e3 / e2**3, *taus, scales.get(1, 0.0), scales.get(2, 0.0)]


def slow_track_jet(work, t, axis):
    """All 13 features of a track jet by their definitions."""
    own = np.flatnonzero(work.track_label[: work.counts[0]] == t)
    p = four_vectors(work, own)
    whole = p.sum(axis=1)
    pt, eta, mass = kinematics(whole)
    track_pt, phi, track_eta = np.hypot(p[0], p[1]), np.arctan2(p[1], p[0]), np.arcsinh(p[2] / np.hypot(p[0], p[1]))
    ring = (np.abs(track_eta) / 0.087).astype(int)
    sin_theta = np.sin(2 * np.arctan(np.exp(-track_eta)))
    sigma = np.hypot(D0[0][ring], D0[1][ring] / (track_pt * np.sqrt(sin_theta)))
    jet_phi = math.atan2(whole[1], whole[0])
    # The point of closest approach is d0 (sin, -cos); positive when it lies ahead along the jet.
    ahead = work.d0[own] * (np.sin(phi) * math.cos(jet_phi) - np.cos(phi) * math.sin(jet_phi))
    s = np.where(ahead < 0, -1, 1) * np.abs(work.d0[own]) / sigma
    chosen = s > 2
    sv_mass = sv_fraction = lxy = 0.0
    if chosen.sum() >= 2:
        sv = p[:, chosen].sum(axis=1)
        sv_mass, sv_fraction = kinematics(sv)[2], sv[3] / whole[3]
        design = np.column_stack([np.sin(phi), -np.cos(phi)])[chosen] / sigma[chosen, None]
        cov = np.linalg.inv(design.T @ design)
        vertex = cov @ design.T @ (work.d0[own] / sigma)[chosen]
        u = np.array([math.cos(jet_phi), math.sin(jet_phi)])
        lxy = (vertex @ u) / math.sqrt(u @ cov @ u)
    leading = np.append(np.sort(s)[::-1], np.zeros(3))[:3]
    values = [pt, eta, float(distance(whole, axis)), mass, len(own), chosen.sum(), *leading, s.sum()]
    return dict(zip(TRACK_FEATURES, [*values, sv_mass, sv_fraction, lxy], strict=True))


def assert_feature(name, hw, value):
    """Our integer is the nearest of `value`, saturated; a hair of float64 may move a tie."""
    scale = FEATURES[NAMES.index(name)].scale
    wanted = np.clip(value / scale.lsb, scale.minimum, scale.maximum)
    assert abs(hw - wanted) <= 0.5 + 1e-6 * max(1, abs(wanted)), (name, hw, wanted)


def test_there_are_39_in_the_order_of_the_design():
    assert len(FEATURES) == 39
    assert len(set(NAMES)) == 39
    assert [len([f for f in FEATURES if f.name.startswith(p)]) for p in ("fat_", "tj1_", "tj2_", "pair_")] == [
        11,
        13,
        13,
        2,
    ]


def test_the_page_states_the_scales():
    page = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    for column, feature in enumerate(FEATURES):
        cells = next(
            line for line in page.splitlines() if line.startswith(f"| {column} | `{feature.name}` |")
        ).split("|")
        base, _, power = cells[6].strip().partition("^")
        scale = feature.scale
        assert float(base) ** float(power or 1) == scale.lsb
        assert cells[7].strip() == f"{scale.bits}{' s' if scale.signed else ''}"
        assert cells[8].strip() == f"{scale.minimum * scale.lsb:g} … {scale.maximum * scale.lsb:g}"
        assert cells[4].strip() == feature.formula


def test_every_feature_is_its_definition():
    seen = 0
    for work, slot, found in candidates():
        p = constituents(work, slot)
        axis = p.sum(axis=1)
        pt, eta, mass = kinematics(axis)
        c2, d2, tau1, tau2, tau3, d12, d23 = slow_substructure(p)
        z = np.hypot(p[0], p[1]) / np.hypot(p[0], p[1]).sum()
        expected = {
            "fat_pt": pt, "fat_eta": eta, "fat_mass": mass, "fat_c2": c2, "fat_d2": d2, "fat_tau21": tau2 / tau1,
            "fat_tau32": tau3 / tau2, "fat_sqrt_d12": d12, "fat_sqrt_d23": d23, "fat_n": p.shape[1],
            "fat_width": z @ distance(p, axis[:, None]),
        }  # fmt: skip
        inside = [t for t in range(work.counts[2]) if work.track_jet_fat[t] == slot][:2]
        jets = [work.track_jet[t].copy() for t in inside]
        for rank, t in enumerate(inside):
            for name, value in slow_track_jet(work, t, axis).items():
                expected[f"tj{rank + 1}_{name}"] = value
        if len(jets) == 2:
            expected |= {"pair_dr": float(distance(*jets)), "pair_mass": kinematics(jets[0] + jets[1])[2]}
        for name in NAMES:
            assert_feature(name, found[name], expected.get(name, 0.0))
        seen += len(expected) == 39
    assert seen >= 10


def test_substructure_is_that_of_fastjet_contrib():
    seen = 0
    for work, slot, found in candidates(8, seed=3):
        c2, d2, tau1, tau2, tau3, d12, d23 = fastjet_oracle.substructure(constituents(work, slot))
        for name, value in {
            "fat_c2": c2, "fat_d2": d2, "fat_tau21": tau2 / tau1, "fat_tau32": tau3 / tau2, "fat_sqrt_d12": d12,
            "fat_sqrt_d23": d23,
        }.items():  # fmt: skip
            assert_feature(name, found[name], value)
        seen += 1
    assert seen >= 10


def test_only_the_wanted_features_are_written_and_they_are_the_same():
    for work, slot, found in candidates(3):
        for column, name in enumerate(NAMES):
            row = np.full(39, -12345, np.int32)
            candidate_features(work, slot, np.arange(39) == column, *D0, row)
            assert row[column] == found[name]
            assert (np.delete(row, column) == -12345).all()


def test_sigma_d0_has_the_square_root_of_sin_theta():
    eta, pt = 1.5, 3.0
    theta = 2 * math.atan(math.exp(-eta))
    wanted = D0[0][17] ** 2 + (D0[1][17] / (pt * math.sqrt(math.sin(theta)))) ** 2
    assert d0_variance(pt, eta, math.cosh(eta), *D0) == pytest.approx(wanted, rel=1e-12)


def test_without_track_jets_their_features_are_zero():
    given = toy_crossings(4, 5)
    rows = compute(*given, D0, settings=ObjectSettings(track_jet_min=5000.0)).hw
    assert len(rows) >= 4
    assert not rows[:, 11:].any()
    assert rows[:, :11].all(axis=0).any()


def test_compute_returns_the_candidates_of_the_crossings():
    given = toy_crossings(4, 6)
    found = compute(*given, D0, names=["fat_pt"])
    assert len(found) >= 6
    pt = found.objects.collections["FATJET"].fields["pt"]
    np.testing.assert_array_equal(found.hw[:, 0], pt[found.crossing, found.slot])
    assert not found.hw[:, 1:].any()
    assert (pt > 0).sum() == len(found)


def test_what_does_not_fit_is_refused():
    given = toy_crossings(1, 7)
    with pytest.raises(InputError, match="tj3_pt"):
        compute(*given, D0, names=["tj3_pt"])
    with pytest.raises(InputError, match="shape"):
        compute(*given, D0.T)
    with pytest.raises(InputError, match="everywhere"):
        compute(*given, -D0)
    with pytest.raises(InputError, match="differ in length"):
        d0_table([1.0], [0.1, 0.2], [0.1])
