"""Large-R jets and track jets of whole crossings: momenta, constituents and ghosts as FastJet has them."""

import os

import fastjet_oracle
import numpy as np
from clustering import partition
from crossings import toy_crossings

from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import MAX_TRACK_JETS, outputs, workspace
from trigsim.objects.settings import ObjectSettings, parameters

CROSSINGS = 2 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 12
SETTINGS = ObjectSettings()


def each_crossing(**toy):
    towers, hadronic, tracks, ends, muons, _ = toy_crossings(CROSSINGS, 21, **toy)
    work, out, par = workspace(1000), outputs(CROSSINGS), parameters(SETTINGS)
    for i in range(CROSSINGS):
        found = reconstruct_crossing(
            par, towers[i], hadronic[i], tracks, ends[i], ends[i + 1], muons, 0, 0, work, out, i
        )
        yield i, found, work, out


def vectors(work, first, last):
    return np.stack([work.px, work.py, work.pz, work.energy])[:, first:last]


def test_track_jets():
    for _, _, work, _ in each_crossing():
        n_tracks, _, n_jets, _ = work.counts
        p = vectors(work, 0, n_tracks)
        labels = fastjet_oracle.variable_r(p, 30.0, 0.02, 0.4, SETTINGS.track_jet_min)
        sizes = np.bincount(labels[labels >= 0])
        labels[np.isin(labels, np.flatnonzero(sizes < SETTINGS.track_jet_min_tracks))] = -1
        np.testing.assert_array_equal(partition(work.track_label[:n_tracks]), partition(labels))
        assert n_jets == (sizes >= SETTINGS.track_jet_min_tracks).sum() <= MAX_TRACK_JETS
        for t in range(n_jets):
            own = p[:, work.track_label[:n_tracks] == t]
            np.testing.assert_allclose(work.track_jet[t], own.sum(axis=1), rtol=1e-9)
            assert work.track_jet_tracks[t] == own.shape[1]
        pt = np.hypot(work.track_jet[:n_jets, 0], work.track_jet[:n_jets, 1])
        assert (np.diff(pt) <= 0).all()


def test_large_jets_and_their_ghosts():
    seen = 0
    for i, found, work, out in each_crossing():
        _, n_inputs, n_jets, n_fat = work.counts
        real = vectors(work, 0, n_inputs)
        p = np.concatenate([real, 1e-100 * work.track_jet[:n_jets].T], axis=1)
        labels = fastjet_oracle.antikt(p, 1.0, SETTINGS.fat_min)
        assert found == n_fat == min(labels.max() + 1, 6)
        assert (out.fatjet_pt[i] > 0).sum() == found
        for slot in range(n_fat):
            own = work.constituent[work.fat_start[slot] : work.fat_start[slot + 1]]
            np.testing.assert_array_equal(np.sort(own), np.flatnonzero(labels[:n_inputs] == slot))
            np.testing.assert_allclose(work.fat[slot], real[:, own].sum(axis=1), rtol=1e-9)
            ghosts = np.flatnonzero(labels[n_inputs:] == slot)
            np.testing.assert_array_equal(np.flatnonzero(work.track_jet_fat[:n_jets] == slot), ghosts)
            assert out.fatjet_n_track_jets[i, slot] == len(ghosts)
            seen += len(ghosts)
    assert seen >= 3 * CROSSINGS


def test_fields_are_the_momenta_on_their_scales():
    for i, found, work, out in each_crossing():
        for slot in range(found):
            px, py, pz, energy = work.fat[slot]
            pt = np.hypot(px, py)
            assert abs(out.fatjet_pt[i, slot] - pt / 0.25) <= 0.5
            assert abs(out.fatjet_eta[i, slot] - np.arcsinh(pz / pt) / 0.0435) <= 0.5
            turn = np.arctan2(py, px) / (2 * np.pi) * 144 - out.fatjet_phi[i, slot]
            assert abs((turn + 72) % 144 - 72) <= 0.5
            assert abs(out.fatjet_mass[i, slot] * 0.25 - np.sqrt(energy**2 - px**2 - py**2 - pz**2)) <= 0.126
        for t in range(min(work.counts[2], 12)):
            px, py, pz, energy = work.track_jet[t]
            pt = np.hypot(px, py)
            assert abs(out.trkjet_pt[i, t] - pt / 0.25) <= 0.5
            assert abs(out.trkjet_eta[i, t] - np.arcsinh(pz / pt) / (0.087 / 8)) <= 0.5
            turn = np.arctan2(py, px) / (2 * np.pi) * 576 - out.trkjet_phi[i, t]
            assert abs((turn + 288) % 576 - 288) <= 0.5
            assert abs(out.trkjet_mass[i, t] * 0.25 - np.sqrt(energy**2 - px**2 - py**2 - pz**2)) <= 0.126
            assert out.trkjet_fatjet[i, t] == work.track_jet_fat[t] + 1


def test_too_little_energy_makes_no_large_jet():
    for _, found, work, out in each_crossing(hard_pt=20.0):
        assert found == 0
        assert not out.fatjet_pt.any()
        assert (work.track_jet_fat[: work.counts[2]] == -1).all()
