"""The feature-budget scan: train, quantise, compare with csim, stream; each budget with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trigsim.base.config import load
from trigsim.base.errors import CheckFailed, InputError
from trigsim.base.progress import progress
from trigsim.base.provenance import provenance
from trigsim.firmware import csim
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.feature_cost import FeatureCosts
from trigsim.menu import load as load_menu
from trigsim.numeric.intervals import Estimate
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.candidates import make_candidates
from trigsim.stream.checkpoint import Checkpoint
from trigsim.stream.recipe import Recipe, VariantRecipe
from trigsim.stream.run import VariantResult, stream
from trigsim.stream.source import TEST, TRAIN, Source
from trigsim.stream.variant import Variant
from trigsim.studies.curves import ScoreSample, efficiency_at_rate, rate_at_efficiency, score_sample
from trigsim.studies.deployment import Deployed, deploy_and_compare
from trigsim.studies.points import Point, content_sha256, load_trained, points, train_all
from trigsim.studies.rates import menu_result
from trigsim.studies.results import BudgetResult, ScanResult, SeedResult
from trigsim.studies.scan_config import ScanConfig
from trigsim.studies.separation import auc_estimate, rejection_estimate
from trigsim.studies.setup import builder, open_source
from trigsim.tagger.config import TaggerPlan, TrainConfig
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.dataset_folder import hashed_file, read_candidates
from trigsim.tagger.evaluation import auc
from trigsim.tagger.features import FEATURES, NAMES
from trigsim.tagger.model import Model
from trigsim.tagger.training import EFFICIENCIES, epochs, offered_columns

#: Points of a curve of efficiency against rate.
CURVE_POINTS = 120


def scan(
    file: str | Path,
    folder: str | Path,
    pretrained: str | Path | None = None,
    threads: int = 0,
    data: str | Path | None = None,
    rtl: int = 0,
    resume: bool = False,
) -> ScanResult:
    """Run the scan that a YAML file describes.

    Trainings that are in `folder`, of the same settings, data, code and libraries, are taken as they are.

    Parameters
    ----------
    file : path
        A `ScanConfig`.
    folder : path
        Models, taggers, HLS projects and candidates go into its subfolders.
    pretrained : path, optional
        Folder with a model of each budget; without it they are trained.
    threads : int
        0 is one per core; the result does not depend on it.
    data : path, optional
        Data set (folder) or file of candidates to train with, of which those of the beam's pile-up are taken,
        instead of making `config.train`. Judged is by candidates of the library's test side in any case; of a
        data set made from the same library these are the collisions of its split "test".
    rtl : int
        Inputs to simulate the RTL of each budget on, which is also mapped to cells by Yosys; 0: no RTL.
    resume : bool
        Go on with the crossings where a scan into the same folder was stopped.

    Returns
    -------
    ScanResult
        A row a budget.

    Raises
    ------
    InputError
        If a file is missing or does not fit.
    CheckFailed
        If the emulator and the C simulation differ on any candidate, or the RTL on any of its inputs.
    """
    csim.require_compiler()
    file, folder = Path(file), Path(folder)
    config = load(file, ScanConfig)
    beside = file.parent
    menu = load_menu(beside / config.menu)
    plan = load(beside / config.tagger, TaggerPlan)
    firmware = load(beside / config.firmware, FirmwareConfig)
    costs = None if config.feature_costs is None else load(beside / config.feature_costs, FeatureCosts)
    wanted = points(plan, config.sweep)
    trainings = [training for point in wanted for training in point.trainings]
    for training in trainings:  # Before anything that takes time.
        offered_columns(NAMES, training)
    trained = None if pretrained is None else load_trained(trainings, Path(pretrained), NAMES)
    library = beside / config.library
    test_side = open_source(library, beside / config.beam, TEST)
    every = np.ones(len(FEATURES), np.bool_)
    test = make_candidates(
        test_side, builder(library, test_side, config.objects, every), config.signals,
        config.test.signal, config.test.background, config.seed, threads,
    )  # fmt: skip
    if trained is None:
        trained = _trained(config, trainings, file, folder, threads, data)
    rows = _of_points(wanted, trained)
    models = [best_model(some) for some in rows]
    deployed = []
    for model in models:
        found = deploy_and_compare(
            model, firmware, test.features_hw, folder / "hls" / model.name, costs=costs, rtl=rtl
        )
        found.tagger.save(folder / "taggers" / model.name)
        deployed.append(found)
    _check(models, deployed)
    variants = [
        Variant.bind(m.name, menu, {config.model: d.tagger}, config.algorithm)
        for m, d in zip(models, deployed, strict=True)
    ]
    streamed = stream(
        test_side,
        builder(library, test_side, config.objects, wanted_features(m.columns for m in models)),
        variants,
        crossings=config.stream.crossings,
        signals=config.signals,
        signal_crossings=config.stream.signal_crossings,
        target=config.algorithm,
        seed=config.seed,
        threads=threads,
        checkpoint=_checkpoint(config, file, folder, models, resume),
    )
    budgets = [_budget(config, test_side, test, *one) for one in zip(rows, models, deployed, streamed, strict=True)]
    return ScanResult(
        name=config.name,
        beam=test_side.beam.name,
        mean_pileup=test_side.beam.average_pileup,
        crossing_rate_khz=test_side.beam.crossing_rate_khz,
        algorithm=config.algorithm,
        signal=config.signal,
        fixed_rate_khz=config.fixed_rate_khz,
        fixed_efficiency=config.fixed_efficiency,
        budgets=tuple(budgets),
    )


def _trained(
    config: ScanConfig,
    trainings: Sequence[TrainConfig],
    file: Path,
    folder: Path,
    threads: int,
    data: str | Path | None,
) -> list[Model]:
    inputs = config.inputs(file)
    if data is None:
        candidates = _made(config, file, threads)
        candidates.save(folder / "candidates.parquet")
    else:
        candidates = read_candidates(data, load(file.parent / config.beam, Beam).average_pileup)
        if candidates.names != NAMES:
            raise InputError(f"candidates of {len(candidates.names)} other features; the loop has the 39", data)
        inputs["candidates"] = hashed_file(data)
    record = {**provenance(None, inputs), "candidates_sha256": content_sha256(candidates)}
    with progress("training", sum(epochs(t, candidates.names) for t in trainings), "epochs") as advance:
        return list(train_all(trainings, candidates, folder / "taggers", record, advance))


def _made(config: ScanConfig, file: Path, threads: int) -> Candidates:
    library = file.parent / config.library
    side = open_source(library, file.parent / config.beam, TRAIN)
    every = builder(library, side, config.objects, np.ones(len(FEATURES), np.bool_))
    return make_candidates(
        side, every, config.signals, config.train.signal, config.train.background, config.seed, threads
    )


def _of_points(wanted: Sequence[Point], trained: Sequence[Model]) -> list[tuple[Model, ...]]:
    models = iter(trained)
    return [tuple(next(models) for _ in point.trainings) for point in wanted]


def best_model(models: Sequence[Model]) -> Model:
    """Return the model of the largest AUC on the part of the training side that no training saw."""
    return max(models, key=lambda model: float(model.metrics["auc"]))


def _checkpoint(config: ScanConfig, file: Path, folder: Path, models: Sequence[Model], resume: bool) -> Checkpoint:
    """Return where the crossings leave their state: of this library, this menu, these networks and counts."""
    one = VariantRecipe(name="", menu=str(file.parent / config.menu), taggers={}, algorithm=config.algorithm)
    recipe = Recipe(
        library=str(file.parent / config.library),
        beam=load(file.parent / config.beam, Beam),
        side=TEST,
        objects=config.objects,
        variants=(one,),
        signals=config.signals,
        seed=config.seed,
    )
    # Not the taggers' files: what they compute is what counts.
    networks = {f"{config.model} {i}": model.digest for i, model in enumerate(models)}
    return Checkpoint(folder, {**recipe.identity(), **networks, "stream": config.stream.model_dump_json()}, resume)


def _check(models: Sequence[Model], deployed: Sequence[Deployed]) -> None:
    for model, found in zip(models, deployed, strict=True):
        if found.csim_mismatches:
            raise CheckFailed(
                f"{model.name}: emulator and C simulation differ on {found.csim_mismatches} of {found.csim_inputs} "
                f"candidates; `trigsim compare` names the first layer that does"
            )
        checked = found.hardware.rtl
        if checked and (checked.mismatches or checked.depth != found.hardware.cycles):
            raise CheckFailed(
                f"{model.name}: RTL differs from the emulator in {checked.mismatches} outputs of {checked.inputs} "
                f"inputs, depth {checked.depth} for {found.hardware.cycles}; see `trigsim firmware rtl`"
            )


def _budget(
    config: ScanConfig,
    source: Source,
    test: Candidates,
    models: Sequence[Model],
    model: Model,
    deployed: Deployed,
    result: VariantResult,
) -> BudgetResult:
    score = deployed.tagger.score_hw(test.features_hw[:, model.columns])
    sample = score_sample(source, result, config.signal)
    return BudgetResult(
        features=model.features,
        nodes=model.widths[1:-1],
        bits=max(layer.weight_format.width for layer in model.layers),
        bit_operations=model.bit_operations,
        auc=auc_estimate(score, test, config.seed),
        rejection={e: rejection_estimate(score, test, e, config.seed) for e in EFFICIENCIES},
        seeds=tuple(_seed(other, test) for other in models),
        menu=menu_result(source, result),
        efficiency_at_rate=efficiency_at_rate(sample, config.fixed_rate_khz),
        rate_at_efficiency=rate_at_efficiency(sample, config.fixed_efficiency),
        curve=_curve(sample),
        hardware=deployed.hardware,
        csim_inputs=deployed.csim_inputs,
        csim_mismatches=deployed.csim_mismatches,
    )


def _seed(model: Model, test: Candidates) -> SeedResult:
    score = model.predict_raw(test.features_hw[:, model.columns])[:, 0]
    return SeedResult(int(model.config["seed"]), model.features, auc(score, test.label, test.weight))


def _curve(sample: ScoreSample) -> tuple[tuple[float, float], ...]:
    cuts = sample.cuts()
    if len(cuts) == 0:
        return ()
    chosen = np.unique(np.quantile(cuts, np.linspace(0, 1, CURVE_POINTS), method="nearest"))
    points: list[tuple[Estimate, Estimate]] = [
        (sample.rate_above(int(cut)), sample.efficiency_above(int(cut))) for cut in chosen
    ]
    return tuple((rate.value, efficiency.value) for rate, efficiency in points if rate.value > 0)
