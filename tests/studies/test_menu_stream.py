"""Crossings of our own stream, scores included, decided by the firmware as by the emulator."""

from itertools import islice

import pytest

from trigsim.firmware.csim import UNOPTIMISED
from trigsim.firmware.menu_compare import compare_menu
from trigsim.firmware.menu_csim import build_menu
from trigsim.firmware.menu_design import design
from trigsim.firmware.menu_project import write_menu
from trigsim.menu import load
from trigsim.stream.source import CHUNK
from trigsim.studies.menu_stream import streamed
from trigsim.tagger.tagger import load_tagger

pytestmark = pytest.mark.jit


def test_the_firmware_decides_our_stream_as_the_emulator(tmp_path):
    menu, taggers = load("configs/menus/first.yaml"), {"hbb": load_tagger("data/models/hbb-k4")}
    samples = streamed(menu, "data/library", "configs/beams/pileup60.yaml", taggers, 10_000)
    # The hardest stratum and the signals, in which most happens.
    chosen = [s for s in islice(samples, 9) if s.name in ("qcd400 0", "vh_bb 0")]
    assert [len(s.objects) for s in chosen] == [CHUNK, CHUNK]
    made = design(menu, models=taggers)
    found = compare_menu(build_menu(made, write_menu(made, tmp_path / "hls"), UNOPTIMISED), chosen)
    assert found.exact, found.differences
    assert found.crossings == 2 * CHUNK
    assert all(0 < count < found.crossings for count in found.fired.values()), found.fired
