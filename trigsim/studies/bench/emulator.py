"""`trigsim bench emulator`: inferences per second, ours and others', same networks, inputs and threads."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trigsim.base.errors import InputError
from trigsim.base.progress import progress
from trigsim.emulator import from_hls4ml
from trigsim.firmware import csim, trace
from trigsim.firmware.project import graph, quiet
from trigsim.numeric.random import stream_rng
from trigsim.studies.bench.model import Bench, Row, best_seconds
from trigsim.studies.bench.networks import SIZES, drawn_model, multiply_accumulates
from trigsim.studies.bench.onnx_file import onnx_model
from trigsim.tagger.model import Model

UNIT = "inferences/s"
#: One batch, as the requirement has it.
EVENTS = 200_000
#: Batches among which the best one counts for those who care about it.
BATCHES = (1024, 2048, 4096, 8192, 16384, 32768, 65536)
#: The slow systems get fewer events.
FEW = 2_000

_FIRST_CALL = """
import sys, time
start = time.perf_counter()
import numpy as np
from trigsim.emulator import Network
network = Network.load(sys.argv[1])
x = np.zeros((4096, network.n_inputs), dtype=np.float32)
loaded = time.perf_counter()
network.predict(x)
print(loaded - start, time.perf_counter() - loaded)
"""


def bench_emulator(*, pruned: bool = True, seconds: float = 1.0) -> Bench:
    """Measure the emulator and its peers.

    Parameters
    ----------
    pruned : bool
        Whether to measure every network once more with half of its weights zero.
    seconds : float
        About how long each measurement takes.

    Returns
    -------
    Bench
        Rates count from float features to outputs, on all cores; the fastest of several runs counts.
    """
    cases = [(sizes, kept) for sizes in SIZES for kept in ((1.0, 0.5) if pruned else (1.0,))]
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    rows = [Row("float32 GEMM", "torch", "MAC/s", _gemm_peak(seconds))]
    with progress("bench emulator", len(cases), "networks") as advance:
        for sizes, kept in cases:
            case = "-".join(map(str, sizes)) + ("" if kept == 1 else " half pruned")
            rows += _network_rows(case, drawn_model(sizes, kept), threads, seconds, rows[0].value)
            advance(1)
    rows += _first_calls(drawn_model(SIZES[1], 1.0))
    return Bench(tuple(rows))


def _rate(work: Callable[[], object], n: int, seconds: float) -> float:
    return n / best_seconds(work, 3, seconds)


def _peer(case: str, what: str, value: float, ours: float) -> Row:
    return Row(case, what, UNIT, value, "trigsim", ours / value)


def _gemm_peak(seconds: float) -> float:
    """Return the multiply-accumulates per second of a large float32 product."""
    a = torch.rand(2048, 2048)
    return _rate(lambda: a @ a, 2048**3, seconds)


def _network_rows(case: str, model: Model, threads: int, seconds: float, peak: float) -> Iterator[Row]:
    rng = stream_rng(0, "bench/inputs")
    x = rng.normal(0, 2.5, (EVENTS, model.widths[0])).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="trigsim-bench-") as folder:
        hls = graph(model, None, folder)
        network = from_hls4ml(hls)
        simulation = csim.build(hls, folder, csim.FAST)
        few = x[:FEW].astype(np.float64)
        if not np.array_equal(network.predict(x[:FEW]), simulation.predict(few)):
            raise RuntimeError(f"{case}: emulator and csim differ; run trigsim compare")
        ours = _rate(lambda: network.predict(x), EVENTS, seconds)
        yield Row(case, "trigsim", UNIT, ours)
        # Peers at their best batch meet ours at its best batch.
        best = max(ours, *(_rate(lambda n=n: network.predict(x[:n]), n, seconds / 4) for n in BATCHES))  # type: ignore[misc]
        yield Row(case, "trigsim, best batch", UNIT, best)
        macs = multiply_accumulates(model) * ours
        yield Row(case, "trigsim", "MAC/s", macs)
        yield Row(case, "trigsim", "float32 GEMM peaks", macs / peak)
        doubles = x.astype(np.float64)
        yield Row(case, "trigsim from float64", UNIT, _rate(lambda: network.predict(doubles), EVENTS, seconds))
        raw = network.input_format.from_float(x).astype(np.int32)
        yield Row(
            case, "trigsim from integers", UNIT, _rate(lambda: network.predict_hw(raw, None), EVENTS, seconds)
        )
        many = np.tile(few, (5, 1))
        batch = max(len(many) / simulation.seconds(many, threads) for _ in range(3))
        yield _peer(case, "csim batch", batch, ours)
        with quiet():
            hls.compile()
            predict = _rate(lambda: hls.predict(few), FEW, seconds)
        yield _peer(case, "hls4ml predict", predict, ours)
    yield from _da4ml_rows(case, model, few, ours, seconds)
    yield from _float_rows(case, model, x, (ours, best), seconds)


def _da4ml_rows(case: str, model: Model, few: NDArray[np.float64], ours: float, seconds: float) -> Iterator[Row]:
    try:
        logic = trace.combinational(model)
    except InputError:
        return
    inputs = np.tile(model.inputs.format.quantise(few), (10, 1))
    yield _peer(case, "da4ml", _rate(lambda: trace.interpret(logic, inputs), len(inputs), seconds), ours)


def _float_rows(
    case: str, model: Model, x: NDArray[np.float32], ours: tuple[float, float], seconds: float
) -> Iterator[Row]:
    module = _torch_module(model)
    tensor = torch.from_numpy(x)
    with torch.inference_mode():
        for name, system in (("float32", module), ("int8", _int8(module))):
            if system is None:
                continue
            one = _rate(lambda s=system: s(tensor), EVENTS, seconds)  # type: ignore[misc]
            yield _peer(case, f"torch {name}, one batch", one, ours[0])
            parts = {size: tensor[:size] for size in BATCHES}
            rates = [_rate(lambda s=system, p=part: s(p), len(part), seconds / 4) for part in parts.values()]  # type: ignore[misc]
            yield _peer(case, f"torch {name}, best batch", max(one, *rates), ours[1])
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ImportError:
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = onnxruntime.InferenceSession(onnx_model(model), options, providers=["CPUExecutionProvider"])
    rates = [_rate(lambda n=n: session.run(None, {"x": x[:n]}), n, seconds / 4) for n in (*BATCHES, EVENTS)]  # type: ignore[misc]
    yield _peer(case, "onnxruntime, best batch", max(rates), ours[1])


def _torch_module(model: Model) -> nn.Module:
    layers: list[nn.Module] = []
    for layer in model.layers:
        dense = nn.Linear(*layer.weight.shape[::-1])
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(layer.weight))
            dense.bias.copy_(torch.from_numpy(layer.bias))
        layers += [dense, nn.ReLU()] if layer.activation == "relu" else [dense]
    return nn.Sequential(*layers).eval()


def _int8(module: nn.Module) -> nn.Module | None:
    """Return the dynamically quantised network, None where torch has no int8 engine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            quantise = torch.ao.quantization.quantize_dynamic
            quantised: nn.Module = quantise(module, {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-untyped-call]
        except (AttributeError, RuntimeError):
            return None
        return quantised


def _first_calls(model: Model) -> Iterator[Row]:
    """Measure a new process, without and with cached code: its first prediction, and all before it."""
    with tempfile.TemporaryDirectory(prefix="trigsim-bench-") as folder:
        file = Path(folder) / "network.safetensors"
        from_hls4ml(graph(model, None, folder)).save(file)
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(Path(folder) / "cache")}
        for case in ("first call, nothing compiled", "first call, compiled before"):
            command = [sys.executable, "-c", _FIRST_CALL, str(file)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            loading, call = (float(word) for word in done.stdout.split())
            yield Row(case, "trigsim", "s", call)
            yield Row(case, "trigsim, with imports and loading", "s", loading + call)
