"""What `Network` accepts, refuses and explains."""

from dataclasses import replace
from html import escape

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.emulator.model import Activation
from trigsim.emulator.network import Network
from trigsim.numeric.fixed import FixedFormat


@pytest.mark.parametrize(
    ("x", "named"),
    [
        (np.zeros((2, 4)), r"\(n, 3\)"),
        (np.zeros(3), r"\(n, 3\)"),
        (np.zeros((2, 3), dtype=np.int32), "int32"),
        (np.full((1, 3), np.nan), "NaN"),
        (np.full((5, 3), -np.inf), "infinity"),
    ],
)
def test_bad_features_are_refused(network, drawn, x, named):
    with pytest.raises(InputError, match=named):
        network.predict(x)


@pytest.mark.jit  # without the compiler numpy warns of the cast first
def test_nan_is_refused_by_the_fast_path_too():
    rng = np.random.default_rng(0)
    from trigsim.emulator.model import Constant, Dense

    form = FixedFormat.parse("ap_fixed<8,4,AP_RND,AP_SAT>")
    dense = Dense(
        "d",
        (0,),
        FixedFormat(20, 10),
        Constant(rng.integers(-9, 9, (3, 2)), FixedFormat(5, 1)),
        Constant(np.zeros(2, dtype=np.int64), FixedFormat(5, 1)),
        None,
        np.arange(3),
    )
    network = Network(form, 3, (dense,))
    for kind in (np.float32, np.float64):
        x = rng.normal(size=(500, 3)).astype(kind)
        network.predict(x)
        x[433, 1] = np.nan
        with pytest.raises(InputError, match="NaN"):
            network.predict(x)


@pytest.mark.parametrize(
    ("raw", "named"),
    [(np.zeros((1, 3)), "float64"), (np.full((1, 3), 128), "-128 to 127"), (np.zeros((1, 2), dtype=int), "shape")],
)
def test_bad_integers_are_refused(network, raw, named):
    with pytest.raises(InputError, match=named):
        network.predict_hw(raw)


def test_no_events_give_no_outputs(network):
    assert network.predict(np.zeros((0, 3))).shape == (0, network.n_outputs)


def test_trace_ends_with_the_prediction(network):
    x = np.random.default_rng(0).normal(0, 3, (40, 3))
    traced = network.trace(x)
    assert list(traced) == [step.name for step in network.steps]
    np.testing.assert_array_equal(traced["softmax"], network.predict(x))


def test_explain_counts_what_saturates_and_wraps():
    source = FixedFormat.parse("ap_fixed<8,4,AP_RND,AP_SAT>")
    narrow = FixedFormat(4, 2)
    network = Network(source, 1, (Activation("cast", (0,), narrow, "linear"),))
    cast, linear = network.explain(np.array([[-20.0], [1.0], [1.5], [3.0]]))
    assert (cast.overflowing, cast.low, cast.high) == (0.25, -8.0, 3.0)
    # -8 and 3 are beyond -2 to 1.75 and wrap.
    assert (linear.overflowing, linear.format_low, linear.format_high) == (0.5, -2.0, 1.75)
    assert "50% wrap" in str(linear)
    assert "25% saturate" in str(cast)


def test_explain_sees_sums_that_wrap(network):
    reports = network.explain(np.full((10, 3), 7.9))
    assert [r.name for r in reports] == ["input", *(step.name for step in network.steps)]
    assert all(0 <= r.overflowing <= 1 for r in reports)


def test_a_notebook_shows_each_layer(network):
    text = network._repr_html_()
    assert text.count("<tr>") == len(network.steps) + 2
    dense = network.steps[0]
    kept = np.count_nonzero(dense.weight.raw)
    form = escape(str(dense.weight.format))
    assert f"<td>dense</td><td>dense</td><td>3 → 4</td><td>{kept} of 12 in {form}</td>" in text
    assert "<td>slope</td>" in text
    assert "<script" not in replace(network, steps=(replace(dense, name="<script>"),))._repr_html_()
