"""Golden vectors and the test bench that checks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.files import write_text
from trigsim.numeric.fixed import FixedFormat
from trigsim.numeric.random import stream_rng
from trigsim.tagger.model import Model

#: Golden inputs of a project.
VECTORS = 1000


def golden_inputs(model: Model, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Return raw network inputs that reach every corner: all low, all high, each alone high, then random ones.

    Parameters
    ----------
    model : Model
    n : int
        Rows.
    seed : int

    Returns
    -------
    int64 array, shape (n, k)
        In steps of the input format. Half of the random rows are uniform, half normal around zero.
    """
    return grid_inputs(model.inputs.format, len(model.features), n, seed)


def grid_inputs(fmt: FixedFormat, k: int, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the same for k inputs of any format."""
    rng = stream_rng(seed, "firmware/vectors")
    corners = np.zeros((2 * k + 3, k), dtype=np.int64)
    corners[1], corners[2] = fmt.minimum, fmt.maximum
    corners[3 : 3 + k][np.diag_indices(k)] = fmt.maximum
    corners[3 + k :][np.diag_indices(k)] = fmt.minimum
    rest = max(n - len(corners), 0)
    uniform = rng.integers(fmt.minimum, fmt.maximum + 1, (rest // 2, k))
    normal = np.rint(rng.normal(0, (fmt.maximum + 1) / 3, (rest - rest // 2, k))).astype(np.int64)
    return np.concatenate([corners, uniform, np.clip(normal, fmt.minimum, fmt.maximum)])[:n]


def golden_outputs(model: Model, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the raw outputs for raw network inputs, by exact integer sums."""
    return model.predict_inputs(inputs)


def write_vectors(model: Model, folder: str | Path, name: str, *, bench: bool, n: int = VECTORS) -> None:
    """Write golden vectors, and if wanted the test bench, into an HLS project.

    Parameters
    ----------
    model : Model
    folder : path
        Of the project.
    name : str
        Top function.
    bench : bool
        Whether to replace hls4ml's test bench, which checks nothing, by ours (io_parallel only).
    n : int
        Rows.
    """
    folder = Path(folder)
    inputs = golden_inputs(model, n)
    outputs = golden_outputs(model, inputs)
    write_text(folder / "tb_data" / "tb_input_features.dat", _decimal(inputs, model.inputs.format))
    write_text(folder / "tb_data" / "tb_output_predictions.dat", _decimal(outputs, model.output_format))
    if bench:
        code = _BENCH.format(name=name, k=inputs.shape[1], m=outputs.shape[1])
        write_text(folder / f"{name}_test.cpp", code)
        write_text(folder / "check.mk", _MAKEFILE.format(name=name))


def _decimal(raw: NDArray[Any], fmt: FixedFormat) -> str:
    """Return one row a line, every digit of every value."""
    digits = max(fmt.fraction, 0)
    return "".join(" ".join(f"{v:.{digits}f}" for v in row) + "\n" for row in fmt.to_float(raw))


_BENCH = """// Reads golden inputs and outputs and returns 1 if one bit of one output differs.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "firmware/{name}.h"
#include "firmware/nnet_utils/nnet_helpers.h"

namespace nnet {{
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
}} // namespace nnet

static const unsigned INPUTS = {k}, OUTPUTS = {m};

int main() {{
    std::ifstream features("tb_data/tb_input_features.dat"), golden("tb_data/tb_output_predictions.dat");
    if (!features || !golden) {{
        std::cerr << "no golden vectors; run in the project folder" << std::endl;
        return 1;
    }}
#ifdef RTL_SIM
    std::ofstream log("tb_data/rtl_cosim_results.log");
#else
    std::ofstream log("tb_data/csim_results.log");
#endif
    unsigned rows = 0, wrong = 0;
    double value;
    while (features >> value) {{
        std::vector<double> row(1, value);
        while (row.size() < INPUTS && features >> value)
            row.push_back(value);
        input_t input[INPUTS];
        result_t output[OUTPUTS];
        nnet::copy_data<double, input_t, 0, INPUTS>(row, input);
        {name}(input, output);
        for (unsigned i = 0; i < OUTPUTS; i++) {{
            if (!(golden >> value))
                return 1;
            log << (double)output[i] << " ";
            if ((double)output[i] != value && wrong++ < 10)
                std::cerr << "row " << rows << " output " << i << ": " << (double)output[i]
                          << ", golden " << value << std::endl;
        }}
        log << "\\n";
        rows++;
    }}
    std::cout << rows << " rows, " << wrong << " wrong outputs" << std::endl;
    return wrong || !rows ? 1 : 0;
}}
"""

_MAKEFILE = """# The C simulation without vendor tools: make -f check.mk
check: {name}_check
\t./{name}_check

{name}_check: {name}_test.cpp firmware/{name}.cpp
\tg++ -std=c++23 -O1 -w -Ifirmware/ap_types -DWEIGHTS_DIR='"firmware/weights"' $^ -o $@

.PHONY: check
"""
