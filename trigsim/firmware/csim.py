"""C simulation: the C++ that hls4ml writes, compiled with g++ and run in a process of its own.

hls4ml's own `predict` loads that code into the interpreter, where it may end the process, and calls it event by
event from Python. Here a small main program reads a file of events, runs them, and writes outputs and traces.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import write_text

#: As fast as -O3 for generated adder trees, and compiled in half the time.
QUICK = ("-O1",)
#: For a few hundred events: compiled soonest.
UNOPTIMISED = ("-O0",)
#: The fairest opponent of a benchmark.
FAST = ("-O3", "-march=native")

_NAME = re.compile(r"[A-Za-z_]\w*")

_MAIN = r"""// Runs the network on a file of events: PROGRAM N THREADS INPUT OUTPUT TRACE (TRACE "-" for none).
// Prints the seconds that the events took.
#include "firmware/@PROJECT@.cpp"
#include "@PROJECT@_bridge.cpp"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

static const size_t n_in = @N_IN@, n_out = @N_OUT@;
static const std::vector<std::pair<std::string, size_t>> traced = {@TRACED@};

int main(int argc, char **argv) {
    const size_t n = std::strtoull(argv[1], nullptr, 10), threads = std::strtoull(argv[2], nullptr, 10);
    const bool tracing = std::string(argv[5]) != "-";
    std::vector<double> x(n * n_in), y(n * n_out);
    FILE *file = std::fopen(argv[3], "rb");
    if (!file || std::fread(x.data(), 8, x.size(), file) != x.size()) return 3;
    std::fclose(file);
    FILE *trace = nullptr;
    if (tracing) {
        trace = std::fopen(argv[5], "wb");
        if (!trace) return 3;
        allocate_trace_storage(8);
    }
    // The first call fills the static tables and is not safe for threads.
    if (n) @PROJECT@_double(&x[0], &y[0]);
    auto run = [&](size_t first, size_t last) {
        for (size_t i = first; i < last; i++) {
            @PROJECT@_double(&x[i * n_in], &y[i * n_out]);
            if (tracing)
                for (auto &layer : traced)
                    std::fwrite(nnet::trace_outputs->at(layer.first), 8, layer.second, trace);
        }
    };
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (size_t t = 1; t < threads; t++) pool.emplace_back(run, n * t / threads, n * (t + 1) / threads);
    run(0, n / threads);
    for (auto &thread : pool) thread.join();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (trace && std::fclose(trace)) return 3;
    file = std::fopen(argv[4], "wb");
    if (!file || std::fwrite(y.data(), 8, y.size(), file) != y.size() || std::fclose(file)) return 3;
    std::printf("%.9f\n", taken.count());
    return 0;
}
"""


@dataclass(frozen=True, slots=True)
class CSim:
    """A compiled C simulation.

    Attributes
    ----------
    folder : Path
        The hls4ml project; the program runs in it and reads its weights.
    program : Path
        The executable.
    n_inputs, n_outputs : int
        Sizes of input and output.
    layers : tuple of (str, int)
        Name and size of each layer that can be traced.
    """

    folder: Path
    program: Path
    n_inputs: int
    n_outputs: int
    layers: tuple[tuple[str, int], ...]

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs, shape (n, n_outputs), for features x of shape (n, n_inputs)."""
        return self._run(x, trace=False)[0]

    def trace(self, x: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Return the output of each layer by its name, each of shape (n, size)."""
        return self._run(x, trace=True)[1]

    def seconds(self, x: ArrayLike, threads: int = 1) -> float:
        """Return the time that the events x took in C++, files and start of the process left out."""
        return self._run(x, trace=False, threads=threads)[2]

    def _run(
        self, x: ArrayLike, *, trace: bool, threads: int = 1
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]], float]:
        events = np.ascontiguousarray(x, dtype=np.float64)
        if events.ndim != 2 or events.shape[1] != self.n_inputs:
            raise InputError(f"features have shape {events.shape}; give (n, {self.n_inputs})")
        with tempfile.TemporaryDirectory(prefix="trigsim-csim-") as name:
            files = [Path(name) / part for part in ("input", "output", "trace")]
            events.tofile(files[0])
            told = [str(file) for file in files[:2]] + [str(files[2]) if trace else "-"]
            command = [str(self.program), str(len(events)), str(threads), *told]
            done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"C simulation ended with {done.returncode}: {done.stderr[-500:]}")
            output = np.fromfile(files[1]).reshape(-1, self.n_outputs)
            traces = dict(self._split(np.fromfile(files[2]))) if trace else {}
            return output, traces, float(done.stdout.split()[-1])

    def _split(self, flat: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.float64]]]:
        rows = flat.reshape(-1, sum(size for _, size in self.layers))
        start = 0
        for name, size in self.layers:
            yield name, rows[:, start : start + size]
            start += size


def write_project(graph: Any, folder: str | Path) -> tuple[tuple[str, int], ...]:
    """Write the hls4ml project of `graph` with every layer traced; return the layers' names and sizes."""
    graph.config.config["OutputDir"] = str(folder)
    graph.config.trace_output = True
    layers = []
    for layer in graph.get_layers():
        if layer.get_attr("function_cpp") and len(layer.get_variables()) == 1:
            if not _NAME.fullmatch(layer.name):
                raise InputError(f"layer '{layer.name}' has no name for C++; use letters, digits and _")
            layer.set_attr("trace", True)
            layers.append((layer.name, int(layer.get_output_variable().size())))
    with contextlib.redirect_stdout(io.StringIO()):
        graph.write()
    return tuple(layers)


def build(graph: Any, folder: str | Path, flags: tuple[str, ...] = QUICK) -> CSim:
    """Write the hls4ml project of a model graph and compile its C simulation.

    Parameters
    ----------
    graph : hls4ml.model.ModelGraph
        One input, one output; its output folder becomes `folder`.
    folder : path
        Where to write; made if need be.
    flags : tuple of str
        Optimisation flags for g++: `QUICK` or `FAST`.

    Returns
    -------
    CSim

    Raises
    ------
    InputError
        Without g++, or for a graph of several inputs or outputs.
    RuntimeError
        If the C++ does not compile.
    """
    require_compiler()
    if len(graph.get_input_variables()) != 1 or len(graph.get_output_variables()) != 1:
        raise InputError("the model has several inputs or outputs; join them into one each")
    folder = Path(folder).resolve()
    layers = write_project(graph, folder)
    sizes = int(graph.get_input_variables()[0].size()), int(graph.get_output_variables()[0].size())
    return compile_project(folder, graph.config.get_project_name(), sizes, layers, flags)


def compile_project(
    folder: Path,
    top: str,
    sizes: tuple[int, int],
    layers: tuple[tuple[str, int], ...] = (),
    flags: tuple[str, ...] = QUICK,
) -> CSim:
    """Compile the C simulation of an hls4ml project that is written already.

    Parameters
    ----------
    folder : Path
        The project; a main program is added to it.
    top : str
        Name of its top function.
    sizes : (int, int)
        Numbers of inputs and outputs.
    layers : tuple of (str, int)
        Name and size of each layer that the project traces.
    flags : tuple of str
        As for `build`.

    Raises
    ------
    InputError
        Without g++.
    RuntimeError
        If the C++ does not compile.
    """
    compiler = require_compiler()
    main = folder / "trigsim_csim.cpp"
    traced = ", ".join(f'{{"{name}", {size}}}' for name, size in layers)
    replaced = {
        "PROJECT": top,
        "N_IN": sizes[0],
        "N_OUT": sizes[1],
        "TRACED": traced,
    }
    write_text(main, re.sub(r"@(\w+)@", lambda found: str(replaced[found[1]]), _MAIN))
    program = folder / "trigsim_csim"
    # The weights' folder is relative: the project can be moved, the program is run inside it.
    fixed = ["-std=c++23", "-w", "-pthread", "-Ifirmware/ap_types", '-DWEIGHTS_DIR="firmware/weights"']
    command = [compiler, *flags, *fixed, main.name, "-o", program.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"g++ failed in {folder}: {done.stderr[:2000]}")
    return CSim(folder, program, *sizes, layers)


def require_compiler() -> str:
    """Return the path of g++, or raise an `InputError` that says how to get it."""
    found = shutil.which("g++")
    if found is None:
        raise InputError("the C simulation needs g++ 11 or newer, which is not here; install it (apt install g++)")
    return found
