"""The feature-budget scan: train, quantise, compare with csim, stream; each budget with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trigsim.base.config import load
from trigsim.base.errors import CheckFailed
from trigsim.base.progress import progress
from trigsim.base.provenance import provenance
from trigsim.firmware import csim
from trigsim.firmware.config import FirmwareConfig
from trigsim.menu import load as load_menu
from trigsim.numeric.intervals import Estimate
from trigsim.stream.block import wanted_features
from trigsim.stream.candidates import make_candidates
from trigsim.stream.run import VariantResult, stream
from trigsim.stream.source import TEST, TRAIN, Source
from trigsim.stream.variant import Variant
from trigsim.studies.curves import ScoreSample, efficiency_at_rate, rate_at_efficiency, score_sample
from trigsim.studies.deployment import Deployed, deploy_and_compare
from trigsim.studies.rates import menu_result
from trigsim.studies.results import BudgetResult, ScanResult
from trigsim.studies.scan_config import ScanConfig
from trigsim.studies.separation import auc_estimate, rejection_estimate
from trigsim.studies.setup import builder, open_source
from trigsim.tagger.config import TaggerPlan
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.features import FEATURES
from trigsim.tagger.model import Model
from trigsim.tagger.model import load as load_model
from trigsim.tagger.training import epochs, for_budget, train_candidates

#: Points of a curve of efficiency against rate.
CURVE_POINTS = 120


def scan(
    file: str | Path, folder: str | Path, pretrained: str | Path | None = None, threads: int = 0
) -> ScanResult:
    """Run the scan that a YAML file describes.

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

    Returns
    -------
    ScanResult
        A row a budget.

    Raises
    ------
    InputError
        If a file is missing or does not fit.
    CheckFailed
        If the emulator and the C simulation differ on any candidate.
    """
    csim.require_compiler()
    file, folder = Path(file), Path(folder)
    config = load(file, ScanConfig)
    beside = file.parent
    menu = load_menu(beside / config.menu)
    plan = load(beside / config.tagger, TaggerPlan)
    firmware = load(beside / config.firmware, FirmwareConfig)
    library = beside / config.library
    test_side = open_source(library, beside / config.beam, TEST)
    every = np.ones(len(FEATURES), np.bool_)
    test = make_candidates(
        test_side, builder(library, test_side, config.objects, every), config.signals,
        config.test.signal, config.test.background, config.seed, threads,
    )  # fmt: skip
    if pretrained is None:
        models = _trained(config, plan, file, folder, threads)
    else:
        models = [load_model(Path(pretrained) / for_budget(plan.training, k).name) for k in sorted(plan.budgets)]
    deployed = []
    for model in models:
        found = deploy_and_compare(model, firmware, test.features_hw, folder / "hls" / model.name)
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
    )
    budgets = [_budget(config, test_side, test, *one) for one in zip(models, deployed, streamed, strict=True)]
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


def _trained(config: ScanConfig, plan: TaggerPlan, file: Path, folder: Path, threads: int) -> list[Model]:
    library = file.parent / config.library
    side = open_source(library, file.parent / config.beam, TRAIN)
    every = builder(library, side, config.objects, np.ones(len(FEATURES), np.bool_))
    candidates = make_candidates(
        side, every, config.signals, config.train.signal, config.train.background, config.seed, threads
    )
    candidates.save(folder / "candidates.parquet")
    record = provenance(plan.training.seed, config.inputs(file))
    trainings = [for_budget(plan.training, k) for k in sorted(plan.budgets)]
    models = []
    with progress("training", sum(map(epochs, trainings)), "epochs") as advance:
        for training in trainings:
            model = train_candidates(candidates, training, provenance=record, advance=advance)
            model.save(folder / "taggers" / model.name)
            models.append(model)
    return models


def _check(models: Sequence[Model], deployed: Sequence[Deployed]) -> None:
    for model, found in zip(models, deployed, strict=True):
        if found.csim_mismatches:
            raise CheckFailed(
                f"{model.name}: emulator and C simulation differ on {found.csim_mismatches} of {found.csim_inputs} "
                f"candidates; `trigsim compare` names the first layer that does"
            )


def _budget(
    config: ScanConfig,
    source: Source,
    test: Candidates,
    model: Model,
    deployed: Deployed,
    result: VariantResult,
) -> BudgetResult:
    score = deployed.tagger.score_hw(test.features_hw[:, model.columns])
    sample = score_sample(source, result, config.signal)
    return BudgetResult(
        features=model.features,
        auc=auc_estimate(score, test, config.seed),
        rejection=rejection_estimate(score, test, 0.5, config.seed),
        menu=menu_result(source, result),
        efficiency_at_rate=efficiency_at_rate(sample, config.fixed_rate_khz),
        rate_at_efficiency=rate_at_efficiency(sample, config.fixed_efficiency),
        curve=_curve(sample),
        hardware=deployed.hardware,
        csim_inputs=deployed.csim_inputs,
        csim_mismatches=deployed.csim_mismatches,
    )


def _curve(sample: ScoreSample) -> tuple[tuple[float, float], ...]:
    cuts = sample.cuts()
    if len(cuts) == 0:
        return ()
    chosen = np.unique(np.quantile(cuts, np.linspace(0, 1, CURVE_POINTS), method="nearest"))
    points: list[tuple[Estimate, Estimate]] = [
        (sample.rate_above(int(cut)), sample.efficiency_above(int(cut))) for cut in chosen
    ]
    return tuple((rate.value, efficiency.value) for rate, efficiency in points if rate.value > 0)
