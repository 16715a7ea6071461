"""The HLS project on disk: the same model gives the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

from trigsim.base.files import write_json, write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import graph, project_name, quiet
from trigsim.firmware.room import make_room
from trigsim.firmware.vectors import write_vectors
from trigsim.tagger.model import Model

FORMAT = "trigsim-hls-project"
#: hls4ml's own settings file holds paths, object addresses and a pickled network: not reproducible, not wanted.
UNWANTED = ("hls4ml_config.yml",)


def build(model: Model, folder: str | Path, config: FirmwareConfig | None = None) -> Path:
    """Write the HLS project of `model` with golden vectors and a test bench that checks them.

    Parameters
    ----------
    model : Model
    folder : path
        New, empty, or an earlier project (replaced).
    config : FirmwareConfig, optional

    Returns
    -------
    Path
        The folder.
    """
    config = config or FirmwareConfig()
    folder = Path(folder)
    make_room(folder, "HLS project", FORMAT)
    with quiet():
        graph(model, config, folder).write()
    for name in UNWANTED:
        (folder / name).unlink(missing_ok=True)
    name = project_name(model)
    script = folder / "build_lib.sh"
    script.write_text(re.sub(r"LIB_STAMP=.*", f"LIB_STAMP={model.digest[:8]}", script.read_text(encoding="utf-8")))
    write_vectors(model, folder, name, bench=config.io == "io_parallel")
    write_json(
        folder / "project.json",
        {
            "format": FORMAT,
            "version": 1,
            "top": name,
            "model": model.digest,
            "features": list(model.features),
            "offset": model.inputs.offset.tolist(),
            "shift": model.inputs.shift.tolist(),
            "input_format": str(model.inputs.format),
            "output_format": str(model.output_format),
            "config": config.model_dump(mode="json"),
        },
    )
    write_text(folder / "README.md", _readme(model, config, name))
    return folder


def _readme(model: Model, config: FirmwareConfig, name: str) -> str:
    inputs = "\n".join(
        f"| {i} | {feature} | {offset} | {shift} |"
        for i, (feature, offset, shift) in enumerate(
            zip(model.features, model.inputs.offset, model.inputs.shift, strict=True)
        )
    )
    widths = "-".join(map(str, model.widths))
    bench, check = "writes what it finds to `tb_data/csim_results.log`", ""
    if config.io == "io_parallel":
        bench = "returns 1 if a single bit differs"
        check = "| `make -f check.mk` | compiles the test bench with g++ and runs it; no vendor tool |\n"
    return f"""# {name}: HLS project

A {widths} network for {config.part} at {config.clock_ns:g} ns, written by trigsim with hls4ml's
{config.backend} back end ({config.strategy} strategy, reuse factor {config.reuse_factor}, {config.io}).

- Top function `{name}` in `firmware/{name}.cpp`; weights in `firmware/weights/`, formats in
  `firmware/defines.h`.
- Inputs: {len(model.features)} of `{model.inputs.format}`. Output: a logit, `{model.output_format}`.
- `tb_data/`: golden vectors, computed in exact integer arithmetic. `{name}_test.cpp` reads them and
  {bench}.

| command | does |
|---|---|
{check}| `vitis_hls -f build_prj.tcl` (or `vivado_hls`) | csim, csynth, cosim, export as chosen in `build_opt.tcl` |
| `vivado -mode batch -source vivado_synth.tcl` | logic synthesis of the RTL |

In front of the network each feature is an integer; input i = (feature − offset) · 2^−shift, rounded half up and
saturated to `{model.inputs.format}`:

| input | feature | offset | shift |
|---|---|---|---|
{inputs}
"""
