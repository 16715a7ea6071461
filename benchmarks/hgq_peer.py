"""Widths that each weight learns: trigsim's way beside HGQ2's, on the same candidates, AUC against what it costs.

    KERAS_BACKEND=torch python benchmarks/hgq_peer.py CANDIDATES [--costs 0.03 0.3] [--betas 1e-6] [-o FILE.json]

Both train 39-32-16-1 from scratch for as many epochs with the same weight decay, from the same eight-bit inputs,
and are measured on the same candidates. Bit operations are counted by one rule (bits from the leading to the last
of each weight, times the width of what it is multiplied with), LUTs by da4ml. HGQ2 comes with
pip install 'trigsim[frontends]'.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from da4ml.converter import trace_model
from da4ml.trace import comb_trace
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QDense
from hgq.utils import trace_minmax
from hgq.utils.sugar import BetaScheduler, PieceWiseSchedule

from trigsim.base.files import write_json
from trigsim.firmware.trace import combinational
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.config import Epochs, Precision, TrainConfig
from trigsim.tagger.dataset import read
from trigsim.tagger.evaluation import auc
from trigsim.tagger.inputs import fit_input_map
from trigsim.tagger.model import significant_bits
from trigsim.tagger.training import input_sample, split, train_candidates

HIDDEN, BATCH, RATE = (32, 16), 512, 3e-3


def ours(candidates, cost, epochs, bits):
    """Half of the epochs in float, half with widths that learn; a row of what came out."""
    plan = TrainConfig(
        name="ours", hidden=HIDDEN, batch=BATCH, learning_rate=RATE, seed=1,
        precision=Precision(weights=bits, activations=bits, bit_cost=cost),
        epochs=Epochs(tune=epochs // 2, quantise=epochs - epochs // 2),
    )  # fmt: skip
    model = train_candidates(candidates, plan)
    return {
        "what": f"ours, {bits} bits, bit_cost {cost:g}", "auc": model.metrics["auc"],
        "bit_operations": model.bit_operations, "lut": round(combinational(model).cost),
    }  # fmt: skip


def hgq(candidates, beta, epochs):
    """A network of QDense layers, its price on bits rising to `beta`; a row of what came out."""
    plan = TrainConfig(hidden=HIDDEN, seed=1)
    train_rows, _, test_rows = split(candidates.collision, plan.seed)
    inputs = fit_input_map(
        candidates.features_hw[train_rows], FixedFormat.parse(plan.precision.input), candidates.names
    )
    sample = input_sample(candidates.features_hw, candidates.label, candidates.weight, inputs, plan)
    some = sample.rows(train_rows)
    keras.utils.set_random_seed(1)
    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, beta0=beta),
    ):
        x = source = keras.Input((some.x.shape[1],))
        for width in HIDDEN:
            x = QDense(width, activation="relu")(x)
        model = keras.Model(source, QDense(1)(x))
    steps = len(some) // BATCH * epochs
    adam = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(RATE, steps), weight_decay=plan.weight_decay
    )
    # As in ours, weights and biases decay and widths do not.
    adam.exclude_from_weight_decay(
        [v for v in model.trainable_variables if v.path.split("/")[-1] not in ("kernel", "bias")]
    )
    model.compile(adam, keras.losses.BinaryCrossentropy(from_logits=True))
    rising = BetaScheduler(PieceWiseSchedule([(0, beta / 30, "log"), (epochs * 2 // 3, beta, "constant")]))
    model.fit(
        some.x.numpy(), some.y.numpy(), sample_weight=some.w.numpy(), batch_size=BATCH, epochs=epochs, verbose=0,
        callbacks=[rising],
    )  # fmt: skip
    trace_minmax(model, some.x.numpy(), verbose=False)
    score = model.predict(sample.rows(test_rows).x.numpy(), verbose=0)[:, 0]
    operations = 0
    for layer in model.layers[1:]:
        # Scaled by 2^30 every grid value is whole; bits from the first to the last do not feel it.
        raw = np.rint(keras.ops.convert_to_numpy(layer.qkernel).astype(np.float64) * 2.0**30).astype(np.int64)
        width = keras.ops.convert_to_numpy(layer.iq.bits_((1, raw.shape[0])))[0]
        operations += float(width @ significant_bits(raw).sum(axis=1))
    logic = comb_trace(*trace_model(model))
    return {
        "what": f"HGQ2, beta {beta:g}", "bit_operations": round(operations), "lut": round(logic.cost),
        "auc": auc(score, candidates.label[test_rows], candidates.weight[test_rows]),
        "own_ebops": sum(int(layer.ebops) for layer in model.layers[1:]),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidates", type=Path)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--costs", type=float, nargs="*", default=[0.0, 0.03, 0.1, 0.3])
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--betas", type=float, nargs="*", default=[1e-6, 3e-6, 1e-5])
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    candidates = read(asked.candidates)
    rows = []
    ways = ((ours, asked.costs, (asked.epochs, asked.bits)), (hgq, asked.betas, (asked.epochs,)))
    for make, values, rest in ways:
        for value in values:
            start = time.process_time()
            row = {**make(candidates, value, *rest), "seconds": round(time.process_time() - start)}
            rows.append(row)
            print(row, flush=True)
    if asked.output:
        write_json(asked.output, {"rows": rows})


if __name__ == "__main__":
    main()
