"""What rule4ml predicts of an HLS build, asked in a Python of the user's own: it brings TensorFlow, we do not."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from trigsim.base.errors import InputError
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.parts import part
from trigsim.firmware.resources import Resources, tabulate
from trigsim.firmware.tools import run
from trigsim.tagger.model import Model

#: Part → the board with its device that rule4ml knows: the U200 carries a VU9P, the U250 a VU13P.
BOARDS = {"XCVU9P": "alveo-u200", "XCVU13P": "alveo-u250"}
#: Back end → the last of the Vivado versions it learned that is of Vivado HLS, or one of Vitis HLS.
VIVADO = {"Vivado": "2020.1", "Vitis": "2023.2"}
#: The newest hls4ml that it learned.
HLS4ML = "1.1.0"
#: All that it learned was synthesised for this clock, by its own description.
CLOCK_NS = 10.0
FIGURES = ("lut", "ff", "dsp", "bram", "cycles", "interval")


def question(model: Model, config: FirmwareConfig) -> dict[str, Any]:
    """Return what rule4ml is asked: it knows one width for all numbers (we give the largest) and no values.

    Raises
    ------
    InputError
        For distributed arithmetic, or a part of which it knows no board.
    """
    if config.strategy == "distributed_arithmetic":
        raise InputError("rule4ml knows no distributed_arithmetic; set strategy to Latency or Resource")
    device = part(config.part).name
    if device not in BOARDS:
        raise InputError(f"rule4ml knows no board with {device}; choose {' or '.join(BOARDS)}")
    return {
        "widths": list(model.widths),
        "bits": widest(model),
        "strategy": config.strategy.lower(),
        "reuse_factor": config.reuse_factor,
        "board": BOARDS[device],
        "hls4ml": HLS4ML,
        "vivado": VIVADO[config.backend],
    }


def widest(model: Model) -> int:
    """Return the largest width of inputs, weights and hidden activations in bits."""
    hidden = [layer.result_format.width for layer in model.layers[:-1]]
    return max([model.inputs.format.width, *hidden, *(layer.weight_format.width for layer in model.layers)])


def ask(python: str | Path, questions: Sequence[Mapping[str, Any]]) -> tuple[str, list[dict[str, float]]]:
    """Return rule4ml's version and its predictions.

    Parameters
    ----------
    python : path
        Interpreter of an environment in which rule4ml is installed.
    questions : sequence of mapping
        See `question`.

    Raises
    ------
    InputError
        If there is no such program, or it fails (its last lines are shown).
    """
    program = shutil.which(str(python))
    if program is None:
        raise InputError(f"no program '{python}'; give the Python of an environment with rule4ml")
    with (
        tempfile.TemporaryDirectory(prefix="trigsim-rule4ml-") as folder,
        as_file(files("trigsim.firmware").joinpath("templates/rule4ml_ask.py")) as script,
    ):
        file = Path(folder) / "questions.json"
        file.write_text(json.dumps(list(questions)), encoding="utf-8")
        said = run([program, str(script), str(file)], Path(folder))
    try:
        document = json.loads(said.strip().splitlines()[-1])
        rows = [{name: float(row[name]) for name in FIGURES} for row in document["rows"]]
        told = str(document["version"])
    except (ValueError, KeyError, TypeError, IndexError):
        raise InputError(f"'{python}' gave no predictions of rule4ml; is that its Python?") from None
    if len(rows) != len(questions) or not all(math.isfinite(v) for row in rows for v in row.values()):
        raise InputError(f"rule4ml {told} gave {len(rows)} rows or numbers that are none; use another version")
    return told, rows


def predict(model: Model, config: FirmwareConfig, python: str | Path) -> Resources:
    """Return rule4ml's prediction for a model, at the clock that it knows.

    Raises
    ------
    InputError
        See `question` and `ask`.
    """
    asked = question(model, config)
    told, (row,) = ask(python, [asked])
    values = {**row, "bram": row["bram"] / 2}  # It counts blocks of 18 kbit.
    source = (
        f"rule4ml {told} (its model of Vivado {asked['vivado']}, hls4ml {HLS4ML}, {asked['board']}), "
        f"a prediction for {asked['bits']} bits at {CLOCK_NS:g} ns"
    )
    return tabulate(values, source, config.model_copy(update={"clock_ns": CLOCK_NS}))
