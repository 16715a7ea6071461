# mypy: ignore-errors
"""Trigger rules and leaky buckets: which triggers are read out, and which slots are dead."""

from numba import njit


@njit(cache=True, nogil=True)
def _watched_before(time, prefix):
    """Return the watched slots before `time`; prefix[s] are those before slot s of an orbit."""
    slots = len(prefix) - 1
    return time // slots * prefix[slots] + prefix[time % slots]


@njit(cache=True, nogil=True)
def veto(
    times, stop, accepts, window, size, leak, prefix, recent, level, until, kept, blocked, alone, dead, occupancy
):
    """Let triggers pass or not, in the order of time; the state is moved on.

    Parameters
    ----------
    times : int64 array, shape (n,)
        Slots since the start, rising.
    stop : int
        Slots from here on are not counted as dead.
    accepts, window : int64 arrays, shape (R,)
        At most `accepts` in any `window` slots.
    size, leak : int64 arrays, shape (B,)
        A bucket holds `size` triggers and loses one each `leak` slots.
    prefix : int64 array, shape (slots + 1,)
        Watched slots of an orbit before each slot.
    recent : int64 array
        Slots of the last accepted triggers, the latest first.
    level : int64 array, shape (B,)
        Slots that each bucket needs to run dry, just after the latest accepted trigger.
    until : int64 array, shape (R + B,)
        First slot in which each cause blocks no longer.
    kept : bool array, shape (n,)
        Written: whether it passes.
    blocked, alone : int64 arrays, shape (R + B,)
        Added to: triggers that each cause blocks, and blocks alone.
    dead : int64 array, shape (R + B + 1,)
        Added to: watched slots in which each cause blocks, and any.
    occupancy : int64 array, shape (B, largest size + 1)
        Added to: triggers that find so many in each bucket.
    """
    rules = len(accepts)
    causes = len(until)
    for i in range(len(times)):
        t = times[i]
        hits = 0
        which = 0
        for c in range(causes):
            if until[c] > t:
                blocked[c] += 1
                hits += 1
                which = c
        if hits == 1:
            alone[which] += 1
        kept[i] = hits == 0
        for b in range(len(size)):
            left = level[b] - (t - recent[0])
            if left > 0:
                occupancy[b, (left + leak[b] - 1) // leak[b]] += 1
            else:
                occupancy[b, 0] += 1
        if hits:
            continue
        passed = t - recent[0]
        for k in range(len(recent) - 1, 0, -1):
            recent[k] = recent[k - 1]
        recent[0] = t
        for r in range(rules):
            until[r] = recent[accepts[r] - 1] + window[r]
        for b in range(len(size)):
            left = level[b] - passed
            level[b] = (left if left > 0 else 0) + leak[b]
            until[rules + b] = t + level[b] - (size[b] - 1) * leak[b]
        # Every cause blocks from the next slot on, so that the longest covers the others.
        before = _watched_before(t + 1, prefix)
        longest = 0
        for c in range(causes):
            end = until[c] if until[c] < stop else stop
            if end > t + 1:
                n = _watched_before(end, prefix) - before
                dead[c] += n
                longest = n if n > longest else longest
        dead[causes] += longest
