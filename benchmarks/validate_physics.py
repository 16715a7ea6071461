"""Generated collisions against the world: cross sections, charged multiplicity, jets, stratum borders.

Run it as ``python benchmarks/validate_physics.py -o docs/validation``: ten minutes on two cores. It writes
`numbers.json` and small plots; docs/physics-validation.md quotes them. Needs the extras `generate` and `test`
(FastJet finds the jets here).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import awkward as ak
import fastjet
import matplotlib as mpl
import numpy as np

from trigsim.base.files import atomic_path, write_json
from trigsim.events.pythia import Generator, Tally
from trigsim.events.sample import Sample, StratumConfig
from trigsim.events.truth import Truth
from trigsim.numeric.random import stream_rng

mpl.use("Agg")
import matplotlib.pyplot as plt

#: ATLAS, JHEP 05 (2018) 195 (arXiv 1711.02692): anti-kT R = 0.4, abs(y) < 0.5, 13 TeV; GeV, pb/GeV.
ATLAS_JETS = ((100, 116, 12012.0), (152, 172, 1618.0), (216, 240, 274.0), (376, 408, 13.9))
#: Measured at 13 TeV; mb: ATLAS, PRL 117 (2016) 182002; TOTEM, EPJ C 79 (2019) 103.
INELASTIC = {"ATLAS": (78.1, 2.9), "TOTEM": (79.5, 1.8)}
#: ATLAS, PLB 758 (2016) 67: primary charged particles of pT > 0.5 GeV, abs(eta) < 2.5, at least one, at eta = 0.
ATLAS_DENSITY = (2.874, 0.033)
#: CMS, PLB 751 (2015) 143: charged hadrons, inelastic, abs(eta) < 0.5.
CMS_DENSITY = (5.49, 0.17)
JET_SLICES = (50, 70, 90, 115, 150, 190, 240, 300, 380, 500, None)
BORDERS = (20.0, 50.0, 100.0, 200.0, 400.0, 800.0)
COMPONENTS = {
    101: "non-diffractive",
    103: "single diffractive XB",
    104: "single diffractive AX",
    105: "double diffractive",
}
#: Charged, but decaying within the tracker: not primary for ATLAS.
STRANGE_BARYONS = (3112, 3222, 3312, 3334)


def stratum(process: str, low: float = 0.0, high: float | None = None, **settings: Any) -> StratumConfig:
    """Return a stratum of one Pythia switch; what lives longer than 10 mm is stable, as for the experiments."""
    chosen = {process: True, "ParticleDecays:limitTau0": True, "ParticleDecays:tau0Max": 10.0, **settings}
    return StratumConfig(name="s", kind="signal", events=1, pt_hat=(low, high), process=chosen)


def events(
    energy: float, wanted: StratumConfig, name: str, chunks: int, size: int
) -> Iterator[tuple[Truth, Generator, Tally]]:
    """Yield `chunks` chunks of a stratum, seeded by `name`."""
    sample = Sample(name="validation", detector="none", seed=1, energy=energy, strata=(wanted,))
    generator = Generator(sample, wanted)
    for chunk in range(chunks):
        seed = int(stream_rng(1, f"validate/{name}", chunk).integers(1, 900_000_000))
        truth, tally = generator.chunk(seed, size)
        yield truth, generator, tally


def jet_slice(index: int, size: int) -> dict[str, Any]:
    """Return cross section (mb) and jet pT (GeV) of central jets in one slice at 13 TeV."""
    low, high = JET_SLICES[index], JET_SLICES[index + 1]
    truth, _, tally = next(events(13_000, stratum("HardQCD:all", low, high), f"jets{low}", 1, size))
    particles = ak.unflatten(
        ak.zip({"px": truth.px, "py": truth.py, "pz": truth.pz, "E": truth.energy}, with_name="Momentum4D"),
        np.diff(truth.offsets),
    )
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.4)
    jets = fastjet.ClusterSequence(particles, definition).inclusive_jets(min_pt=20)
    rapidity = 0.5 * np.log((jets.E + jets.pz) / (jets.E - jets.pz))
    pt = np.hypot(jets.px, jets.py)
    return {"sigma": tally.sigma_mb, "events": size, "pt": ak.to_numpy(ak.flatten(pt[abs(rapidity) < 0.5]))}


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Return the mean of one number an event and its statistical error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def inelastic(energy: float, chunks: int, size: int) -> dict[str, Any]:
    """Return components in mb, charged densities, and pT-hat of inelastic collisions."""
    wanted = stratum("SoftQCD:inelastic")
    eta_edges = np.linspace(-2.5, 2.5, 26)
    density, density_atlas = np.zeros(25), np.zeros(25)
    central, central_atlas, multiplicity = [], [], []
    sigma: dict[str, float] = {}
    for truth, generator, _ in events(energy, wanted, f"inelastic{energy:g}", chunks, size):
        info = generator.pythia.infoPython()
        sigma = {name: info.sigmaGen(code) for code, name in COMPONENTS.items()}
        pt = np.hypot(truth.px, truth.py)
        eta = np.arcsinh(truth.pz / np.maximum(pt, 1e-9))
        owner = np.repeat(np.arange(len(truth)), np.diff(truth.offsets))
        code = np.abs(truth.pdg)
        hadron = (truth.charge != 0) & (code > 100)
        density += np.histogram(eta[hadron], eta_edges)[0]
        central.append(np.bincount(owner[hadron & (abs(eta) < 0.5)], minlength=len(truth)))
        hard = (truth.charge != 0) & (pt > 0.5) & (abs(eta) < 2.5) & ~np.isin(code, STRANGE_BARYONS)
        counts = np.bincount(owner[hard], minlength=len(truth))
        density_atlas += np.histogram(eta[hard], eta_edges)[0]
        central_atlas.append(np.bincount(owner[hard & (abs(eta) < 0.2)], minlength=len(truth))[counts > 0] / 0.4)
        multiplicity.append(counts)
    width = eta_edges[1] - eta_edges[0]
    near, near_atlas = np.concatenate(central), np.concatenate(central_atlas)
    return {
        "sigma": sigma,
        "events": len(near),
        "near": mean_and_error(near),
        "near_atlas": mean_and_error(near_atlas),
        "eta_edges": eta_edges,
        "density": density / len(near) / width,
        "density_atlas": density_atlas / len(near_atlas) / width,
        "multiplicity": np.concatenate(multiplicity),
    }


def hardness(part: str, size: int) -> dict[str, Any]:
    """Return the pT-hat (GeV) and cross section (mb) of non-diffractive events or of a HardQCD slice at 14 TeV."""
    # The hard process alone: showers, further scatters and hadrons do not change its pT-hat.
    bare = {f"PartonLevel:{what}": False for what in ("MPI", "ISR", "FSR", "Remnants")}
    bare |= {"HadronLevel:all": False, "Check:event": False}
    if part == "soft":
        wanted, chunks = stratum("SoftQCD:nonDiffractive", **bare), 10
    else:
        index = int(part)
        high = BORDERS[index + 1] if index + 1 < len(BORDERS) else None
        wanted, chunks = stratum("HardQCD:all", BORDERS[index], high, **bare), 1
    pt_hat, sigma = [], []
    for truth, _, tally in events(14_000, wanted, f"hardness{part}", chunks, size):
        pt_hat.append(truth.pt_hat)
        sigma.append(tally.sigma_mb)
    return {"pt_hat": np.concatenate(pt_hat), "sigma": float(np.mean(sigma)), "events": chunks * size}


def at_border(sample: dict[str, Any], border: float, below: bool) -> tuple[float, float]:
    """Return d(sigma)/d(pT-hat) in mb/GeV extrapolated to `border` from one side, with its error.

    From the events within 25 % of the border, where the spectrum is a power law to good accuracy: the distance
    v = abs(log(pT-hat/border)) is taken as ~ exp(b v), b by maximum likelihood.
    """
    reach = np.log(1.25)
    u = np.log(np.asarray(sample["pt_hat"], float) / border)
    v = -u[(u < 0) & (u > -reach)] if below else u[(u > 0) & (u < reach)]
    slopes = np.linspace(-20, 20, 4002)  # an even number: never 0
    norms = np.expm1(slopes * reach) / slopes
    best = int(np.argmax(slopes * v.sum() - len(v) * np.log(norms)))
    value = len(v) / norms[best] / border * sample["sigma"] / sample["events"]
    # Poisson, and the slope: d(log norm)/db is the mean of v, and var(b) = 1/(n var(v)).
    relative = np.sqrt(1 / len(v) + v.mean() ** 2 / (len(v) * v.var()))
    return float(value), float(value * relative)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the numbers of events")
    arguments = parser.parse_args()
    size = int(3000 * arguments.scale)
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        soft13 = pool.submit(inelastic, 13_000, 4, size)
        soft14 = pool.submit(inelastic, 14_000, 2, size)
        jets = [pool.submit(jet_slice, i, size) for i in range(len(JET_SLICES) - 1)]
        hard = {part: pool.submit(hardness, part, 20 * size) for part in ("soft", "0", "1", "2", "3", "4", "5")}
        numbers = {
            "inelastic_13": plot_multiplicity(soft13.result(), arguments.output),
            "inelastic_14": summary(soft14.result()),
            "jets_13": plot_jets([j.result() for j in jets], arguments.output),
            "borders_14": plot_borders({k: v.result() for k, v in hard.items()}, arguments.output),
        }
    write_json(arguments.output / "numbers.json", numbers)
    sys.stdout.write(f"written to {arguments.output}\n")


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON-ready part of `inelastic`."""
    sigma = {name: round(value, 4) for name, value in found["sigma"].items()}
    return {
        "sigma_mb": {**sigma, "inelastic": round(sum(found["sigma"].values()), 4)},
        "events": found["events"],
        "charged_hadrons_per_eta_central": found["near"],
        "charged_pt500_per_eta_central": found["near_atlas"],
    }


def save(figure: plt.Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=80, bbox_inches="tight")
    plt.close(figure)


def plot_multiplicity(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.stairs(found["density"], found["eta_edges"], label="charged hadrons, inelastic")
    left.stairs(found["density_atlas"], found["eta_edges"], label=r"$p_T > 0.5$ GeV, $n \geq 1$")
    left.errorbar([0], [CMS_DENSITY[0]], [CMS_DENSITY[1]], fmt="o", color="C0", label="CMS, PLB 751 (2015) 143")
    left.errorbar(
        [0], [ATLAS_DENSITY[0]], [ATLAS_DENSITY[1]], fmt="s", color="C1", label="ATLAS, PLB 758 (2016) 67"
    )
    left.set(xlabel=r"$\eta$", ylabel=r"$dN_{ch}/d\eta$ per event", ylim=(0, 10), title="13 TeV")
    left.legend(fontsize=7, loc="upper center", ncol=2, columnspacing=0.8)
    counts = np.bincount(found["multiplicity"])
    right.stairs(counts / counts.sum(), np.arange(len(counts) + 1) - 0.5)
    right.set(
        xlabel=r"$n_{ch}$ ($p_T > 0.5$ GeV, $|\eta| < 2.5$)", ylabel="share of inelastic events", yscale="log"
    )
    save(figure, folder / "multiplicity.png")
    return summary(found)


def plot_jets(slices: list[dict[str, Any]], folder: Path) -> list[dict[str, float]]:
    rows = []
    for low, high, measured in ATLAS_JETS:
        value = variance = 0.0
        for found in slices:
            weight = found["sigma"] * 1e9 / found["events"] / (high - low)
            count = int(((found["pt"] >= low) & (found["pt"] < high)).sum())
            value += weight * count
            variance += weight**2 * count
        rows.append(
            {
                "low": low,
                "high": high,
                "atlas": measured,
                "pythia": value,
                "error": variance**0.5,
                "ratio": value / measured,
            }
        )
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(5, 5), sharex=True, height_ratios=(2, 1))
    edges = np.geomspace(100, 600, 25)
    total = sum(np.histogram(f["pt"], edges)[0] * (f["sigma"] * 1e9 / f["events"]) for f in slices) / np.diff(edges)
    top.stairs(total, edges, label="Pythia 8, HardQCD slices")
    for found, high in zip(slices, JET_SLICES[1:], strict=True):
        part = np.histogram(found["pt"], edges)[0] * (found["sigma"] * 1e9 / found["events"]) / np.diff(edges)
        top.stairs(part, edges, lw=0.6, alpha=0.6, label=None if high else r"single slices of $\hat p_T$")
    centre = [np.sqrt(r["low"] * r["high"]) for r in rows]
    top.plot(centre, [r["atlas"] for r in rows], "ks", ms=4, label="ATLAS, arXiv 1711.02692")
    top.set(
        yscale="log",
        xscale="log",
        ylabel=r"$d\sigma/dp_T$ [pb/GeV]",
        ylim=(0.1, 5e4),
        title="13 TeV, anti-$k_T$ 0.4, $|y| < 0.5$",
    )
    top.legend(fontsize=7)
    bottom.errorbar(centre, [r["ratio"] for r in rows], [r["error"] / r["atlas"] for r in rows], fmt="o")
    bottom.axhline(1, color="k", lw=0.5)
    bottom.set(xlabel=r"jet $p_T$ [GeV]", ylabel="Pythia/ATLAS", ylim=(0.7, 1.5))
    save(figure, folder / "jets.png")
    return rows


def plot_borders(parts: dict[str, dict[str, Any]], folder: Path) -> dict[str, Any]:
    rows = []
    order = ("soft", "0", "1", "2", "3", "4", "5")
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(5, 5), sharex=True, height_ratios=(2, 1))
    for name, sample in parts.items():
        edges = np.geomspace(
            5 if name == "soft" else BORDERS[int(name)],
            1500 if name == "5" else 40 if name == "soft" else BORDERS[int(name) + 1],
            13,
        )
        height = np.histogram(sample["pt_hat"], edges)[0] * sample["sigma"] / sample["events"] / np.diff(edges)
        top.stairs(
            height,
            edges,
            label="non-diffractive" if name == "soft" else None,
            color="k" if name == "soft" else f"C{name}",
        )
    for border, below, above in zip(BORDERS, order[:-1], order[1:], strict=True):
        under, over = at_border(parts[below], border, below=True), at_border(parts[above], border, below=False)
        ratio = over[0] / under[0]
        rows.append(
            {
                "border": border,
                "below": under[0],
                "above": over[0],
                "ratio": ratio,
                "error": ratio * float(np.hypot(under[1] / under[0], over[1] / over[0])),
            }
        )
    soft = parts["soft"]
    share = float((soft["pt_hat"] > BORDERS[0]).mean())
    error = soft["sigma"] * (share * (1 - share) / soft["events"]) ** 0.5
    integrated = {"soft_mb": [soft["sigma"] * share, error]}
    integrated["hard_mb"] = sum(parts[name]["sigma"] for name in order[1:])
    top.set(xscale="log", yscale="log", ylabel=r"$d\sigma/d\hat p_T$ [mb/GeV]", title="14 TeV")
    top.legend(fontsize=8)
    bottom.errorbar(BORDERS, [r["ratio"] for r in rows], [r["error"] for r in rows], fmt="o")
    bottom.axhline(1, color="k", lw=0.5)
    bottom.set(xlabel=r"$\hat p_T$ [GeV]", ylabel="above/below", ylim=(0.7, 1.3))
    save(figure, folder / "borders.png")
    return {"borders": rows, "above_20": integrated}


if __name__ == "__main__":
    main()
