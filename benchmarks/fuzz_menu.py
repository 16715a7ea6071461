"""Coverage-guided fuzzing of what reads menus and vectors; needs `pip install atheris` (not a dependency).

    python benchmarks/fuzz_menu.py yaml|xml|vector [CORPUS] [libFuzzer options, e.g. -max_total_time=600]

Whatever the bytes, a reader returns or raises InputError, in bounded time and memory (-timeout=2,
-rss_limit_mb=1000).
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trigsim.menu", "trigsim.base"]):
    from trigsim.base.errors import InputError
    from trigsim.menu import loads
    from trigsim.menu.files import to_yaml
    from trigsim.menu.l1xml import import_l1menu
    from trigsim.menu.readers import read

FOLDER = Path(tempfile.mkdtemp())


def yaml(data: bytes) -> None:
    loads(data.decode("utf-8", errors="replace"))


def xml(data: bytes) -> None:
    path = FOLDER / "menu.xml"
    path.write_bytes(data)
    # What is imported must load.
    loads(to_yaml(import_l1menu(path)))


def vector(data: bytes) -> None:
    path = FOLDER / "vector.txt"
    path.write_bytes(data)
    list(read(path))


TARGETS = {"yaml": yaml, "xml": xml, "vector": vector}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    target = TARGETS[sys.argv.pop(1)]

    def one(data: bytes) -> None:
        try:
            target(data)
        except InputError as failure:
            if "\n" in str(failure):
                raise AssertionError("more than one line") from failure

    atheris.Setup([*sys.argv, "-timeout=2", "-rss_limit_mb=1000"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
