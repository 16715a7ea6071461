"""Networks that hls4ml read from Keras, HGQ2 and QONNX, against the C simulation, layer by layer."""

import os
import shutil

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.emulator import from_hls4ml
from trigsim.emulator.model import Quantise
from trigsim.firmware import csim
from trigsim.firmware.compare import compare_results
from trigsim.firmware.project import quiet

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++"),
]
RNG = np.random.default_rng(5)
X = RNG.normal(0, 3, (300, 6))


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras", reason="needs keras: pip install 'trigsim[frontends]'")


def demand_exact(graph, folder, n_steps, n_compared=None):
    network = from_hls4ml(graph)
    with quiet():
        simulation = csim.build(graph, folder, csim.UNOPTIMISED)
    found = compare_results(network, simulation.predict(X), simulation.trace(X), X)
    assert found.exact, str(found.first)
    assert len(network.steps) == n_steps
    assert len(found.layers) == (n_compared or n_steps)
    return network


def drawn_weights(model):
    for weight in model.weights:
        values = RNG.normal(0, 0.6, weight.shape)
        weight.assign(np.abs(values) + 0.3 if "variance" in weight.path else values)


def test_keras_networks_are_exact(keras, tmp_path):
    import hls4ml

    layers = keras.layers
    x = source = keras.Input((6,), name="x")
    x = layers.Dense(8, activation="relu", name="a")(x)
    x = layers.BatchNormalization(name="norm")(x)
    y = layers.LeakyReLU(negative_slope=0.2, name="leaky")(layers.Dense(8, name="b")(x))
    y = layers.Dense(5, activation="tanh", name="c")(layers.Add(name="sum")([x, y]))
    z = layers.PReLU(name="slopes")(layers.Dense(4, name="d")(y))
    z = layers.Dense(5, activation="hard_sigmoid", name="e")(layers.Concatenate(name="both")([y, z]))
    z = layers.ReLU(threshold=0.25, name="threshold")(layers.Dense(5, name="f")(z))
    z = layers.Dense(3, name="h")(layers.Dense(3, activation="sigmoid", name="g")(z))
    model = keras.Model(source, layers.Softmax(name="softmax")(z))
    drawn_weights(model)
    with quiet():
        config = hls4ml.utils.config_from_keras_model(
            model, granularity="name", default_precision="fixed<14,5,RND,SAT>", backend="Vitis"
        )
        config["Model"]["Strategy"] = "Resource"
        graph = hls4ml.converters.convert_from_keras_model(
            model, output_dir=str(tmp_path), project_name="keras3", backend="Vitis", hls_config=config
        )
    demand_exact(graph, tmp_path, 19)


@pytest.fixture
def hgq_graph(keras, tmp_path):
    config = pytest.importorskip("hgq.config", reason="needs HGQ2: pip install 'trigsim[frontends]'")
    import hls4ml
    from hgq.layers import QDense
    from hgq.utils import trace_minmax

    def make(by_element, strategy="Latency", overflow="WRAP"):
        data = {} if by_element else {"heterogeneous_axis": (), "homogeneous_axis": None}
        with (
            config.QuantizerConfigScope(place="datalane", overflow_mode=overflow, **data),
            config.LayerConfigScope(enable_ebops=False, enable_iq=True),
        ):
            x = source = keras.Input((6,), name="x")
            x = QDense(8, activation="relu", name="a")(x)
            model = keras.Model(source, QDense(3, name="b")(x))
        for variable in model.variables:
            # Of each quantiser of inputs: how many fractional bits an element has.
            if by_element and variable.name == "f" and "iq" in variable.path:
                variable.assign(RNG.integers(-1, 7, variable.shape).astype(np.float32))
        trace_minmax(model, X.astype(np.float32), verbose=False)
        told = {"Model": {"Precision": "ap_fixed<1,0>", "ReuseFactor": 1, "Strategy": strategy}}
        with quiet():
            graph = hls4ml.converters.convert_from_keras_model(
                model, output_dir=str(tmp_path), project_name="hgq", backend="Vitis", hls_config=told
            )
        return model, graph

    return make


def test_hgq2_networks_are_exact(hgq_graph, tmp_path):
    model, graph = hgq_graph(by_element=False)
    network = demand_exact(graph, tmp_path, 3)
    # What was trained is what the firmware computes: no bit is lost on the way.
    np.testing.assert_array_equal(network.predict(X[:50]), model.predict(X[:50], verbose=0))


@pytest.mark.parametrize(("strategy", "overflow"), [("Latency", "SAT_SYM"), ("distributed_arithmetic", "WRAP")])
def test_hgq2_networks_with_a_format_for_each_element_are_exact(hgq_graph, tmp_path, strategy, overflow):
    model, graph = hgq_graph(True, strategy, overflow)
    # With distributed arithmetic the casts are part of the layer's own C++, and not traced.
    network = demand_exact(graph, tmp_path, 5, 5 if strategy == "Latency" else 3)
    assert sum(isinstance(step, Quantise) for step in network.steps) == 2
    np.testing.assert_array_equal(network.predict(X[:50]), model.predict(X[:50], verbose=0))


def test_cpp_that_is_no_cast_of_each_element_is_refused(hgq_graph):
    _, graph = hgq_graph(by_element=True)
    source = graph.graph["b_iq"].attributes["mask_fn_codegen"]
    source.code = source.code.replace("out[1] =", "out[0] =")
    with pytest.raises(InputError, match=r"layer 'b_iq' \(FixedPointQuantizer\): .* one cast for each element"):
        from_hls4ml(graph)


def qonnx_model():
    """Return a network with a quantiser before and behind each layer."""
    onnx = pytest.importorskip("onnx", reason="needs qonnx: pip install 'trigsim[frontends]'")
    wrapper = pytest.importorskip("qonnx.core.modelwrapper", reason="needs qonnx: pip install 'trigsim[frontends]'")
    from qonnx.util.cleanup import cleanup_model

    nodes, constants = [], []
    make = onnx.helper

    def constant(name, value):
        constants.append(onnx.numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def quantised(source, name, scale, bits, signed=1):
        told = constant(name + "_s", scale), constant(name + "_z", 0.0), constant(name + "_b", bits)
        options = {"signed": signed, "narrow": 0, "rounding_mode": "ROUND"}
        nodes.append(make.make_node("Quant", [source, *told], [name], domain="qonnx.custom_op.general", **options))
        return name

    def dense(source, number, n_in, n_out):
        weight = quantised(constant(f"v{number}", RNG.normal(0, 0.6, (n_in, n_out))), f"w{number}", 2.0**-4, 6)
        bias = quantised(constant(f"c{number}", RNG.normal(0, 0.6, n_out)), f"b{number}", 2.0**-5, 8)
        nodes.append(make.make_node("MatMul", [source, weight], [f"m{number}"]))
        nodes.append(make.make_node("Add", [f"m{number}", bias], [f"a{number}"]))
        return f"a{number}"

    x = dense(quantised("x", "q0", 2.0**-4, 8), 1, 6, 8)
    nodes.append(make.make_node("Relu", [x], ["r1"]))
    x = dense(quantised("r1", "q1", 2.0**-4, 7, signed=0), 2, 8, 4)
    x = quantised(x, "q2", 2.0**-5, 12)
    ends = [make.make_tensor_value_info(name, 1, [1, n]) for name, n in (("x", 6), (x, 4))]
    graph = make.make_graph(nodes, "drawn", ends[:1], ends[1:], constants)
    sets = [make.make_opsetid("", 13), make.make_opsetid("qonnx.custom_op.general", 1)]
    return cleanup_model(wrapper.ModelWrapper(make.make_model(graph, opset_imports=sets)))


def test_qonnx_networks_are_exact(tmp_path):
    import hls4ml

    model = qonnx_model()
    with quiet():
        config = hls4ml.utils.config_from_onnx_model(model, granularity="name", backend="Vivado")
        graph = hls4ml.converters.convert_from_onnx_model(
            model,
            output_dir=str(tmp_path),
            project_name="qonnx",
            backend="Vivado",
            hls_config=config,
            io_type="io_stream",
        )
    network = demand_exact(graph, tmp_path, 4)
    # The cast of the inputs is a step of its own; the kernels have it, too.
    assert network._engine().plan.steps == 4
