# mypy: ignore-errors
"""Counting packed decisions.

Crossings come in the order of their hardest collisions: those of collision e are
``order[starts[e]:starts[e + 1]]`` and weigh ``weight[e]`` each. Kernels return sums of weights, and sums of the
squares of each collision's total, which is what intervals need (`studies.rates.estimates`).
"""

import numpy as np
from numba import njit

from trigsim.menu.bit_kernels import bit_number
from trigsim.objects.jit import inner

#: Rows of what `tally` finds for each algorithm and each group.
RATE, PURE, SHARE, CUMULATIVE = range(4)


@njit(cache=True, nogil=True)
def tally(
    packed, times, order, starts, first, last, tried, stratum, weight, kind, companions,
    keep, veto, group_offsets, group_ids, nodes, node_weights, by_stratum, by_hardest, by_class, passes,
):  # fmt: skip
    """Tally algorithms that are kept with probability `keep` each where their bit is set, and their company.

    Of the crossings of collisions first <= e < last; each row c of `packed` stands for ``times[c]`` equal
    crossings, which hold ``companions[c]`` collisions of each class, in all, beside the hardest, of class
    ``kind[c]``. Collision e is the hardest of ``tried[e]`` crossings; those of stratum k weigh ``weight[k]`` each.

    For each of four quantities and each row (algorithms, groups, the total, which has `RATE` alone), with v the
    expected value of a crossing, `by_stratum` of each stratum becomes the sums over crossings of v and of its
    square, and over hardest collisions of the square of their sum and of its product with their crossings;
    `by_class` the sums of v times weight times the companions of each class, `by_hardest` times the hardest of it.
    `passes` counts
    crossings that pass where nothing is prescaled away. `group_ids` of algorithm i are in
    ``group_offsets[i]:group_offsets[i + 1]``. Shares are integrated at `nodes`; see `_shares`. Cumulative rows hold
    what each algorithm adds to the one before.
    """
    n_alg, n_rows, n_classes = len(keep), by_class.shape[1], companions.shape[1]
    n_groups, last_row = n_rows - n_alg - 1, n_rows - 1
    acc, told = np.zeros((4, n_rows, 2)), np.zeros((4, n_rows))
    fired, share, term = np.zeros(n_alg, np.int64), np.zeros(n_alg), np.zeros(len(nodes))
    zeros, product, shared = np.zeros(n_groups, np.int64), np.ones(n_groups), np.zeros(n_groups)
    touched = np.zeros(n_groups, np.int64)
    beside = np.zeros(n_classes)
    factor, inverse, power = _tables(keep, nodes)
    for e in range(first, last):
        w = weight[stratum[e]]
        some, last_kind = False, -1
        for at in range(starts[e], starts[e + 1]):
            c = order[at]
            k = 0
            for b in range(packed.shape[1]):
                byte = np.int64(packed[c, b])
                while byte:
                    i = 8 * b + bit_number(byte)
                    if keep[i] > 0:
                        fired[k] = i
                        k += 1
                    byte &= byte - 1
            if k == 0:
                continue
            some = True
            m = times[c]
            for j in range(n_classes):
                beside[j] = w * companions[c, j]
            if kind[c] != last_kind:
                _tell_kind(acc, told, w, last_kind, by_hardest)
                last_kind = kind[c]
            # Vetoes block the final OR; they have no share in it.
            n_sure, passed, open_ = 0, 1.0, 1.0
            for j in range(k):
                q = keep[fired[j]]
                if veto[fired[j]]:
                    open_ *= 1 - q
                elif q == 1:
                    n_sure += 1
                else:
                    passed *= 1 - q
            _shares(fired, k, keep, veto, factor, inverse, power, node_weights, term, share)
            n_touched = 0
            before = 1.0
            for j in range(k):
                i = fired[j]
                q = keep[i]
                _add(RATE, i, q, q * q, m, beside, acc, by_class)
                passes[i] += m
                if veto[i]:
                    continue
                _add_some(PURE, i, open_ * _alone(q, n_sure, passed), m, beside, acc, by_class)
                _add_some(SHARE, i, open_ * share[j], m, beside, acc, by_class)
                if before > 0:
                    # Of the square, too, what it adds to the one before.
                    one, two = open_ * (1 - before), open_ * (1 - before * (1 - q))
                    _add(
                        CUMULATIVE,
                        i,
                        two - one,
                        two * two - one * one,
                        m,
                        beside,
                        acc,
                        by_class,
                    )
                before *= 1 - q
                for at_group in range(group_offsets[i], group_offsets[i + 1]):
                    g = group_ids[at_group]
                    if zeros[g] == 0 and product[g] == 1.0:
                        touched[n_touched] = g
                        n_touched += 1
                    if q == 1:
                        zeros[g] += 1
                    else:
                        product[g] *= 1 - q
                    shared[g] += open_ * share[j]
            none = passed if n_sure == 0 else 0.0
            _add_some(RATE, last_row, open_ * (1 - none), m, beside, acc, by_class)
            passes[last_row] += m * (open_ * (1 - none) > 0)
            for t in range(n_touched):
                g = touched[t]
                passes[n_alg + g] += m
                _add_some(
                    RATE,
                    n_alg + g,
                    1 - (product[g] if zeros[g] == 0 else 0.0),
                    m,
                    beside,
                    acc,
                    by_class,
                )
                _add_some(SHARE, n_alg + g, shared[g], m, beside, acc, by_class)
                if n_sure == zeros[g]:
                    _add_some(
                        PURE,
                        n_alg + g,
                        open_ * (passed / product[g] - none),
                        m,
                        beside,
                        acc,
                        by_class,
                    )
                zeros[g], product[g], shared[g] = 0, 1.0, 0.0
        if some:
            _tell_kind(acc, told, w, last_kind, by_hardest)
            told[:] = 0.0
            _flush(acc, n_alg, tried[e], by_stratum[stratum[e]])
    for i in range(1, n_alg):
        by_class[CUMULATIVE, i] += by_class[CUMULATIVE, i - 1]
        by_hardest[:, CUMULATIVE, i] += by_hardest[:, CUMULATIVE, i - 1]


@inner
def _add(quantity, row, v, square, m, beside, acc, by_class):
    acc[quantity, row, 0] += m * v
    acc[quantity, row, 1] += m * square
    for j in range(len(beside)):
        by_class[quantity, row, j] += v * beside[j]


@inner
def _add_some(quantity, row, v, m, beside, acc, by_class):
    if v > 0:
        _add(quantity, row, v, v * v, m, beside, acc, by_class)


@njit(cache=True, nogil=True)
def _alone(q, n_sure, passed):
    """Probability that an algorithm is kept and no other; `passed` is of those that are not sure."""
    if q == 1:
        return passed if n_sure == 1 else 0.0
    return q * passed / (1 - q) if n_sure == 0 else 0.0


@njit(cache=True, nogil=True)
def _tables(keep, nodes):
    """Return, at each node t, 1 - q + q t of each algorithm, its inverse, and the powers of t."""
    n_alg, n = len(keep), len(nodes)
    factor, inverse, power = np.ones((n_alg, n)), np.ones((n_alg, n)), np.ones((n_alg + 1, n))
    for i in range(n_alg):
        for t in range(n):
            factor[i, t] = 1 - keep[i] + keep[i] * nodes[t]
            inverse[i, t] = 1 / factor[i, t]
            power[i + 1, t] = power[i, t] * nodes[t]
    return factor, inverse, power


# In any order, so that it may be done several at a time: of all counts only shares are no whole numbers.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _dot(a, b):
    total = 0.0
    for t in range(len(a)):
        total += a[t] * b[t]
    return total


@njit(cache=True, nogil=True)
def _shares(fired, k, keep, veto, factor, inverse, power, node_weights, term, share):
    """Mean of 1 / (algorithms kept): the integral of q times the product of 1 - q' + q' t over the others."""
    unsure = False
    counted = 0
    for j in range(k):
        if not veto[fired[j]]:
            counted += 1
            unsure |= keep[fired[j]] < 1
    if not unsure:
        for j in range(k):
            share[j] = 1.0 / max(counted, 1)
        return
    sure = 0
    n = len(node_weights)
    for t in range(n):
        term[t] = node_weights[t]
    for j in range(k):
        i = fired[j]
        if keep[i] == 1:
            sure += not veto[i]
        elif not veto[i]:
            for t in range(n):
                term[t] *= factor[i, t]
    of_sure = 0.0
    for t in range(n):
        of_sure += term[t] * power[max(sure - 1, 0), t]
        term[t] *= power[sure, t]
    for j in range(k):
        i = fired[j]
        share[j] = of_sure
        if keep[i] < 1:
            share[j] = keep[i] * _dot(term, inverse[i])


@njit(cache=True, nogil=True)
def _flush(acc, n_alg, tried, out):
    """Add what was summed of one hardest collision, and set it back."""
    for i in range(1, n_alg):
        acc[CUMULATIVE, i, 0] += acc[CUMULATIVE, i - 1, 0]
        acc[CUMULATIVE, i, 1] += acc[CUMULATIVE, i - 1, 1]
    for a in range(acc.shape[0]):
        for i in range(acc.shape[1]):
            v = acc[a, i, 0]
            if v != 0:
                out[0, a, i] += v
                out[1, a, i] += acc[a, i, 1]
                out[2, a, i] += v * v
                out[3, a, i] += v * tried
                acc[a, i, 0], acc[a, i, 1] = 0.0, 0.0


@njit(cache=True, nogil=True)
def _tell_kind(acc, told, w, kind, by_hardest):
    """Add what was summed since last `told` of hardest collisions of one class."""
    for a in range(acc.shape[0]):
        for i in range(acc.shape[1]):
            if kind >= 0:
                by_hardest[kind, a, i] += w * (acc[a, i, 0] - told[a, i])
            told[a, i] = acc[a, i, 0]


@njit(cache=True, nogil=True)
def sum_rows(
    packed, order, starts, first, last, stratum, weight, kind, companions, veto, group_offsets, group_ids, n_groups,
    by_stratum, by_class,
):  # fmt: skip
    """Sum decisions over the crossings of collisions first <= e < last, which come stratum by stratum.

    Rows are algorithms, groups, and the total; `by_stratum` has for each row and stratum the crossings that pass,
    and over collisions the sums of the square of that and of its product with their crossings. `by_class` has, of
    crossings that pass, the collisions of each class, hardest and companions, times the weight of the stratum.
    """
    n_alg = len(veto)
    rows, n_classes = by_class.shape[0], by_class.shape[2]
    # A row is counted in three places: as a function, inlined or not, it takes 1.3 to 1.4 times the processor time.
    # Two thousand million collisions of one class in the crossings of a stratum are out of reach.
    inside = np.zeros((rows, n_classes), np.int32)
    count, touched = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    stamp = np.full(rows, -1, np.int64)
    for e in range(first, last):
        k = stratum[e]
        n_touched = 0
        for c in order[starts[e] : starts[e + 1]]:
            n_passed, vetoed = 0, False
            for b in range(packed.shape[1]):
                byte = np.int64(packed[c, b])
                while byte:
                    i = 8 * b + bit_number(byte)
                    byte &= byte - 1
                    if i >= n_alg:
                        continue
                    if count[i] == 0:
                        touched[n_touched] = i
                        n_touched += 1
                    count[i] += 1
                    for j in range(n_classes):
                        inside[i, j] += companions[c, j]
                    if veto[i]:
                        vetoed = True
                        continue
                    n_passed += 1
                    for at in range(group_offsets[i], group_offsets[i + 1]):
                        g = n_alg + group_ids[at]
                        if stamp[g] != c:
                            stamp[g] = c
                            if count[g] == 0:
                                touched[n_touched] = g
                                n_touched += 1
                            count[g] += 1
                            for j in range(n_classes):
                                inside[g, j] += companions[c, j]
            if n_passed and not vetoed:
                g = rows - 1
                if count[g] == 0:
                    touched[n_touched] = g
                    n_touched += 1
                count[g] += 1
                for j in range(n_classes):
                    inside[g, j] += companions[c, j]
        tried = starts[e + 1] - starts[e]
        for t in range(n_touched):
            r = touched[t]
            by_stratum[0, r, k] += count[r]
            by_stratum[1, r, k] += count[r] * count[r]
            by_stratum[2, r, k] += count[r] * tried
            if kind[e] >= 0:
                by_class[r, 0, kind[e]] += weight[k] * count[r]
            count[r] = 0
        if e + 1 == last or stratum[e + 1] != k:
            for r in range(rows):
                for j in range(n_classes):
                    by_class[r, 1, j] += weight[k] * inside[r, j]
                    inside[r, j] = 0
