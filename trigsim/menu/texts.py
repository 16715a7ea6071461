"""Text files from elsewhere, packed or not, of bounded length."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from trigsim.base.errors import InputError

#: A text file, unpacked, may be this long; a larger one is no vector and no menu.
MAX_TEXT = 256 * 2**20
#: How a file packed by gzip begins.
MAGIC = b"\x1f\x8b"


def read_text(path: Path, limit: int = MAX_TEXT) -> str:
    """Return the text of a file, unpacked if it is packed by gzip.

    Raises
    ------
    InputError
        If it is missing, cut short, not text, or larger than `limit` bytes.
    """
    if not path.is_file():
        raise InputError("no such file; check the path", path)
    with path.open("rb") as stream:
        packed = stream.read(len(MAGIC)) == MAGIC or path.suffix == ".gz"
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError("the gzip stream is cut short or broken; fetch the file again", path) from None
    if len(raw) > limit:
        raise InputError(f"unpacks to more than {limit // 2**20} MiB; this is no such file", path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise InputError(f"byte {failure.start} is not UTF-8; this is no such file", path) from None
