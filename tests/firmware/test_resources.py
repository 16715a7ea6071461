import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.parts import PARTS, part
from trigsim.firmware.resources import estimate
from trigsim.firmware.trace import combinational, interpret, pipeline
from trigsim.firmware.vectors import golden_inputs


@pytest.mark.parametrize("widths", [(6, 8, 4, 1), (1, 3, 1), (5, 1), (3, 4, 3)])
@pytest.mark.parametrize("bits", [3, 6, 8])
def test_traced_logic_is_the_model(widths, bits, make_model):
    model = make_model(widths, weight_bits=bits, activation_bits=bits)
    raw = golden_inputs(model, 20_000)
    found = interpret(combinational(model), raw * model.inputs.format.lsb)
    np.testing.assert_array_equal(found, model.output_format.to_float(model.predict_inputs(raw)))


def test_pipelined_logic_is_the_model(small):
    stages = pipeline(combinational(small), FirmwareConfig(clock_ns=2.0))
    raw = golden_inputs(small, 300)
    x = raw * small.inputs.format.lsb
    found = np.array([stages(row) for row in x])
    np.testing.assert_array_equal(found, small.output_format.to_float(small.predict_inputs(raw)))


def test_figures_and_their_source(small):
    found = estimate(small)
    values = {name: figure.value for name, figure in found.figures.items()}
    assert values["ns"] == values["cycles"] * 3.125
    assert values["dsp"] == values["bram"] == 0
    assert values["lut"] > 100
    assert all("da4ml 0.6" in f.source and "an estimate" in f.source for f in found.figures.values())
    assert found.shares["lut"] == values["lut"] / 1_728_000
    assert found.shares["latency"] == values["ns"] / 250


def test_slower_clock_fewer_cycles(small):
    cycles = [estimate(small, FirmwareConfig(clock_ns=ns)).figures["cycles"].value for ns in (2.0, 5.0, 20.0)]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > cycles[2]


def test_fewer_bits_fewer_lut(make_model):
    lut = [estimate(make_model(weight_bits=b, activation_bits=b)).figures["lut"].value for b in (3, 5, 8)]
    assert lut == sorted(lut)


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("xcvu13p-flga2577-2-e", "XCVU13P"),
        ("XCVU9P", "XCVU9P"),
        ("xc7vx690tffg1927-2", "XC7VX690T"),
        ("xcku115-flvb2104-2-i", "XCKU115"),
    ],
)
def test_part_names(name, device):
    assert part(name) is PARTS[device]


def test_unknown_part():
    with pytest.raises(InputError, match="did you mean XCVU13P"):
        part("xcvu13-flga2577-2-e")


def test_other_modes_have_no_rtl(small):
    from dataclasses import replace

    from trigsim.numeric.fixed import FixedFormat

    odd = replace(small.layers[0], result_format=FixedFormat.parse("ap_ufixed<6,2,AP_RND_CONV,AP_SAT>"))
    with pytest.raises(InputError, match="has no RTL"):
        combinational(replace(small, layers=(odd, *small.layers[1:])))


def test_without_da4ml(small, monkeypatch):
    monkeypatch.setattr("trigsim.firmware.trace.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'trigsim\[firmware\]'"):
        estimate(small)
