"""The estimate for HLS strategies: the two designs it was fitted to, and what it does not claim."""

import pytest

from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.hls_estimate import DSP_PER_PRODUCT, ERROR, hls_estimate


@pytest.mark.parametrize(("products", "published"), [(4256, 3329), (1277, 954)])
def test_it_is_within_its_error_of_what_it_was_fitted_to(products, published):
    # J. Duarte et al., JINST 13 (2018) P07027, 16-64-32-32-5 with 16 bits: all weights, and 30 % of them.
    assert DSP_PER_PRODUCT * products == pytest.approx(published, rel=ERROR)


def test_wide_products_share_multipliers(make_model):
    model = make_model((6, 8, 4, 1), weight_bits=12, activation_bits=12, input_bits=16)
    products = sum(int((layer.weight != 0).sum()) for layer in model.layers)
    one = hls_estimate(model, FirmwareConfig(strategy="Resource", reuse_factor=1)).figures
    two = hls_estimate(model, FirmwareConfig(strategy="Resource", reuse_factor=2)).figures
    assert one["dsp"].value == pytest.approx(DSP_PER_PRODUCT * products, abs=1)
    assert two["dsp"].value == pytest.approx(one["dsp"].value / 2, abs=1)
    assert (one["interval"].value, two["interval"].value) == (1, 2)
    assert one["lut"].value is one["cycles"].value is None
    assert "estimate" in one["dsp"].source


def test_narrow_products_and_distributed_arithmetic_take_no_dsp(small):
    narrow = hls_estimate(small, FirmwareConfig()).figures["dsp"]
    assert narrow.value == 0
    assert "in LUT, assumed" in narrow.source
    assert hls_estimate(small, FirmwareConfig(strategy="distributed_arithmetic")).figures["dsp"].value == 0
