"""What a sample configuration must not say, and where the error points."""

import re
from pathlib import Path

import pytest

from trigsim.base.errors import InputError

CONFIGS = Path(__file__).parents[2] / "configs"
GOOD = """\
name: test
detector: {detectors}/outer_tracker.yaml
seed: 3
settings:
  PartonLevel:MPI: false
strata:
  - name: soft
    kind: inelastic
    events: 8
    chunk: 4
    pt_hat: [0, 20]
    process:
      SoftQCD:nonDiffractive: true
  - name: hard
    kind: inelastic
    events: 8
    pt_hat: [20, null]
    process:
      HardQCD:all: true
  - name: top
    kind: signal
    events: 4
    process:
      Top:gg2ttbar: true
      6:m0: 172.5
      24:onMode: off
      24:onIfAny: [1 2, 3 4]
    truth:
      resonance: 24
      quarks: [1, 2, 3, 4, 5]
"""


@pytest.fixture
def load(tmp_path):
    pytest.importorskip("pythia8mc", reason="needs the extra `generate`", exc_type=ImportError)
    from trigsim.events.plan import load_plan

    def write_and_load(old="", new="", **kwargs):
        text = GOOD.format(detectors=CONFIGS / "detectors") if not old else None
        if old:
            text = GOOD.format(detectors=CONFIGS / "detectors")
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "sample.yaml"
        path.write_text(text)
        return load_plan(path, **kwargs)

    return write_and_load


def test_good(load):
    plan = load()
    assert [s.name for s in plan.sample.strata] == ["soft", "hard", "top"]
    assert plan.detector.name == "outer_tracker"
    assert plan.sample.strata[0].soft
    assert load(seed=99).sample.seed == 99


@pytest.mark.parametrize("path", sorted((CONFIGS / "samples").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_samples_are_good(path):
    pytest.importorskip("pythia8mc", reason="needs the extra `generate`", exc_type=ImportError)
    from trigsim.events.plan import load_plan

    load_plan(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("HardQCD:all: true", "HardQCD:all: maybe", 19, "switch; write true or false"),
        ("HardQCD:all: true", "HardQCD:all: 1", 19, "switch"),
        ("HardQCD:all: true", "HardQCD:everything: true", 19, "no setting 'HardQCD:everything'"),
        ("PartonLevel:MPI: false", "PartonLevel:MPI: off", 5, "switch"),
        ("PartonLevel:MPI: false", "Random:seed: -4", 5, "use seed"),
        ("PartonLevel:MPI: false", "Tune:pp: 99", 5, "between -1 and"),
        ("PartonLevel:MPI: false", "Tune:pp: 4.5", 5, "whole number"),
        ("PartonLevel:MPI: false", "SigmaProcess:alphaSvalue: high", 5, "is a number"),
        ("PartonLevel:MPI: false", "SigmaProcess:alphaSvalue: 7.0", 5, "between 0.06 and 0.25"),
        ("PartonLevel:MPI: false", "PDF:pSet: 13.5", 5, "is text"),
        ("PartonLevel:MPI: false", "PDF:pSet: \"13\\nHardQCD:all = on\"", 5, "characters"),
        ("PartonLevel:MPI: false", "SigmaProcess:Kfactor: .inf", 5, "is a number"),
        ("24:onIfAny: [1 2, 3 4]", "24:onIfAny: ['1 2', '3; 4']", 27, "characters"),
        ("PartonLevel:MPI: false", "phasespace:pTHatMin: 4.0", 5, "use pt_hat"),
        ("PartonLevel:MPI: false", "Beams:eCM: 8000.0", 5, "use energy"),
        ("6:m0: 172.5", "6:m0: heavy", 25, "is a number"),
        ("6:m0: 172.5", "6:mass: 172.5", 25, "no property 'mass'"),
        ("6:m0: 172.5", "6666:m0: 172.5", 25, "no particle 6666"),
        ("seed: 3", "seed: -3", 3, "greater than or equal to 0"),
        ("seed: 3", "sed: 3", 3, "did you mean 'seed'"),
        ("seed: 3", "seed: 3.5", 3, "seed"),
        ("seed: 3", "seed: yes", 3, "seed"),
        ("events: 8", "events: 0", 9, "greater than 0"),
        ("chunk: 4", "chunk: -4", 10, "greater than 0"),
        ("name: hard", "name: Hard", 14, "pattern"),
        ("name: hard", "name: soft", None, "one name"),
        ("pt_hat: [20, null]", "pt_hat: [30, null]", None, "must meet in pt_hat"),
        ("pt_hat: [20, null]", "pt_hat: [20, 50]", None, "from 0 to null"),
        ("pt_hat: [20, null]", "pt_hat: [20, 10]", None, "must rise"),
        ("pt_hat: [20, null]", "pt_hat: [20]", 17, "pt_hat"),
        ("kind: signal", "kind: background", 21, "kind"),
        ("outer_tracker.yaml", "no_tracker.yaml", 2, "no such detector preset"),
        ("    process:\n      HardQCD:all: true\n", "", None, "exactly one of process, lhe, hepmc"),
        ("    process:\n      HardQCD:all: true\n", "    lhe: none.lhe\n", 14, "no such event file"),
        ("resonance: 24", "resonance: -24", 29, "greater than 0"),
    ],
)  # fmt: skip
def test_bad(load, old, new, line, says):
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        load(old, new)
    assert "\n" not in str(caught.value)
    if line is not None:
        assert caught.value.line == line
