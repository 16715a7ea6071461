"""What a worker answers, against a plain count of the same decisions."""

from collections import Counter

import numpy as np
import pytest

from trigsim.stream.accumulate import CLUSTERS
from trigsim.stream.source import CHUNK
from trigsim.stream.task import PILOT, RATE, SIGNAL, Task
from trigsim.stream.variant import NO_SCORE

pytestmark = pytest.mark.jit
SIZE = CHUNK + 40


def crossings(worker, task):
    """Each crossing of a task: its number, the collisions in it, what it passes and its best score."""
    source, (variant,) = worker.source, worker.variants
    for chunk, n in ((task.chunk, CHUNK), (task.chunk + 1, SIZE - CHUNK)):
        if task.phase == SIGNAL:
            plan = source.signal_plan(worker.signals[task.part], chunk * CHUNK, n, worker.seed)
        else:
            plan = source.rate_plan(task.part, n, worker.seed, task.phase, chunk)
        decision = variant.decide(worker.builder.build(plan))
        for i in range(n):
            inside = plan.event[plan.offsets[i] : plan.offsets[i + 1]].tolist()
            yield chunk * CHUNK + i, inside, decision.bits[i].tolist(), int(decision.best_score[i])


def words_of(key, place):
    """Keys as tuples: the numbers before the word, then the word's bits."""
    bits = np.unpackbits(key[:, place.itemsize :], axis=1, bitorder="little", count=3).tolist()
    numbers = np.ascontiguousarray(key[:, : place.itemsize]).view(place)[:, 0].tolist()
    return [(*some, tuple(row)) for some, row in zip(numbers, bits, strict=True)]


@pytest.mark.parametrize(("phase", "part"), [(PILOT, -2), (RATE, 0), (RATE, -2), (RATE, -1), (SIGNAL, 0)])
def test_an_answer_is_what_a_plain_count_finds(small, phase, part):
    worker, beam = small.worker, phase != SIGNAL
    members, of = worker.source.members, worker.classes.of
    part %= len(members) + 1
    task = Task(phase, part, 3, SIZE)
    events, rows, p = min(worker.clusters, CLUSTERS), len(worker.variants[0].rows), len(worker.classes)
    tried, passed, words, company = Counter(), Counter(), Counter(), Counter()
    class_tried, class_passed = np.zeros((2, p), int), np.zeros((rows, 2, p), int)
    companions, event, score = {}, [], []
    for number, inside, bits, best in crossings(worker, task):
        place = number
        if beam:
            place = int(np.flatnonzero(members[part] == inside[0])[0]) if inside else 0
        cluster = place % events if beam else 0
        tried[cluster] += 1
        held = np.zeros((2, p), int)
        for role, collision in enumerate(inside if beam else ()):
            held[min(role, 1), of[collision]] += 1
        class_tried += held
        for row in np.flatnonzero(bits):
            passed[row * (events if beam else 1) + cluster] += 1
            class_passed[row] += held
        assert bits[3:] == [bits[0] or bits[1], any(bits[:3])]
        if any(bits):
            words[part, place, tuple(map(int, bits[:3]))] += 1
        level = min((number & -number).bit_length() - 1, 40) if number else 40
        word = (part, level, tuple(map(int, bits[:3])))
        company[word] += 1
        companions[word] = companions.get(word, 0) + held[1]
        if not beam or best > NO_SCORE:
            score.append(best)
            event += [worker.source.collision[inside[0]]] if beam else []
    answer = worker.answer(task)
    (piece,) = answer.pieces
    assert piece.crossings == SIZE
    assert dict(zip(piece.event.tolist(), piece.tried.tolist(), strict=True)) == tried
    assert dict(zip(piece.cell.tolist(), piece.passed.tolist(), strict=True)) == passed
    if beam:
        np.testing.assert_array_equal(piece.class_tried, class_tried)
        np.testing.assert_array_equal(piece.class_passed, class_passed)
        np.testing.assert_array_equal(answer.event[0], event)
    np.testing.assert_array_equal(answer.score[0], score)
    assert (len(answer.words), len(answer.company)) == (phase != PILOT, phase == RATE)
    for found in answer.words:
        keys = words_of(found.key, np.dtype([("stratum", ">u2"), ("event", ">u4")]))
        assert dict(zip(keys, found.times.tolist(), strict=True)) == words
    for found in answer.company:
        keys = words_of(found.key, np.dtype([("stratum", ">u2"), ("level", "u1")]))
        assert dict(zip(keys, found.times.tolist(), strict=True)) == company
        for key, row in zip(keys, found.companions, strict=True):
            np.testing.assert_array_equal(row, companions[key])
