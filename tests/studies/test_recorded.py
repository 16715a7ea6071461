"""Stored crossings are recorded decisions, with which a menu is compared."""

import json

import pytest
from typer.testing import CliRunner

from trigsim.cli.main import app
from trigsim.menu import loads
from trigsim.menu.validate import validate
from trigsim.studies.recorded import recorded

pytestmark = pytest.mark.jit


def test_the_menu_that_was_stored_is_exact(stored):
    models = stored.store.manifest.taggers
    result = validate(loads(stored.menu.read_text()), recorded(stored.store), models=models)
    assert (len(result.exact), result.mismatched, result.unsupported) == (6, {}, {})
    assert result.crossings == len(stored.store.crossings("beam")) + len(stored.store.crossings("vh_bb"))
    assert all(result.fired[name] for name in ("Jet90", "Tagged"))
    places = zip(result.run.tolist(), result.lumi.tolist(), result.event.tolist(), strict=True)
    assert len(set(places)) == result.crossings


def test_a_threshold_one_gev_higher_is_seen_and_a_signal_from_outside_is_not_there(stored, tmp_path):
    text = (
        stored.menu.read_text()
        .replace("pt_gev: 90}}", "pt_gev: 92}}")
        .replace("{name: Mu10, when:", "{name: Mu10, index: 9, when:")
    )
    text += "  - {name: Outside, when: {external: B}}\nexternals: {B: 1}\n"
    menu = tmp_path / "menu.yaml"
    menu.write_text(text)
    done = CliRunner().invoke(app, ["validate", str(menu), "--vectors", str(stored.folder), "--json"])
    found = json.loads(done.stdout.splitlines()[0] if done.stdout.count("\n") == 1 else done.stdout)
    assert done.exit_code == 1
    assert set(found["mismatched"]) == {"Jet90"}
    assert found["unsupported"] == {"Outside": "looks at an external signal, which the data lacks"}
    assert found["exact"] == 5
