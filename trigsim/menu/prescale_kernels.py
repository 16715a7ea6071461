# mypy: ignore-errors
"""The firmware's fractional prescale."""

from numba import njit


@njit(cache=True, nogil=True)
def prescale(bits, factors, counters, out):
    """Prescale ``bits[algorithm, crossing]`` by factors in hundredths; `counters` are moved on."""
    for a in range(bits.shape[0]):
        factor = factors[a]
        counter = counters[a]
        for i in range(bits.shape[1]):
            passed = False
            if bits[a, i] and factor > 0:
                counter += 100
                if counter >= factor:
                    counter -= factor
                    passed = True
            out[a, i] = passed
        counters[a] = counter
