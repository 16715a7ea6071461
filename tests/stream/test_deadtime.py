"""Dead time against an independent slow model, against Markov chains, and against closed forms."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.stream.deadtime import Bucket, Buffer, DeadTime, DeadTimeConfig, Rule

EVERY = np.ones(3564, np.bool_)
CMS = [(1, 3), (2, 25), (3, 100), (4, 240)]


def dead_time(rules=(), buckets=(), simple=0):
    return DeadTime.of(
        DeadTimeConfig(
            source="test",
            simple_bx=simple,
            rules=tuple(Rule(accepts=n, window_bx=m) for n, m in rules),
            buckets=tuple(
                Bucket(name=str(i), size=n, leak_bx=r, source="test") for i, (n, r) in enumerate(buckets)
            ),
        )
    )


def slow(times, rules, buckets, first, stop, watched):
    """Look at every slot in turn: windows are counted, queues hold the slots at which their triggers leave."""
    wanted, accepted = set(times), []
    queues = [[] for _ in buckets]
    causes = len(rules) + len(buckets)
    kept, blocked, alone, dead = [], [0] * causes, [0] * causes, [0] * (causes + 1)
    found = [dict.fromkeys(range(n + 1), 0) for n, _ in buckets]
    for slot in range(first, stop):
        waiting = [[leaves for leaves in queue if leaves > slot] for queue in queues]
        blocks = [sum(slot - m < a for a in accepted) >= n for n, m in rules]
        blocks += [len(queue) >= n for queue, (n, _) in zip(waiting, buckets, strict=True)]
        if watched[slot % 3564]:
            for c, block in enumerate([*blocks, any(blocks)]):
                dead[c] += block
        if slot not in wanted:
            continue
        kept.append(not any(blocks))
        for c, block in enumerate(blocks):
            blocked[c] += block
            alone[c] += block and sum(blocks) == 1
        for b, queue in enumerate(waiting):
            found[b][len(queue)] += 1
        if kept[-1]:
            accepted.append(slot)
            for queue, (_, r) in zip(queues, buckets, strict=True):
                queue.append(max([slot, *queue]) + r)
    return kept, blocked, alone, dead, found


@settings(max_examples=40)
@given(
    st.sets(st.integers(3500, 3800), max_size=120),
    st.lists(st.tuples(st.integers(1, 5), st.integers(2, 60)), max_size=3, unique=True),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 40)), max_size=3),
    st.integers(3500, 3800),
    st.integers(1, 3564),
)
def test_equals_the_slow_model_in_any_two_pieces(times, rules, buckets, cut, period):
    watched = np.arange(3564) % period < (period + 1) // 2
    stop = 3801
    kept, blocked, alone, dead, found = slow(sorted(times), rules, buckets, 3500, stop, watched)
    model = dead_time(rules, buckets)
    state, pieces = model.start(), []
    times = np.array(sorted(times), np.int64)
    for piece in (times[times < cut], times[times >= cut]):
        pieces.append(model.apply(piece, state, watched, stop))
        state = pieces[-1].state
    assert np.concatenate([p.kept for p in pieces]).tolist() == kept
    assert sum(p.blocked for p in pieces).tolist() == blocked
    assert sum(p.alone for p in pieces).tolist() == alone
    assert sum(p.dead for p in pieces).tolist() == dead
    occupancy = sum(p.occupancy for p in pieces)
    for row, numbers in zip(occupancy, found, strict=True):
        assert row[: len(numbers)].tolist() == list(numbers.values())
        assert not row[len(numbers) :].any()


@given(st.sets(st.integers(0, 3000), max_size=200), st.integers(1, 50))
def test_simple_dead_time_is_a_rule_of_one_and_a_bucket_of_one(times, bx):
    times = np.array(sorted(times), np.int64)
    made = [dead_time(simple=bx), dead_time(rules=[(1, bx + 1)]), dead_time(buckets=[(1, bx + 1)])]
    simple, *others = [model.apply(times, model.start(), EVERY, 4000) for model in made]
    for other in others:
        np.testing.assert_array_equal(simple.kept, other.kept)
        np.testing.assert_array_equal(simple.dead, other.dead)


@given(st.sets(st.integers(0, 5000), max_size=300))
def test_no_window_ever_holds_more_than_its_rule_lets_in(times):
    times = np.array(sorted(times), np.int64)
    model = dead_time(rules=CMS)
    accepted = times[model.apply(times, model.start(), EVERY, 6000).kept]
    for n, m in CMS:
        assert (accepted[n:] - accepted[:-n] >= m).all()


def random_triggers(p, slots, seed=1):
    return np.flatnonzero(np.random.default_rng(seed).random(slots) < p).astype(np.int64)


def fraction_kept(model, p, slots=300_000):
    times = random_triggers(p, slots)
    done = model.apply(times, model.start(), EVERY, slots)
    # The dead time that random triggers see is that of the slots.
    share = done.dead[-1] / slots
    assert abs((1 - done.kept.mean()) - share) < 5 * np.sqrt(share * (1 - share) / len(times)) + 1e-3
    return done.kept.sum() / slots, 5 * np.sqrt(p / slots)


@pytest.mark.parametrize(("p", "window"), [(0.02, 5), (0.3, 3), (0.1, 40)])
def test_one_rule_of_one_is_non_paralysable(p, window):
    rate, error = fraction_kept(dead_time(rules=[(1, window)]), p)
    assert abs(rate - p / (1 + p * (window - 1))) < error


def stationary(states, step):
    """Return the stationary probabilities of a chain; step(state) gives (probability, next) pairs."""
    number = {state: i for i, state in enumerate(states)}
    matrix = np.zeros((len(states), len(states)))
    for state in states:
        for probability, after in step(state):
            if probability > 0:
                matrix[number[state], number[after]] += probability
    system = np.vstack([matrix.T - np.eye(len(states)), np.ones(len(states))])
    return np.linalg.lstsq(system, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]


@pytest.mark.parametrize(("p", "rules"), [(0.2, [(2, 7)]), (0.35, [(3, 8)]), (0.25, [(1, 3), (2, 8)])])
def test_rules_agree_with_the_chain_of_the_last_slots(p, rules):
    length = max(m for _, m in rules) - 1
    states = list(itertools.product((0, 1), repeat=length))

    def free(past):
        return all(sum(past[length - m + 1 :]) < n for n, m in rules)

    def step(past):
        chance = p if free(past) else 0.0
        return [(chance, (*past[1:], 1)), (1 - chance, (*past[1:], 0))]

    exact = p * stationary(states, step)[[free(s) for s in states]].sum()
    rate, error = fraction_kept(dead_time(rules=rules), p)
    assert abs(rate - exact) < error


@pytest.mark.parametrize(("p", "size", "leak"), [(0.3, 3, 4), (0.05, 4, 20), (0.1, 1, 6), (0.12, 15, 9)])
def test_leaky_bucket_agrees_with_the_chain_of_its_level(p, size, leak):
    states = range(size * leak)

    def step(level):
        chance = p if level <= (size - 1) * leak else 0.0
        return [(chance, level + leak - 1), (1 - chance, max(level - 1, 0))]

    exact = p * stationary(states, step)[: (size - 1) * leak + 1].sum()
    rate, error = fraction_kept(dead_time(buckets=[(size, leak)]), p)
    assert abs(rate - exact) < error


def test_cms_rules_cost_a_per_cent_at_100_khz():
    # A hundred kHz of 40 MHz at random: two crossings after each trigger are 0.5 %, the other rules add a little.
    p = 100e3 / 40.0789e6
    times = random_triggers(p, 10_000_000)
    model = dead_time(rules=CMS)
    done = model.apply(times, model.start(), EVERY, 10_000_000)
    assert 0.005 < 1 - done.kept.mean() < 0.02
    assert model.causes == ("1 in 3 BX", "2 in 25 BX", "3 in 100 BX", "4 in 240 BX")


def test_a_buffer_is_a_bucket_by_another_name():
    one = DeadTimeConfig(source="t", buffers=(Buffer(name="tracker", depth=3, service_bx=5, source="t"),))
    model = DeadTime.of(one)
    assert model.causes == model.buckets == ("buffer tracker",)
    times = random_triggers(0.3, 2000)
    other = dead_time(buckets=[(3, 5)])
    np.testing.assert_array_equal(
        model.apply(times, model.start(), EVERY, 2000).kept, other.apply(times, other.start(), EVERY, 2000).kept
    )


def test_wrong_times_and_names():
    model = dead_time(rules=[(1, 3)])
    for wrong in (np.array([3, 3]), np.array([4, 2]), np.array([-1]), np.array([1.0])):
        with pytest.raises(InputError, match="strictly rising"):
            model.apply(wrong, model.start(), EVERY, 10)
    after = model.apply(np.array([5]), model.start(), EVERY, 10).state
    with pytest.raises(InputError, match="strictly rising"):
        model.apply(np.array([5]), after, EVERY, 10)
    with pytest.raises(InputError, match="watched slots"):
        model.apply(np.array([5]), model.start(), EVERY[1:], 10)
    with pytest.raises(InputError, match="'1 in 3 BX' twice"):
        dead_time(rules=[(1, 3), (1, 3)])


def test_nothing_blocks_where_nothing_is_asked_for():
    model = dead_time()
    done = model.apply(np.arange(50), model.start(), EVERY, 100)
    assert done.kept.all()
    assert done.dead.tolist() == [0]
