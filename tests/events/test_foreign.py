"""Bring your own events: LHE showered by Pythia, HepMC as it is."""

import math
from pathlib import Path

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.events.foreign import HepMC, slice_lhe
from trigsim.events.generate import generate
from trigsim.events.plan import load_plan
from trigsim.events.sample import TruthLabel

pytest.importorskip("pythia8mc", reason="needs the extra `generate`", exc_type=ImportError)
pytest.importorskip("pylhe", reason="needs the extra `generate`")
pyhepmc = pytest.importorskip("pyhepmc", reason="needs the extra `generate`")

DETECTORS = Path(__file__).parents[2] / "configs" / "detectors"


def write_lhe(path, events):
    """Write u ubar -> Z -> b bbar at 14 TeV, 2 pb."""
    rng = np.random.default_rng(3)
    lines = ['<LesHouchesEvents version="1.0">', "<header>", "</header>", "<init>"]
    lines += ["2212 2212 7000 7000 0 0 0 0 3 1", "2.0 0.1 1.0 1", "</init>"]
    for _ in range(events):
        mass, rapidity, cos, phi = rng.uniform([89, -1, -0.9, 0], [93, 1, 0.9, 6]).tolist()
        forward, backward = (mass / 2 * math.exp(s * rapidity) for s in (1, -1))
        energy, pz = forward + backward, forward - backward
        p = math.sqrt(mass**2 / 4 - 4.8**2)
        pt, along = p * math.sqrt(1 - cos**2), p * cos
        px, py = pt * math.cos(phi), pt * math.sin(phi)
        gamma, beta = energy / mass, pz / energy
        rows = [
            (2, -1, 0, 0, 501, 0, 0, 0, forward, forward, 0),
            (-2, -1, 0, 0, 0, 501, 0, 0, -backward, backward, 0),
            (23, 2, 1, 2, 0, 0, 0, 0, pz, energy, mass),
        ]
        for sign, colours in ((1, (502, 0)), (-1, (0, 502))):
            boosted = gamma * (sign * along + beta * mass / 2), gamma * (mass / 2 + beta * sign * along)
            rows.append((5 * sign, 1, 3, 3, *colours, sign * px, sign * py, *boosted, 4.8))
        lines += ["<event>", f"5 1 1.0 {mass:.8e} 0.0078 0.118"]
        lines += [" ".join([*map(str, r[:6]), *(f"{v:.14e}" for v in r[6:]), "0. 9."]) for r in rows]
        lines.append("</event>")
    path.write_text("\n".join([*lines, "</LesHouchesEvents>"]) + "\n")


def write_hepmc(path, events, section=12.5):
    """Write H -> b bbar recoiling against a photon, from a vertex at z = 30 mm."""
    with pyhepmc.open(str(path), "w") as file:
        for number in range(events):
            event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
            event.event_number = number
            meet, decay = pyhepmc.GenVertex((0.1, 0.2, 30, 0)), pyhepmc.GenVertex((0.1, 0.2, 30.5, 0))
            for sign in (1, -1):
                meet.add_particle_in(pyhepmc.GenParticle((0, 0, sign * 7000, 7000), 2212, 4))
            higgs = pyhepmc.GenParticle((100 + number, 0, 50, 168), 25, 2)
            meet.add_particle_out(higgs)
            meet.add_particle_out(pyhepmc.GenParticle((-100.0, 0, 0, 100), 22, 1))
            decay.add_particle_in(higgs)
            decay.add_particle_out(pyhepmc.GenParticle((30, 20, 20, 60), 5, 2))
            decay.add_particle_out(pyhepmc.GenParticle((70, -20, 30, 108), -5, 2))
            for vertex in (meet, decay):
                event.add_vertex(vertex)
            for code, quark in ((211, decay.particles_out[0]), (-211, decay.particles_out[1])):
                end = pyhepmc.GenVertex((1.1, 0.2, 31, 0))
                end.add_particle_in(quark)
                end.add_particle_out(pyhepmc.GenParticle(quark.momentum, code, 1))
                event.add_vertex(end)
            if section is not None:
                event.cross_section = pyhepmc.GenCrossSection()
                event.cross_section.set_cross_section(section, 0.5)
            file.write(event)


@pytest.fixture
def plan(tmp_path):
    write_lhe(tmp_path / "z.lhe", 10)
    write_hepmc(tmp_path / "h.hepmc", 7)
    config = tmp_path / "sample.yaml"
    config.write_text(
        f"""\
name: foreign
detector: {DETECTORS}/outer_tracker.yaml
seed: 1
strata:
  - {{name: z, kind: signal, events: 10, chunk: 4, lhe: z.lhe, truth: {{resonance: 23}}}}
  - {{name: h, kind: signal, events: 6, chunk: 4, hepmc: h.hepmc, truth: {{resonance: 25}}}}
"""
    )
    return load_plan(config)


def test_both_become_strata_whatever_the_workers(plan, tmp_path):
    one, two = (generate(plan, tmp_path / f"out{n}", workers=n) for n in (1, 2))
    assert [s.content for s in one.strata] == [s.content for s in two.strata]
    assert one["z"].sigma_mb == pytest.approx(2e-9)
    assert one["h"].sigma_mb == pytest.approx(12.5e-9)
    z, h = one.load("z"), one.load("h")
    assert len(z) == 10
    assert np.diff(z.tower_offsets).min() > 20
    assert (z.quark_pt[:, 1] > 0).all()
    np.testing.assert_allclose(h.resonance_pt, 100 + np.arange(6))
    assert h.quark_pt[0] == pytest.approx([math.hypot(70, 20), math.hypot(30, 20)])


def test_hepmc_positions_are_relative_to_where_the_beams_met(tmp_path):
    write_hepmc(tmp_path / "h.hepmc", 3)
    truth, sigma, error = HepMC(tmp_path / "h.hepmc", TruthLabel(resonance=25), None).take(1, 2)
    assert (sigma, error) == pytest.approx((12.5e-9, 0.5e-9))
    assert truth.resonance_pt.tolist() == [101, 102]
    assert truth.pdg.tolist() == [22, 211, -211] * 2
    assert truth.charge.tolist() == [0, 1, -1] * 2
    np.testing.assert_allclose(truth.x, [0, 1, 1] * 2, atol=1e-12)
    np.testing.assert_allclose(truth.z, [0, 1, 1] * 2, atol=1e-12)


def test_slices_are_the_events_between(tmp_path):
    write_lhe(tmp_path / "all.lhe", 6)
    slice_lhe(tmp_path / "all.lhe", 2, 3, tmp_path / "part.lhe")
    slice_lhe(tmp_path / "part.lhe", 1, 1, tmp_path / "one.lhe")
    slice_lhe(tmp_path / "all.lhe", 3, 1, tmp_path / "same.lhe")
    assert (tmp_path / "one.lhe").read_text() == (tmp_path / "same.lhe").read_text()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.97])
def test_cut_files_are_refused(tmp_path, share):
    write_lhe(tmp_path / "a.lhe", 4)
    write_hepmc(tmp_path / "a.hepmc", 4)
    for name in ("a.lhe", "a.hepmc"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"a\.lhe: (not a whole|has \d events)"):
        slice_lhe(tmp_path / "a.lhe", 0, 4, tmp_path / "out.lhe")
    with pytest.raises(InputError, match=r"a\.hepmc: (not a whole|has \d events)"):
        HepMC(tmp_path / "a.hepmc", None, 1.0).take(0, 4)


def test_a_hepmc_file_without_cross_section(tmp_path):
    write_hepmc(tmp_path / "a.hepmc", 2, section=None)
    with pytest.raises(InputError, match="give sigma_mb"):
        HepMC(tmp_path / "a.hepmc", None, None).take(0, 2)
    assert HepMC(tmp_path / "a.hepmc", None, 0.25).take(0, 2)[1] == 0.25
