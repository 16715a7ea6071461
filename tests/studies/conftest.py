"""A small store of the shipped library, made once."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from trigsim.studies.menu_run import run_menu
from trigsim.studies.store import Store

ROOT = Path(__file__).parents[2]
MENU = """\
name: test menu
scales: phase2
defaults:
  JET: {abs_eta_max: 2.4}
conditions:
  # Two jets of one threshold; shared by two algorithms.
  pair: {objects: [{object: JET, pt_gev: 50}, {object: JET, pt_gev: 40}]}
  ht: {object: HT, pt_gev: 200}
algorithms:
  - {name: Jet90, groups: [jets], when: {object: JET, pt_gev: 90}}   # a comment that stays
  - {name: Pair, groups: [jets], prescale: 2, when: pair}
  - {name: Pair_HT, groups: [jets, sums], when: pair and ht}
  - {name: HT220, groups: [sums], when: {object: HT, pt_gev: 220}}
  - name: Tagged
    groups: [tagged]
    when: {object: FATJET, pt_gev: 100, score: {model: hbb, working_point: medium}}
  - {name: Mu10, when: {object: MU, pt_gev: 10}}
"""
TRAIN = f"""\
name: rules
scheme: {ROOT / "configs" / "beams" / "25ns_2352b_2340_108bpi_24inj.json"}
dead_time: {{source: assumed, rules: [{{accepts: 1, window_bx: 3}}, {{accepts: 2, window_bx: 50}}]}}
"""
TAGGERS = {"hbb": ROOT / "data" / "models" / "hbb-k8", "k4": ROOT / "data" / "models" / "hbb-k4"}


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """Menu file, store and the result of the run that wrote it."""
    folder = tmp_path_factory.mktemp("store")
    menu = folder / "menu.yaml"
    menu.write_text(MENU)
    train = folder / "train.yaml"
    train.write_text(TRAIN)
    result = run_menu(
        menu, ROOT / "data" / "library", ROOT / "configs" / "beams" / "pileup60.yaml", TAGGERS,
        signals=("vh_bb",), crossings=4000, signal_crossings=400, target="Jet90", seed=5,
        threads=2, store=folder / "crossings", details=True,
        train=train, orbits=500,
    )  # fmt: skip
    return SimpleNamespace(
        menu=menu, train=train, folder=folder / "crossings", store=Store.open(folder / "crossings"), run=result
    )
