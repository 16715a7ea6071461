"""Network files: nothing is lost, nothing damaged is read, nothing is run."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from trigsim.base.errors import InputError
from trigsim.emulator.files import _hash, _metadata
from trigsim.emulator.network import Network


def same(a, b):
    assert (a.input_format, a.n_inputs, a.formats, a.sizes) == (b.input_format, b.n_inputs, b.formats, b.sizes)
    x = np.random.default_rng(0).normal(0, 4, (64, a.n_inputs))
    np.testing.assert_array_equal(a.predict(x), b.predict(x))


def test_round_trip(network, tmp_path):
    network.save(tmp_path / "n.safetensors")
    same(Network.load(tmp_path / "n.safetensors"), network)


def test_the_same_network_has_the_same_bytes(network, tmp_path):
    # The safetensors library orders its header by chance.
    contents = set()
    for n in range(8):
        network.save(tmp_path / f"{n}.safetensors")
        contents.add((tmp_path / f"{n}.safetensors").read_bytes())
    assert len(contents) == 1


def test_drawn_networks_round_trip(drawn, tmp_path):
    for seed in range(20):
        drawn(seed).save(tmp_path / "n.safetensors")
        same(Network.load(tmp_path / "n.safetensors"), drawn(seed))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_byte_is_seen(network, tmp_path_factory, data):
    file = tmp_path_factory.mktemp("net") / "n.safetensors"
    network.save(file)
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    try:
        again = Network.load(file)
    except InputError as error:
        assert error.file == file
    else:
        # Only what carries no meaning may change unseen, such as a space of padding in the header.
        same(again, network)


def rewritten(network, file, change):
    """Save `network` with its description changed and the hash made to match."""
    network.save(file)
    content = file.read_bytes()
    tensors = load_tensors(content)
    description = json.loads(_metadata(content)[0])
    change(description, tensors)
    text = json.dumps(description)
    file.write_bytes(save_tensors(tensors, {"description": text, "sha256": _hash(text, tensors)}))
    return file


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d, t: d.update(version=2), "version 2"),
        (lambda d, t: d.update(format="other"), "no trigsim network"),
        (lambda d, t: d["steps"][0].update(kind="conv"), "'dense' is of unknown kind 'conv'"),
        (lambda d, t: d["steps"][0].update(extra=1), "other keys"),
        (lambda d, t: d["steps"][2].update(function="rm"), "'rm' stands where"),
        (lambda d, t: d["steps"][0].update(inputs=[5]), "reads tensors"),
        (lambda d, t: d["steps"][0].update(result="ap_fixed<99,3>"), "width 99"),
        (lambda d, t: d["input"].update(size=4), "shape"),
        (lambda d, t: d["input"].update(size=True), "integer"),
        (lambda d, t: t.update({"0.weight": t["0.weight"] + 1000}), "beyond"),
        (lambda d, t: t.update({"0.weight": t["0.weight"].astype(np.float64)}), "int64"),
        (lambda d, t: t.pop("0.weight"), "damaged"),
    ],
)
def test_inconsistent_files_are_refused_by_name(network, tmp_path, change, named):
    with pytest.raises(InputError, match=named):
        Network.load(rewritten(network, tmp_path / "n.safetensors", change))


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"{}", b"\xff" * 64])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=r"Network\.save"):
        Network.load(tmp_path / "x")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such network file"):
        Network.load(tmp_path / "none")
