"""Emulator against the compiled C++: the claim of bit accuracy, on drawn networks and on chosen layers."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from typer.testing import CliRunner

from trigsim.base.errors import InputError
from trigsim.cli.main import app
from trigsim.emulator import exact, from_hls4ml
from trigsim.firmware import csim
from trigsim.firmware.compare import compare, compare_results
from trigsim.firmware.fuzz import draw, exact_sums
from trigsim.firmware.project import quiet

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++"),
]
# hls4ml's header aborts on some drawn formats by an assertion of its own (case 32, say); these build.
DOZEN = range(12)


def test_a_dozen_drawn_networks_are_exact(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        # hls4ml is not made for threads: graphs are made one by one, only the compilers run side by side.
        cases = [draw(number, 200) for number in DOZEN]
        graphs = [case.graph(str(tmp_path / str(case.number))) for case in cases]
        networks = [from_hls4ml(graph) for graph in graphs]
        simulations = list(
            pool.map(lambda g, c: csim.build(g, tmp_path / str(c.number), csim.UNOPTIMISED), graphs, cases)
        )
    for case, network, simulation in zip(cases, networks, simulations, strict=True):
        x = case.inputs
        found = compare_results(network, simulation.predict(x), simulation.trace(x), x)
        assert found.exact, f"case {case.number}: {found.first}"
        assert len(found.layers) == len(network.steps)
    assert {exact_sums(number) for number in DOZEN} == {True, False}


def layers_graph(layers, folder, io="io_parallel", default="fixed<12,4,RND,SAT>", **settings):
    from hls4ml.model.graph import ModelGraph
    from hls4ml.utils.config import create_config

    rng = np.random.default_rng(2)
    head = [
        {"class_name": "InputLayer", "name": "x", "input_shape": [6]},
        {
            "class_name": "Dense",
            "name": "dense",
            "n_in": 6,
            "n_out": 5,
            "use_bias": True,
            "weight_data": rng.normal(size=(6, 5)),
            "bias_data": rng.normal(size=5),
        },
    ]
    config = create_config(output_dir=str(folder), project_name="chosen", backend="Vitis")
    model = {"Precision": {"default": default}, "ReuseFactor": 1, "Strategy": "Latency"}
    config["HLSConfig"] = {"Model": model, "LayerName": settings}
    config["IOType"] = io
    with quiet():
        return ModelGraph.from_layer_list(config, head + layers)


CHOSEN = {
    "hard_sigmoid": {"class_name": "HardActivation", "activation": "hard_sigmoid", "slope": 0.2, "shift": 0.5},
    "hard_tanh": {"class_name": "HardActivation", "activation": "hard_tanh", "slope": 0.2, "shift": 0.5},
    "sigmoid": {"class_name": "Activation", "activation": "sigmoid"},
    "tanh": {"class_name": "Activation", "activation": "tanh"},
    "latency": {"class_name": "Softmax", "activation": "softmax", "axis": -1},
    "stable": {"class_name": "Softmax", "activation": "softmax", "axis": -1},
    "legacy": {"class_name": "Softmax", "activation": "softmax", "axis": -1},
    "argmax": {"class_name": "Softmax", "activation": "softmax", "axis": -1},
}


def test_chosen_activations_are_exact(tmp_path):
    # One after the other in one network, each compared by itself: one compilation for all.
    layers = [{**layer, "name": f"layer_{name}"} for name, layer in CHOSEN.items()]
    softmax = {name for name, layer in CHOSEN.items() if layer["class_name"] == "Softmax"}
    graph = layers_graph(layers, tmp_path, **{f"layer_{name}": {"Implementation": name} for name in softmax})
    steps = {step.name: step for step in from_hls4ml(graph).steps}
    assert all(steps[f"layer_{name}"].implementation == name for name in softmax)
    found = compare(graph, np.random.default_rng(0).normal(0, 3, (500, 6)), tmp_path)
    assert found.exact, str(found.first)
    assert [name for name, _ in found.layers] == ["dense", *(f"layer_{name}" for name in CHOSEN)]


def test_a_difference_names_layer_neuron_and_input(tmp_path, monkeypatch):
    graph = layers_graph([{**CHOSEN["sigmoid"], "name": "layer"}], tmp_path)
    network = from_hls4ml(graph)
    simulation = csim.build(graph, tmp_path, csim.UNOPTIMISED)
    x = np.random.default_rng(0).normal(0, 3, (300, 6))
    output, theirs = simulation.predict(x), simulation.trace(x)
    assert compare_results(network, output, theirs, x).exact
    # The emulator is made wrong: an index one too high where it is even.
    right = exact._index
    monkeypatch.setattr(exact, "_index", lambda *args: right(*args) | 1)
    found = compare_results(from_hls4ml(graph), output, theirs, x)
    assert not found.exact
    assert found.first.layer == "layer"
    event, neuron = found.first.event, found.first.neuron
    assert found.first.csim == theirs["layer"][event, neuron] != found.first.emulator
    assert dict(found.layers)["dense"] == 0
    assert f"layer 'layer', neuron {neuron}, input {event}" in str(found.first)
    assert not compare(graph, x, tmp_path).exact
    told = json.loads((tmp_path / "mismatch.json").read_text())
    assert told["csim_mismatches"] > 0
    assert np.load(tmp_path / "mismatch-inputs.npy").shape == (1, 6)


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ({"class_name": "Activation", "activation": "softplus"}, "layer 'odd' .*softplus"),
        ({"class_name": "ELU", "activation": "elu", "activ_param": 1.0}, "layer 'odd' .*elu"),
    ],
)
def test_unknown_layers_are_refused_by_name(layer, named, tmp_path):
    with pytest.raises(InputError, match=named):
        from_hls4ml(layers_graph([{**layer, "name": "odd"}], tmp_path))


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"install it \(apt install g\+\+\)"):
        csim.build(None, tmp_path)


def test_compare_command(make_model, tmp_path):
    make_model().save(tmp_path / "model")
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "model"), "--inputs", "200", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["inputs"] == 200
    assert told["csim_mismatches"] == 0
    assert [set(layer) for layer in told["layers"]] == [{"name", "mismatches"}] * len(told["layers"])
    assert len(told["layers"]) >= 3
