"""`FixedFormat` against the C++ header `ap_fixed.h` that hls4ml ships, compiled here.

Conversions from double are exhaustive over targets and values for all widths up to 6 (the header's constructor does
the same rounding and fitting for any source value). Conversions between formats are a template instance for each of
25056 pairs, 15 ms of g++ each, six minutes in all: a drawn sample is compiled here. What the header gives for all
of them is in a table, against which each pair is tested. With another header it is made anew by

    python tests/numeric/test_fixed_header.py tests/numeric/header_casts.npz
"""

from __future__ import annotations

import hashlib
import itertools
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

WIDTHS = range(1, 7)
SOURCE_WIDTH = 6
SHIFTS = range(-7, 10)
TABLE = Path(__file__).with_name("header_casts.npz")

PROGRAM = """#include "ap_fixed.h"
#include <cstdint>
#include <cstdio>
#include <vector>
static std::vector<double> x;
static void put(int64_t v) {{ fwrite(&v, 8, 1, stdout); }}
template <class T> static void from_double() {{ for (double d : x) {{ T t(d); put(t.V); }} }}
template <class T, class S> static void from_fixed() {{
    for (double d : x) {{ S s; s.V = (int64_t)d; T t; t = s; put(t.V); }}
}}
int main() {{
    double d;
    while (fread(&d, 8, 1, stdin) == 1) x.push_back(d);
{calls}
}}
"""


def include() -> Path:
    import hls4ml

    return Path(hls4ml.__file__).parent / "templates" / "vivado" / "ap_types"


def header_digest() -> str:
    """Return a hash of the header's files, to see that another one needs another table."""
    digest = hashlib.sha256()
    for file in sorted(include().rglob("*.h")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def run_header(folder: Path, calls: list[str], values: np.ndarray) -> np.ndarray:
    """Compile `calls` and return what they print for `values`, one row per call."""
    # Two compilers at once, each with templates enough to pay for the header.
    parts = [calls[i::2] for i in range(2)]

    def one(number: int) -> np.ndarray:
        source, program = folder / f"part{number}.cpp", folder / f"part{number}"
        source.write_text(PROGRAM.format(calls="\n".join(f"    {call};" for call in parts[number])))
        # Without NDEBUG the header asserts on shifts beyond the source, which it then treats rightly.
        flags = ["-std=c++23", "-O0", "-w", "-DNDEBUG", f"-I{include()}"]
        subprocess.run(["g++", *flags, str(source), "-o", str(program)], check=True)
        out = subprocess.run([str(program)], input=values.tobytes(), capture_output=True, check=True).stdout
        return np.frombuffer(out, dtype=np.int64).reshape(len(parts[number]), len(values))

    rows = np.empty((len(calls), len(values)), dtype=np.int64)
    with ThreadPoolExecutor(2) as pool:
        for number, got in enumerate(pool.map(one, range(len(parts)))):
            rows[number :: len(parts)] = got
    return rows


def spelled(form: FixedFormat) -> str:
    sign = "" if form.signed else "u"
    modes = f"{form.rounding},{form.overflow},{form.saturation_bits}"
    return f"ap_{sign}fixed<{form.width},{form.integer},{modes}>"


def all_targets() -> list[FixedFormat]:
    plain = [
        FixedFormat(w, w - 2, signed, q, o)
        for w, signed, q, o in itertools.product(WIDTHS, (True, False), Rounding, Overflow)
    ]
    partly = [
        FixedFormat(w, w - 2, signed, q, Overflow.WRAP, n)
        for w, signed, q in itertools.product(WIDTHS, (True, False), (Rounding.TRN, Rounding.RND))
        for n in range(1, min(w, 3) + 1)
    ]
    return plain + partly


def test_from_double_is_the_headers_for_all_small_formats(tmp_path):
    targets = all_targets()
    integers = np.arange(-(1 << SOURCE_WIDTH), 1 << SOURCE_WIDTH, dtype=np.float64)
    values = np.unique(np.concatenate([np.ldexp(integers, -2 - s) for s in SHIFTS]))
    expected = run_header(tmp_path, [f"from_double<{spelled(t)}>()" for t in targets], values)
    wrong = [
        (str(t), values[i], want[i], got[i])
        for t, want in zip(targets, expected, strict=True)
        for got in [t.from_float(values)]
        for i in np.flatnonzero(got != want)[:1]
    ]
    assert not wrong, f"{len(wrong)} formats differ, first {wrong[0]}"


def small_casts() -> list[tuple[FixedFormat, FixedFormat]]:
    """All pairs (target, source); the rounding matters only where bits are dropped."""
    pairs = []
    for w, signed, w2, signed2, o in itertools.product(WIDTHS, (True, False), WIDTHS, (True, False), Overflow):
        for shift in range(-4, w2 + 3):
            for q in Rounding if shift > 0 else (Rounding.RND_CONV,):
                pairs.append((FixedFormat(w, w, signed, q, o), FixedFormat(w2, w2 - shift, signed2)))
    return pairs


def header_casts(folder: Path, pairs: list[tuple[FixedFormat, FixedFormat]]) -> list[np.ndarray]:
    """Return for each pair what the header makes of each value of the source."""
    values = np.arange(-(1 << 5), 1 << 6)
    rows = run_header(folder, [f"from_fixed<{spelled(t)}, {spelled(s)}>()" for t, s in pairs], values.astype(float))
    return [row[(values >= s.minimum) & (values <= s.maximum)] for (_, s), row in zip(pairs, rows, strict=True)]


def ours(pair: tuple[FixedFormat, FixedFormat]) -> np.ndarray:
    target, source = pair
    return target.cast(np.arange(source.minimum, source.maximum + 1), source)


def test_casts_are_the_headers_for_small_formats(tmp_path):
    pairs = random.Random(4).sample(small_casts(), 120)
    for (target, source), want in zip(pairs, header_casts(tmp_path, pairs), strict=True):
        np.testing.assert_array_equal(ours((target, source)), want, err_msg=f"{spelled(target)} {spelled(source)}")


def test_casts_are_the_headers_for_all_small_formats():
    pairs = small_casts()
    with np.load(TABLE) as table:
        assert str(table["header"]) == header_digest(), "another ap_fixed.h: make the table anew"
        expected = np.split(table["results"], np.cumsum([1 << source.width for _, source in pairs])[:-1])
    wrong = [
        (spelled(target), spelled(source), want)
        for (target, source), want in zip(pairs, expected, strict=True)
        if (ours((target, source)) != want).any()
    ]
    assert not wrong, f"{len(wrong)} of {len(pairs)} pairs differ, first {wrong[0]}"


def drawn(rng: random.Random) -> FixedFormat:
    width = rng.choice([rng.randint(7, 64), rng.randint(7, 32), 64])
    signed = rng.random() < 0.6
    integer = rng.randint(-8, width + 8)
    return FixedFormat(width, integer, signed, rng.choice(list(Rounding)), rng.choice(list(Overflow)))


def extremes(rng: np.random.Generator, form: FixedFormat) -> np.ndarray:
    """Integers over all magnitudes of a format, exact in float64."""
    size = np.ldexp(1 + rng.integers(0, 1 << 20, 60) / (1 << 20), rng.integers(0, form.width, 60))
    ends = [0, 1, -1, float(form.minimum), float(form.maximum >> 12 << 12), 2.0 ** (form.width - 2)]
    x = np.trunc(np.concatenate([size, -size, ends]))
    return x[(x >= form.minimum) & (x < float(form.maximum + 1))]


def test_large_formats_are_the_headers(tmp_path):
    rng, numbers = random.Random(5), np.random.default_rng(5)
    pairs = [(drawn(rng), drawn(rng)) for _ in range(40)]
    source_values = [extremes(numbers, source) for _, source in pairs]
    values = np.unique(np.concatenate(source_values))
    calls = [f"from_fixed<{spelled(t)}, {spelled(s)}>()" for t, s in pairs]
    calls += [f"from_double<{spelled(t)}>()" for t, _ in pairs]
    expected = run_header(tmp_path, calls, values)
    for (target, source), want, direct in zip(pairs, expected[:40], expected[40:], strict=True):
        inside = (values >= source.minimum) & (values < min(float(source.maximum + 1), 2.0**63))
        got = target.cast(values[inside].astype(np.int64), source)
        np.testing.assert_array_equal(got.astype(np.int64), want[inside], err_msg=f"{target} from {source}")
        got = target.from_float(values)
        np.testing.assert_array_equal(got.astype(np.int64), direct, err_msg=f"{target} from double")


def write_table(path: Path) -> None:
    pairs, rows = small_casts(), []
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(pairs), 2000):
            rows += header_casts(Path(folder), pairs[start : start + 2000])
            sys.stderr.write(f"{len(rows)} of {len(pairs)}\n")
    np.savez_compressed(path, results=np.concatenate(rows).astype(np.int8), header=header_digest())


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
