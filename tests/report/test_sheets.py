"""Pages of orbits: whole, self-contained, and with the numbers of the result."""

import json
import re

import pytest

from tests.report.test_page import Balanced
from trigsim.numeric.intervals import Estimate
from trigsim.report.orbits import cause_table, loss_table, occupancy_table, orbit_sheet, place_table, slot_table
from trigsim.report.sheet import write_sheet
from trigsim.studies.orbit_results import CauseLoss, OrbitResult, Place, RowLoss


@pytest.fixture
def result():
    khz, share = Estimate(40.0, 38.0, 42.0, "kHz"), Estimate(0.05, 0.04, 0.06)
    row = RowLoss(khz, khz, khz, Estimate(2.0, 1.0, 3.0, "kHz"), share)
    return OrbitResult(
        menu="menu <b>",
        train="train",
        scheme="scheme",
        dead_time_source="assumed",
        crossings_from="full emulation",
        orbits=10,
        seconds=1e-3,
        colliding=2,
        rows={"A": row, "group g": row, "total": row},
        causes={"1 in 3 BX": CauseLoss(share, share, share)},
        dead=share,
        occupancy={"buffer b": (0.5, 0.25, 0.25), "buffer c": (1.0, 0.0)},
        by_slot=tuple((i % 7, i % 5 % (i % 7 + 1)) for i in range(3564)),
        by_place=(Place.of(1, 2, 10, 10, 8), Place.of(2, 2, 10, 0, 0), Place.of(3, 1, 10, 10, 5)),
    )


def test_page_of_orbits_is_whole_and_says_what_the_result_says(result, tmp_path):
    page = write_sheet(orbit_sheet(result), {"seed": 1}, tmp_path)
    html = page.read_text()
    parser = Balanced()
    parser.feed(html)
    assert not parser.open
    text = "".join(parser.text)
    assert "menu <b>" in text
    assert "menu <b>" not in html
    assert "full emulation" in text
    assert "5.0 ± 1.0 % are lost" in text
    assert not re.search(r'(src|href)="(?!#)', html)
    assert html.count("<svg") == 3
    assert json.loads((tmp_path / "orbits.json").read_text())["slots"] == 35640
    assert sorted(p.name for p in tmp_path.glob("*.png")) == [
        "kept_by_place.png", "rate_by_place.png", "triggers_by_slot.png",
    ]  # fmt: skip


def test_tables_of_orbits(result):
    assert loss_table(result).rows[1] == ("group g", "40.0 ± 2.0", "40.0 ± 2.0", "2.0 ± 1.0", "5.0 ± 1.0")
    assert cause_table(result).rows[-1] == ("any", "5.0 ± 1.0", "–", "5.0 ± 1.0")
    assert occupancy_table(result).rows == (("buffer b", "50", "25", "25"), ("buffer c", "100", "0", ""))
    assert len(slot_table(result).rows) == 3564
    # Half of 20 crossings, at 11.2455 kHz each.
    assert place_table(result).rows[0][:4] == ("1", "2", "10", "8")
    assert result.by_place[0].rate.value == pytest.approx(11.2455 / 2)
    assert place_table(result).rows[1][-1] == "–"
